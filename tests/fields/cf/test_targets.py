"""Targets of xarray: the answer has their names, order, direction, units and attributes."""

from __future__ import annotations

import sys
from types import ModuleType

import cftime
import numpy as np
import pytest
import xarray as xr

from mamba_diffae.fields import Axis, AxisError, Grid, Prediction, ShapeError, ValuesError, Variable
from mamba_diffae.fields.cf.decoded import is_labelled
from mamba_diffae.fields.cf.targets import LabelledTargets

LAT, LON = np.linspace(-75, 75, 6), np.arange(0, 360, 40.0)
SST = Variable("sst", "K")
GLOBE = Grid(
    (
        Axis.from_centres("lat", LAT, "degrees_north"),
        Axis.from_centres("lon", LON, "degrees_east", periodic=True),
    )
)
ABOUT = {"lat": {"standard_name": "latitude"}, "lon": {"standard_name": "longitude"}}


def template(count: int = 2, **changes) -> xr.Dataset:
    """Fields whose values are their cell's number, with attributes to keep."""
    values = np.arange(float(len(LAT) * len(LON))).reshape(len(LAT), len(LON))
    values = np.repeat(values[None], count, axis=0)
    time = np.datetime64("2001-01-01", "ns") + np.arange(count) * np.timedelta64(1, "D")
    about = {"units": "K", "long_name": "temperature", "standard_name": "sea_surface_temperature"}
    return xr.Dataset(
        {"sst": (("time", "lat", "lon"), values, about | changes)},
        {
            "time": time,
            "lat": ("lat", LAT, {"units": "degrees_north"} | ABOUT["lat"]),
            "lon": ("lon", LON, {"units": "degrees_east"} | ABOUT["lon"]),
        },
        {"title": "fields", "history": "made"},
    )


def predicted(grid: Grid, count: int = 2, draws: int = 3) -> Prediction:
    """Each value is the number of its cell of the globe, by its coordinates."""
    lat, lon = np.meshgrid(*(axis.centres for axis in grid.axes), indexing="ij")
    cell = 9 * np.round((lat + 75) / 30) + np.round(lon / 40) % 9
    mean = np.repeat(cell[None, ..., None], count, axis=0)
    noise = np.arange(draws, dtype=float).reshape(-1, 1, 1, 1, 1) - 1
    return Prediction(mean, mean + noise, quantiles=mean[None], levels=(0.5,), grid=grid)


def answer(targets, count: int = 2, native: Grid = GLOBE) -> xr.Dataset:
    asked = LabelledTargets.of(targets, native, [SST])
    return asked.dataset(predicted(asked.grid, count))


