"""Contract tests for parts of one's own: run them in the tests of the package that brings a part.

>>> from mamba_diffae.testing import check_encoder
>>> from mamba_diffae.models.encoders import ENCODERS
>>> check_encoder(ENCODERS.get("pointwise"))

Each raises an `AssertionError` that says which contract does not hold.
"""

from mamba_diffae.testing.baselines import check_baseline
from mamba_diffae.testing.networks import check_code, check_decoder, check_encoder
from mamba_diffae.testing.objectives import check_objective
from mamba_diffae.testing.priors import check_prior
from mamba_diffae.testing.sources import check_source

__all__ = [
    "check_baseline",
    "check_code",
    "check_decoder",
    "check_encoder",
    "check_objective",
    "check_prior",
    "check_source",
]
