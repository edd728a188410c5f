"""Numbers that stand for a missing value."""

from __future__ import annotations

import warnings

import numpy as np

_USUAL = -999, -9999, -99999, 9999, 99999, -99.9, -99.99, -999.9, -32768
_LARGE = 1e20, -1e20, 1e30, -1e30, -1e34, 1e35, 1e36, -1e36
FILLS = frozenset(float(kind(x)) for x in (*_USUAL, *_LARGE) for kind in (np.float32, np.float64))
"""Numbers that often stand for a missing value, beside NetCDF's own and the ends of integers."""
NETCDF_FILL = frozenset({9.969209968386869e36, float(np.float32(9.969209968386869e36))})
NOTABLE = 5e-4
"""Share of the values from which on an extreme one that may be a fill value is said."""


def may_be_fill(value: float) -> bool:
    """Whether a number is one of those that often stand for a missing value.

    >>> may_be_fill(-999.0), may_be_fill(np.float32(-99.9)), may_be_fill(-0.3)
    (True, True, False)
    """
    return float(value) in FILLS | NETCDF_FILL


def suspect_fill(values: np.ndarray, name: str, mend: str) -> None:
    """Warn if many values are one number that often stands for a missing one.

    Args:
        values: Of one variable, shape (n,).
        name: Of the variable.
        mend: What to do if it does.
    """
    suspects = set(FILLS | NETCDF_FILL)
    if values.dtype.kind in "iu" and values.dtype.itemsize > 1:
        limits = np.iinfo(values.dtype)
        suspects |= {float(x) for x in (limits.min, limits.max) if x}
    for extreme in {values.min(), values.max()} if len(values) else ():
        share = float((values == extreme).mean()) if float(extreme) in suspects else 0.0
        if NOTABLE <= share < 1:
            warnings.warn(
                f"{100 * share:.1f} % of the values of the variable {name!r} are {extreme:g}; if "
                f"that is a fill value, {mend}.",
                stacklevel=4,
            )
