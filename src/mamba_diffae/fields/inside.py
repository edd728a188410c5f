"""Are places inside a grid? If not, which, and what was probably meant."""

from __future__ import annotations

import itertools

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.errors import CoordinateError, ShapeError, ValuesError
from mamba_diffae.fields.given import float_array
from mamba_diffae.fields.grid import Grid

ROUNDING = 1e-5
"""Share of an axis by which a place may lie outside, as single precision would put it."""
_TOLD = 3
"""Places that a message numbers, at most."""


def check_inside(coords: np.ndarray, grid: Grid, what: str = "observations") -> np.ndarray:
    """Places within a grid, those one rounding outside put on its border.

    Args:
        coords: Finite, in the units of the grid, shape (N, D).
        grid: Where they should lie.
        what: The name to use in messages.

    Returns:
        Shape (N, D), float64; on a periodic axis within one period.

    Raises:
        ShapeError: If there are no points, or other columns than axes.
        CoordinateError: If a place lies outside.
    """
    if coords.ndim != 2 or coords.shape[1] != grid.dim or not len(coords):
        raise ShapeError(
            f"The {what} have coordinates of shape {coords.shape}; expected (N, {grid.dim}), one "
            f"point or more, with the columns {', '.join(grid.names)}."
        )
    given = float_array(coords, f"The coordinates of the {what}", CoordinateError)
    x = given.copy()
    outside = np.zeros(len(x), dtype=bool)
    for d, axis in enumerate(grid.axes):
        outside |= ~np.isfinite(x[:, d])
        if axis.periodic:
            with np.errstate(invalid="ignore"):  # infinite ones are refused below
                # Another convention is a turn apart; what lies farther is a fill value.
                outside |= np.abs(x[:, d] - (axis.low + axis.high) / 2) > 2 * axis.span
                x[:, d] = axis.low + np.mod(x[:, d] - axis.low, axis.span)
            continue
        margin = ROUNDING * axis.span
        x[:, d] = other_turn(x[:, d], axis)
        outside |= ~((x[:, d] >= axis.low - margin) & (x[:, d] <= axis.high + margin))
        x[:, d] = x[:, d].clip(axis.low, axis.high)
    if outside.any():
        raise CoordinateError(_message(given, outside, grid, what))
    return x


def other_turn(x: np.ndarray, axis: Axis) -> np.ndarray:
    """Coordinates along an axis; longitudes of the other convention a turn of the globe further.

    >>> other_turn(np.array([355.5, 3.0]), Axis.regular("lon", -10, 10, 4, "degrees_east")).tolist()
    [-4.5, 3.0]

    Args:
        x: Any shape.
        axis: On which they lie after the turn; those that do not are left as they are, as are all
            on axes that close, or are none of longitudes.
    """
    if axis.periodic or not axis.is_longitude:
        return x
    margin = ROUNDING * axis.span
    with np.errstate(invalid="ignore"):
        turned = axis.low + np.mod(x - axis.low, 360)
    turned = np.where(turned > axis.low + 360 - margin, turned - 360, turned)
    far = (x < axis.low - margin) | (x > axis.high + margin)
    return np.where(far & (np.abs(x) <= 720) & (turned <= axis.high + margin), turned, x)


def check_support(side: np.ndarray, grid: Grid) -> None:
    """Refuse averaged boxes larger than the field.

    Args:
        side: Their sides, shape (N, D), in the units of the grid.
        grid: On which they lie.

    Raises:
        ValuesError: It names the axis, the largest side and how many are too large.
    """
    for axis, sides in zip(grid.axes, side.T, strict=True):
        larger = sides > axis.span * (1 + ROUNDING)
        if larger.any():
            unit = axis.unit and f" {axis.unit}"
            raise ValuesError(
                f"{int(larger.sum())} of {len(side)} supports are larger than the field: the "
                f"largest is {sides.max():g}{unit} along {axis.name}, but the field has "
                f"{axis.describe()}; give the sides of the averaged box in the unit of the axis."
            )


def _message(coords: np.ndarray, outside: np.ndarray, grid: Grid, what: str) -> str:
    numbers = np.flatnonzero(outside)
    which = ", ".join(map(str, numbers[:_TOLD])) + (", …" if len(numbers) > _TOLD else "")
    place = ", ".join(f"{n} {v:.9g}" for n, v in zip(grid.names, coords[numbers[0]], strict=True))
    told = (
        f"{len(numbers)} of {len(coords)} {what} lie outside the grid, number {which}, the first "
        f"at {place}; the grid has {grid.describe_region()}."
    )
    # Other columns were meant only if most of the places make no sense as they are.
    orders = itertools.permutations(range(grid.dim)) if 2 * len(numbers) > len(coords) else ()
    for order in orders:
        if order != tuple(range(grid.dim)) and _all_inside(coords[:, order], grid):
            given = ", ".join(grid.names[order.index(d)] for d in range(grid.dim))
            return (
                f"{told} As columns in the order ({given}) all would lie inside: give them as "
                f"({', '.join(grid.names)})."
            )
    return f"{told} Drop them, or use a model of a larger region."


def _all_inside(coords: np.ndarray, grid: Grid) -> bool:
    return bool(np.isfinite(coords).all()) and all(
        axis.periodic or ((x >= axis.low) & (x <= axis.high)).all()
        for axis, x in zip(grid.axes, coords.T, strict=True)
    )
