"""Networks with weights, and how to ask them."""

from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.models.inference import invert, reconstruct, sample_flow
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.registry import ARCHITECTURES

__all__ = [
    "ARCHITECTURES",
    "FieldFlow",
    "LatentFlow",
    "State",
    "invert",
    "reconstruct",
    "sample_flow",
]
