"""From the coordinates that a user gives to a grid."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mamba_diffae.fields import Axis, AxisError, Grid, Shape, ShapeError
from mamba_diffae.fields.axis import LATITUDES, LONGITUDES
from mamba_diffae.fields.rising import Order, round_the_globe
from mamba_diffae.registry import unknown

Coordinates = int | Sequence[float] | np.ndarray
"""Centres of n cells, or their n + 1 edges, rising or falling; or n alone."""
_CIRCLE = 1e-4
"""Relative error of a full circle of longitudes, which are often float32."""
_FARTHEST = 540.0
"""Degrees that a longitude has at most: 180, and 360 more where an axis goes on past the seam."""


def make_grid(
    shape: Shape,
    axes: Mapping[str, Coordinates] | None,
    units: Mapping[str, str],
    periodic: Collection[str] | None,
    what: str,
) -> tuple[Grid, dict[int, Order]]:
    """A grid of a shape, and the order of the cells along those of its axes that do not rise.

    Args:
        shape: Cells along each axis.
        axes: Coordinates by name, in the order of the shape; None: none are known.
        units: By the names of axes.
        periodic: Names of the axes that close; None: longitudes that go round the globe do.
        what: The name to use in messages.

    Raises:
        ShapeError: If the coordinates are of another shape.
        AxisError: If an axis has one cell, or coordinates that are no numbers, or neither rise nor
            fall throughout, or latitudes or longitudes that cannot lie on the globe.
    """
    given = (
        dict(axes) if axes is not None else dict(zip(Grid.default(shape).names, shape, strict=True))
    )
    for name, cells in zip(given, shape, strict=True):
        if cells < 2:
            raise AxisError(
                f"{what} has one cell along the axis {name!r}, which so has no extent; drop it: "
                "array.squeeze(axis)."
            )
    _check_counts(shape, given, what)
    counts = [n for n, c in zip(shape, given.values(), strict=True) if np.ndim(c) == 0]
    made, orders = [], {}
    for d, (name, coordinates) in enumerate(given.items()):
        if np.ndim(coordinates) == 0:
            axis = Axis.regular(name, 0.0, shape[d] / max(counts), shape[d], units.get(name, ""))
        else:
            axis, order = _axis(name, coordinates, shape[d], units.get(name))
            orders |= {} if order is None else {d: order}
        made.append(axis)
    return Grid(_closed(made, periodic)), orders


def _check_counts(shape: Shape, given: Mapping[str, Coordinates], what: str) -> None:
    def fits(cells: int, coordinates: Coordinates) -> bool:
        if np.ndim(coordinates) == 0:
            return coordinates == cells
        return np.ndim(coordinates) == 1 and len(coordinates) in (cells, cells + 1)  # pyright: ignore[reportArgumentType]

    if not all(fits(n, c) for n, c in zip(shape, given.values(), strict=True)):
        counts = ", ".join(f"{k} {c if np.ndim(c) == 0 else np.shape(c)}" for k, c in given.items())
        raise ShapeError(
            f"{what} has {' × '.join(map(str, shape))} cells, but its axes were given as {counts}; "
            "give them in the order of the array, each with as many centres as cells, or one more "
            "edges."
        )


def _axis(
    name: str, coordinates: Coordinates, cells: int, unit: str | None
) -> tuple[Axis, Order | None]:
    """An axis, and the order of its cells if their coordinates do not rise, which is said."""
    x = np.asarray(coordinates)
    if x.dtype.kind not in "iuf":
        raise AxisError(
            f"The axis {name!r} has coordinates of the type {x.dtype}; expected numbers, so give "
            "times as hours or days since one of them."
        )
    x = x.astype(np.float64)
    order: Order | None = None
    if (np.diff(x) < 0).all():
        order = slice(None, None, -1)
        warnings.warn(
            f"The coordinates of the axis {name!r} fall, from {x[0]:g} to {x[-1]:g}; they and the "
            "values are turned, so that they rise.",
            stacklevel=5,
        )
        x = x[order]
    if unit is None:
        unit = _degrees(name, x)
    if len(x) != cells:
        return Axis(name, x, unit), order
    seam = round_the_globe(x) if name.lower() in LONGITUDES and unit.startswith("deg") else None
    if seam is not None:
        x, rolled = seam
        order = rolled if order is None else np.arange(cells)[order][rolled]
        warnings.warn(
            f"The longitudes {name!r} go on behind a seam of the globe: they are taken as "
            f"{x[0]:g} to {x[-1]:g}, and the values alike.",
            stacklevel=5,
        )
    axis = Axis.from_centres(name, x, unit)
    if axis.is_longitude:
        _check_circle(axis, x)
    return axis, order


def _check_circle(axis: Axis, x: np.ndarray) -> None:
    """Refuse longitudes (n,) that come twice."""
    repeated = int((x >= x[0] + 360 * (1 - _CIRCLE)).sum())
    if repeated:
        columns = "column" if repeated == 1 else f"{repeated} columns"
        raise AxisError(
            f"The axis {axis.name!r} goes from {x[0]:g} to {x[-1]:g} degrees, so that its first "
            "and last cells are one place; expected each meridian once: drop the last "
            f"{columns}, {axis.name}[:-{repeated}] and the values alike."
        )


def _is_circle(axis: Axis) -> bool:
    """Whether longitudes go once round the globe."""
    return axis.is_longitude and abs(axis.span / 360 - 1) < _CIRCLE


def _degrees(name: str, x: np.ndarray) -> str:
    """The unit of latitudes and longitudes that were given none.

    Raises:
        AxisError: If latitudes lie beyond the poles.
    """
    farthest = abs(x).max()
    if name.lower() in LATITUDES:
        if 90 < farthest < np.inf:
            raise AxisError(
                f"The axis {name!r} reaches from {x.min():g} to {x.max():g}; latitudes lie within "
                "±90 degrees. Are latitudes and longitudes swapped? Give the axes in the order of "
                f'the array, or units={{"{name}": "km"}} if it is no latitude.'
            )
        return "degrees_north"
    return "degrees_east" if name.lower() in LONGITUDES and farthest <= _FARTHEST else ""


def _closed(axes: Sequence[Axis], periodic: Collection[str] | None) -> tuple[Axis, ...]:
    names = [axis.name for axis in axes]
    if periodic is None:
        circles = [axis for axis in axes if _is_circle(axis)]
        for axis in circles:
            if not axis.even_cells:
                warnings.warn(
                    f"The axis {axis.name!r} goes round the globe, but its widest cell spans "
                    f"{axis.widths.max():g} degrees and the median one "
                    f"{np.median(axis.widths):g}; it is not taken as periodic. Give cells of about "
                    "one width, and it is; give periodic=(), and this is not said.",
                    stacklevel=5,
                )
        periodic = [axis.name for axis in circles if axis.even_cells]
    periodic = [periodic] if isinstance(periodic, str) else periodic
    for name in periodic:
        if name not in names:
            raise unknown("axis", str(name), names)
    return tuple(replace(axis, periodic=axis.name in periodic) for axis in axes)
