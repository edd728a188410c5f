"""What is asked of a model and what comes back: the field at the targets, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import FieldError, ShapeError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.inside import check_inside
from mamba_diffae.fields.overlap import average

Targets = FieldData | Grid | int | Sequence[int] | np.ndarray | None
"""A grid, or fields on one; a shape; cells along the longest axis; places (N, D); None: native."""


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
        """What to ask: cells as fine as the native ones or finer, so that coarser ones are averages.

        Args:
            targets: What is wanted.
            native: The grid that a model was fitted on.

        Raises:
            ShapeError: If the targets are none, or of other axes.
            CoordinateError: If places lie outside the native grid.
        """
        if isinstance(targets, np.ndarray) and targets.ndim == 2:
            return cls(check_inside(targets, native, "targets"))
        grid = target_grid(targets, native)
        asked = _asked(grid, native)
        return cls(check_inside(asked.centres(), native, "targets"), asked, grid)

    def finish(self, values: np.ndarray) -> np.ndarray:
        """Values at the places, shape (B, N, C), to those of the targets, (B, *shape, C)."""
        if self.asked is None or self.grid is None:
            return values
        gridded = values.reshape(len(values), *self.asked.shape, values.shape[-1])
        if self.asked.shape == self.grid.shape:
            return gridded
        matrices = self.asked.overlaps(self.grid)
        measures = (axis.measures for axis in self.asked.axes)
        weighted = [m * w for m, w in zip(matrices, measures, strict=True)]
        return average(gridded, [w / w.sum(axis=1, keepdims=True) for w in weighted])


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
        return native.regrid(native.scaled_shape(int(targets)))
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
    return native.regrid(tuple(int(n) for n in shape))


def _asked(grid: Grid, native: Grid) -> Grid:
    """Cells to ask at: the native ones if they are finer, else parts of the grid's own."""
    if grid.same_region(native):
        if all(n <= m for n, m in zip(grid.shape, native.shape, strict=True)):
            return Grid(native.axes)
        finer = tuple(max(n, m) for n, m in zip(grid.shape, native.shape, strict=True))
        return Grid(grid.axes) if finer == grid.shape else Grid(native.axes).regrid(finer)
    parts = (
        _refined(axis.edges, float(np.median(own.widths))) for axis, own in _pairs(grid, native)
    )
    axes = (
        type(axis)(axis.name, edges, axis.unit)
        for axis, edges in zip(grid.axes, parts, strict=True)
    )
    return Grid(tuple(axes))


def _pairs(grid: Grid, native: Grid):  # noqa: ANN202
    return zip(grid.axes, native.axes, strict=True)


def _refined(edges: np.ndarray, width: float) -> np.ndarray:
    """Edges with every cell divided evenly into parts of at most a width."""
    parts = [
        np.linspace(low, high, math.ceil((high - low) / width - 1e-6) + 1)[:-1]
        for low, high in zip(edges[:-1], edges[1:], strict=True)
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
        """A prediction without draws."""
        return cls(mean, np.zeros((0, *mean.shape), mean.dtype), std, grid=grid)
