"""Kriging: a stationary Gaussian around a constant trend, for scattered readings of any number."""

from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.gaussian import JITTER
from mamba_diffae.priors.kriging.kernels import KERNELS, Law, correlation
from mamba_diffae.priors.kriging.likelihood import Sample, best_variance, log_likelihood, moments_of
from mamba_diffae.priors.kriging.neighbourhoods import EXACT, condition
from mamba_diffae.priors.kriging.readings import NODES, SAME_PLACE, Boxes, Readings, merge
from mamba_diffae.priors.kriging.search import Choice, most_likely
from mamba_diffae.priors.kriging.training import learn, own_family, samples_of_fields

__all__ = [
    "EXACT",
    "JITTER",
    "KERNELS",
    "NODES",
    "SAME_PLACE",
    "Boxes",
    "Choice",
    "Family",
    "Law",
    "Readings",
    "Sample",
    "best_variance",
    "condition",
    "correlation",
    "learn",
    "log_likelihood",
    "merge",
    "moments_of",
    "most_likely",
    "own_family",
    "samples_of_fields",
]
