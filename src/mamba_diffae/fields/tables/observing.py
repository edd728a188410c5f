"""Observations from the rows of a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from mamba_diffae.fields.axis import LATITUDES
from mamba_diffae.fields.axis_names import TIMES, simple
from mamba_diffae.fields.errors import CoordinateError, TableError, ValuesError
from mamba_diffae.fields.fill_values import suspect_fill
from mamba_diffae.fields.labels import Labels
from mamba_diffae.fields.points import average_repeats
from mamba_diffae.fields.rising import LONGITUDES
from mamba_diffae.fields.tables.naming import axis_columns, value_columns
from mamba_diffae.fields.tables.opening import OpenedTable, TableWarning
from mamba_diffae.fields.tables.times import time_groups

_FARTHEST = 720.0
"""Degrees that a longitude has at most, in any convention."""
Side = float | str | Mapping[str, float | str] | None
"""A number, the column that holds it, or either by the name of an axis or a variable."""


@final
@dataclass(frozen=True)
class TableColumns:
    """Where in a table observations stand; see `Observations.from_table`.

    Attributes:
        values: Columns of the measured variables, or columns by the names of variables.
        coords: Columns of the coordinates, or columns by the names of axes.
        noise: Standard deviation of the values.
        support: Sides of the averaged box.
        time: Column of the times, each distinct one of which is a snapshot.
        axes: More columns of coordinates, by the usual names of their axes.
        noise_group: Column of groups that share an offset.
    """

    values: str | Sequence[str] | Mapping[str, str] | None
    coords: str | Sequence[str] | Mapping[str, str] | None
    noise: Side
    support: Side
    time: str | None
    axes: Mapping[str, str]
    noise_group: str | None = None


def table_observations(given: Any, columns: TableColumns) -> tuple[list[dict[str, Any]], Labels]:
    """The parts of `Observations` of each snapshot, (N, …) as tensors, and their names.

    Raises:
        ValueError: As `Observations.from_table`.
    """
    table = OpenedTable.of(given)
    axes = axis_columns(table, columns.coords, columns.axes)
    of_rows = filter(None, [columns.time, columns.noise_group])
    used = [*axes.values(), *of_rows, *_named(columns.noise, columns.support)]
    variables = value_columns(table, columns.values, used)
    y = np.stack([table.numbers(c, f"values of {v}") for v, c in variables.items()], axis=1)
    known = np.isfinite(y)
    kept = np.asarray(known.any(axis=1))
    if not kept.any():
        raise ValuesError(
            f"None of the {len(y)} rows of {table.name} has a value of {', '.join(variables)}; "
            "name the columns of what was measured (values), or give rows that have some."
        )
    for c, column in enumerate(variables.values()):
        suspect_fill(y[known[:, c], c], column, "leave those fields empty, or drop their rows")
    _say(table, columns, axes, variables, int((~kept).sum()))
    snapshots, codes = ((), np.where(kept, 0, -1))
    if columns.time is not None:
        snapshots, codes = time_groups(table, columns.time, kept)
    parts = {
        "coords": places(table, axes, kept),
        "values": np.where(known, y, 0),
        "mask": known,
        "support": _sides(table, "support", columns.support, list(axes), kept[:, None]),
        "noise": _sides(table, "noise", columns.noise, list(variables), known),
        "noise_group": _groups(table, columns.noise_group, kept),
        "snapshot": codes,
    }
    parts = {name: part[kept] for name, part in parts.items() if part is not None}
    units = [tuple(map(table.unit, columns.values())) for columns in (axes, variables)]
    labels = Labels(tuple(axes), tuple(variables), snapshots, *(u if any(u) else () for u in units))
    return _by_snapshot(_without_repeats(parts)), labels


def places(table: OpenedTable, axes: Mapping[str, str], kept: np.ndarray) -> np.ndarray:
    """Coordinates of all rows, shape (N, D); of rows that are not kept whatever stands there.

    Raises:
        TableError: If one is no number.
        CoordinateError: If one of a row that is kept is missing, or beyond the poles.
    """
    columns = {axis: table.numbers(c, f"the coordinate {axis}") for axis, c in axes.items()}
    for axis, x in columns.items():
        bad = np.flatnonzero(kept & ~np.isfinite(x))
        if len(bad):
            raise CoordinateError(
                f"The coordinate {axis} is missing or infinite where there is a value: "
                f"{table.rows(bad)}; fill it in, or drop those rows."
            )
        limit = _limit(axis)
        bad = np.flatnonzero(kept & (abs(x) > limit))
        if len(bad):
            raise CoordinateError(_beyond(table, axes, axis, x, bad))
    return np.stack(list(columns.values()), axis=1)


def _limit(axis: str) -> float:
    """The largest coordinate of an axis, by its name."""
    if axis.lower() in LATITUDES:
        return 90.0
    return _FARTHEST if axis.lower() in LONGITUDES else np.inf


def _beyond(
    table: OpenedTable, axes: Mapping[str, str], axis: str, x: np.ndarray, bad: np.ndarray
) -> str:
    told = (
        f"The column {axes[axis]!r}, named as {axis}, holds {x[bad[0]]:g} in {table.rows(bad)}; "
        f"expected degrees within ±{_limit(axis):g}."
    )
    others = [c for name, c in axes.items() if name.lower() in LONGITUDES]
    if others and axis.lower() in LATITUDES:
        other = table.numbers(others[0], "longitude")
        if np.nanmax(abs(other)) <= 90:
            return f"{told} Are {axes[axis]!r} and {others[0]!r} swapped?"
    return f"{told} Correct or drop it; name distances as axes of their own, y= and x=."


def _sides(
    table: OpenedTable, what: str, given: Side, names: list[str], used: np.ndarray
) -> np.ndarray | None:
    """Noise or support, shape (N, K), as numbers or from columns; K names, all of them or none.

    Raises:
        TableError: If a column is missing, or names are not those that are needed.
        ValuesError: If one that is used is missing, negative or infinite.
    """
    if given is None:
        return None
    each = given if isinstance(given, Mapping) else dict.fromkeys(names, given)
    if set(each) != set(names):
        raise TableError(
            f"{what} was given for {', '.join(map(str, each))}; expected one for each of "
            f"{', '.join(names)}, or a single number or column for all."
        )
    count = len(table.frame)
    columns = [
        table.numbers(side, f"{what} of {name}")
        if isinstance(side := each[name], str)
        else np.full(count, _number(side, what))
        for name in names
    ]
    sides = np.stack(columns, axis=1)
    bad = np.flatnonzero((used & ~(np.isfinite(sides) & (sides >= 0))).any(axis=1))
    if len(bad):
        raise ValuesError(
            f"{what} is missing, negative or infinite where there is a value: {table.rows(bad)}; "
            f"a {what} is 0 or positive."
        )
    return np.where(used, sides, 0)


def _groups(table: OpenedTable, column: str | None, kept: np.ndarray) -> np.ndarray | None:
    """A number for each group that a column names, shape (N,).

    Raises:
        TableError: If there is no such column.
        ValuesError: If a row that is kept belongs to none.
    """
    if column is None:
        return None
    named = table.column(column, "the noise group")
    bad = np.flatnonzero(kept & named.isna().to_numpy())
    if len(bad):
        raise ValuesError(
            f"The column {column!r}, named as noise group, is empty where there is a value: "
            f"{table.rows(bad)}; give each such reading a group, one of its own if it shares none."
        )
    # Rows that are left out may lack a group, and a missing one does not sort among names.
    told = np.where(named.isna().to_numpy(), "", named.astype(str).to_numpy()).astype(str)
    return np.unique(told, return_inverse=True)[1].astype(np.int64)


def _number(given: Any, what: str) -> float:
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise TableError(
            f"{what} was given as {type(given).__name__}; expected a number, the name of a column, "
            "or either for each name."
        ) from error


def _without_repeats(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of one place and snapshot averaged, where they are exact or no noise is stated."""
    noise = parts.get("noise")
    chosen = parts["mask"] if noise is None else parts["mask"] & (noise == 0)
    merged, differing, count = average_repeats(parts, chosen)
    if differing:
        stated = "no noise is stated" if noise is None else "their noise is 0"
        warnings.warn(
            f"At {differing} of {count} places and times several values differ, and {stated}: they "
            "are averaged. State their standard deviation by noise=, and all are kept.",
            TableWarning,
            stacklevel=4,
        )
    rows = merged["mask"].any(axis=1)
    return {name: part[rows] for name, part in merged.items()}


