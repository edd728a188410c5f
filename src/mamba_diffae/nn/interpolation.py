"""Reading a regular grid of cell centres between its nodes; a grid in patches.

A grid of P = prod(shape) cells is a flat axis in C order: the last axis runs fastest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.fields.geometry import Geometry

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


def bspline(f: Tensor) -> tuple[Tensor, ...]:
    """Weights of four nodes, by cubic B-splines: positive and twice smooth, not exact at nodes."""
    g = 1 - f
    inner = 3 * f**3 - 6 * f**2 + 4, 3 * g**3 - 6 * g**2 + 4
    return g**3 / 6, inner[0] / 6, inner[1] / 6, f**3 / 6


class Taps(NamedTuple):
    """Nodes of a grid around N places, and what each counts.

    Attributes:
        node: Flat numbers, shape (B, N, t); B = 1: of all fields.
        weight: The same shape.
    """

    node: Tensor
    weight: Tensor

    @classmethod
    def of(cls, coords: Tensor, shape: Sequence[int], geometry: Geometry, kernel: Kernel) -> Taps:
        """Around coordinates (B, N, D); see `interpolate`.

        Of places that are the same view for all fields (`expand`) they are found once.
        """
        if len(coords) > 1 and coords.stride(0) == 0:
            coords = coords[:1]
        axes = _taps(coords, shape, geometry, kernel)
        node, node_weight = [], []
        for choice in itertools.product(range(len(axes[0][0])), repeat=len(axes)):
            at = torch.zeros_like(coords[..., 0], dtype=torch.int64)
            product = torch.ones_like(coords[..., 0])
            for (index, weight), tap in zip(axes, choice, strict=True):
                at, product = at + index[tap], product * weight[tap]
            node.append(at)
            node_weight.append(product)
        return cls(torch.stack(node, dim=-1), torch.stack(node_weight, dim=-1))

    def read(self, values: Tensor) -> Tensor:
        """Values at the nodes (B, P, F) to those at the places, shape (B, N, F)."""
        batch, nodes, size = values.shape
        rows = torch.arange(batch, device=values.device)[:, None, None] * nodes
        found = F.embedding_bag(
            (self.node + rows).flatten(0, 1),
            values.reshape(-1, size),
            per_sample_weights=self.weight.expand(batch, -1, -1).flatten(0, 1),
            mode="sum",
        )
        return found.unflatten(0, (batch, -1))


def node_index(index: Tensor, cells: int, periodic: bool) -> Tensor:
    """Indices along an axis that exist: modulo `cells` if periodic, else the outermost cell."""
    return index.remainder(cells) if periodic else index.clamp(0, cells - 1)


def node_position(coords: Tensor, shape: Sequence[int], geometry: Geometry) -> Tensor:
    """Coordinates (..., D) in cells, 0 at the centre of the first."""
    axes = zip(shape, geometry.extent, strict=True)
    return coords * coords.new_tensor([n / a for n, a in axes]) - 0.5


def interpolate(
    values: Tensor, coords: Tensor, shape: Sequence[int], geometry: Geometry, kernel: Kernel
) -> Tensor:
    """Read a grid at any coordinate.

    Beyond the outermost centres of an axis their values continue, unless the axis is periodic.

    Args:
        values: At the centres of `lattice(shape, geometry.extent)`, shape (B, P, F).
        coords: Positions, shape (B, N, D).
        shape: Cells along every axis, D numbers.
        geometry: Extent of every axis, and which are periodic.
        kernel: `linear` or `cubic`.

    Returns:
        Shape (B, N, F).
    """
    return Taps.of(coords, shape, geometry, kernel).read(values)


def _taps(
    coords: Tensor, shape: Sequence[int], geometry: Geometry, kernel: Kernel
) -> list[tuple[Tensor, Tensor]]:
    """From the last axis to the first, what each node around adds to the index, and its weight.

    Both are of shape (taps, B, N).
    """
    position = node_position(coords, shape, geometry)
    base = position.floor()
    weights = torch.stack(kernel(position - base))  # (taps, B, N, D)
    first = 1 - len(weights) // 2
    offsets = torch.arange(first, first + len(weights), device=coords.device).view(-1, 1, 1)
    axes, stride = [], 1
    for axis in reversed(range(len(shape))):
        index = base[..., axis].long() + offsets
        index = node_index(index, shape[axis], geometry.periodic[axis])
        axes.append((index * stride, weights[..., axis]))
        stride *= shape[axis]
    return axes


def resampling(cells: int, size: int, kernel: Kernel, periodic: bool = False) -> Tensor:
    """The matrix that reads one axis of a grid at the centres of another, shape (size, cells)."""
    coords = ((torch.arange(size) + 0.5) / size)[None, :, None]
    axis = Geometry(extent=(1.0,), periodic=(periodic,))
    return interpolate(torch.eye(cells)[None], coords, (cells,), axis, kernel)[0]


def resample(values: Tensor, matrices: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """Read a whole grid at the centres of another: the same as `interpolate`, axis by axis.

    Args:
        values: Shape (B, P, F).
        matrices: From `resampling`, one for every axis, shape (size, cells).
        shape: Cells along every axis, D numbers.

    Returns:
        Shape (B, P', F), with P' the product of the sizes.
    """
    grid = values.unflatten(1, list(shape))
    for axis, matrix in enumerate(matrices, start=1):
        grid = (grid.movedim(axis, -1) @ matrix.T).movedim(-1, axis)
    return grid.flatten(1, len(shape))


def to_patches(values: Tensor, shape: Sequence[int], patch: Sequence[int]) -> Tensor:
    """Group a grid of points into boxes of equal shape.

    Args:
        values: Shape (B, P, F).
        shape: Points along every axis, D multiples of those of a patch.
        patch: Points of a patch along every axis, D numbers.

    Returns:
        Shape (B, P / p, p * F) with p = prod(patch), in C order among patches and in each.
    """
    dim = len(shape)
    pairs = [(n // p, p) for n, p in zip(shape, patch, strict=True)]
    grid = values.unflatten(1, list(itertools.chain.from_iterable(pairs)))
    outer, inner = range(1, 2 * dim, 2), range(2, 2 * dim + 1, 2)
    return grid.permute(0, *outer, *inner, -1).flatten(1, dim).flatten(2)


def from_patches(patches: Tensor, token_shape: Sequence[int], patch: Sequence[int]) -> Tensor:
    """The inverse of `to_patches`.

    Args:
        patches: Shape (B, T, p * F).
        token_shape: Patches along every axis; their product is T.
        patch: Points of a patch along every axis; their product is p.

    Returns:
        Shape (B, T * p, F).
    """
    dim = len(token_shape)
    size = patches.shape[2] // math.prod(patch)
    grid = patches.unflatten(2, (*patch, size)).unflatten(1, list(token_shape))
    pairs = [axis for d in range(dim) for axis in (1 + d, 1 + dim + d)]
    return grid.permute(0, *pairs, -1).flatten(1, 2 * dim)
