"""Makes `lattice_cases` and `mixture_cases` importable; a mixture that several files ask."""

import sys
from pathlib import Path

import pytest

from mamba_diffae.priors.mixture.prior import MixturePrior

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="package")
def fitted() -> MixturePrior:
    """Fitted on fields of few modes; nobody changes it."""
    from mixture_cases import config, data, waves

    train = waves(60)
    prior = MixturePrior(config(train))
    prior.fit(data(train), data(waves(24, seed=5)))
    return prior
