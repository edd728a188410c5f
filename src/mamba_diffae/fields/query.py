"""What is asked of a model: the places of some targets, and the way from there to the targets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from mamba_diffae.fields.axis import MOST, Axis
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import CoordinateError, ShapeError
from mamba_diffae.fields.grid import Grid, Shape
from mamba_diffae.fields.in_units import grid_in_units
from mamba_diffae.fields.inside import check_inside
from mamba_diffae.fields.overlap import average

Targets = FieldData | Grid | int | Sequence[int] | np.ndarray | None
"""A grid, or fields on one; a shape; cells along the longest axis; places (N, D); None: native."""
_NOTHING = 1e-9
"""Weight of the existing part of a target, beside the largest, that is a rounding of nothing."""


@final
@dataclass(frozen=True, eq=False)
class Query:
    """The places to ask at for some targets, and the way from there to the targets.

    Places that do not exist (land) are not asked; what is told of them is NaN.

    Attributes:
        coords: Places that exist, in physical coordinates, shape (N, D).
        exists: Which of all places they are, shape (P,), bool.
        asked: The grid whose P cells' centres all places are; None for given places.
        grid: That of the targets; None for given places.
    """

    coords: np.ndarray
    exists: np.ndarray
    asked: Grid | None = None
    grid: Grid | None = None

    @classmethod
    def of(cls, targets: Targets, native: Grid) -> Query:
        """What to ask: cells no coarser than the native ones, averaged for coarser targets.

        >>> query = Query.of((2, 2), Grid.default((4, 4)))
        >>> len(query.coords), query.finish(np.ones((1, 16, 1))).shape
        (16, (1, 2, 2, 1))

        Args:
            targets: What is wanted.
            native: The grid that a model was fitted on.

        Raises:
            ShapeError: If the targets are none, or of other axes.
            CoordinateError: If places lie outside the native grid, or none of them exists.
        """
        if isinstance(targets, list) and targets and isinstance(targets[0], list | tuple):
            targets = np.asarray(targets, dtype=np.float64)
        if isinstance(targets, np.ndarray) and _are_places(targets, native):
            given = targets if targets.ndim == 2 else targets[:, None]
            places = check_inside(given, native, "targets")
            return cls(*_existing(places, native))
        grid = target_grid(targets, native)
        check_inside(grid.centres(), native, "targets")
        asked = _asked(grid, native)
        places = check_inside(asked.centres(), native, "targets")
        return cls(*_existing(places, native), asked, grid)

    @staticmethod
    def is_direct(targets: Grid, native: Grid) -> bool:
        """Whether the cells of targets are asked themselves, none of them an average of others."""
        return _asked(targets, native).axes == targets.axes

    def finish(self, values: np.ndarray) -> np.ndarray:
        """Values at the places, shape (B, N, C), to those of the targets, (B, *shape, C)."""
        C = values.shape[-1]
        if self.asked is None or self.grid is None:
            return self._spread(values, np.nan)
        if self.asked.axes == self.grid.axes:
            return self._spread(values, np.nan).reshape(len(values), *self.grid.shape, C)
        gridded = self._spread(values, 0.0).reshape(len(values), *self.asked.shape, C)
        weight = self.asked.weights() * self.exists.reshape(self.asked.shape)
        weight, matrices = weight[None, ..., None], self.asked.overlaps(self.grid)
        total, mass = average(weight, matrices), average(gridded * weight, matrices)
        some = total > _NOTHING * total.max()
        return np.divide(mass, total, out=np.full_like(mass, np.nan), where=some)

    def _spread(self, values: np.ndarray, missing: float) -> np.ndarray:
        """Values at all places, shape (B, P, C)."""
        if self.exists.all():
            return values
        every = np.full((len(values), len(self.exists), values.shape[-1]), missing, values.dtype)
        every[:, self.exists] = values
        return every


def existing(places: np.ndarray, native: Grid) -> np.ndarray:
    """Which of places (P, D) within a grid lie in cells that exist, shape (P,), bool."""
    if native.mask is None:
        return np.ones(len(places), dtype=bool)
    pairs = zip(native.axes, places.T, strict=True)
    cell = tuple(
        np.clip(np.searchsorted(axis.edges, x, side="right") - 1, 0, axis.cells - 1)
        for axis, x in pairs
    )
    return native.mask[cell]


def _existing(places: np.ndarray, native: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Those of places (P, D) that lie in cells that exist, and which they are, (P,) bool."""
    exists = existing(places, native)
    if not exists.any():
        raise CoordinateError(
            f"None of the {len(places)} targets lies in a cell that exists; the mask of the grid "
            "leaves them out."
        )
    return places[exists], exists


