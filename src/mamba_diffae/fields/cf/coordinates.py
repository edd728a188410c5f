"""Coordinates of a dimension as numbers that rise, with the edges of cells where they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from mamba_diffae.fields.cf.roles import Dimension, is_date
from mamba_diffae.fields.errors import AxisError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.rising import Order, round_the_globe

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_DEGREES = {"latitude": "degrees_north", "longitude": "degrees_east"}
_SAME = 1e-6
"""Share of the span by which bounds of neighbouring cells may differ: they are often float32."""


@final
@dataclass(frozen=True, eq=False)
class Coordinates:
    """Numbers along a dimension.

    Attributes:
        centres: Of the cells, rising unless they do neither, shape (n,), float64.
        edges: Of the cells, shape (n + 1,); None: no bounds are given, or the cells do not touch.
        unit: Of both; None: none is given.
        order: In which they stand along the dimension, if not in this one.
    """

    centres: np.ndarray
    edges: np.ndarray | None
    unit: str | None
    order: Order | None

    def index(self) -> np.ndarray:
        """Number of the cell of each place along the dimension, shape (n,)."""
        places = np.arange(len(self.centres))
        found = np.empty_like(places)
        found[places if self.order is None else places[self.order]] = places
        return found


def coordinates(
    dimension: Dimension, dataset: Dataset, *, since: str | None = None
) -> Coordinates | None:
    """The coordinates of a dimension.

    Args:
        dimension: Of the data set.
        dataset: It may hold the bounds of the cells.
        since: Unit of dates, such as "days since 2000-01-01"; None: that of their file, or days
            since the first.

    Returns:
        None if it has no coordinate.

    Raises:
        AxisError: If they are no numbers, or latitudes beyond the poles.
    """
    given = dimension.coordinate
    if given is None:
        return None
    bounds = _bounds(dimension, dataset)
    if is_date(given):
        return _dates(given, bounds, since)
    if given.dtype.kind not in "iuf":
        raise AxisError(
            f"The coordinate {given.name!s} of the dimension {dimension.name!s} has the type "
            f"{given.dtype}; expected numbers or dates."
        )
    x = given.values.astype(np.float64)
    if dimension.role == "latitude" and x.size and np.abs(x).max() > 90:
        raise AxisError(
            f"The latitudes {given.name!s} reach from {x.min():g} to {x.max():g}; latitudes lie "
            "within ±90 degrees. Are latitudes and longitudes swapped? If it is no latitude, "
            f'dims={{"{dimension.name!s}": "y"}}.'
        )
    unit = str(given.attrs.get("units", "")) or _DEGREES.get(dimension.role)
    edges = None if bounds is None else bounds.astype(np.float64)
    if edges is not None and dimension.role == "latitude":
        edges = edges.clip(-90, 90)
    around = dimension.role == "longitude" and (unit or "").lower().startswith(("deg", "°"))
    return _rising(x, edges, unit, round_globe=around)


def _dates(given: DataArray, bounds: np.ndarray | None, since: str | None) -> Coordinates:
    """Dates as numbers, in the calendar of their own."""
    encode = load_extra("xarray.coding.times", "An axis of dates").encode_cf_datetime
    unit = since or given.encoding.get("units")
    calendar = given.encoding.get("calendar")
    numbers, unit, calendar = encode(given.values, unit, calendar, dtype=np.dtype(np.float64))
    edges = None
    if bounds is not None and bounds.dtype.kind in "MO":
        edges = encode(bounds, unit, calendar, dtype=np.dtype(np.float64))[0]
    return _rising(np.asarray(numbers, np.float64), edges, str(unit))


def _bounds(dimension: Dimension, dataset: Dataset) -> np.ndarray | None:
    """Bounds of the cells as the file has them, shape (n, 2)."""
    given = dimension.coordinate
    name = None if given is None else given.attrs.get("bounds", given.encoding.get("bounds"))
    if name is None or name not in dataset.variables:
        return None
    bounds = dataset[name]
    if len(bounds.dims) != 2 or bounds.dims[0] != dimension.name or bounds.shape[1] != 2:
        return None
    return bounds.values


def _rising(
    x: np.ndarray, bounds: np.ndarray | None, unit: str | None, round_globe: bool = False
) -> Coordinates:
    order: Order | None = None
    if len(x) > 1 and (np.diff(x) < 0).all():
        order = slice(None, None, -1)
    seam = round_the_globe(x if order is None else x[order]) if round_globe else None
    if seam is not None:
        order = seam[1] if order is None else np.arange(len(x))[order][seam[1]]
    if order is not None:
        given, x = x[order], x[order] if seam is None else seam[0]
        bounds = None if bounds is None else bounds[order] + (x - given)[:, None]
    if bounds is None:
        return Coordinates(x, None, unit, order)
    low, high = np.sort(bounds, axis=1).T
    near = _SAME * abs(high[-1] - low[0])
    touch = (np.abs(low[1:] - high[:-1]) <= near).all()
    around = ((low - near <= x) & (x <= high + near)).all() and (low < high).all()
    edges = np.append(low, high[-1]) if touch and around else None
    return Coordinates(x, edges, unit, order)
