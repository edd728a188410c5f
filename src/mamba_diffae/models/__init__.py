"""Networks with weights, and how to ask them."""

from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.baseline import MambaDiffusion
from mamba_diffae.models.inference import invert, reconstruct, sample
from mamba_diffae.models.inputs import Noise
from mamba_diffae.models.latent_prior import LatentPrior
from mamba_diffae.models.minimal_latent import MinimalLatentMamba

__all__ = [
    "FieldFlow",
    "LatentPrior",
    "MambaDiffusion",
    "MambaDiffusionAutoencoder",
    "MinimalLatentMamba",
    "Noise",
    "invert",
    "reconstruct",
    "sample",
]
