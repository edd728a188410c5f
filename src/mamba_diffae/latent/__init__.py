"""The latent at work: sampling, interpolation, editing, and the noise beside it."""

from mamba_diffae.latent.directions import Directions, fit_directions, learn_directions
from mamba_diffae.latent.editing import edit, moved_share, what_moved
from mamba_diffae.latent.interpolation import Interpolation, interpolate
from mamba_diffae.latent.inversion import draw_from, invert, reconstructions
from mamba_diffae.latent.sampling import Generated, generate

__all__ = [
    "Directions",
    "Generated",
    "Interpolation",
    "draw_from",
    "edit",
    "fit_directions",
    "generate",
    "interpolate",
    "invert",
    "learn_directions",
    "moved_share",
    "reconstructions",
    "what_moved",
]
