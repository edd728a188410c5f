"""FieldAutoencoder: fit, predict, encode and decode, in the unit of the field."""

from mamba_diffae.estimator.array_answer import write_arrays
from mamba_diffae.estimator.drawing import PriorDrawsWarning
from mamba_diffae.estimator.field_autoencoder import FieldAutoencoder
from mamba_diffae.estimator.other_grid import on_grid
from mamba_diffae.estimator.streaming import render

__all__ = ["FieldAutoencoder", "PriorDrawsWarning", "on_grid", "render", "write_arrays"]
