"""Coordinates, time and conditions as vectors."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn


@final
class FourierFeatures(nn.Module):
    """sin and cos of fixed random waves, none faster than the grid can hold.

    Magnitudes are spread evenly in logarithm from half a wave over the unit square to `band`, the
    native Nyquist frequency: waves beyond it can only speckle.

    Args:
        coord_dim: D.
        features: Size of the output, even.
        band: Highest frequency, in waves over the unit length.

    Reference:
        Tancik et al. (2020), Fourier features let networks learn high frequency functions,
        arXiv 2006.10739.
    """

    waves: Tensor

    def __init__(self, coord_dim: int, features: int, band: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(features // 2, coord_dim, generator=generator)
        direction = direction / direction.norm(dim=-1, keepdim=True)
        magnitude = torch.logspace(math.log2(0.5), math.log2(band), features // 2, base=2)
        self.register_buffer("waves", 2 * math.pi * direction * magnitude[:, None])

    def forward(self, coords: Tensor) -> Tensor:
        """Coordinates (..., D) to features (..., F)."""
        phase = coords @ self.waves.T
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


@final
class TimeEmbedding(nn.Module):
    """The flow's time as a vector.

    Args:
        width: Size of the output.
        features: Number of waves fed to the layers, even.
    """

    waves: Tensor

    def __init__(self, width: int, features: int = 64) -> None:
        super().__init__()
        self.register_buffer("waves", torch.logspace(-1, 5, features // 2, base=2) * math.pi)
        self.layers = nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        """Time (B,) to vectors (B, width)."""
        phase = t[:, None] * self.waves
        return self.layers(torch.cat([phase.sin(), phase.cos()], dim=-1))


@final
class Modulation(nn.Module):
    """`count` vectors of `width` from a condition; zero at the start, so it changes nothing yet.

    Reference:
        Peebles & Xie (2022), DiT (adaLN-Zero), arXiv 2212.09748.
    """

    def __init__(self, condition: int, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.layer = nn.Linear(condition, count * width)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Condition (B, c) to `count` tensors of shape (B, 1, width)."""
        return self.layer(nn.functional.silu(condition))[:, None].chunk(self.count, dim=-1)
