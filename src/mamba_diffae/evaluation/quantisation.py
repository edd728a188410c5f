"""In which steps and bounds data are stored: 8-bit pictures, integers, packed numbers."""

from __future__ import annotations

import numpy as np

from mamba_diffae.fields import Variable

_MOST_VALUES = 2**20
"""Values looked at, at most, evenly spread."""
_MOST_LEVELS = 2**16
"""From so many steps between the least and the greatest value on, data count as continuous."""
_ROUNDING = 2 * float(np.finfo(np.float32).eps)
"""Relative error of a difference: most data were single precision once, whatever they are now."""
_CLEAR = 16
"""How many times that error a step is, at least."""
_REPEATED = 0.999
"""If so many values occur more than once, the others (spikes, resampled borders) are left out."""


def value_step(values: np.ndarray) -> float | None:
    """The largest step of which all differences between values are multiples.

    >>> value_step(np.array([0.0, 3, 5, 11]) / 255) * 255
    1.0
    >>> value_step(np.random.default_rng(0).normal(size=100))  # None: continuous

    Args:
        values: Known values of one variable, any shape; what is not finite does not count.

    Returns:
        In the unit of the values; None for continuous data, for a single value, and where a step is
        too small to matter: below 1/65536 of the range, or near the error of single precision.
    """
    flat = np.ravel(values)
    flat = flat[:: -(-flat.size // _MOST_VALUES) or 1].astype(np.float64)
    found, count = np.unique(flat[np.isfinite(flat)], return_counts=True)
    if count[count > 1].sum() >= _REPEATED * count.sum():
        found = found[count > 1]
    if len(found) < 2:
        return None
    error = _ROUNDING * float(np.abs(found).max())
    step = _common_divisor(np.diff(found), error)
    if step is None:
        return None
    offsets = found - found[0]
    whole = np.rint(offsets / step)
    step = float(offsets @ whole / (whole @ whole))
    fits = np.abs(offsets - whole * step) <= error
    return step if whole[-1] <= _MOST_LEVELS and fits.all() else None


def _common_divisor(differences: np.ndarray, error: float) -> float | None:
    """Of positive differences, each known to an error: Euclid's algorithm; None if it is too small.

    The least one divides the others, or a remainder of at most half of it takes its place.
    """
    distinct = differences[differences > error]
    while distinct.size:
        least = float(distinct.min())
        if least < _CLEAR * error:
            return None
        whole = np.rint(distinct / least)
        # The error of the divisor counts as often as it is taken.
        margin = np.minimum(error * (1 + whole), least / 4)
        rest = np.abs(distinct - whole * least)
        if (rest <= margin).all():
            return float(distinct.sum() / whole.sum())
        distinct = np.append(rest[rest > margin], least)
    return None


def data_bounds(variable: Variable, values: np.ndarray) -> tuple[float, float]:
    """Bounds of a variable: of its transform, else its limits if no true value lies beyond.

    No rank changes by clipping to a limit that no true value exceeds, except of values at the limit
    itself: there the variable has an atom, like black and white in pictures.

    Args:
        variable: Which.
        values: True ones, any number of them.
    """
    (low, high), (least, greatest) = variable.transform.bounds, variable.limits
    if not np.isfinite(low) and values.size and values.min() >= least:
        low = least
    if not np.isfinite(high) and values.size and values.max() <= greatest:
        high = greatest
    return low, high
