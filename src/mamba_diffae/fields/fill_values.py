"""Numbers that stand for a missing value."""

from __future__ import annotations

import warnings

import numpy as np

FILLS = frozenset(float(x) for x in (-999, -9999, -32768, 1e20, np.float32(1e20)))
"""Numbers that often stand for a missing value, beside NetCDF's own and the ends of integers."""
NETCDF_FILL = frozenset({9.969209968386869e36, float(np.float32(9.969209968386869e36))})
NOTABLE = 5e-4
"""Share of the values from which on an extreme one that may be a fill value is said."""


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