FORMS = {
    "as it is": lambda d: d,
    "an array": lambda d: d.sst,
    "transposed": lambda d: d.transpose("lon", "time", "lat"),
    "falling": lambda d: d.isel(lat=slice(None, None, -1)),
    "both falling": lambda d: d.isel(lat=slice(None, None, -1), lon=slice(None, None, -1)),
    "west and east": lambda d: d.assign_coords(
        lon=("lon", (d.lon.values + 180) % 360 - 180, d.lon.attrs)
    ).sortby("lon"),
    "a jump": lambda d: d.assign_coords(
        lon=("lon", (d.lon.values + 180) % 360 - 180, d.lon.attrs)
    ),
    "begun elsewhere, falling": lambda d: d.roll(lon=4, roll_coords=True).isel(
        lon=slice(None, None, -1)
    ),
    "a region around Greenwich, sorted": lambda d: d.isel(lon=[0, 1, 7, 8]),
    "a turn on": lambda d: d.assign_coords(lon=("lon", d.lon.values + 360, d.lon.attrs)),
    "renamed": lambda d: d.rename(lat="Y", lon="u", time="step"),
    "lazy": lambda d: d.chunk(),
    "half of it": lambda d: d.isel(lat=slice(2, 5), lon=slice(1, 7)),
    "across the seam": lambda d: d.assign_coords(
        lon=("lon", (d.lon.values + 180) % 360 - 180, d.lon.attrs)
    ).sortby("lon").isel(lon=slice(2, 7)),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_in_the_terms_of_the_targets(form):
    targets = FORMS[form](template())
    dataset = targets.to_dataset() if isinstance(targets, xr.DataArray) else targets
    told = answer(targets)
    xr.testing.assert_equal(told.sst, dataset.sst)
    assert told.sst.dims == dataset.sst.dims
    for name, coordinate in dataset.coords.items():
        xr.testing.assert_identical(told.coords[name].variable, coordinate.variable)
    assert told.sst_draws.dims == ("realization", *dataset.sst.dims)
    assert told.sst_quantiles.dims == ("quantile", *dataset.sst.dims)
    np.testing.assert_allclose(told.sst_draws.mean("realization"), dataset.sst)
    np.testing.assert_allclose(told.sst_std, 1)


def test_the_same_cells_are_the_models_own_grid():
    for form in ("falling", "west and east", "a turn on", "transposed", "renamed"):
        assert LabelledTargets.of(FORMS[form](template()), GLOBE, [SST]).grid is GLOBE


def test_attributes_are_kept_and_cf_ones_added():
    told = answer(template(valid_max=3.0, cell_methods="time: mean"))
    assert told.attrs["title"] == "fields"
    first, second = told.attrs["history"].splitlines()
    assert first == "made"
    assert "prediction of mamba-diffae" in second
    assert told.sst.attrs["long_name"] == "temperature"
    assert told.sst.attrs["cell_methods"] == "time: mean realization: mean"
    assert "valid_max" not in told.sst.attrs
    assert told.sst_std.attrs["cell_methods"].endswith("realization: standard_deviation")
    assert told.sst_std.attrs["standard_name"] == "sea_surface_temperature standard_error"
    assert told.realization.attrs["standard_name"] == "realization"
    assert told.attrs["Conventions"].startswith("CF-")


def test_calendars_and_encodings_of_coordinates_are_kept(tmp_path):
    data = template()
    data = data.assign_coords(time=[cftime.DatetimeNoLeap(2000, 2, d) for d in (27, 28)])
    data.time.encoding |= {"units": "hours since 1990-01-01", "calendar": "noleap"}
    told = answer(data)
    told.to_netcdf(tmp_path / "told.nc")
    with xr.open_dataset(tmp_path / "told.nc", decode_times=False) as raw:
        assert raw.time.attrs["units"].startswith("hours since 1990-01-01")
        assert raw.time.attrs["calendar"] == "noleap"
    with xr.open_dataset(tmp_path / "told.nc") as again:
        xr.testing.assert_equal(again.sst, told.sst)


def test_other_units_of_values_are_converted_there():
    told = answer(template(units="degC"))
    np.testing.assert_allclose(told.sst, template().sst - 273.15)
    np.testing.assert_allclose(told.sst_std, 1)
    assert told.sst_draws.attrs["units"] == "degC"
    with pytest.raises(ValuesError, match="'sst' is in 'K', but 'mg m-3' is expected; convert it"):
        answer(template(units="mg m-3"))


def test_other_units_of_axes_are_converted():
    native = Grid.regular([(0, 6e3), (0, 9e3)], (6, 9), ("y", "x"), ("m", "m"))
    plain = template().drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    km = plain.assign_coords(
        y=("y", np.arange(6) + 0.5, {"units": "km"}), x=("x", np.arange(9) + 0.5, {"units": "km"})
    )
    assert LabelledTargets.of(km, native, [SST]).grid is native
    km.y.attrs["units"] = "furlong"
    with pytest.raises(ValuesError, match="dimension y of the targets is in 'furlong', but 'm'"):
        LabelledTargets.of(km, native, [SST])


def test_fields_lie_along_the_dimension_that_is_as_long():
    assert answer(template(), count=2).sst.dims == ("time", "lat", "lon")
    assert answer(template(), count=5).sst.dims == ("snapshot", "lat", "lon")
    assert "time" not in answer(template(), count=5).coords
    assert answer(template(), count=1).sst.dims == ("lat", "lon")
    assert answer(template(1), count=1).sst.dims == ("time", "lat", "lon")
    assert answer(template().isel(time=0), count=1).sst.dims == ("lat", "lon")


def test_coordinates_alone_are_targets():
    told = answer(template()[["lat", "lon"]], count=1)
    xr.testing.assert_equal(
        told.sst.drop_vars("time", errors="ignore"), template().sst[0].drop_vars("time")
    )


def test_single_levels_stay():
    data = template().expand_dims(level=[5.0])
    told = answer(data)
    assert told.sst.dims == data.sst.dims
    np.testing.assert_array_equal(told.level, [5.0])


def test_bounds_and_grid_mapping_come_along():
    data = template()
    edges = GLOBE.axes[0].edges
    data["lat_bnds"] = (("lat", "nv"), np.stack([edges[:-1], edges[1:]], axis=-1))
    data["crs"] = ((), 0, {"grid_mapping_name": "latitude_longitude"})
    data.lat.attrs["bounds"], data.sst.attrs["grid_mapping"] = "lat_bnds", "crs"
    told = answer(data)
    xr.testing.assert_identical(told.lat_bnds.variable, data.lat_bnds.variable)
    told = answer(data.set_coords(["lat_bnds", "crs"]))
    assert {"lat_bnds", "crs"} <= set(told.coords)
    xr.testing.assert_identical(told.lat_bnds.variable, data.lat_bnds.variable)
    assert "crs" in told.variables
    assert LabelledTargets.of(data, GLOBE, [SST]).grid is GLOBE


def test_what_is_missing_is_named():
    with pytest.raises(ShapeError, match=r"none of them is the axis 'lon'.*rename"):
        LabelledTargets.of(template().isel(lon=0), GLOBE, [SST])
    with pytest.raises(ShapeError, match=r"dimension lat of the targets has no coordinates"):
        LabelledTargets.of(template().drop_vars("lat"), GLOBE, [SST])
    with pytest.raises(ShapeError, match=r"one dimension of snapshots is allowed.*isel\(\w+=0\)"):
        answer(template().expand_dims(level=[1.0, 2, 3]), count=2)
    beyond = template().assign_coords(lat=("lat", LAT + 60, ABOUT["lat"]))
    with pytest.raises(AxisError, match="within ±90"):
        LabelledTargets.of(beyond, GLOBE, [SST])


def test_xarray_that_another_thread_is_importing_makes_nothing_labelled(monkeypatch):
    assert is_labelled(template())
    monkeypatch.setitem(sys.modules, "xarray", ModuleType("xarray"))
    assert not is_labelled(GLOBE)
    monkeypatch.delitem(sys.modules, "xarray")
    assert not is_labelled(GLOBE)
