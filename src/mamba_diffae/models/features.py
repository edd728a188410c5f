"""The embedding of coordinates that every part of a network uses."""

from __future__ import annotations

from mamba_diffae.models.config import FieldConfig
from mamba_diffae.nn.embedding import FourierFeatures


def coordinate_features(config: FieldConfig) -> FourierFeatures:
    """Fourier features up to the native Nyquist frequency of the field."""
    return FourierFeatures(config.coord_dim, config.fourier_features, config.band)
