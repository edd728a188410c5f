"""What is asked of a model and what comes back: the field at the targets, with its uncertainty."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import FieldError, ShapeError
from mamba_diffae.fields.grid import Grid
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

    Attributes:
        coords: Places in physical coordinates, shape (N, D).
        asked: The grid whose cells' centres they are; None for given places.
        grid: That of the targets; None for given places.
    """

    coords: np.ndarray
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
            CoordinateError: If places lie outside the native grid.
        """
        if isinstance(targets, np.ndarray) and _are_places(targets, native):
            places = targets.reshape(len(targets), -1)
            return cls(check_inside(places, native, "targets"))
        grid = target_grid(targets, native)
        check_inside(grid.centres(), native, "targets")
        asked = _asked(grid, native)
        return cls(check_inside(asked.centres(), native, "targets"), asked, grid)

    def finish(self, values: np.ndarray) -> np.ndarray:
        """Values at the places, shape (B, N, C), to those of the targets, (B, *shape, C)."""
        if self.asked is None or self.grid is None:
            return values
        gridded = values.reshape(len(values), *self.asked.shape, values.shape[-1])
        if self.asked.axes == self.grid.axes:
            return gridded
        matrices = self.asked.overlaps(self.grid)

        def averaged(asked: Grid) -> tuple[np.ndarray, np.ndarray]:
            weight = asked.weights()[None, ..., None]
            total = average(weight, matrices)
            mass = average(gridded * weight, matrices)
            return np.divide(mass, total, out=np.zeros_like(mass), where=total > 0), total

        means, _ = averaged(Grid(self.asked.axes))
        if self.asked.mask is None:
            return means
        # Cells that do not exist count nothing, save where a target has no others.
        existing, total = averaged(self.asked)
        return np.where(total > _NOTHING * total.max(), existing, means)


def _are_places(targets: np.ndarray, native: Grid) -> bool:
    """Whether they are coordinates, (N, D), or (N,) on one axis."""
    return targets.ndim == 2 or (targets.ndim == native.dim == 1 and targets.dtype.kind == "f")


def target_grid(targets: Targets, native: Grid) -> Grid:
    """The grid that targets mean, beside the native one.

    Raises:
        ShapeError: If they are none, or of other axes.
    """
    if targets is None:
        return native
    if isinstance(targets, FieldData | Grid):
        grid = targets.grid if isinstance(targets, FieldData) else targets
        if grid.names != native.names:
            raise ShapeError(
                f"Targets on the axes {', '.join(grid.names)} were asked, but the model was fitted "
                f"on {', '.join(native.names)}; put them in that order, under those names."
            )
        return grid
    if isinstance(targets, int | np.integer) and targets >= 1:
        targets = native.scaled_shape(int(targets))
    shape = tuple(targets) if isinstance(targets, Sequence) else ()
    if len(shape) != native.dim or not all(
        isinstance(n, int | np.integer) and n >= 1 for n in shape
    ):
        given = f"{type(targets).__name__} {getattr(targets, 'shape', targets)}"
        raise ShapeError(
            f"targets were given as {given}; expected a grid, {native.dim} cell numbers (shape), "
            "cells along the longest axis (1 or more), or places as an array of shape "
            f"(N, {native.dim})."
        )
    wanted = tuple(int(n) for n in shape)
    return native if wanted == native.shape else native.regrid(wanted)


def _asked(grid: Grid, native: Grid) -> Grid:
    """Cells to ask at: along each axis the native ones if they are finer, else the grid's own.

    Those are divided where they are wider than the native ones of another region.
    """
    axes = [_asked_axis(axis, own) for axis, own in zip(grid.axes, native.axes, strict=True)]
    mask = native.mask if tuple(axes) == native.axes else None
    return Grid(tuple(axes), mask)


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


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """Fields at the targets, in the units of the variables.

    Attributes:
        mean: Posterior mean, shape (B, *shape, C) on a grid, or (B, N, C) at given places.
        draws: Draws from the posterior, shape (n_draws, *mean.shape); none if none were asked.
        stated_std: Standard deviation that a method states itself, of the mean's shape, or None.
        evaluations: Evaluations of the network in each draw.
        grid: That of the targets, or None at given places.
    """

    mean: np.ndarray
    draws: np.ndarray
    stated_std: np.ndarray | None = None
    evaluations: int = 0
    grid: Grid | None = None

    @property
    def std(self) -> np.ndarray:
        """Standard deviation, of the mean's shape: of the draws around their own mean, or stated.

        Raises:
            FieldError: If there are fewer than two draws and none is stated.
        """
        if len(self.draws) > 1:
            return self.draws.std(axis=0, ddof=1)
        if self.stated_std is not None:
            return self.stated_std
        raise FieldError(
            f"A standard deviation needs at least 2 draws, and there are {len(self.draws)}; "
            "predict with n_draws=16, for one."
        )

    @classmethod
    def of_mean(
        cls, mean: np.ndarray, std: np.ndarray | None = None, grid: Grid | None = None
    ) -> Prediction:
        """A prediction without draws.

        >>> Prediction.of_mean(np.zeros((1, 5, 1)), np.ones((1, 5, 1))).std.sum().item()
        5.0
        """
        return cls(mean, np.zeros((0, *mean.shape), mean.dtype), std, grid=grid)
