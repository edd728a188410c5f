"""Which columns of a table hold the coordinates and the values: as named, or by common names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mamba_diffae.fields.axis import canonical_order
from mamba_diffae.fields.axis_names import SYNONYMS, TIMES, same_axis, simple
from mamba_diffae.fields.errors import TableError
from mamba_diffae.fields.tables.opening import OpenedTable

_PAIRS = (("lat", "lon"), ("y", "x"))
"""Axes that are looked for in a table that says nothing, the first pair that is there."""


def axis_columns(
    table: OpenedTable, coords: Sequence[str] | Mapping[str, str] | None, axes: Mapping[str, str]
) -> dict[str, str]:
    """The column of each axis, in the canonical order of the axes.

    Args:
        table: What it is looked for in.
        coords: Columns, or columns by the name of their axis.
        axes: More columns, by the usual name of their axis, such as "lon".

    Raises:
        TableError: If a column is missing, axes are named twice, or nothing is recognised.
    """
    usual = {name for names in SYNONYMS for name in names}
    for name in set(axes) - usual:
        raise TableError(
            f"{name!r} is neither an option nor a usual name of an axis ({', '.join(sorted(usual))}"
            f"); name other axes by coords={{{name!r}: column}}."
        )
    pairs = [*_named(coords), *axes.items()] or list(_recognised(table).items())
    for axis, column in pairs:
        table.column(column, f"the coordinate {axis}")
    found = dict(pairs)
    if len({simple(axis) for axis in found}) < len(pairs) or len(set(found.values())) < len(pairs):
        told = ", ".join(f"{axis}: {column!r}" for axis, column in pairs)
        raise TableError(f"An axis or a column was named twice ({told}); name each once.")
    names = list(found)
    return {names[d]: found[names[d]] for d in canonical_order(names)}


def _named(coords: Sequence[str] | Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Axes and columns: a column alone names its axis, by the usual name of that."""
    if coords is None:
        return []
    if isinstance(coords, Mapping):
        return list(coords.items())
    return [(_axis_of(name), name) for name in ([coords] if isinstance(coords, str) else coords)]


def _axis_of(column: str) -> str:
    bare = simple(str(column))  # numbers, which name no column, are refused where it is looked for
    return next((names[0] for names in SYNONYMS if bare in names), column)


def _recognised(table: OpenedTable) -> dict[str, str]:
    """Latitude and longitude, or y and x, or x alone."""
    every = {axis: like(axis, table.names) for pair in _PAIRS for axis in pair}
    complete = [pair for pair in _PAIRS if all(every[axis] for axis in pair)]
    if len(complete) == 1:
        found = {axis: every[axis] for axis in complete[0]}
    else:
        found = {"x": every["x"]} if every["x"] and not (complete or every["y"]) else {}
    if not found or any(len(columns) > 1 for columns in found.values()):
        raise TableError(
            f"The coordinates of {table.name} are not recognised among {', '.join(table.names)}; "
            "name their columns, such as lon='LONGITUDE', lat='LATITUDE', or coords=['x', 'y']."
        )
    return {axis: columns[0] for axis, columns in found.items()}


def column_of(table: OpenedTable, axis: str) -> str:
    """The column of an axis: of its name, or of another usual spelling of it.

    Raises:
        TableError: If there is none, or several.
    """
    if axis in table.names:
        return axis
    found = like(axis, table.names)
    if len(found) != 1:
        raise TableError(
            f"{table.title} has {len(found) or 'no'} columns for the axis {axis!r}; it has "
            f"{', '.join(table.names)}. Rename the one that holds it to {axis!r}."
        )
    return found[0]


def like(axis: str, names: Iterable[str]) -> list[str]:
    """Those names that are of an axis."""
    return [name for name in names if same_axis(axis, name)]


def value_columns(
    table: OpenedTable, values: str | Sequence[str] | Mapping[str, str] | None, used: Iterable[str]
) -> dict[str, str]:
    """The column of each variable.

    Args:
        table: What it is looked for in.
        values: Columns, or columns by the name of their variable; None: the only other column of
            numbers.
        used: Columns that hold something else.

    Raises:
        TableError: If there is no such column, or several could be meant.
    """
    if isinstance(values, Mapping):
        found = dict(values)
    elif values is not None:
        several = [values] if isinstance(values, str | int) else values
        found = {name: name for name in several}
    else:
        taken = {*used, *(name for name in table.names if simple(name) in TIMES)}
        kinds = zip(table.frame.columns, table.frame.dtypes, strict=True)
        numeric = [str(name) for name, kind in kinds if kind.kind in "iuf"]
        left = [name for name in numeric if name not in taken]
        if len(left) != 1:
            raise TableError(
                f"{table.title} has {len(left)} other columns of numbers "
                f"({', '.join(left) or 'none'}); name those that hold the measured values, such "
                "as values=['sst']."
            )
        found = {left[0]: left[0]}
    if not found:
        raise TableError("values names no column; give one or more, such as values=['sst'].")
    for variable, column in found.items():
        table.column(column, f"values of {variable}")
    return found
