"""What a dimension is, by the CF attributes of its coordinate, or by its name."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from mamba_diffae.fields.axis import CANONICAL, LATITUDES
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.rising import LONGITUDES

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

USUAL: dict[str, tuple[str, ...]] = {
    "time": ("time", "t", "date", "valid_time"),
    "member": ("realization", "member", "number", "ensemble", "ens"),
    "vertical": CANONICAL[1],
    "latitude": LATITUDES,
    "longitude": LONGITUDES,
    "north": ("y", "north", "northing"),
    "east": ("x", "east", "easting"),
}
"""What a dimension can be, and names that say so; the axis of a grid has one of them."""
_FIRST: dict[str, str] = {"vertical": "level", "latitude": "lat", "longitude": "lon"}
"""Names of axes where the dimension's own is not usual; else the first of the usual ones."""
_CF = {
    "latitude": ("coordinates", "latitude"),
    "longitude": ("coordinates", "longitude"),
    "time": ("coordinates", "time"),
    "vertical": ("coordinates", "vertical"),
    "north": ("axes", "Y"),
    "east": ("axes", "X"),
}
"""Where cf-xarray lists the coordinates of a kind, the most certain first."""


@final
@dataclass(frozen=True)
class Dimension:
    """A dimension of a data set.

    Attributes:
        name: Its own name.
        axis: Name of the axis of a grid that it is.
        role: A key of `USUAL`, or "" where nothing says what it is.
        coordinate: Its coordinate, one-dimensional; None: it has none.
    """

    name: Hashable
    axis: str
    role: str
    coordinate: DataArray | None


def dimensions(
    dataset: Dataset, names: Iterable[Hashable], told: Mapping[str, str]
) -> list[Dimension]:
    """What dimensions are.

    Args:
        dataset: With their coordinates.
        names: Of the dimensions.
        told: Names of axes by dimensions, which override what is found.

    Raises:
        ShapeError: If two are one axis, or a dimension that was told does not exist.
    """
    names = list(names)
    for name in told:
        if name not in dataset.dims:
            raise missing("dimension", name, list(dataset.dims))
    by_attribute = _by_attribute(dataset)
    found = [_dimension(dataset, name, by_attribute, told) for name in names]
    axes = [dimension.axis for dimension in found]
    twice = sorted({axis for axis in axes if axes.count(axis) > 1})
    if twice:
        given = ", ".join(str(d.name) for d in found if d.axis == twice[0])
        raise ShapeError(
            f"The dimensions {given} are both taken for the axis {twice[0]!r}; say what they are: "
            f'dims={{"{given.rpartition(", ")[2]}": "another name"}}.'
        )
    return found


def missing(kind: str, name: object, there: Sequence[Hashable], what: str = "") -> ShapeError:
    """The error for a name that does not exist, with the nearest."""
    names = [str(n) for n in there]
    longer = [n for n in names if len(n) > 1]  # a single letter is in many names
    close = difflib.get_close_matches(str(name), longer, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    holds = f"{what} has" if what else "there are"
    return ShapeError(f"The {kind} {str(name)!r} does not exist; {holds} {', '.join(names)}.{hint}")


def _by_attribute(dataset: Dataset) -> dict[Hashable, str]:
    """What coordinates are by their CF attributes, by name."""
    load_extra("cf_xarray", "An xarray object")
    accessor: Any = dataset.cf
    listed = {"axes": accessor.axes, "coordinates": accessor.coordinates}
    found: dict[Hashable, str] = {}
    for role, (kind, key) in _CF.items():
        for name in listed[kind].get(key, []):
            found.setdefault(name, role)
    for name, coordinate in dataset.coords.items():
        if coordinate.attrs.get("standard_name") == "realization":
            found[name] = "member"
    return found


def _dimension(
    dataset: Dataset, name: Hashable, by_attribute: Mapping[Hashable, str], told: Mapping[str, str]
) -> Dimension:
    along = {k: c for k, c in dataset.coords.items() if c.dims == (name,)}
    chosen = name if name in along else next((k for k in along if k in by_attribute), None)
    coordinate = None if chosen is None else along[chosen]
    if name in told:
        axis = str(told[str(name)])
        role = usual_role(axis)
        return Dimension(name, axis, role, coordinate)
    role = by_attribute.get(chosen, "") if chosen is not None else ""
    if not role:
        role = _by_name(str(name), coordinate)
    own = str(name)
    if not role or own.lower() in USUAL[role]:
        return Dimension(name, own, role, coordinate)
    return Dimension(name, _FIRST.get(role, USUAL[role][0]), role, coordinate)


def _by_name(name: str, coordinate: DataArray | None) -> str:
    """What a dimension without CF attributes is; a coordinate of dates is time."""
    if coordinate is not None and is_date(coordinate):
        return "time"
    return usual_role(name)


def usual_role(name: str) -> str:
    """What a name says that it is, a key of `USUAL`; "" if nothing."""
    return next((role for role, usual in USUAL.items() if name.lower() in usual), "")


def is_date(coordinate: DataArray) -> bool:
    """Whether these are dates, of any calendar."""
    if coordinate.dtype.kind == "M":
        return True
    return coordinate.dtype.kind == "O" and coordinate.size > 0 and is_cftime(coordinate)


def is_cftime(coordinate: DataArray) -> bool:
    """Whether these are dates of cftime."""
    first = coordinate.values.flat[0]
    return type(first).__module__.partition(".")[0] == "cftime"
