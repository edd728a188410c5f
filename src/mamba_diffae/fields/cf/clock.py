"""Season and hour as covariates: the day of the year and the hour of the day, on circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xarray import DataArray

CLOCK = {"season": ("season_sin", "season_cos"), "hour": ("hour_sin", "hour_cos")}
"""Words for covariates that follow from the times, and the names of these."""
_DAYS = {"360_day": 360.0, "noleap": 365.0, "365_day": 365.0, "all_leap": 366.0, "366_day": 366.0}
_YEAR = 365.2425


def on_clock(name: str, times: DataArray) -> np.ndarray:
    """A covariate of dates, by its name in `CLOCK`.

    Args:
        name: "season_sin", "season_cos", "hour_sin" or "hour_cos".
        times: Of NumPy or cftime, shape (S,); hours are those of their own time zone, as a rule
            UTC.

    Returns:
        Shape (S,), float32, in [-1, 1].
    """
    word, _, wave = name.partition("_")
    date = times.dt
    hour = (date.hour + date.minute / 60 + date.second / 3600).values
    turn = hour / 24
    if word == "season":
        turn = (date.dayofyear.values - 1 + turn) / _DAYS.get(date.calendar, _YEAR)
    return (np.sin if wave == "sin" else np.cos)(2 * np.pi * turn).astype(np.float32)
