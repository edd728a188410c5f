"""Cells of a lattice: between them there are few different steps, so few correlations."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, Self

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry, Shape
from mamba_diffae.priors.kriging.kernels import correlation

_SNAP = 1e-5
"""Share of a cell by which a point may miss the centre of a cell and still be it."""
_KEPT = 2**14
"""Steps of a lattice whose correlations are kept: those of 64 × 64 cells."""


class Cells(NamedTuple):
    """Points that are centres of cells of a lattice: their distances depend on steps alone.

    Attributes:
        shape: Of the lattice.
        number: Of each, so that differences of numbers tell steps, shape (..., n), int32.
        extent: Length of each axis.
        periodic: Whether each axis closes.
    """

    shape: Shape
    number: Tensor
    extent: tuple[float, ...]
    periodic: tuple[bool, ...]

    @classmethod
    def of(cls, coords: Tensor, geometry: Geometry, shape: Shape) -> Self | None:
        """From points (n, D) and the shape of a lattice; None: some are not, or on a sphere."""
        count = torch.tensor(shape)
        place = coords * count / torch.tensor(geometry.extent, dtype=torch.float64) - 0.5
        cell = place.round()
        beside = ((place - cell).abs() > _SNAP) | (cell < 0) | (cell >= count)
        if geometry.sphere is not None or bool(beside.any()):
            return None
        number = torch.zeros(len(coords), dtype=torch.int32)
        for d, n in enumerate(shape):
            number = number * (2 * n - 1) + cell[:, d].int()
        return cls(tuple(shape), number, tuple(geometry.extent), tuple(geometry.periodic))

    def step(self, other: Cells) -> Tensor:
        """Number of the step from each to each of others, shape (..., n, m)."""
        between = self.number[..., :, None] - other.number[..., None, :]
        return between.add_(self.steps // 2)

    @property
    def flat(self) -> Tensor:
        """Number of each in C order, shape (..., n), int64."""
        rest, index, size = self.number.long(), torch.zeros_like(self.number).long(), 1
        for n in reversed(self.shape):
            index += size * (rest % (2 * n - 1))
            rest, size = rest // (2 * n - 1), size * n
        return index

    def axes(self) -> list[Tensor]:
        """Embedded centres along each axis of the lattice, (n, 1), or (n, 2) where it closes."""
        return list(map(_axis, self.shape, self.extent, self.periodic))

    @property
    def steps(self) -> int:
        """How many steps there are, S."""
        return math.prod(2 * n - 1 for n in self.shape)

    def tabled(self, other: Cells, pairs: int) -> bool:
        """Whether a table of all steps, kept if it is small, serves better than so many pairs."""
        return other.shape == self.shape and self.steps <= (4 if self.steps <= _KEPT else 1) * pairs

    def correlations(self, kernel: str, scale: Tensor) -> Tensor:
        """Correlation at every step under a kernel and lengths (E,), shape (S,)."""
        find = _correlations if self.steps <= _KEPT else _correlations.__wrapped__
        scales = tuple(scale.tolist())
        return find(kernel, scales, self.extent, self.periodic, self.shape)


@lru_cache(maxsize=32)
def _axis(count: int, extent: float, closed: bool) -> Tensor:
    centres = extent / count * (torch.arange(count, dtype=torch.float64)[:, None] + 0.5)
    return Geometry(extent=(extent,), periodic=(closed,)).embed(centres)


@lru_cache(maxsize=64)
def _correlations(
    kernel: str,
    scale: tuple[float, ...],
    extent: tuple[float, ...],
    periodic: tuple[bool, ...],
    shape: Shape,
) -> Tensor:
    """See `Cells.correlations`: the laws of a prior are the same for every field."""
    steps = _steps(extent, periodic, shape)
    return correlation(kernel, (steps / torch.tensor(scale, dtype=torch.float64)).norm(dim=-1))


@lru_cache(maxsize=8)
def _steps(extent: tuple[float, ...], periodic: tuple[bool, ...], shape: Shape) -> Tensor:
    """Embedded vector of every step, (S, E): along an axis of n cells from 1 - n to n - 1."""
    geometry, sides = Geometry(extent=extent, periodic=periodic), zip(shape, extent, strict=True)
    axes = [torch.arange(1 - n, n).abs().double() * (a / n) for n, a in sides]
    steps = torch.cartesian_prod(*axes).reshape(-1, len(shape))
    return geometry.embed(steps) - geometry.embed(torch.zeros_like(steps[:1]))
