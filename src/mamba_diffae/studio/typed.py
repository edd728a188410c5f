"""Whole numbers that are typed.

A browser's own field for numbers drops what it does not take, and the server never hears of it: the
page could not tell of it. What is typed is read here instead.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[+-]?(?:\d{1,18}|\d{1,3}(?:,\d{3}){1,5})", re.ASCII)


def whole_number(text: str) -> int | None:
    """A whole number as it was typed; None if it is none, or has more than 18 digits.

    >>> whole_number(" 12 "), whole_number("1,000"), whole_number("-3")
    (12, 1000, -3)
    >>> whole_number("1.7"), whole_number(""), whole_number("9" * 20)
    (None, None, None)
    """
    text = text.strip()
    return int(text.replace(",", "")) if _WHOLE.fullmatch(text) else None


def shortened(text: str) -> str:
    """A text as a message repeats it: what is long ends with "…".

    >>> shortened(" 1.7 "), shortened("9" * 40)
    ('1.7', '9999999999999999999999…')
    """
    text = " ".join(text.split())
    return text if len(text) <= 24 else f"{text[:22]}…"
