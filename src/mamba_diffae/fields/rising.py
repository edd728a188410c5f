"""Coordinates of an axis rise throughout; what does not is told apart."""

from __future__ import annotations

import numpy as np

from mamba_diffae.fields.errors import AxisError
from mamba_diffae.fields.units import reversed_degrees

LONGITUDES = ("lon", "longitude")
_TURN, _HALF = 360.0, 180.0
_NEAR = 1e-3
"""Degrees by which gaps differ that are the same: longitudes are often float32."""
Order = slice | np.ndarray
"""In which cells along an axis are read so that their coordinates rise."""


def check_rising(values: np.ndarray, name: str, what: str) -> None:
    """Refuse numbers of an axis that are not finite or do not rise throughout.

    Raises:
        AxisError: As said; falling ones are told apart.
    """
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise AxisError(
            f"The axis {name!r} has {bad} {what} that are NaN or infinite; give a number for each."
        )
    steps = np.diff(values)
    if (steps > 0).all():
        return
    if (steps < 0).all():
        raise AxisError(
            f"The {what} of the axis {name!r} fall, from {values[0]:g} to {values[-1]:g}; give "
            "them rising and turn the values alike: np.flip(values, axis)."
        )
    _check_jump(values, name, what)
    against = steps >= 0 if steps[0] < 0 else steps <= 0
    i = int(np.argmax(against))
    raise AxisError(
        f"The {what} of the axis {name!r} neither rise nor fall throughout: number {i} is "
        f"{values[i]:g} and number {i + 1} is {values[i + 1]:g}; sort them, and leave out repeated "
        "ones."
    )


def check_direction(unit: str, name: str) -> None:
    """Refuse degrees of an axis that grow to the west or to the south.

    Raises:
        AxisError: As said.
    """
    if reversed_degrees(unit):
        raise AxisError(
            f"The axis {name!r} is in {unit!r}, but longitudes grow to the east and latitudes to "
            "the north; give its coordinates times -1 in 'degrees_east' or 'degrees_north', "
            "rising, and the values alike."
        )


def round_the_globe(x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes that are in order but for a seam of the globe among them.

    >>> longitudes, order = round_the_globe(np.array([-178.0, -176.0, 178.0, 180.0]))
    >>> longitudes.tolist(), order.tolist()
    ([178.0, 180.0, 182.0, 184.0], [2, 3, 0, 1])

    Args:
        x: Degrees, shape (n,).

    Returns:
        The same meridians, rising, from behind the widest gap, or from where they begin if that is
        as wide as any; and where each of them stands. None if they rise without a gap of half the
        globe, or are in no order.
    """
    steps = np.diff(x)
    if len(x) < 2 or not np.isfinite(x).all() or ((steps > 0).all() and steps.max() <= _HALF):
        return None
    order = np.arange(len(x))[:: -1 if np.median(steps) < 0 else 1]
    gaps = np.mod(np.diff(np.append(x[order], x[order[0]])), _TURN)
    if (gaps < _NEAR**2).any() or abs(gaps.sum() - _TURN) > _NEAR:
        return None
    start = 0 if gaps.max() <= gaps[-1] + _NEAR else int(np.argmax(gaps)) + 1
    order, gaps = np.roll(order, -start), np.roll(gaps, -start)
    found = x[order]
    rising = found[0] + np.append(0.0, np.cumsum(gaps[:-1]))
    # Whole turns are added, so that no digit is lost.
    found = found + _TURN * np.round((rising - found) / _TURN)
    if found[-1] > _TURN and found[0] >= _HALF:
        found = found - _TURN
    return found, order


def _check_jump(values: np.ndarray, name: str, what: str) -> None:
    """Refuse longitudes that rise but for one jump back around the globe, with the way to mend it.

    Raises:
        AxisError: As said.
    """
    x = values[::-1] if np.median(np.diff(values)) < 0 else values
    jumps = np.flatnonzero(np.diff(x) <= 0)
    if name.lower() not in LONGITUDES or len(jumps) != 1:
        return
    before, after = x[: jumps[0] + 1], x[jumps[0] + 1 :]
    if before[-1] - after[0] <= 180 or after[0] + 360 <= before[-1]:
        return
    least = 0.0 if before.min() >= 0 > after.max() else before[0]
    raise AxisError(
        f"The {what} of the axis {name!r} jump from {before[-1]:g} to {after[0]:g}, once around "
        "the globe; expected them rising throughout. Do not sort them: add 360 to those after the "
        f"jump, np.where({name} < {least:g}, {name} + 360, {name})."
    )
