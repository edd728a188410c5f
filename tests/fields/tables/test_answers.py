"""Predictions as rows of a table."""

import numpy as np
import pandas as pd
import pytest

from mamba_diffae import Grid, Prediction, Variable
from mamba_diffae.fields import TableError, TableTargets, grid_answer

GRID = Grid.regular(((50, 60), (0, 10)), (2, 3), ["lat", "lon"])
RNG = np.random.default_rng(0)


def prediction(names: tuple[str, ...], shape: tuple[int, ...], fields: int = 1) -> Prediction:
    draws = RNG.random((3, fields, *shape, len(names)))
    return Prediction(draws.mean(axis=0), draws)


def test_places_are_in_the_order_of_the_grid_and_other_columns_left_out():
    table = pd.DataFrame({"Lon": [1.0, 2.0], "flag": ["a", "b"], "latitude": [51.0, 52.0]}, [7, 9])
    targets = TableTargets.of(table, GRID)
    assert targets.places.tolist() == [[51.0, 1.0], [52.0, 2.0]]
    told = targets.answer(prediction(("sst",), (2,)), [Variable("sst", "degC")])
    assert list(told)[:4] == ["Lon", "latitude", "sst", "sst_std"]
    assert told.index.tolist() == [7, 9]
    assert told.attrs["units"] == {"sst": "degC"}


def test_coordinates_in_the_index_stay_there():
    table = pd.DataFrame({"lon": [1.0, 2.0], "lat": [51.0, 52.0]}).set_index(["lat", "lon"])
    told = TableTargets.of(table, GRID).answer(prediction(("sst",), (2,)), [Variable("sst")])
    assert told.index.equals(table.index)
    assert told.columns[0] == "sst"


def test_a_field_on_a_grid_has_a_row_for_each_cell():
    found = prediction(("u", "v"), GRID.shape, fields=2)
    told = grid_answer(found, GRID, [Variable("u"), Variable("v")])
    assert told.index.names == ["snapshot", None]
    second = told.loc[1]
    np.testing.assert_array_equal(second[["lat", "lon"]], GRID.centres())
    np.testing.assert_array_equal(second["v"], found.mean[1, ..., 1].ravel())
    np.testing.assert_array_equal(second["u_draw_2"], found.draws[2, 1, ..., 0].ravel())


def test_columns_of_one_name_are_refused():
    table = pd.DataFrame({"lon": [1.0], "lat": [51.0]})
    for names in (("a", "a_std"), ("lat", "b")):
        with pytest.raises(TableError, match=r"would be named '(a_std|lat)'"):
            TableTargets.of(table, GRID).answer(
                prediction(names, (1,)), [Variable(name) for name in names]
            )