def _by_snapshot(parts: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    codes = parts.pop("snapshot")
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    return [
        {name: torch.from_numpy(part[rows])[None] for name, part in parts.items()}
        for rows in np.split(order, starts)
    ]


def _named(*given: Side) -> Iterable[str]:
    """Columns among sides."""
    for side in given:
        parts = side.values() if isinstance(side, Mapping) else [side]
        yield from (part for part in parts if isinstance(part, str))


def _say(
    table: OpenedTable,
    columns: TableColumns,
    axes: Mapping[str, str],
    variables: Mapping[str, str],
    empty: int,
) -> None:
    """Warn of what was made of the table beyond what was asked."""
    notes = []
    recognised = {} if columns.coords is not None or columns.axes else dict(axes)
    recognised |= {} if columns.values is not None else dict(variables)
    if recognised:
        told = ", ".join(f"{name} = {column!r}" for name, column in recognised.items())
        notes.append(f"Columns of {table.name} recognised by their names: {told}.")
    if empty:
        notes.append(f"{empty} of {len(table.frame)} rows have no value, and are left out.")
    unused = [n for n in table.names if simple(n) in TIMES and n not in axes.values()]
    several = [
        n for n in unused if table.names.count(n) == 1 and table.column(n, "time").nunique() > 1
    ]
    if columns.time is None and several:
        notes.append(
            f"The column {several[0]!r} holds several times, but all rows are taken as one field; "
            f"time={several[0]!r} makes each time a snapshot."
        )
    for note in notes:
        warnings.warn(note, TableWarning, stacklevel=4)
