"""Tables and readings in other units, as simple methods and scores take them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mamba_diffae.evaluation import GappyPOD, InverseDistance, Nearest, assess, evaluate
from mamba_diffae.fields import (
    Axis,
    CoordinateError,
    FieldData,
    Grid,
    Labels,
    Observations,
    Prediction,
    ValuesError,
    Variable,
)

LON = Axis.regular("lon", -10, 10, 20, "degrees_east")
LAT = Axis.regular("lat", 40, 60, 20, "degrees_north")
TOLD = "ignore:The observed"


@pytest.fixture
def sea() -> FieldData:
    """Fields on (lon, lat), in kelvin."""
    values = 280 + np.random.default_rng(0).normal(size=(4, 20, 20, 1))
    return FieldData([Variable("sst", "K", limits=(270, 290))], Grid((LON, LAT)), values)


@pytest.fixture
def table(sea) -> Observations:
    """Values of 15 cells of the first field: (lat, lon), in Celsius, longitudes from 0 to 360."""
    columns = {"lat": 40.5, "lon": (LON.centres[:15]) % 360, "sst": sea.values[0, :15, 0, 0]}
    columns["sst"] = columns["sst"] - 273.15
    seen = Observations.from_table(pd.DataFrame(columns), "sst")
    return seen.replace(labels=Labels(("lat", "lon"), ("sst",), units=("degC",)))


@pytest.mark.filterwarnings(TOLD)
@pytest.mark.parametrize("make", [Nearest, InverseDistance, lambda: GappyPOD(3, 1e-6)])
def test_simple_methods_read_a_table_as_a_model_does(make, sea, table):
    method = make().fit(sea)
    coords = np.stack([LON.centres[:15], np.full(15, 40.5)], axis=1)
    plain = Observations.from_points(coords, sea.values[0, :15, 0, 0])
    for targets in (sea.grid, coords):
        found, expected = method.predict(table, targets), method.predict(plain, targets)
        np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)


@pytest.mark.filterwarnings(TOLD)
def test_scores_know_which_cells_a_table_observes(sea, table):
    truth = sea.take([0])
    wrong = truth.values.copy()
    wrong[0, :15, 0] += 5
    assert evaluate(wrong, truth)["rmse"] > 0
    assert evaluate(wrong, truth, observed=table)["rmse"] == 0
    stated = Prediction.of_mean(wrong, np.full(wrong.shape, 1.0))
    assert assess(stated, truth, table).rmse == (0,)


def test_a_method_that_learned_nothing_takes_values_as_they_are(sea, table):
    found = Nearest().predict(table, sea.grid).mean[0, 0, 0, 0]
    assert found == pytest.approx(sea.values[0, 0, 0, 0] - 273.15)


def test_other_names_and_units_are_refused(sea, table):
    pressure = table.replace(labels=Labels(("lat", "lon"), ("sst",), units=("Pa",)))
    depth = table.replace(labels=Labels(("lat", "depth"), ("sst",)))
    for observed, error in ((pressure, ValuesError), (depth, CoordinateError)):
        with pytest.raises(error):
            Nearest().fit(sea).predict(observed, sea.grid)
        with pytest.raises(error):
            evaluate(sea.values[:1], sea.take([0]), observed=observed)
