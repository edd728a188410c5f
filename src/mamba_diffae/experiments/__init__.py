"""Questions, one short file each; an experiment returns a Result, which is then reported."""

from mamba_diffae.experiments.reconstruction import reconstruction
from mamba_diffae.experiments.result import Result, Sheet, load_result, save_result

__all__ = ["Result", "Sheet", "load_result", "reconstruction", "save_result"]
