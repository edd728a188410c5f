"""Convolutions over a regular lattice of one, two or three axes, some of which may close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_LAYOUTS = (torch.contiguous_format, torch.channels_last, torch.channels_last_3d)
MOST_AXES = len(_CONVOLUTIONS)
"""Axes that a lattice may have."""


@final
class LatticeConv(nn.Module):
    """Three cells wide along every axis; beyond the border stand zeros, or the other side.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        periodic: Whether each axis closes, D ≤ 3 of them.
    """

    def __init__(self, inputs: int, outputs: int, periodic: Sequence[bool]) -> None:
        super().__init__()
        self.periodic = tuple(periodic)
        padding = tuple(0 if closes else 1 for closes in periodic)
        self.conv = _CONVOLUTIONS[len(periodic) - 1](inputs, outputs, 3, padding=padding)  # pyright: ignore[reportArgumentType]

    def forward(self, h: Tensor) -> Tensor:
        """From (B, inputs, *shape) to (B, outputs, *shape)."""
        for axis, closes in enumerate(self.periodic, start=2):
            if closes:
                last, first = h.narrow(axis, h.shape[axis] - 1, 1), h.narrow(axis, 0, 1)
                h = torch.cat([last, h, first], dim=axis)
        return self.conv(h)


@final
class ConvBlock(nn.Module):
    """A residual convolution of normalised channels.

    Args:
        channels: In and out.
        periodic: Whether each axis closes.
    """

    def __init__(self, channels: int, periodic: Sequence[bool]) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.conv = LatticeConv(channels, channels, periodic)

    def forward(self, h: Tensor) -> Tensor:
        """From (B, channels, *shape) to the same."""
        return h + F.gelu(self.conv(self.norm(h)))


def to_grid(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Cells in C order (B, P, F) to (B, F, *shape); in memory channels stay last."""
    grid = values.transpose(1, 2).unflatten(2, list(shape))
    return grid.contiguous(memory_format=_LAYOUTS[len(shape) - 1])


def from_grid(grid: Tensor) -> Tensor:
    """The inverse of `to_grid`."""
    return grid.flatten(2).transpose(1, 2)
