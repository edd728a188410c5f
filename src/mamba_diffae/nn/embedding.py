"""Coordinates and time as vectors, and the modulation of layers by such vectors."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.fields.geometry import Geometry


@final
class FourierFeatures(nn.Module):
    """sin and cos of fixed random waves in the embedding of a geometry, none finer than the grid.

    On a periodic axis they are thereby periodic. Magnitudes are spread evenly in logarithm, from
    half a wave over the longest axis to the Nyquist frequency of the grid: faster waves could only
    add noise between its cells.

    Args:
        geometry: D axes, embedded in E coordinates.
        features: Size of the output, even.
        max_frequency: Highest frequency along every axis, in waves per unit of the coordinates, D
            positive numbers. On a sphere the smaller of its two axes' counts.

    Raises:
        ValueError: If there are not D positive frequencies.

    Reference:
        Tancik et al. (2020), Fourier features let networks learn high frequency functions,
        arXiv 2006.10739.
    """

    waves: Tensor

    def __init__(self, geometry: Geometry, features: int, max_frequency: tuple[float, ...]) -> None:
        super().__init__()
        if len(max_frequency) != geometry.dim or min(max_frequency) <= 0:
            raise ValueError(
                f"max_frequency is {max_frequency}; expected {geometry.dim} positive numbers, one "
                "for every axis."
            )
        self.geometry = geometry
        generator = torch.Generator().manual_seed(0)
        # The last axis takes the generator's first column, as the packaged networks have it.
        direction = torch.randn(features // 2, geometry.embedded_dim, generator=generator).flip(-1)
        direction = direction / direction.norm(dim=-1, keepdim=True)
        slowest = 0.5 / max(geometry.extent)
        fastest = [min(max_frequency[d] for d in axes) for axes in geometry.embedded_axes]
        magnitude = [
            torch.logspace(math.log2(min(slowest, f)), math.log2(f), features // 2, base=2)
            for f in fastest
        ]
        self.register_buffer("waves", 2 * math.pi * direction * torch.stack(magnitude, dim=-1))

    def forward(self, coords: Tensor) -> Tensor:
        """Coordinates (..., D) to features (..., F)."""
        phase = self.geometry.embed(coords) @ self.waves.T
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
    """`count` vectors of `width` from one vector; zero at initialisation, so without effect.

    Args:
        modulation_dim: Size of the vector.
        width: Width of what is modulated.
        count: How many vectors are given.

    Reference:
        Peebles & Xie (2022), DiT (adaLN-Zero), arXiv 2212.09748.
    """

    def __init__(self, modulation_dim: int, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.layer = nn.Linear(modulation_dim, count * width)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, modulation: Tensor) -> tuple[Tensor, ...]:
        """Vectors to `count` tensors of shape (B, 1, width), or (B, L, width).

        Args:
            modulation: One for each field, shape (B, modulation_dim), or one for each token, shape
                (B, L, modulation_dim).
        """
        each = modulation if modulation.ndim == 3 else modulation[:, None]
        return self.layer(nn.functional.silu(each)).chunk(self.count, dim=-1)
