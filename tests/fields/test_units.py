"""Units whose names leave no doubt are converted, whatever their spelling; others are refused."""

import re

import pytest

from mamba_diffae.fields import ValuesError
from mamba_diffae.fields.units import conversion, is_unit, known_conversion

SAME = [
    ("m/s", "m s-1"),
    ("m s**-1", "metre second-1"),
    ("m.s^-1", "m/s"),
    ("W/m2", "W m**-2"),
    ("degrees_north", "degree_N"),
    ("degE", "°"),
    ("degreeW", "degrees_west"),
    ("degC", "degrees_Celsius"),
    ("hPa", "mbar"),
    ("days since 2000-01-01", "d since 2000-01-01"),
    ("days since 2000-01-01", "days since 2000-1-1 00:00:00.0 UTC"),
    ("hours since 1970-01-01T06:00Z", "hours since 1970-01-01 06:00:00 +00:00"),
    ("psu", ""),
]
KNOWN = [
    ("degC", "K", 20, 293.15),
    ("K", "°C", 273.15, 0),
    ("degF", "degC", 212, 100),
    ("hPa", "Pa", 1, 100),
    ("km", "m", 1, 1000),
    ("mm", "m", 1, 0.001),
    ("knots", "m s-1", 1, 0.514444),
    ("km h-1", "m/s", 36, 10),
    ("mm/day", "mm h-1", 24, 1),
    ("%", "1", 50, 0.5),
    ("g/kg", "kg kg**-1", 5, 0.005),
    ("mg m-3", "kg m**-3", 5, 5e-6),
    ("Mg m-3", "kg/m3", 5, 5000),
    ("hours since 2000-01-01", "days since 2000-01-01", 36, 1.5),
]
DOUBTFUL = [
    ("K", "m"),
    ("mPa", "MPa"),
    ("degC", "degrees_north"),
    ("degrees_west", "degrees_east"),
    ("degree_S", "degrees_north"),
    ("degW", "degrees"),
    ("days since 2000-01-01", "days since 1950-01-01"),
    ("days since 2000-01-01", "days since 2000-01-01 12:00"),
    ("days since 2000-01-01", "days since 2000-01-01 00:00 +02:00"),
    ("furlong", "m"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_other_spellings_are_the_same_unit(a, b):
    assert conversion(a, b, "x") == conversion(b, a, "x") == (1.0, 0.0)


@pytest.mark.parametrize(("a", "b", "given", "wanted"), KNOWN)
def test_obvious_units_are_converted_both_ways(a, b, given, wanted):
    factor, offset = conversion(a, b, "x")
    assert factor * given + offset == pytest.approx(wanted, rel=1e-5, abs=1e-9)
    factor, offset = conversion(b, a, "x")
    assert factor * wanted + offset == pytest.approx(given, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), DOUBTFUL)
def test_what_is_not_obvious_is_refused(a, b):
    assert known_conversion(a, b) is None
    with pytest.raises(ValuesError, match=re.escape(f"sst is in '{a}', but '{b}' is expected")):
        conversion(a, b, "sst")


def test_what_stands_in_brackets_need_not_be_a_unit():
    assert all(map(is_unit, ("degC", "°", "m/s", "%", "degrees_west")))
    assert not any(map(is_unit, ("raw", "", "days since 2000-01-01")))
