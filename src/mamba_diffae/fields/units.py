"""Between units whose names leave no doubt; others are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mamba_diffae.fields.errors import ValuesError

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}
_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3, "ft": 0.3048, "nmi": 1852.0}
_KILOGRAMS = {"ug": 1e-9, "mg": 1e-6, "g": 1e-3, "kg": 1.0, "tonne": 1e3}
_RATES: dict[str, float] = {
    f"{length} {time}-1": metres / seconds
    for length, metres in _METRES.items()
    for time, seconds in _SECONDS.items()
}
_KINDS: tuple[Mapping[str, float], ...] = (
    _METRES,
    _SECONDS,
    _KILOGRAMS,
    {"pa": 1.0, "hpa": 1e2, "kpa": 1e3, "dbar": 1e4, "bar": 1e5, "atm": 101325.0},
    {"1": 1.0, "%": 1e-2},
    _RATES | {"kn": 1852 / 3600},
    {f"{mass} kg-1": kilograms for mass, kilograms in _KILOGRAMS.items()},
    {f"{mass} m-3": kilograms for mass, kilograms in _KILOGRAMS.items()},
    {"w m-2": 1.0, "kw m-2": 1e3},
    {"j m-2": 1.0, "kj m-2": 1e3},
)
"""How much of a common unit each is, by its name as `_spelt` gives it."""
_TEMPERATURES = {"k": (1.0, 0.0), "degc": (1.0, 273.15), "degf": (5 / 9, 459.67 * 5 / 9)}
"""Temperature in kelvin: factor · number + offset."""
_WORDS = {
    "m": ("metre", "meter", "metres", "meters"),
    "km": ("kilometre", "kilometer", "kilometres", "kilometers"),
    "cm": ("centimetre", "centimeter", "centimetres", "centimeters"),
    "mm": ("millimetre", "millimeter", "millimetres", "millimeters"),
    "ft": ("foot", "feet"),
    "nmi": ("nautical_mile", "nautical_miles"),
    "s": ("sec", "second", "seconds"),
    "min": ("mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "day": ("d", "days"),
    "tonne": ("tonnes",),
    "pa": ("pascal", "pascals"),
    "hpa": ("hectopascal", "hectopascals", "mbar", "mb", "millibar", "millibars"),
    "dbar": ("decibar", "decibars"),
    "%": ("percent", "per cent", "pct"),
    "kn": ("kt", "kts", "knot", "knots"),
    "degc": (
        *("c", "°c", "deg_c", "deg c", "celsius"),
        *("degree_celsius", "degrees_celsius", "degree_c", "degrees_c"),
    ),
    "degf": ("f", "°f", "deg_f", "fahrenheit", "degree_fahrenheit", "degrees_fahrenheit"),
    "k": ("kelvin", "kelvins", "degk", "deg_k", "degree_kelvin", "degrees_kelvin"),
}
_USUAL = {word: name for name, words in _WORDS.items() for word in words}
_ANGLE = re.compile(r"(°|deg|degrees?)(_?(north|east|[ne]|true|t)|s)?")
"""Degrees of an angle in any spelling; which one it is, the axis says."""
_REVERSED = re.compile(r"(?:°|deg|degrees?)(?:_?(?P<west>west|w)|_?south|_s)")
"""Degrees that grow to the west or to the south, against those of `_ANGLE`."""
_DEGREES = ("degrees", "degrees_west", "degrees_south")
_SINCE = " since "
_DATE = re.compile(
    r"(\d+)-(\d+)-(\d+)(?:[T ]+(\d+)(?::(\d+)(?::(\d+(?:\.\d*)?))?)?)?\s*"
    r"(?:Z|UTC|GMT|[+-]0+(?::?0+)?)?",
    re.IGNORECASE,
)
"""A date of CF, with a time or without, in universal time."""


def conversion(given: str, wanted: str, what: str) -> tuple[float, float]:
    """Factor and offset from one unit to another: wanted = factor · given + offset.

    >>> conversion("km", "m", "x"), conversion("degC", "K", "sst")
    ((1000.0, 0.0), (1.0, 273.15))
    >>> conversion("m/s", "m s**-1", "wind")
    (1.0, 0.0)

    Args:
        given: Its name; "" where none is known, which fits any.
        wanted: Likewise.
        what: Of what, for the message.

    Raises:
        ValuesError: If it is not known how.
    """
    found = known_conversion(given, wanted)
    if found is None:
        raise ValuesError(
            f"{what} is in {given!r}, but {wanted!r} is expected; convert it, and set its "
            f"attribute units to {wanted!r}."
        )
    return found


def known_conversion(given: str, wanted: str) -> tuple[float, float] | None:
    """The same; None if it is not known how."""
    a, b = _spelt(given), _spelt(wanted)
    if not a or not b or a == b:
        return 1.0, 0.0
    (time_a, date_a), (time_b, date_b) = (x.partition(_SINCE)[::2] for x in (a, b))
    if date_a and date_a == date_b:
        return known_conversion(time_a, time_b)
    a, b = a.lower(), b.lower()
    if a in _TEMPERATURES and b in _TEMPERATURES:
        (scale, zero), (other, start) = _TEMPERATURES[a], _TEMPERATURES[b]
        return scale / other, (zero - start) / other
    for kind in _KINDS:
        if a in kind and b in kind:
            return kind[a] / kind[b], 0.0
    return None


def is_unit(name: str) -> bool:
    """Whether a unit of this name can be converted to another one, or is one of angles.

    >>> is_unit("hPa"), is_unit("raw")
    (True, False)
    """
    spelt = _spelt(name).lower()
    return spelt in _DEGREES or any(spelt in kind for kind in (_TEMPERATURES, *_KINDS))


def reversed_degrees(name: str) -> bool:
    """Whether a unit is of longitudes that grow to the west, or latitudes that grow to the south.

    >>> reversed_degrees("degrees_west"), reversed_degrees("degrees_east")
    (True, False)
    """
    return _spelt(name) in _DEGREES[1:]


def _spelt(name: str) -> str:
    """A unit's name in one spelling: "m s-1" for "m/s", "m.s^-1" and "metre second**-1"."""
    text = " ".join(name.replace("µ", "u").replace("μ", "u").split())
    if _SINCE in text:
        time, _, date = text.partition(_SINCE)
        return f"{_spelt(time)}{_SINCE}{_spelt_date(date)}"
    if _ANGLE.fullmatch(text.lower()):
        return "degrees"
    if (found := _REVERSED.fullmatch(text.lower())) is not None:
        return "degrees_west" if found["west"] else "degrees_south"
    if text.lower() in _USUAL:
        return _USUAL[text.lower()]
    text = re.sub(r"\s*\*\*\s*|\s*\^\s*", "", text)
    text = re.sub(r"(?<=[a-zA-Z])[.·*](?=[a-zA-Z])", " ", text)
    text = re.sub(r"\s*/\s*([a-zA-Z]+)(\d*)", lambda m: f" {m[1]}-{m[2] or 1}", text)
    return " ".join(_part(part) for part in text.split())


def _spelt_date(date: str) -> str:
    """A date in one spelling: "2000-01-01" is midnight, whether that is written or not."""
    found = _DATE.fullmatch(date)
    if found is None:
        return date
    return " ".join(f"{float(part or 0):g}" for part in found.groups())


def _part(text: str) -> str:
    """A factor of a unit, such as "seconds-1", by its usual name."""
    letters = text.rstrip("-0123456789")
    if letters == "Mg":  # a thousand million mg, from which case alone tells it
        return f"tonne{text[2:]}"
    return _USUAL.get(letters.lower(), letters) + text[len(letters) :]
