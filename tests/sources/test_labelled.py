"""xarray objects become fields, however their dimensions are called, ordered and turned."""

from __future__ import annotations

import warnings

import cftime
import numpy as np
import pytest
import xarray as xr
from labelled_cases import sst

from mamba_diffae.fields import AxisError, FieldError, ShapeError, ValuesError
from mamba_diffae.sources import from_xarray, open_field


@pytest.fixture
def data():
    return sst()


def opened(data, **options):
    """The fields, without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_field(data, **{"snapshot_dim": "time"} | options)


def same(ours, theirs):
    assert ours.grid == theirs.grid
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.valid_mask(), theirs.valid_mask())
    assert list(ours.names) == list(theirs.names)
    np.testing.assert_array_equal(ours.splits, theirs.splits)


def test_values_units_and_coordinates_are_taken(data):
    fields = opened(data)
    np.testing.assert_array_equal(fields.values[..., 0], data.sst.values)
    assert (fields.variables[0].name, fields.variables[0].unit) == ("sst", "K")
    assert fields.grid.names == ("lat", "lon")
    np.testing.assert_allclose(fields.grid.axes[1].centres, data.lon)
    assert fields.names[0] == "2001-01-01"


def test_what_is_inferred_is_said(data):
    with pytest.warns(UserWarning, match="sst is taken as 40 snapshots along time, each of 6 × 9"):
        fields = open_field(data)
    same(fields, opened(data))


def test_the_order_and_the_direction_of_dimensions_do_not_matter(data):
    fields = opened(data)
    same(opened(data.transpose("lon", "time", "lat")), fields)
    same(opened(data.isel(lat=slice(None, None, -1), lon=slice(None, None, -1))), fields)
    same(opened(data.sst), fields)


def test_lazy_data_are_computed(data):
    same(opened(data.chunk({"time": 7})), opened(data))


def test_attributes_outweigh_names(data):
    other = data.rename(lat="Y", lon="u", time="step")
    fields = opened(other, snapshot_dim="step")
    assert fields.grid.names == ("lat", "lon")
    same(fields, opened(data))


def test_told_dimensions_outweigh_attributes(data):
    plain = data.rename(lat="a", lon="b").drop_vars(["a", "b"])
    fields = opened(plain, dims={"a": "north", "b": "east"})
    assert fields.grid.names == ("north", "east")


def test_several_variables_of_different_units(data):
    data["ice"] = data.sst.transpose("lat", "lon", "time").assign_attrs(units="1") / 300
    data["ice"].attrs["units"] = "1"
    fields = opened(data, variable=["ice", "sst"])
    assert [(v.name, v.unit) for v in fields.variables] == [("ice", "1"), ("sst", "K")]
    np.testing.assert_allclose(fields.values[..., 0] * 300, fields.values[..., 1])
    with pytest.raises(FieldError, match=r"2 variables that may be fields \(sst, ice\)"):
        opened(data)


def test_a_wrong_variable_names_the_nearest(data):
    with pytest.raises(ShapeError, match=r"variable 'sts' does not exist.*Did you mean 'sst'"):
        opened(data, variable="sts")
    with pytest.raises(ShapeError) as caught:
        opened(data.rename(sst="s"), variable="sst")
    assert "Did you mean" not in str(caught.value)


def test_a_wrong_dimension_names_the_nearest(data):
    with pytest.raises(ShapeError, match=r"snapshot dimension 'tme' does not.*Did you mean 'time'"):
        opened(data, snapshot_dim="tme")
    with pytest.raises(ShapeError, match=r"dimension 'lattitude' does not exist.*mean 'lat'"):
        opened(data, dims={"lattitude": "lat"})


def test_serving_variables_are_no_fields(data):
    data["sst"].attrs["ancillary_variables"] = "sst_error quality"
    data["sst_error"], data["quality"] = data.sst * 0 + 1, data.sst * 0
    data["crs"] = ((), 0, {"grid_mapping_name": "latitude_longitude"})
    with pytest.warns(UserWarning, match="names the quality flag quality"):
        assert open_field(data, snapshot_dim="time").variables[0].name == "sst"


def test_undecoded_values_are_decoded(data):
    packed = data.copy()
    packed["sst"].encoding |= {"dtype": "i2", "scale_factor": 0.01, "add_offset": 290.0}
    packed["sst"].encoding["_FillValue"] = -32768
    packed["sst"][:, 0, 0] = np.nan
    raw = xr.conventions.encode_dataset_coordinates(packed.load())[0]
    raw = {name: xr.conventions.encode_cf_variable(array) for name, array in raw.items()}
    fields = opened_with_land(xr.Dataset(raw))
    np.testing.assert_allclose(fields.values[:, 1:, 1:, 0], data.sst[:, 1:, 1:], atol=0.006)
    assert fields.grid.mask is not None
    assert not fields.grid.mask[0, 0]
    assert fields.names[1] == "2001-01-02"


def opened_with_land(data):
    with pytest.warns(UserWarning, match="1 of 54 cells have no value in any snapshot"):
        return open_field(data, snapshot_dim="time")


def test_gaps_stay_gaps_and_empty_snapshots_are_counted(data):
    data["sst"][3, 2, 2], data["sst"][7] = np.nan, np.nan
    with pytest.warns(UserWarning, match="1 of 40 snapshots have no value .* number 7"):
        fields = open_field(data, snapshot_dim="time")
    assert len(fields) == 39
    assert "2001-01-08" not in fields.names
    assert not fields.valid_mask()[3, 2, 2, 0]


def test_values_outside_the_valid_range_are_gaps(data):
    data["sst"][2, 1, 1] = 900.0
    data["sst"].attrs["valid_max"] = 400.0
    with pytest.warns(UserWarning, match="1 of 2,160 values of sst lie outside its valid range"):
        fields = open_field(data, snapshot_dim="time")
    assert not fields.valid_mask()[2, 1, 1, 0]


def test_days_of_other_calendars_name_snapshots(data):
    start = cftime.DatetimeNoLeap(2000, 2, 28)
    data = data.assign_coords(time=[start + np.timedelta64(d, "D").item() for d in range(40)])
    assert opened(data).names[:2] == ["2000-02-28", "2000-03-01"]


def test_time_is_split_in_blocks_that_follow_one_another(data):
    fields = opened(sst(days=400))
    months = [name[:7] for name in fields.names]
    for month in set(months):
        inside = np.array([m == month for m in months])
        assert len(set(fields.splits[inside])) == len(set(fields.groups[inside])) == 1
    changes = (fields.splits[1:] != fields.splits[:-1]).sum()
    assert changes == 2
    shuffled = sst(days=400).isel(time=np.random.default_rng(0).permutation(400))
    by_name = dict(zip(fields.names, fields.splits, strict=True))
    other = opened(shuffled)
    assert dict(zip(other.names, other.splits, strict=True)) == by_name


def test_snapshots_that_are_no_times_are_split_by_name(data):
    run = data.rename(time="run").assign_coords(run=[f"run {i}" for i in range(40)])
    fields = opened(run, snapshot_dim="run")
    assert fields.names[3] == "run 3"
    assert set(fields.splits) == {"train", "val", "test"}
    assert len(set(fields.groups)) == 40


def test_a_circle_of_longitudes_closes_in_both_conventions(data):
    lon = np.arange(0, 360, 20.0)
    globe = sst(columns=18).assign_coords(lon=("lon", lon, data.lon.attrs))
    turned = globe.assign_coords(lon=(globe.lon + 180) % 360 - 180).sortby("lon")
    assert opened(globe).grid.periodic == (False, True)
    assert opened(turned).grid.axes[1].low == -190
    assert opened(turned).grid.periodic == (False, True)


def test_bounds_of_cells_are_their_edges(data):
    edges = np.array([-60.0, -35, -20, 0, 20, 35, 60])
    data = data.assign(lat_bnds=(("lat", "nv"), np.stack([edges[:-1], edges[1:]], axis=-1)))
    data = data.assign_coords(lat=("lat", (edges[1:] + edges[:-1]) / 2, data.lat.attrs))
    data.lat.attrs["bounds"] = "lat_bnds"
    np.testing.assert_array_equal(opened(data).grid.axes[0].edges, edges)
    falling = opened(data.isel(lat=slice(None, None, -1)))
    np.testing.assert_array_equal(falling.grid.axes[0].edges, edges)


def test_single_levels_are_left_out_and_several_are_refused(data):
    same(opened(data.expand_dims(level=[500.0])), opened(data))
    many = data.expand_dims(number=3, level=2)
    with pytest.raises(ShapeError, match=r"data.isel\(number=0\).*snapshot_dim=\"number\""):
        opened(many)


def test_one_field_is_one_snapshot(data):
    fields = opened(data.isel(time=slice(0, 1)))
    assert fields.values.shape == (1, 6, 9, 1)
    with pytest.warns(UserWarning, match="sst is taken as one snapshot"):
        assert open_field(data.isel(time=0)).values.shape == (1, 6, 9, 1)


def test_time_may_be_an_axis(data):
    stack = xr.concat([data, data + 1], dim="run")
    fields = opened(stack, snapshot_dim="run")
    assert fields.grid.names == ("time", "lat", "lon")
    assert fields.grid.axes[0].unit.startswith("days since 2001-01-01")
    np.testing.assert_allclose(fields.grid.axes[0].centres, np.arange(40))


def test_latitudes_beyond_the_poles_are_refused(data):
    data = data.assign_coords(lat=("lat", np.linspace(0, 100, 6), data.lat.attrs))
    with pytest.raises(AxisError, match=r"latitudes lat reach from 0 to 100.*within ±90"):
        opened(data)


def test_curvilinear_grids_are_refused_with_a_way_out(data):
    lat, lon = np.meshgrid(data.lat, data.lon, indexing="ij")
    plain = data.rename(lat="j", lon="i").drop_vars(["j", "i"])
    curved = plain.assign_coords(nav_lat=(("j", "i"), lat), nav_lon=(("j", "i"), lon))
    with pytest.raises(ShapeError, match=r"nav_lat, nav_lon are two-dimensional.*from_points"):
        opened(curved)
    projected = curved.assign_coords(j=np.arange(6.0) * 1e3, i=np.arange(9.0) * 1e3)
    assert opened(projected).grid.names == ("j", "i")


def test_text_is_no_field(data):
    data["name"] = ("time", [str(i) for i in range(40)])
    with pytest.raises(FieldError, match="'name' of The data set has the type"):
        from_xarray(data, variable="name")


@pytest.mark.parametrize("bounds", [False, True])
@pytest.mark.parametrize("shift", [0, 4, 7])
def test_a_seam_among_the_longitudes_changes_nothing_but_their_order(shift, bounds):
    """A region across 180 degrees, begun anywhere or sorted, is the same as one that goes on."""
    straight = sst().assign_coords(lon=("lon", np.arange(160.0, 205, 5), {"units": "degrees_east"}))
    if bounds:
        edges = np.stack([straight.lon.values - 2.5, straight.lon.values + 2.5], axis=1)
        straight = straight.assign_coords(lon_bnds=(("lon", "nv"), edges))
        straight.lon.attrs["bounds"] = "lon_bnds"
    seam = straight.assign_coords(
        lon=((straight.lon + 180) % 360 - 180).assign_attrs(straight.lon.attrs)
    )
    seam = seam.roll(lon=shift, roll_coords=True) if shift else seam.sortby("lon")
    expected, found = (from_xarray(d, snapshot_dim="time") for d in (straight, seam))
    assert found.grid == expected.grid
    np.testing.assert_array_equal(found.values, expected.values)


def test_a_dimension_without_anything_is_named():
    with pytest.raises(ShapeError, match="has nothing along lat; give data with one"):
        from_xarray(sst().isel(lat=slice(0, 0)), variable="sst", snapshot_dim="time")


def test_times_of_an_unknown_unit_are_refused():
    data = sst().drop_vars("time").assign_coords(time=("time", np.arange(40.0)))
    data["time"].attrs["units"] = "fortnights since 2000-01-01"
    with pytest.raises(ValuesError, match=r"cannot be decoded .*correct the attributes units"):
        from_xarray(data, variable="sst", snapshot_dim="time")


def test_times_that_cannot_be_put_in_order_are_refused_by_name(data):
    times = np.array([None, *range(39)], object)
    with pytest.raises(ValueError, match=r"'time', whose coordinate cannot be put in order.*None"):
        opened(data.assign_coords(time=times))
