"""Covariates of data sets: variables, season and hour, as xarray objects and files hold them."""

import numpy as np
import pytest
import xarray as xr

from mamba_diffae import Covariates, FieldData, open_field
from mamba_diffae.fields import FieldError, ShapeError, ValuesError

LAT, LON = np.linspace(60, 40, 6), np.linspace(0, 30, 8)
TIME = np.datetime64("2001-01-01T06", "ns") + np.arange(20) * np.timedelta64(30, "D")
RNG = np.random.default_rng(0)
HEIGHT, GUESS, INDEX = RNG.random((6, 8)), RNG.random((20, 8, 6)), RNG.random(20)


@pytest.fixture
def dataset() -> xr.Dataset:
    return xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), RNG.random((20, 6, 8)), {"units": "K"}),
            "elevation": (("lat", "lon"), HEIGHT, {"units": "m"}),
            "guess": (("time", "lon", "lat"), GUESS),
            "index": (("time",), INDEX),
            "name": (("lat",), list("abcdef")),
        },
        {"time": TIME, "lat": LAT, "lon": LON},
    )


def known(data: FieldData) -> Covariates:
    assert data.covariates is not None
    return data.covariates


def opened(dataset, *names: str, **options) -> Covariates:
    given = {"variable": "t2m", "snapshot_dim": "time", **options}
    return known(open_field(dataset, covariates=list(names), **given))


def test_variables_are_put_in_the_order_and_direction_of_the_fields(dataset):
    found = opened(dataset, "elevation", "guess", "index")
    assert (found.names, found.units) == (("elevation", "guess", "index"), ("m", "", ""))
    assert found.fixed == (True, False, False)
    np.testing.assert_array_equal(found.values[0][0], HEIGHT[::-1])
    np.testing.assert_array_equal(found.values[1], GUESS.transpose(0, 2, 1)[:, ::-1])
    np.testing.assert_array_equal(found.values[2], INDEX[:, None, None])


def test_season_and_hour_are_made_of_the_times(dataset):
    found = opened(dataset, "season", "hour")
    assert found.names == ("season_sin", "season_cos", "hour_sin", "hour_cos")
    sin, cos, hour_sin, hour_cos = (array.ravel() for array in found.values)
    days = np.arange(20) * 30 + 0.25
    turn = 2 * np.pi * np.where(days >= 365, days - 365, days) / 365.2425
    np.testing.assert_allclose(sin, np.sin(turn), atol=1e-5)
    np.testing.assert_allclose(cos, np.cos(turn), atol=1e-5)
    np.testing.assert_allclose((hour_sin, hour_cos), [[1] * 20, [0] * 20], atol=1e-6)


def test_a_year_is_as_long_as_its_calendar_says(dataset):
    pytest.importorskip("cftime")
    time = xr.date_range("2001-01-01", periods=20, freq="30D", calendar="360_day", use_cftime=True)
    sin = opened(dataset.assign_coords(time=time), "season").values[0].ravel()
    np.testing.assert_allclose(sin, np.sin(2 * np.pi * np.arange(20) / 12), atol=1e-6)


def test_a_variable_of_that_name_comes_first(dataset):
    found = opened(dataset.rename(index="season"), "season")
    assert found.names == ("season",)
    np.testing.assert_array_equal(found.values[0].ravel(), INDEX)


def test_what_is_left_beside_the_covariates_is_the_field(dataset):
    given = {"covariates": ["elevation", "guess", "index"], "snapshot_dim": "time"}
    data = open_field(dataset.drop_vars("name"), **given)
    assert [variable.name for variable in data.variables] == ["t2m"]


def test_snapshots_without_a_value_take_their_covariates_along(dataset):
    gappy = dataset.assign(t2m=dataset.t2m.where(dataset.time != dataset.time[3]))
    with pytest.warns(UserWarning, match="1 of 20 snapshots"):
        found = opened(gappy, "index", "elevation")
    np.testing.assert_array_equal(found.values[0].ravel(), np.delete(INDEX, 3))


def test_land_may_lack_them(dataset):
    sea = dataset.where((dataset.lon > 5) | (dataset.lat > 100))
    with pytest.warns(UserWarning, match="land"):
        found = opened(sea, "guess")
    assert np.isfinite(found.values[0]).all()


def test_a_file_is_read_alike(dataset, tmp_path):
    path = tmp_path / "t2m.nc"
    dataset.drop_vars("name").to_netcdf(path)
    found, expected = (opened(source, "elevation", "season") for source in (path, dataset))
    for a, b in zip(found.values, expected.values, strict=True):
        np.testing.assert_allclose(a, b)
    small = open_field(path, variable="t2m", snapshot_dim="time", covariates="elevation", size=4)
    pairs = HEIGHT[::-1].reshape(3, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(known(small).values[0][0], pairs, atol=0.02)  # cells count by area


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["elevatoin"], ShapeError, r"covariate 'elevatoin' .*Did you mean 'elevation'\?"),
        (["seasons"], ShapeError, r"Did you mean 'season'\?"),
        ([], FieldError, "covariates names none"),
        (["name"], ValuesError, "name, has the type"),
        (
            ["deep"],
            ShapeError,
            r"deep has the dimensions depth, but the fields have time, lat, lon",
        ),
        (
            ["holey"],
            ValuesError,
            r"'holey' is missing .* 1 of 48 cells, the first at lat 60, lon 0",
        ),
    ],
)
def test_what_is_no_covariate_is_refused(dataset, names, error, message):
    holey = np.where(HEIGHT[0, 0] == HEIGHT, np.nan, HEIGHT)
    other = {"deep": (("depth",), np.arange(3.0)), "holey": (("lat", "lon"), holey)}
    with pytest.raises(error, match=message):
        opened(dataset.assign(other), *names)


def test_without_dates_there_is_no_season(dataset):
    numbered = dataset.assign_coords(time=np.arange(20))
    with pytest.raises(FieldError, match=r"'season' .* time holds no dates"):
        opened(numbered, "season")
    single = dataset.isel(time=0, drop=True)
    with pytest.raises(FieldError, match=r"'hour' .* no dimension of snapshots"):
        opened(single, "hour", snapshot_dim=None)
