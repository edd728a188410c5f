"""Fields and predictions as data sets, and back."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.fields import Axis, FieldData, Grid, Prediction, Variable
from mamba_diffae.fields.cf.datasets import field_dataset, with_snapshots
from mamba_diffae.sources import from_xarray


@settings(max_examples=25, deadline=None)
@given(
    widths=st.lists(st.floats(0.5, 5), min_size=3, max_size=6),
    low=st.floats(-80, 50),
    gaps=st.floats(0, 0.3),
    seed=st.integers(0, 99),
)
def test_fields_come_back_as_they_were(widths, low, gaps, seed):
    rng = np.random.default_rng(seed)
    lat = Axis("lat", low + np.cumsum([0, *widths]), "degrees_north")
    grid = Grid((lat, Axis.regular("lon", 0, 360, 8, "degrees_east", periodic=True)))
    values = rng.normal(size=(12, *grid.shape, 2))
    valid = rng.random(values.shape) >= gaps
    valid[0] = True
    data = FieldData([Variable("a", "K"), Variable("b", "m")], grid, values, valid)
    dataset = field_dataset(data)
    back = from_xarray(dataset, variable=["a", "b"], snapshot_dim="snapshot")
    assert [(v.name, v.unit) for v in back.variables] == [("a", "K"), ("b", "m")]
    assert back.grid.names == grid.names
    assert back.grid.periodic == grid.periodic
    for ours, theirs in zip(back.grid.axes, grid.axes, strict=True):
        np.testing.assert_allclose(ours.edges, theirs.edges, atol=1e-7)
    np.testing.assert_array_equal(back.valid_mask(), data.valid_mask())
    np.testing.assert_array_equal(back.values, data.values)


def test_dates_become_times_and_other_names_do_not():
    def named(*names):
        values = np.zeros((2, 3, 1)) + np.arange(3)[:, None]
        return field_dataset(FieldData([Variable("v")], Grid.default((3,)), values, names=names))

    assert named("2001-01-01", "2001-01-02").time.dtype.kind == "M"
    assert named("2001-02-30", "2001-03-01").snapshot.dtype.kind == "U"
    assert named("cat", "dog").snapshot.values.tolist() == ["cat", "dog"]


def test_a_prediction_has_names_units_and_methods():
    grid = Grid.regular([(0, 2), (0, 3)], (2, 3), ("depth", "x"), ("m", "km"))
    mean = np.random.default_rng(0).normal(size=(4, 2, 3, 2))
    told = Prediction(
        mean,
        np.stack([mean - 1, mean, mean + 1]),
        grid=grid,
        quantiles=np.stack([mean - 1, mean + 1]),
        levels=(0.1, 0.9),
        familiarity=np.full(4, 0.5),
        variables=(Variable("sst", "K"), Variable("salt")),
    ).to_xarray()
    assert told.sst.dims == ("snapshot", "depth", "x")
    np.testing.assert_array_equal(told.salt, mean[..., 1])
    np.testing.assert_allclose(told.sst_std, 1)
    assert told.sst_draws.dims == ("realization", "snapshot", "depth", "x")
    assert told.sst_quantiles["quantile"].values.tolist() == [0.1, 0.9]
    assert told.sst.attrs["units"] == "K"
    assert "units" not in told.salt.attrs
    assert told.depth.attrs["axis"] == "Z"
    np.testing.assert_array_equal(told.familiarity, 0.5)


def test_a_prediction_without_draws_or_a_grid():
    told = Prediction.of_mean(np.zeros((1, 5, 1))).to_xarray()
    assert list(told.data_vars) == ["v0"]
    assert told.v0.dims == ("snapshot", "point")


def test_an_axis_of_dates_comes_back():
    axis = Axis.from_centres("time", np.arange(5.0), "days since 2001-01-01")
    grid = Grid((axis, Axis.regular("x", 0, 1, 3)))
    told = Prediction.of_mean(np.zeros((1, 5, 3, 1)), grid=grid).to_xarray()
    assert told.time.values[2] == np.datetime64("2001-01-03")
    assert isinstance(told, xr.Dataset)


def test_predictions_take_the_names_of_their_fields():
    told = Prediction(np.zeros((2, 3, 1)), np.zeros((0, 2, 3, 1)), grid=Grid.default((3,)))
    dated = with_snapshots(told.to_xarray(), ["2020-03-01", "2020-03-02T06"])
    assert dated["v0"].dims == ("time", "x")
    assert dated["time"].values[1] == np.datetime64("2020-03-02T06")
    named = with_snapshots(told.to_xarray(), ["a", "b"])
    assert named["snapshot"].values.tolist() == ["a", "b"]
