"""Noise as a function of the coordinate: a seed is one field, at whatever points it is evaluated.

White noise drawn for every query would change with the grid. Here independent normals sit on the
cells of a lattice, each hashed from (key, cell, channel), and a point reads the surrounding ones
with weights of unit norm: a continuous Gaussian random function whose variance is one everywhere.
Several such lattices, mixed over channels, give it the correlation of a field.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry

_GOLDEN = -0x61C8864680B583EB  # 2^64 / golden ratio, as a signed number
_M1 = -0x40A7B892E31B1A47  # the two multipliers of splitmix64
_M2 = -0x6B2FB644ECCEEE15


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    """Finaliser of splitmix64 (Steele, Lea & Flood 2014): int64 in, well-mixed int64 out."""
    x = (x ^ _shift(x, 30)) * _M1
    x = (x ^ _shift(x, 27)) * _M2
    return x ^ _shift(x, 31)


def fold(key: Tensor, data: Tensor | int) -> Tensor:
    """A new key from a key and a number; int64, shapes broadcast."""
    data = torch.as_tensor(data, dtype=torch.int64, device=key.device)
    return _mix(key ^ _mix(data + _GOLDEN))


def field_keys(seed: int | Tensor, batch: int, device: torch.device | None = None) -> Tensor:
    """One key for each field of a batch.

    Args:
        seed: An int s gives field b the key (s, b); a tensor of shape (B,), int64, is taken as it
            is.
        batch: Fields, B.
        device: Device of the keys.

    Returns:
        Keys, shape (B,), int64.

    Raises:
        ValueError: If anything else is given.
    """
    if isinstance(seed, int) and -(2**63) <= seed < 2**63:
        start = torch.full((batch,), seed, dtype=torch.int64, device=device)
        return fold(start, torch.arange(batch, device=device))
    if not isinstance(seed, Tensor) or seed.shape != (batch,) or seed.dtype != torch.int64:
        tensor = isinstance(seed, Tensor)
        given = f"a {seed.dtype} tensor of shape {tuple(seed.shape)}" if tensor else repr(seed)
        raise ValueError(
            f"seed is {given}; expected an int of 64 bits, or int64 of shape ({batch},), one for "
            "each field."
        )
    return seed.to(device)


def uniform(key: Tensor) -> Tensor:
    """One number in (0, 1] for each key, float32, of the key's shape."""
    # A float32 has 24 bits.
    return (_shift(_mix(key), 40).float() + 0.5) * 2.0**-24


def normals(key: Tensor, channels: int) -> Tensor:
    """Standard normals by Box and Muller, float32, shape (*key.shape, channels).

    Args:
        key: int64, any shape; one vector of normals for each.
        channels: Normals in a vector.
    """
    bits = fold(key[..., None], torch.arange(channels, device=key.device))
    # A float32 in (0, 1) has 24 bits.
    u1 = (_shift(bits, 40).float() + 0.5) * 2.0**-24
    u2 = ((bits >> 8) & 0xFFFFFF).float() * 2.0**-24
    return torch.sqrt(-2 * torch.log(u1)) * torch.cos(2 * math.pi * u2)


def node_weights(
    coords: Tensor, cells: int, extent: float = 1.0, periodic: bool = False
) -> tuple[Tensor, Tensor]:
    """The lattice nodes on both sides of each coordinate, and their weights of unit norm.

    Args:
        coords: Along one axis, any shape.
        cells: Lattice cells along the axis; a node is a cell's centre.
        extent: Length of the axis.
        periodic: Whether the node after the last is the first. Then one cell alone is a constant.

    Returns:
        Indices of the nodes, int64, and their weights, both of shape (2, *coords.shape).
    """
    position = coords * (cells / extent) - 0.5
    corner = position.floor()
    f = position - corner
    nodes = torch.stack([corner, corner + 1]).long()
    if periodic:
        nodes = nodes.remainder(cells)
        if cells == 1:  # both nodes are the same one, and must count once
            f = torch.zeros_like(f)
    weights = torch.stack([1 - f, f])
    return nodes, weights / weights.square().sum(0).sqrt()


