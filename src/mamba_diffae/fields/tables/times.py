"""Snapshots of a table: the rows of one time each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mamba_diffae.fields.errors import TableError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.tables.opening import OpenedTable

if TYPE_CHECKING:
    from pandas import Series


def time_groups(
    table: OpenedTable, name: str, used: np.ndarray
) -> tuple[tuple[Any, ...], np.ndarray]:
    """Distinct times, rising, and the number of that of each row, -1 for rows that are not used.

    Times of a zone are one instant with those of another: they become UTC. Texts are ISO 8601.

    Args:
        table: What holds them.
        name: Of the column.
        used: Rows that count, shape (N,), bool.

    Raises:
        TableError: If there is no such column, a time is missing or cannot be read, or some have a
            time zone and others none.
    """
    pandas = load_extra("pandas", table.name)
    column = table.column(name, "time").reset_index(drop=True)
    missing = np.flatnonzero(used & column.isna().to_numpy())
    if len(missing):
        raise TableError(
            f"Rows without a time in {name!r}: {table.rows(missing)}; fill it in, or drop them."
        )
    if column.dtype.kind == "O" or isinstance(column.dtype, pandas.CategoricalDtype):
        column = _instants(table, name, column.astype(object), used)
    if isinstance(column.dtype, pandas.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC")
    codes = np.full(len(column), -1)
    codes[used], times = pandas.factorize(column[used], sort=True)
    return tuple(times), codes


def as_written(table: OpenedTable, name: str, times: Sequence[Any]) -> list[Any]:
    """Times from `time_groups` as the table writes them; of several spellings the first.

    Args:
        table: What holds them.
        name: Of the column.
        times: Distinct ones.
    """
    pandas = load_extra("pandas", table.name)
    column = table.column(name, "time")
    texts = list(dict.fromkeys(given for given in column if isinstance(given, str)))
    if not texts:
        return list(times)
    stripped = [text.strip() for text in texts]
    read = pandas.to_datetime(stripped, format="ISO8601", utc=True, errors="coerce")
    spelled = dict(zip(reversed(read), reversed(texts), strict=True))
    instants = pandas.to_datetime(list(times), utc=True)
    return [spelled.get(*pair) for pair in zip(instants, times, strict=True)]


def _instants(table: OpenedTable, name: str, column: Series, used: np.ndarray) -> Series:
    """Texts and Python's times as instants; objects of other kinds as they are."""
    pandas = load_extra("pandas", table.name)
    given = column.loc[used]
    texts = given.map(lambda x: isinstance(x, str))
    if not texts.any() and not given.map(lambda x: hasattr(x, "isoformat")).all():
        return column
    iso = given.map(lambda x: x.isoformat() if hasattr(x, "isoformat") else str(x).strip())
    read = pandas.to_datetime(iso, format="ISO8601", utc=True, errors="coerce")
    bad = np.flatnonzero(used)[read.isna().to_numpy()]
    if len(bad):
        raise TableError(
            f"{len(bad)} times in {name!r} are not of the form 2024-03-01 12:00 (ISO 8601), the "
            f"first is {str(column.iloc[bad[0]])[:40]!r} in {table.row(bad[0])}; make times of the "
            "column first: pandas.to_datetime(column, format='%d/%m/%Y')."
        )
    zoned = iso.str.contains(r"[Zz]$|:.*[+-]\d\d(?::?\d\d)?$", regex=True)
    if zoned.any() and not zoned.all():
        rows = np.flatnonzero(used)
        with_zone, without = rows[zoned.to_numpy()][0], rows[~zoned.to_numpy()][0]
        raise TableError(
            f"Times in {name!r} are of mixed time zones: {column.iloc[with_zone]} in "
            f"{table.row(with_zone)} has one, {column.iloc[without]} in {table.row(without)} has "
            "none; give all of them with a zone, or all in UTC without."
        )
    instants = read if zoned.all() else read.dt.tz_localize(None)
    return instants.reindex(column.index)
