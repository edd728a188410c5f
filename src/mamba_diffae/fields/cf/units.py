"""Between units whose names leave no doubt; others are refused."""

from __future__ import annotations

from mamba_diffae.fields.errors import ValuesError

_FACTORS = (
    {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1e3, "cm": 1e-2},
    {"pa": 1.0, "hpa": 1e2, "mbar": 1e2, "millibar": 1e2, "mb": 1e2, "kpa": 1e3, "dbar": 1e4},
    {"1": 1.0, "%": 1e-2, "percent": 1e-2},
    {"m s-1": 1.0, "m/s": 1.0, "m s**-1": 1.0, "km h-1": 1 / 3.6, "km/h": 1 / 3.6},
)
"""How much of a common unit each is, by its name in small letters."""
_CELSIUS = ("degc", "deg_c", "°c", "c", "celsius", "degree_celsius", "degrees_celsius")
_ZERO = dict.fromkeys(_CELSIUS, 273.15) | dict.fromkeys(("k", "kelvin", "degk"), 0.0)
"""Temperature in kelvin that is 0 in a unit."""


def conversion(given: str, wanted: str, what: str) -> tuple[float, float]:
    """Factor and offset from one unit to another: wanted = factor · given + offset.

    >>> conversion("km", "m", "x"), conversion("degC", "K", "sst")
    ((1000.0, 0.0), (1.0, 273.15))

    Args:
        given: Its name; "" where none is known, which fits any.
        wanted: Likewise.
        what: Of what, for the message.

    Raises:
        ValuesError: If it is not known how.
    """
    a, b = given.strip().lower(), wanted.strip().lower()
    degrees = a.startswith("deg") and b.startswith("deg") and not {a, b} & set(_ZERO)
    if not a or not b or a == b or degrees:
        return 1.0, 0.0
    for factors in _FACTORS:
        if a in factors and b in factors:
            return factors[a] / factors[b], 0.0
    if a in _ZERO and b in _ZERO:
        return 1.0, _ZERO[a] - _ZERO[b]
    raise ValuesError(
        f"{what} is in {given!r}, but {wanted!r} is expected; convert it, and set its attribute "
        f"units to {wanted!r}."
    )
