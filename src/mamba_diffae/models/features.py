"""What every part of a network uses of coordinates and of the prior's estimate."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig, FieldConfig
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.embedding import FourierFeatures
from mamba_diffae.nn.interpolation import cubic, resample, resampling

_MARGIN = 2
"""Cells of the estimate that a token sees beyond its own, to every side."""


def coordinate_features(config: FieldConfig) -> FourierFeatures:
    """Fourier features up to the native Nyquist frequency of the field."""
    return FourierFeatures(config.coord_dim, config.fourier_features, config.band)


@final
class EstimateRead(nn.Module):
    """The prior's estimate around the tokens of the anchors: a window of cells for each.

    Args:
        config: Says how fine the prior's lattice and the anchors are.
    """

    cells: Tensor
    fine: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        D, G, tokens = config.coord_dim, config.prior_cells, config.tokens
        self.dim, self.value_dim = D, config.value_dim
        side = max(1, round(G / tokens)) + 2 * _MARGIN
        window = (lattice(side, D) - 0.5) * (side / G)
        place = ((lattice(tokens, D)[:, None] + window) * G).long().clamp(0, G - 1)
        cell = (place * G ** torch.arange(D)).sum(dim=-1)
        self.register_buffer("cells", cell, persistent=False)
        self.register_buffer("fine", resampling(G, config.anchors, cubic), persistent=False)
        self.width = side**D * (config.value_dim + 2)

    def windows(self, estimate: Tensor) -> Tensor:
        """All that is said around each token, (B, G^D, C + 2) to (B, tokens, width)."""
        found = estimate.index_select(1, self.cells.flatten())
        return found.reshape(len(estimate), len(self.cells), self.width)

    def mean(self, estimate: Tensor) -> Tensor:
        """The mean field at the anchors, (B, A, C)."""
        return resample(estimate[..., : self.value_dim], self.fine, self.dim)
