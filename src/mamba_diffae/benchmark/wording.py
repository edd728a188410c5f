"""Shapes in sentences and in headings of tables."""

from __future__ import annotations

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
