"""Which cells no observation touches, and how far they are from the nearest one."""

from __future__ import annotations

from functools import reduce

import numpy as np

from mamba_diffae.evaluation.baselines.space import Space
from mamba_diffae.fields import Axis, FieldData, Grid, Observations, ShapeError

_SLIVER = 1e-3
"""Share of a cell's width: a box that reaches less far into it does so by rounding."""
_AT_ONCE = 2**24
"""Pairs of an observation and a row of cells looked at together."""


def untouched(grid: Grid, observations: Observations) -> np.ndarray:
    """Where no observation says anything of a value.

    An observation touches the cells that its support reaches into; a point touches its cell. It
    touches the variables that it observes.

    Args:
        grid: P cells.
        observations: Of B fields, in the coordinates of the grid.

    Returns:
        Shape (B, *shape, C), bool.

    Raises:
        ShapeError: If the observations have other axes.
    """
    if observations.dim != grid.dim:
        raise ShapeError(
            f"Observations on {observations.dim} axes were given for a grid of {grid.dim} "
            f"({', '.join(grid.names)}); pass the observations of fields on that grid."
        )
    touched = [_touched(grid, part) for part in observations.fields()]
    return ~np.stack(touched).reshape(len(observations), *grid.shape, observations.n_variables)


def _touched(grid: Grid, observed: Observations) -> np.ndarray:
    """Which values the observations of one field touch, shape (P, C)."""
    coords, mask = _numbers(observed)
    support = np.zeros_like(coords)
    if observed.support is not None:
        support = observed.support[0].double().cpu().numpy()
    found = np.zeros((grid.cells, mask.shape[1]))
    step = max(1, _AT_ONCE // grid.cells)
    for i in range(0, len(coords), step):
        rows = slice(i, i + step)
        along = [
            _touched_along(axis, coords[rows, d], support[rows, d])
            for d, axis in enumerate(grid.axes)
        ]
        cells = reduce(lambda a, b: (a[:, :, None] & b[:, None]).reshape(len(a), -1), along)
        found += cells.T.astype(np.float32) @ mask[rows].astype(np.float32)
    return found > 0


def _touched_along(axis: Axis, place: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Cells of an axis that the box of each observation reaches into, shape (N, cells)."""
    apart = np.abs(axis.centres - place[:, None])
    if axis.periodic:
        apart = np.mod(apart, axis.span)
        apart = np.minimum(apart, axis.span - apart)
    # A box must reach into a cell; a point on an edge lies in both cells.
    margin = np.where(side > 0, -_SLIVER, _SLIVER)[:, None] * axis.widths
    return apart <= (axis.widths + side[:, None]) / 2 + margin


def nearest_distance(data: FieldData, observations: Observations) -> np.ndarray:
    """Distance from each cell to the nearest observation of any variable, in widths of a cell.

    From centre to centre, by the geometry of the region: round periodic axes, on the sphere. A time
    axis counts by how fast fields change along it, see `Frame`. A width is that of a cube as large
    as the mean cell.

    Args:
        data: S fields.
        observations: Of those fields, in the same order.

    Returns:
        Shape (S, *shape); inf in a field without observations.
    """
    from scipy.spatial import KDTree

    space = Space.of_data(data)
    centres = space.places(data.grid.centres()).embedded
    width = (np.prod(space.geometry.extent) / data.grid.cells) ** (1 / data.grid.dim)
    found = np.full((len(data), data.grid.cells), np.inf)
    for s, part in enumerate(observations.fields()):
        coords, _ = _numbers(part)
        if len(coords):
            found[s] = KDTree(space.places(coords).embedded).query(centres)[0] / width
    return found.reshape(len(data), *data.shape)


def _numbers(observed: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, D) and which variables were observed there (N, C), of one field."""
    return observed.coords[0].double().cpu().numpy(), observed.mask[0].cpu().numpy()
