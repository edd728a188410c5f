"""Shapes and numbers in sentences and in headings of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

_POWERS = {2: "²", 3: "³"}


def in_words(shape: Sequence[int]) -> str:
    """Cells along each axis, for sentences.

    >>> in_words((36, 72)), in_words((64,))
    ('36 × 72', '64 cells')
    """
    return f"{shape[0]} cells" if len(shape) == 1 else " × ".join(map(str, shape))


def in_short(shape: Sequence[int]) -> str:
    """Cells along each axis, for headings.

    >>> in_short((32, 32)), in_short((24, 24, 24)), in_short((36, 72)), in_short((64,))
    ('32²', '24³', '36×72', '64')
    """
    if len(shape) in _POWERS and len(set(shape)) == 1:
        return f"{shape[0]}{_POWERS[len(shape)]}"
    return "×".join(map(str, shape))


def percent(share: float) -> str:
    r"""A share in whole percent, but 0 and 100 only where that is exact.

    >>> percent(0.884), percent(1.0), percent(0.997)
    ('88\xa0%', '100\xa0%', '99.7\xa0%')
    """
    whole = f"{100 * share:.0f}"
    shown = f"{100 * share:.1f}" if whole in ("0", "100") and share not in (0, 1) else whole
    return f"{shown}\xa0%"


def significant(value: float, digits: int = 3) -> str:
    """A number with so many digits, as decimals.

    >>> significant(0.012345), significant(25.24), significant(1234.5), significant(0.0)
    ('0.0123', '25.2', '1234', '0')
    """
    if not value:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"
