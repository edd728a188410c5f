"""The embedded weather: decoded rightly, with coordinates and units, split by days and sectors."""

from importlib.resources import files

import numpy as np
import pytest

from mamba_diffae.fields import observe
from mamba_diffae.sources import canonical_source, open_field
from mamba_diffae.sources.weather import FILE, SECTORS, decode


@pytest.fixture(scope="module")
def weather():
    return open_field("weather")


@pytest.fixture(scope="module")
def windows():
    return open_field("weather:windows")


@pytest.fixture(scope="module")
def stored():
    with (files("mamba_diffae.sources") / "data" / FILE).open("rb") as file:
        return dict(np.load(file, allow_pickle=False))


def test_decoding_by_hand():
    deltas = np.array([[[4095, -4095, 1, 0]]], np.int16)
    values = decode(deltas, np.array([100.0, 304.75], np.float32))
    np.testing.assert_allclose(values, [[[304.75, 100.0, 100.05, 100.05]]])


def test_values_are_those_of_the_file(weather, stored):
    for c, variable in enumerate(weather.variables):
        low, high = stored[f"{variable.name}_range"].astype(float)
        for s, row in ((0, 0), (7, 91), (23, 180)):
            level = 0
            for column, delta in enumerate(stored[variable.name][s, row].tolist()):
                level += delta
                if column % 90 == 0:
                    value = weather.values[s, 180 - row, column, c]
                    assert value == pytest.approx(low + level * (high - low) / 4095, rel=1e-6)
        assert weather.values[..., c].min() == pytest.approx(low, rel=1e-6)
        assert weather.values[..., c].max() == pytest.approx(high, rel=1e-6)


def test_variables_have_units_and_limits_around_their_values(weather):
    units = {v.name: v.unit for v in weather.variables}
    assert units == {"t2m": "K", "u10": "m s-1", "v10": "m s-1", "msl": "Pa"}
    low, high = np.array([v.limits for v in weather.variables]).T
    usual = np.quantile(weather.values, [0.001, 0.999], axis=(0, 1, 2))
    assert (usual[0] >= low).all()
    assert (usual[1] <= high).all()
    assert (usual[1] - usual[0] > 0.5 * (high - low)).all()


def test_latitudes_rise_with_their_values_and_longitudes_close(weather):
    lat, lon = weather.grid.axes
    assert weather.shape == (181, 360)
    assert (lat.name, lat.unit, lat.is_latitude) == ("lat", "degrees_north", True)
    assert (lon.name, lon.unit, lon.periodic) == ("lon", "degrees_east", True)
    np.testing.assert_allclose(lat.edges[[0, 1, -1]], [-90, -89.5, 90])
    np.testing.assert_allclose(lon.centres[[0, -1]], [0, 359], atol=1e-9)
    zonal = weather.values[..., 0].mean(axis=(0, 2))
    assert zonal[0] < 230 < 250 < zonal[-1] < 270 < zonal[90]  # the Antarctic is colder
    np.testing.assert_allclose(np.ptp(weather.values[:, [0, -1]], axis=2), 0, atol=0.02)  # poles


def test_there_is_no_seam(weather):
    for c in range(4):
        steps = np.abs(np.diff(weather.values[..., c], axis=2)).mean()
        seam = np.abs(weather.values[:, :, 0, c] - weather.values[:, :, -1, c]).mean()
        assert seam < 1.5 * steps


def test_snapshots_are_named_by_hour_and_split_by_day(weather):
    assert (weather.names[0], weather.names[-1]) == ("2026-03-25T00", "2026-03-31T23")
    times = np.array(weather.names, "datetime64[h]")
    assert set(np.diff(times).astype(int)) == {7, 8}
    days = times.astype("datetime64[D]")
    np.testing.assert_array_equal(weather.groups, (days - days[0]).astype(int))
    order = {"train": 0, "val": 1, "test": 2}
    assert (np.diff([order[split] for split in weather.splits]) >= 0).all()
    assert [(weather.splits == s).sum() for s in order] == [14, 3, 7]


def test_the_attribution_is_kept(stored):
    readme = (files("mamba_diffae.sources") / "data" / "README.md").read_text()
    said = " ".join(readme.split())
    assert "Contains modified Copernicus Climate Change Service information (ERA5)" in said
    assert "CC-BY 4.0" in said
    assert "Copernicus" in str(stored["attribution"])


@pytest.mark.parametrize("name", ["weather", "weather:windows"])
def test_shared_copies_cannot_be_spoilt(name):
    data = open_field(name)
    assert open_field(name) is data
    assert canonical_source(name) == name
    for array in (data.values, data.groups, data.splits):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_windows_lie_on_one_plane_grid_in_degrees(windows):
    assert windows.values.shape == (344, 32, 32, 4)
    assert windows.values.dtype == np.float32
    assert windows.grid.names == ("north", "east")
    assert windows.grid.periodic == (False, False)
    for axis in windows.grid.axes:
        assert (axis.low, axis.high, axis.unit) == (0, 32, "degrees")
        assert not axis.is_latitude
        assert not axis.is_longitude


def test_windows_are_cut_where_their_names_say(weather, windows):
    for k in range(0, len(windows), 43):
        hour, _, lat, _, lon = windows.names[k].split()
        assert (windows.attributes["lat"][k], windows.attributes["lon"][k]) == (
            float(lat),
            float(lon),
        )
        s = list(weather.names).index(hour)
        i = int(np.flatnonzero(weather.grid.axes[0].centres == float(lat) - 15.5)[0])
        j = int(np.flatnonzero(weather.grid.axes[1].centres == float(lon) - 15.5)[0])
        cut = weather.values[s, i : i + 32, j : j + 32]
        np.testing.assert_array_equal(windows.values[k], cut)


def test_windows_of_a_snapshot_do_not_overlap(windows):
    at = [name.split()[0] == windows.names[0].split()[0] for name in windows.names]
    places = np.stack([windows.attributes["lat"][at], windows.attributes["lon"][at]], axis=1)
    apart = np.abs(places[:, None] - places[None]).max(axis=-1)
    assert (apart[~np.eye(len(places), dtype=bool)] >= 32).all()


def test_test_windows_share_neither_day_nor_sector_with_training_ones(windows):
    days = np.array([name[:10] for name in windows.names])
    sectors = (windows.attributes["lon"] - 15.5) // 36
    for column in (days, sectors, windows.groups):
        found = [set(column[windows.splits == s].tolist()) for s in ("train", "val", "test")]
        assert all(found)
        assert not found[0] & found[1]
        assert not found[0] & found[2]
        assert not found[1] & found[2]
    keys = set(zip(days.tolist(), sectors.tolist(), windows.groups.tolist(), strict=True))
    assert len(keys) == len(set(windows.groups.tolist()))  # a group is a day of a sector
    assert len(set(sectors[windows.splits == "test"])) == SECTORS["test"]
    assert (windows.splits == "test").sum() >= 48


def test_both_can_be_observed_and_averaged(weather, windows):
    coarse = open_field(weather, size=36)
    assert coarse.shape == weather.grid.scaled_shape(36)
    mean = (weather.values * weather.weights()).sum(axis=(1, 2))
    again = (coarse.values * coarse.weights()).sum(axis=(1, 2))
    np.testing.assert_allclose(again, mean, rtol=1e-4, atol=1e-4)
    assert len(observe(windows.split("test"), 0.05)) == 84
