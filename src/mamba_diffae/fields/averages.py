"""Fields averaged over the cells of a coarser grid, weighted by area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.overlap import average

if TYPE_CHECKING:
    from mamba_diffae.fields.data import FieldData

_LEAST_WEIGHT = 1e-6
"""Share of a coarse cell that must be known, for it to have a value."""


def coarser_grid(data: FieldData, given: int | Sequence[int] | Grid) -> Grid:
    """The grid of a shape, no finer than that of fields; see `FieldData.at`.

    Raises:
        ShapeError: If it is finer, or of another region: enlarging gives no truth.
    """
    grid = data.grid
    if isinstance(given, int | np.integer):
        given = grid.scaled_shape(int(given))
    if not isinstance(given, Grid | Sequence | np.ndarray):
        raise ShapeError(
            f"{given!r} cells were asked; give whole numbers, one for each axis "
            f"({', '.join(grid.names)}), or one along the longest."
        )
    shape = given.shape if isinstance(given, Grid) else tuple(given)
    fits = len(shape) == grid.dim and all(
        1 <= n <= native for n, native in zip(shape, grid.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{' × '.join(map(str, shape))} cells were asked, but the fields have "
            f"{grid.describe_shape()} ({', '.join(grid.names)}): above the native shape there is "
            "no truth to compare with; ask for at most so many."
        )
    if not isinstance(given, Grid):
        return grid if shape == grid.shape else grid.regrid(shape)
    if not grid.same_region(given):
        raise ShapeError(
            f"The fields lie on {grid.describe_region()}, but an average over "
            f"{given.describe_region()} was asked; give a grid of the same region."
        )
    return given


def averaged(
    data: FieldData, values: np.ndarray, rows: slice, target: Grid, kind: type
) -> tuple[np.ndarray, np.ndarray]:
    """Averages over the cells of a target, and where there are any, both (S, *target.shape, C).

    Args:
        data: Grid and gaps.
        values: Of all its snapshots, of the shape of `data.values`.
        rows: Snapshots that are wanted.
        target: From `coarser_grid`.
        kind: Type of the averages.
    """
    grid, matrices = data.grid, data.grid.overlaps(target)
    if data.valid is None and grid.mask is None:
        measures = (axis.measures for axis in grid.axes)
        weighted = [m * w for m, w in zip(matrices, measures, strict=True)]
        means = [(w / w.sum(axis=1, keepdims=True)).astype(kind) for w in weighted]
        found = average(values[rows].astype(kind), means)
        return found, np.ones(found.shape, dtype=bool)
    weight = grid.weights()[..., None] * data.valid_mask()[rows]
    mass = average(values[rows] * weight, matrices)
    total, whole = (average(w, matrices) for w in (weight, grid.weights()[None, ..., None]))
    known = total > _LEAST_WEIGHT * np.where(whole > 0, whole, 1)
    found = np.divide(mass, total, out=np.zeros_like(mass), where=known)
    return found.astype(kind), known
