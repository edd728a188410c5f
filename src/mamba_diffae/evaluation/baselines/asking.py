"""Where a method that interpolates is asked, so that what it says of a cell is its average."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import Axis, Grid, Observations, average

LIMIT = 2**20
"""Places that are asked on behalf of a grid, at most, unless the grid itself has more cells."""
_ROUNDING = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Asking:
    """The places to ask at, and the way from there to the targets.

    Attributes:
        coords: Physical coordinates, shape (P, D).
        asked: The grid whose P cells' centres they are; None for given places.
        grid: That of the targets; None for given places.
    """

    coords: np.ndarray
    asked: Grid | None = None
    grid: Grid | None = None

    def finish(self, values: np.ndarray) -> np.ndarray:
        """Values at the places, shape (B, P, C), to those of the targets, (B, *shape, C)."""
        if self.asked is None or self.grid is None:
            return values
        gridded = values.reshape(len(values), *self.asked.shape, values.shape[-1])
        if self.asked.axes == self.grid.axes:
            return gridded
        matrices = self.asked.overlaps(self.grid)
        weight = self.asked.weights()[None, ..., None]
        return average(gridded * weight, matrices) / average(weight, matrices)


def ask(observations: Observations, targets: Grid | np.ndarray) -> Asking:
    """The places to ask at for some targets.

    A grid whose cells are wider than the observed ones is asked on a lattice of the observed width
    and averaged; any other grid at the centres of its cells.

    Args:
        observations: What was observed; their support tells the observed width.
        targets: A grid, or places (N, D).
    """
    if isinstance(targets, np.ndarray):
        return Asking(np.asarray(targets, np.float64).reshape(len(targets), -1))
    asked = asked_grid(targets, observed_widths(observations, targets))
    return Asking(asked.centres(), asked, targets)


def observed_widths(observations: Observations, grid: Grid) -> list[np.ndarray]:
    """Side of the observed box next to each cell of each axis, one array (cells,) an axis.

    It is 0 next to a point.
    """
    if observations.support is None or not observations.present.any():
        return [np.zeros(axis.cells) for axis in grid.axes]
    present = observations.present
    places, sides = (
        part[present].double().cpu().numpy() for part in (observations.coords, observations.support)
    )
    return [
        _next_to(axis.centres, *column)
        for axis, *column in zip(grid.axes, places.T, sides.T, strict=True)
    ]


def asked_grid(grid: Grid, widths: Sequence[np.ndarray]) -> Grid:
    """A grid with no cell wider than was observed next to it, over the same region.

    Args:
        grid: That of the targets, which is returned if it is one.
        widths: One array (cells,) an axis; 0: a cell stays as it is.
    """
    pairs = list(zip(grid.axes, widths, strict=True))
    total = math.prod(float(_parts(axis, width).sum()) for axis, width in pairs)
    wider = max(1.0, total / LIMIT) ** (1 / grid.dim)
    axes = tuple(_divided(axis, width * wider) for axis, width in pairs)
    return grid if axes == grid.axes else Grid(axes)


def _next_to(x: np.ndarray, places: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The side at the nearest place of each x; those at one place are alike."""
    places, first = np.unique(places, return_index=True)
    between = np.searchsorted((places[1:] + places[:-1]) / 2, x)
    return sides[first[between]]


def _parts(axis: Axis, width: np.ndarray) -> np.ndarray:
    """Into how many parts each cell is divided, shape (cells,)."""
    relative = np.divide(axis.widths, width, out=np.ones(axis.cells), where=width > 0)
    return np.maximum(np.ceil(relative - _ROUNDING), 1)


def _divided(axis: Axis, width: np.ndarray) -> Axis:
    parts = _parts(axis, width)
    if parts.max() == 1:
        return axis
    if axis.regular_cells and np.ptp(width) <= _ROUNDING * width.max():
        return axis.regrid(max(axis.cells, round(axis.span / float(width.mean()))))
    cells = zip(itertools.pairwise(axis.edges), parts, strict=True)
    low = [np.linspace(a, b, int(n) + 1)[:-1] for (a, b), n in cells]
    edges = np.append(np.concatenate(low), axis.high)
    return Axis(axis.name, edges, axis.unit, axis.periodic, axis.length_scale)