def _are_places(targets: np.ndarray, native: Grid) -> bool:
    """Whether they are coordinates, (N, D), or (N,) on one axis."""
    return targets.ndim == 2 or (targets.ndim == native.dim == 1 and targets.dtype.kind == "f")


def target_grid(targets: Targets, native: Grid) -> Grid:
    """The grid that targets mean, beside the native one.

    Raises:
        ShapeError: If they are none, or of other axes.
        ValuesError: If an axis is in a unit that cannot be converted to the native one.
    """
    if isinstance(targets, FieldData | Grid):
        grid = targets.grid if isinstance(targets, FieldData) else targets
        if grid.names != native.names:
            raise ShapeError(
                f"Targets on the axes {', '.join(grid.names)} were asked, but the model was fitted "
                f"on {', '.join(native.names)}; put them in that order, under those names."
            )
        return grid_in_units(grid, native.axes, "The targets'")
    wanted = target_shape(targets, native)
    return native if wanted == native.shape else native.regrid(wanted)


def target_shape(targets: Targets, native: Grid) -> Shape:
    """The cells that targets on a grid mean, along each axis, before any memory is taken.

    Raises:
        ShapeError: If they are none, of other axes, or more than an axis can have.
    """
    if targets is None:
        return native.shape
    if isinstance(targets, FieldData | Grid):
        return targets.shape
    if isinstance(targets, int | np.integer) and targets >= 1:
        targets = native.scaled_shape(int(targets))
    shape = tuple(targets) if isinstance(targets, Sequence) else ()
    if len(shape) != native.dim or not all(
        isinstance(n, int | np.integer) and 1 <= n <= MOST for n in shape
    ):
        given = f"{type(targets).__name__} {getattr(targets, 'shape', targets)}"
        raise ShapeError(
            f"targets were given as {given}; expected a grid, {native.dim} cell numbers (shape), "
            f"cells along the longest axis (1 or more, {MOST:,} at most), or places as an array "
            f"of shape (N, {native.dim})."
        )
    return tuple(int(n) for n in shape)


def _asked(grid: Grid, native: Grid) -> Grid:
    """Cells to ask at: along each axis the native ones if they are finer, else the grid's own.

    Those are divided where they are wider than the native ones of another region.
    """
    axes = (_asked_axis(axis, own) for axis, own in zip(grid.axes, native.axes, strict=True))
    return Grid(tuple(axes))


def _asked_axis(axis: Axis, native: Axis) -> Axis:
    same = np.allclose([axis.low, axis.high], [native.low, native.high], 0, 1e-6 * native.span)
    if same and axis.cells <= native.cells:
        return native
    widths = np.interp(axis.centres, native.centres, native.widths)
    edges = _refined(axis.edges, widths)
    return axis if len(edges) == len(axis.edges) else replace(axis, edges=edges, cell_measures=None)


def _refined(edges: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Edges with every cell divided evenly into parts of at most a width of its own."""
    parts = [
        np.linspace(low, high, math.ceil((high - low) / width - 1e-6) + 1)[:-1]
        for (low, high), width in zip(itertools.pairwise(edges), widths, strict=True)
    ]
    return np.append(np.concatenate(parts), edges[-1])
