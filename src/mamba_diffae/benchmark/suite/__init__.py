"""The suite: is a method anywhere worse than the best simple one, on fields of many kinds?"""

from mamba_diffae.benchmark.suite.cache import ErrorCache
from mamba_diffae.benchmark.suite.candidates import Candidate, classical_candidates
from mamba_diffae.benchmark.suite.cells import CELLS, Cell
from mamba_diffae.benchmark.suite.families import FAMILIES, Family
from mamba_diffae.benchmark.suite.foreign import ForeignMethod, Home
from mamba_diffae.benchmark.suite.networks import foreign_candidate, own_candidate
from mamba_diffae.benchmark.suite.prior_method import (
    PriorMethod,
    foreign_prior_candidate,
    prior_candidate,
)
from mamba_diffae.benchmark.suite.result import SuiteResult, SuiteRow
from mamba_diffae.benchmark.suite.run import run_suite

__all__ = [
    "CELLS",
    "FAMILIES",
    "Candidate",
    "Cell",
    "ErrorCache",
    "Family",
    "ForeignMethod",
    "Home",
    "PriorMethod",
    "SuiteResult",
    "SuiteRow",
    "classical_candidates",
    "foreign_candidate",
    "foreign_prior_candidate",
    "own_candidate",
    "prior_candidate",
    "run_suite",
]
