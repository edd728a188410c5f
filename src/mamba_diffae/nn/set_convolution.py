"""From scattered points to a regular lattice, and convolutions there at several resolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.nn.convolution import ConvBlock, from_grid, to_grid
from mamba_diffae.nn.interpolation import Taps, linear, resample, resampling

_LEAST_DENSITY = 1e-2
"""Where the points weigh less than this, their average fades to 0."""
_COARSEST = 3
"""Cells along the longest axis that one convolution covers."""


def set_convolution(values: Tensor, mask: Tensor, taps: Taps, shape: Sequence[int]) -> Tensor:
    """The average of the points around every node, and how many there are.

    density_j = Σ_i w_ij and average_j = Σ_i w_ij v_i / density_j, with the weights w of `taps`:
    the adjoint of reading the lattice, normalised.

    Args:
        values: Of the points, shape (B, N, F).
        mask: True where a point is real, shape (B, N).
        taps: The nodes around every point.
        shape: Of the lattice, P nodes in all.

    Returns:
        Shape (B, P, F + 1), log(1 + density) last.

    Reference:
        Gordon et al. (2020), Convolutional conditional neural processes,
        arXiv 1910.13556.
    """
    batch, nodes = len(values), math.prod(shape)
    weight = (taps.weight * mask[..., None])[..., None]
    given = torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
    rows = torch.arange(batch, device=values.device)[:, None, None] * nodes
    total = values.new_zeros(batch * nodes, given.shape[-1])
    total = total.index_add(
        0, (taps.node + rows).flatten(), (given[:, :, None] * weight).flatten(0, 2)
    ).unflatten(0, (batch, nodes))
    sums, density = total[..., :-1], total[..., -1:]
    return torch.cat([sums / density.clamp(min=_LEAST_DENSITY), density.log1p()], dim=-1)


@final
class ConvPyramid(nn.Module):
    """A residual convolution on a lattice, after the same on one of half as many cells an axis.

    What the coarser lattice adds is interpolated, so that every cell learns of every other at 4/3
    of the cost of one convolution on two axes.

    Args:
        channels: In and out.
        shape: Cells along every axis.
        periodic: Whether each axis closes.

    Reference:
        Ronneberger et al. (2015), U-Net, arXiv 1505.04597.
    """

    def __init__(self, channels: int, shape: Sequence[int], periodic: Sequence[bool]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.conv = ConvBlock(channels, periodic)
        self.coarser = None
        if max(shape) <= _COARSEST:
            return
        half = tuple(math.ceil(n / 2) for n in shape)
        self.coarser = ConvPyramid(channels, half, periodic)
        for axis, (n, m, closes) in enumerate(zip(shape, half, periodic, strict=True)):
            down, up = resampling(n, m, linear, closes), resampling(m, n, linear, closes)
            self.register_buffer(f"down{axis}", down, persistent=False)
            self.register_buffer(f"up{axis}", up, persistent=False)

    def forward(self, cells: Tensor) -> Tensor:
        """From (B, P, channels), P = prod(shape) in C order, to the same."""
        if self.coarser is not None:
            coarse = resample(cells, self._matrices("down"), self.shape)
            change = self.coarser(coarse) - coarse
            cells = cells + resample(change, self._matrices("up"), self.coarser.shape)
        return from_grid(self.conv(to_grid(cells, self.shape)))

    def _matrices(self, way: str) -> list[Tensor]:
        return [self.get_buffer(f"{way}{axis}") for axis in range(len(self.shape))]
