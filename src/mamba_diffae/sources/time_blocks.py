"""Labels of snapshots in the order of time: named by date, split by blocks of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.fields import FieldError
from mamba_diffae.fields.cf.roles import Dimension, is_date
from mamba_diffae.sources.arrays import Labels
from mamba_diffae.sources.splits import split_by_name, split_in_order

BLOCKS = {"year": 4, "month": 7, "day": 10}
"""Spans that may be a group, and the characters of an ISO date that name one."""
ENOUGH, FEWEST = 8, 3
"""Groups that a split in order should have, and must have."""
_ZERO = ("T00:00:00", ":00:00", ":00")
"""Ends of ISO dates that say nothing if all of them have them."""


def label_snapshots(dimension: Dimension | None, rows: np.ndarray) -> Labels:
    """Names, groups and splits of snapshots along a dimension.

    Snapshots along time are split in order, since neighbours are alike: the first for training,
    those that follow for validation, the last for test. Those of one year, month or day are a
    group: the longest of these that makes eight groups or more.

    Args:
        dimension: Along which they lie; None: there is a single one.
        rows: Numbers of those that have a value, rising, shape (S,).
    """
    coordinate = None if dimension is None else dimension.coordinate
    if coordinate is not None and is_date(coordinate):
        dates = iso_dates(coordinate.values[rows])
        groups = time_groups(dates)
        return Labels(trimmed(dates), groups, split_in_order(groups))
    names = [str(i) if coordinate is None else f"{coordinate.values[i]}" for i in rows]
    if dimension is None or dimension.role != "time":
        return Labels(names, np.arange(len(rows)), split_by_name(names))
    times = rows if coordinate is None else coordinate.values[rows]
    try:
        groups = np.unique(times, return_inverse=True)[1]
    except TypeError as reason:
        raise FieldError(
            f"Snapshots lie along {dimension.name!r}, whose coordinate cannot be put in order "
            f"({reason}): it holds {', '.join(names[:3])}; give dates, or numbers, for all of them."
        ) from reason
    return Labels(names, groups, split_in_order(groups))


def time_groups(dates: Sequence[str]) -> np.ndarray:
    """Numbers of the blocks of time, in their order, of snapshots at ISO dates, shape (S,).

    >>> time_groups([f"2001-{month:02}-15T00:00:00" for month in range(1, 13)]).max().item()
    11
    """
    parts = [np.array([date[:n] for date in dates]) for n in BLOCKS.values()]
    for part in parts:
        found, groups = np.unique(part, return_inverse=True)
        if len(found) >= ENOUGH:
            return groups
    found, groups = np.unique(parts[-1], return_inverse=True)
    return groups if len(found) >= FEWEST else np.unique(dates, return_inverse=True)[1]


def iso_dates(times: np.ndarray) -> list[str]:
    """Dates (S,) of NumPy or cftime, to the second or finer: "2001-02-28T12:00:00"."""
    if times.dtype.kind == "M":
        whole = bool((times == times.astype("datetime64[s]")).all())
        return np.datetime_as_string(times, unit="s" if whole else "ns").tolist()
    return [time.isoformat() for time in times]


def trimmed(dates: Sequence[str]) -> list[str]:
    """ISO dates without the zeros at their end that all of them have.

    >>> trimmed(["2001-02-28T06:00:00", "2001-03-01T00:00:00"])
    ['2001-02-28T06', '2001-03-01T00']
    """
    for end in _ZERO:
        if all(date.endswith(end) for date in dates):
            return [date.removesuffix(end) for date in dates]
    return list(dates)
