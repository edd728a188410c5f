"""Questions, one short file each; an experiment returns a Result, which is then reported."""

from mamba_diffae.experiments.catalogue import EXPERIMENTS, find_experiment
from mamba_diffae.experiments.comparison import comparison
from mamba_diffae.experiments.draws import DrawsProtocol, draws
from mamba_diffae.experiments.reconstruction import reconstruction
from mamba_diffae.experiments.request import Experiment, Request
from mamba_diffae.experiments.result import Result, Sheet, Table, load_result, save_result

__all__ = [
    "EXPERIMENTS",
    "DrawsProtocol",
    "Experiment",
    "Request",
    "Result",
    "Sheet",
    "Table",
    "comparison",
    "draws",
    "find_experiment",
    "load_result",
    "reconstruction",
    "save_result",
]