def noise(
    coords: Tensor, channels: int, key: Tensor, shape: Sequence[int], geometry: Geometry
) -> Tensor:
    """A Gaussian random function of unit variance, read at `coords`.

    Args:
        coords: Positions, shape (B, N, D).
        channels: Independent channels, C.
        key: One int64 for each field, shape (B,), from `field_keys`.
        shape: Lattice cells along every axis; its nodes are the cells' centres.
        geometry: Extent of every axis, and which are periodic.

    Returns:
        Shape (B, N, C), float32.
    """
    coords = coords.float()
    sides = zip(coords.unbind(-1), shape, geometry.extent, geometry.periodic, strict=True)
    axes = [node_weights(*side) for side in sides]
    total = coords.new_zeros(*coords.shape[:-1], channels)
    for choice in itertools.product((0, 1), repeat=len(axes)):
        node, weight = key[:, None], torch.ones_like(coords[..., 0])
        # From the last axis to the first: another order would be another field for every seed.
        for (nodes, weights), side in zip(reversed(axes), choice, strict=True):
            node = fold(node, nodes[side])
            weight = weight * weights[side]
        total = total + weight[..., None] * normals(node, channels)
    return total


@final
@dataclass(frozen=True)
class NoiseLaw:
    """How x_0 is correlated in space and over channels.

    A posterior draw is about mean + spread · x_0: it looks like the field where x_0 has the
    correlation of what the mean leaves open. `fit_noise_law` finds it.

    Attributes:
        shapes: Cells along every axis, for each lattice.
        weights: Fraction of the variance that each lattice carries; they sum to 1.
        mixing: Lower-triangular matrix (C, C) with rows of unit norm, so that every channel has
            unit variance; mixing @ mixingᵀ is the correlation of the channels.

    Raises:
        ValueError: If it is no such law.
    """

    shapes: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]
    mixing: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        lattices = len(self.shapes) == len(self.weights) > 0
        one_dim = len({len(shape) for shape in self.shapes}) == 1
        cells = one_dim and min((min(shape, default=0) for shape in self.shapes), default=0) >= 1
        if not (lattices and cells) or not _convex(self.weights):
            raise ValueError(
                f"A noise law was given lattices of {self.shapes} cells with weights "
                f"{self.weights}; expected one weight for each lattice, none negative, which sum "
                "to 1, and lattices of equally many axes."
            )
        C = len(self.mixing)
        square = C > 0 and all(len(row) == C for row in self.mixing)
        lower = square and not any(any(row[i + 1 :]) for i, row in enumerate(self.mixing))
        if not lower or any(abs(math.hypot(*row) - 1) > 1e-5 for row in self.mixing):
            raise ValueError(
                f"A noise law was given the mixing {self.mixing}; expected a lower-triangular "
                "square matrix whose rows have norm 1, so that every channel has variance 1."
            )

    @classmethod
    def single(cls, shape: tuple[int, ...], channels: int) -> Self:
        """One lattice and independent channels."""
        rows = (tuple(float(i == j) for j in range(channels)) for i in range(channels))
        return cls((shape,), (1.0,), tuple(rows))

    @property
    def channels(self) -> int:
        """Channels, C."""
        return len(self.mixing)


def _convex(weights: tuple[float, ...]) -> bool:
    """Whether no weight is negative and they sum to 1."""
    return min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-5


def coloured_noise(coords: Tensor, key: Tensor, law: NoiseLaw, geometry: Geometry) -> Tensor:
    """A Gaussian random function of unit variance with the correlation of a law.

    See docs/concepts.md, eq. (27).

    Args:
        coords: Positions, shape (B, N, D).
        key: One int64 for each field, shape (B,), from `field_keys`.
        law: Correlation in space and over channels.
        geometry: Extent of every axis, and which are periodic.

    Returns:
        Shape (B, N, C), float32.
    """
    lattices = zip(law.shapes, law.weights, strict=True)
    octaves = [
        weight**0.5 * noise(coords, law.channels, fold(key, number), shape, geometry)
        for number, (shape, weight) in enumerate(lattices)
    ]
    mixing = torch.tensor(law.mixing, device=coords.device)
    return torch.stack(octaves).sum(0) @ mixing.T
