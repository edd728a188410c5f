"""Which cells no observation touches, and how far they are from the nearest one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from mamba_diffae.evaluation.baselines.space import Space
from mamba_diffae.evaluation.matching import matched
from mamba_diffae.fields import (
    Axis,
    FieldData,
    Grid,
    Observations,
    ShapeError,
    Variable,
    check_inside,
)

_ROUNDING = 1e-6
"""Share of a cell's width by which a place beside it, or a centre beside a box, may miss it."""
_AT_ONCE = 2**24
"""Pairs of an observation and a cell looked at together."""


def untouched(
    grid: Grid, observations: Observations, variables: Sequence[Variable] | None = None
) -> np.ndarray:
    """Where no observation says anything of a value.

    An observation touches the cell that it lies in, and those whose centre lies in its support; on
    an edge, both. It touches the variables that it observes.

    Args:
        grid: P cells.
        observations: Of B fields; their labels tell the order and units of their axes.
        variables: C of them, by whose names those of the observations are found; None: they are in
            order.

    Returns:
        Shape (B, *shape, C), bool.

    Raises:
        ShapeError: If the observations have other axes.
        CoordinateError: If one lies outside the grid.
        ValueError: As `by_names` and `in_units`.
    """
    observations = matched(observations, grid.axes, variables)
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
    found = np.zeros((grid.cells, mask.shape[1]), dtype=bool)
    if not len(coords):
        return found
    coords, support = check_inside(coords, grid), np.zeros_like(coords)
    if observed.support is not None:
        support = observed.support[0].double().cpu().numpy()
    step = max(1, _AT_ONCE // grid.cells)
    for i in range(0, len(coords), step):
        rows = slice(i, i + step)
        pairs = [
            _touched_along(axis, coords[rows, d], support[rows, d])
            for d, axis in enumerate(grid.axes)
        ]
        around, within = (reduce(_product, part) for part in zip(*pairs, strict=True))
        touched = (around | within).astype(np.float32)
        found |= touched.T @ mask[rows].astype(np.float32) > 0
    return found


def _touched_along(
    axis: Axis, place: np.ndarray, side: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of an axis around each place, and those with their centre in its box, (N, cells)."""
    apart = np.abs(axis.centres - place[:, None])
    if axis.periodic:
        apart = np.mod(apart, axis.span)
        apart = np.minimum(apart, axis.span - apart)
    margin = _ROUNDING * axis.widths
    return apart <= axis.widths / 2 + margin, apart <= side[:, None] / 2 + margin


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a[:, :, None] & b[:, None, :]).reshape(len(a), -1)


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

    space, observations = Space.of_data(data), matched(observations, data.grid.axes, data.variables)
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
