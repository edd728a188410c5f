"""Sensors that stand already, in whatever units they are given."""

from __future__ import annotations

import pytest

from mamba_diffae.fields import Grid, Labels, Observations, ValuesError, Variable
from mamba_diffae.placement.candidates import Sensors

GRID = Grid.regular(((0, 1e4), (0, 1e4)), (10, 10), ("y", "x"), ("m", "m"))
RAIN = [Variable("rain", "m")]


def test_observed_sensors_are_in_the_units_of_the_grid_and_the_variables():
    seen = Observations.from_points([[2.0, 5.0]], [[1.0]], noise=2.0)
    labels = Labels(("x", "y"), ("rain",), axis_units=("km", "km"), units=("mm",))
    with pytest.warns(UserWarning, match="'rain' from mm to m"):
        found = Sensors.of(seen.replace(labels=labels), GRID, RAIN)
    assert found.coords.tolist() == [[5000, 2000]]
    assert found.noise == pytest.approx(2e-3)


def test_observed_sensors_in_other_units_are_refused():
    seen = Observations.from_points([[2.0, 5.0]], [[1.0]])
    with pytest.raises(ValuesError, match="'rain' is in 'K', but 'm' is expected"):
        Sensors.of(seen.replace(labels=Labels(units=("K",))), GRID, RAIN)
