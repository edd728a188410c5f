"""What is known before a network looks: priors, and their registry."""

from mamba_diffae.priors.analogue import AnaloguePrior
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior
from mamba_diffae.priors.none import NoPrior
from mamba_diffae.registry import Registry

PRIORS: Registry[type[Prior]] = Registry(
    "prior",
    "mamba_diffae.priors",
    {
        "none": "mamba_diffae.priors.none:NoPrior",
        "analogue": "mamba_diffae.priors.analogue:AnaloguePrior",
        "kriging": "mamba_diffae.priors.kriging.prior:KrigingPrior",
        "mixture": "mamba_diffae.priors.mixture.prior:MixturePrior",
    },
)

__all__ = ["PRIORS", "AnaloguePrior", "NoPrior", "Prior", "PriorConfig", "PriorPosterior"]
