"""The latent at work: sampling, interpolation, editing, and the noise beside it."""

from mamba_diffae.latent.directions import Directions, fit_directions, learn_directions
from mamba_diffae.latent.editing import attribute_changes, changed_fraction, edit
from mamba_diffae.latent.interpolation import Interpolation, interpolate
from mamba_diffae.latent.inversion import invert, reconstructions, sample_from
from mamba_diffae.latent.sampling import Generated, sample

__all__ = [
    "Directions",
    "Generated",
    "Interpolation",
    "attribute_changes",
    "changed_fraction",
    "edit",
    "fit_directions",
    "interpolate",
    "invert",
    "learn_directions",
    "reconstructions",
    "sample",
    "sample_from",
]
