"""Reading a regular grid of cell centres between its nodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Kernel = Callable[[Tensor], tuple[Tensor, ...]]
"""From the place between two nodes, in [0, 1), to the weights of the nodes around, in order."""


def linear(f: Tensor) -> tuple[Tensor, ...]:
    """Weights of two nodes: continuous."""
    return 1 - f, f


def cubic(f: Tensor) -> tuple[Tensor, ...]:
    """Weights of four nodes, after Catmull and Rom: smooth, and exact at the nodes.

    Reference:
        Keys (1981), https://doi.org/10.1109/TASSP.1981.1163711, with a = -1/2.
    """
    g = 1 - f
    outer = -f * g / 2
    return outer * g, 1 + f * f * (1.5 * f - 2.5), 1 + g * g * (1.5 * g - 2.5), outer * f


def interpolate(values: Tensor, coords: Tensor, cells: int, kernel: Kernel) -> Tensor:
    """Read a grid at any coordinate; beyond the outermost centres, these go on.

    Args:
        values: At the centres (i + 0.5) / cells, x fastest, shape (B, cells^D, F).
        coords: Positions in [0, 1]^D, shape (B, N, D).
        cells: Nodes a side.
        kernel: `linear` or `cubic`.

    Returns:
        Shape (B, N, F).
    """
    batch, nodes, size = values.shape
    position = coords * cells - 0.5
    base = position.floor()
    weights = torch.stack(kernel(position - base))  # (taps, B, N, D)
    first = 1 - len(weights) // 2
    offsets = torch.arange(first, first + len(weights), device=coords.device).view(-1, 1, 1, 1)
    index = (base.long() + offsets).clamp(0, cells - 1)
    rows = torch.arange(batch, device=coords.device)[:, None] * nodes
    taps, shares = [], []
    for choice in itertools.product(range(len(weights)), repeat=coords.shape[-1]):
        at, share = rows, torch.ones_like(coords[..., 0])
        for axis, tap in enumerate(choice):
            at = at + index[tap, ..., axis] * cells**axis
            share = share * weights[tap, ..., axis]
        taps.append(at)
        shares.append(share)
    found = F.embedding_bag(
        torch.stack(taps, dim=-1).flatten(0, 1),
        values.reshape(-1, size),
        per_sample_weights=torch.stack(shares, dim=-1).flatten(0, 1),
        mode="sum",
    )
    return found.unflatten(0, (batch, -1))


def resampling(cells: int, size: int, kernel: Kernel) -> Tensor:
    """The matrix that reads one axis of a grid at the centres of another, shape (size, cells)."""
    coords = ((torch.arange(size) + 0.5) / size)[None, :, None]
    return interpolate(torch.eye(cells)[None], coords, cells, kernel)[0]


def resample(values: Tensor, matrix: Tensor, dim: int) -> Tensor:
    """Read a whole grid at the centres of another: the same as `interpolate`, axis by axis.

    Args:
        values: Shape (B, cells^D, F).
        matrix: From `resampling`, shape (size, cells).
        dim: D.

    Returns:
        Shape (B, size^D, F).
    """
    grid = values.unflatten(1, [matrix.shape[1]] * dim)
    for axis in range(1, dim + 1):
        grid = (grid.movedim(axis, -1) @ matrix.T).movedim(-1, axis)
    return grid.flatten(1, dim)


def to_patches(values: Tensor, side: int, dim: int) -> Tensor:
    """Group a grid of points into square patches.

    Args:
        values: x fastest, shape (B, (p * side)^D, F).
        side: Points of a patch a side.
        dim: D.

    Returns:
        Shape (B, p^D, side^D * F), x fastest among patches and in each.
    """
    count = round(values.shape[1] ** (1 / dim)) // side
    grid = values.unflatten(1, [n for _ in range(dim) for n in (count, side)])
    outer, inner = range(1, 2 * dim, 2), range(2, 2 * dim + 1, 2)
    return grid.permute(0, *outer, *inner, -1).flatten(1, dim).flatten(2)


def from_patches(patches: Tensor, side: int, dim: int) -> Tensor:
    """The inverse of `to_patches`: (B, p^D, side^D * F) to (B, (p * side)^D, F)."""
    count = round(patches.shape[1] ** (1 / dim))
    grid = patches.unflatten(2, (*[side] * dim, -1)).unflatten(1, [count] * dim)
    pairs = [axis for d in range(dim) for axis in (1 + d, 1 + dim + d)]
    return grid.permute(0, *pairs, -1).flatten(1, 2 * dim)
