"""In what unit a decoder writes: the deviation that is stated before it looks."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.models.encoders import Encoding

LEAST = 1e-3
"""Least unit, for values scaled to [-1, 1]: less is not seen, and a prior may state 0."""


@final
class CorrectionUnit(nn.Module):
    """One deviation for each field: how far its truth probably lies from where the decoder starts.

    In such units what is to be learned is of one size for fields that are known to a hundredth and
    to a half, and a field that the prior tells to a thousandth is moved by no more than that.

    Args:
        value_dim: C, variables.
    """

    within_cells: Tensor
    latent_only: Tensor

    def __init__(self, value_dim: int) -> None:
        super().__init__()
        self.value_dim = value_dim
        self.register_buffer("within_cells", torch.zeros(()))
        self.register_buffer("latent_only", torch.zeros(()))

    def fit(self, within_cells: float, latent_only: float) -> None:
        """Take variances from the training fields.

        Args:
            within_cells: Of native values around what the prior's lattice can hold of them.
            latent_only: Of fields on the lattice around what a latent holds of them.
        """
        self.within_cells.fill_(within_cells)
        self.latent_only.fill_(latent_only)

    def forward(self, lattice: Tensor, points: Encoding | None) -> Tensor:
        """The unit of B fields, shape (B, 1, 1).

        Args:
            lattice: Shape (B, P, C + 2).
            points: What is read of them, or None: the latent alone.
        """
        variance = self.latent_only.expand(len(lattice))
        if points is not None:
            seen = points.observations.mask.flatten(1).any(dim=1)
            stated = lattice[..., self.value_dim].square().mean(dim=1)
            variance = torch.where(seen, stated, variance)
        return (variance + self.within_cells).sqrt().clamp(min=LEAST)[:, None, None]
