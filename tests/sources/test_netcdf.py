"""NetCDF files of both versions and Zarr stores are opened, and damaged ones refused."""

from __future__ import annotations

import json
import pickle
import shutil

import netCDF4
import numpy as np
import pytest
import xarray
from labelled_cases import sst
from scipy.io import netcdf_file

from mamba_diffae.fields import FieldError, MissingExtraError
from mamba_diffae.sources import canonical_source, open_field

FORMATS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4")
PACKED = {"dtype": "i2", "scale_factor": 0.001, "add_offset": 290.0, "_FillValue": -32768}


def saved(tmp_path, form, **encoding):
    path = tmp_path / f"sst{'.zarr' if form == 'zarr' else '.nc'}"
    data = sst()
    data["sst"][4, 1, 1] = np.nan
    if form == "zarr":
        data.to_zarr(path, encoding={"sst": encoding})
    else:
        data.to_netcdf(path, format=form, encoding={"sst": encoding})
    return path


@pytest.mark.parametrize("form", [*FORMATS, "zarr"])
def test_packed_files_are_opened_by_their_path(tmp_path, form):
    path = saved(tmp_path, form, **PACKED)
    fields = open_field(path, variable="sst", snapshot_dim="time")
    np.testing.assert_allclose(fields.values[:4, ..., 0], sst().sst[:4], atol=6e-4)
    assert not fields.valid_mask()[4, 1, 1, 0]
    assert fields.valid_mask().sum() == fields.values.size - 1
    assert fields.names[2] == "2001-01-03"
    assert canonical_source(str(path)) == str(path)
    shutil.rmtree(path) if path.is_dir() else path.unlink()  # no file is left open


def test_size_averages(tmp_path):
    fields = open_field(saved(tmp_path, "NETCDF4"), size=3, snapshot_dim="time")
    assert fields.shape == (2, 3)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kept", [0.9, 0.3])
def test_a_file_that_was_cut_short_is_refused(tmp_path, form, kept):
    path = saved(tmp_path, form)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FieldError, match=r"sst.nc .*cut short.*still being written.*again"):
        open_field(path, variable="sst", snapshot_dim="time")


def test_a_classic_file_of_wide_sizes_is_read_and_refused_if_it_was_cut_short(tmp_path):
    path, rng = tmp_path / "wide.nc", np.random.default_rng(0)
    values = rng.normal(size=(6, 8, 9))
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as file:
        for name, size in {"time": None, "lat": 8, "lon": 9}.items():
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size or 6)
        file.createVariable("sst", "f8", ("time", "lat", "lon"))[:] = values
    asked = {"variable": "sst", "snapshot_dim": "time"}
    np.testing.assert_allclose(open_field(path, **asked).values[..., 0], values)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FieldError, match="cut short"):
        open_field(path, **asked)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "page.nc"
    path.write_text("<html>not found</html>")
    with pytest.raises(FieldError, match=r"page.nc is no NetCDF file: it begins with b'<html>"):
        open_field(path)


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    path = tmp_path / "sst.zarr"
    path.mkdir()
    with pytest.raises(FieldError, match=r"is no Zarr store: it holds none of zarr.json"):
        open_field(path)


def test_a_store_of_any_name_is_known_by_its_metadata(tmp_path):
    path = saved(tmp_path, "zarr").rename(tmp_path / "store")
    assert len(open_field(path, snapshot_dim="time")) == 40


def test_a_store_with_a_damaged_array_is_refused(tmp_path):
    path = saved(tmp_path, "zarr")
    metadata = path / "sst" / "zarr.json"
    metadata.write_text(metadata.read_text()[:40])
    (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    with pytest.raises(FieldError, match="cannot be read as a Zarr store"):
        open_field(path, variable="sst")


@pytest.mark.parametrize(
    ("chunk", "why"),
    [
        # The head of a zstd frame that announces 2^60 bytes, and one of a time of 1e300 days.
        (b"\x28\xb5\x2f\xfd\xe0" + (2**60).to_bytes(8, "little") + bytes(8), ""),
        (None, "time values outside range"),
    ],
)
def test_a_store_whose_times_are_beyond_memory_or_any_date_is_damaged(tmp_path, chunk, why):
    path = tmp_path / "a.zarr"
    days = np.array([0, 1, 1e300, 3.0]) if chunk is None else np.arange(4.0)
    time = ("time", days, {"units": "days since 2001-01-01", "calendar": "standard"})
    xarray.Dataset({"sst": (("time", "x"), np.ones((4, 3)))}, {"time": time}).to_zarr(path)
    if chunk is not None:
        (path / "time" / "c" / "0").write_bytes(chunk)
    with pytest.raises(FieldError, match=f"cannot be read as a Zarr store: it is damaged.*{why}"):
        open_field(path, variable="sst")


def test_a_store_whose_description_is_a_number_is_damaged(tmp_path):
    path = saved(tmp_path, "zarr")
    (path / "zarr.json").write_text("7")
    with pytest.raises(FieldError, match="cannot be read as a Zarr store: it is damaged"):
        open_field(path, variable="sst")


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    path = saved(tmp_path, "NETCDF4")
    monkeypatch.setitem(__import__("sys").modules, "netCDF4", None)
    with pytest.raises(MissingExtraError, match=r"netCDF4.*mamba-diffae\[fields\]"):
        open_field(path)


def test_a_missing_variable_names_the_file(tmp_path):
    with pytest.raises(FieldError, match=r"'sts' does not exist; .*sst.nc has sst"):
        open_field(saved(tmp_path, "NETCDF4"), variable="sts")


def test_a_classic_file_of_packed_values_in_another_calendar(tmp_path):
    path = tmp_path / "old.nc"
    axes = {"time": np.arange(3) * 365 + 59, "lat": np.arange(87.5, -90, -5)}
    axes |= {"lon": np.arange(2.5, 360, 5)}
    stored = np.random.default_rng(0).integers(-200, 3000, (3, 36, 72))
    stored[:, :3] = -32768
    with netcdf_file(path, "w") as file:
        for name, numbers in axes.items():
            file.createDimension(name, len(numbers))
            file.createVariable(name, "f8", (name,))[:] = numbers
        file.variables["time"].units = b"days since 2000-01-01"
        file.variables["time"].calendar = b"noleap"
        sst = file.createVariable("sst", "i2", tuple(axes))
        sst.scale_factor, sst.add_offset, sst._FillValue = 0.01, 273.15, np.int16(-32768)
        sst[:] = stored
    with pytest.warns(UserWarning, match="216 of 2,592 cells have no value in any snapshot"):
        fields = open_field(path, snapshot_dim="time")
    assert fields.names == ["2000-03-01", "2001-03-01", "2002-03-01"]
    assert fields.grid.periodic == (False, True)
    assert (fields.grid.axes[0].low, fields.grid.axes[0].high) == (-90, 90)
    inside = stored[:, :2:-1] * 0.01 + 273.15
    np.testing.assert_allclose(fields.values[:, :33, :, 0], inside, rtol=1e-6)


@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_a_store_of_pickled_values_is_refused_and_nothing_is_run(tmp_path, place):
    store, ran = tmp_path / "s.zarr", tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return ran.touch, ()

    codec = {"id": "pickle", "protocol": 5}
    about = {"zarr_format": 2, "shape": [3, 4, 4], "chunks": [3, 4, 4], "dtype": "<f8"}
    about |= {"fill_value": None, "order": "C", "filters": None, "compressor": None}
    about[place] = [codec] if place == "filters" else codec
    (store / "sst").mkdir(parents=True)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    (store / "sst" / ".zarray").write_text(json.dumps(about))
    (store / "sst" / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["time", "lat", "lon"]}')
    (store / "sst" / "0.0.0").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(FieldError, match=r"\.zarray says that values are pickled"):
        open_field(store)
    assert not ran.exists()


def test_a_classic_header_of_unknown_types_is_damage(tmp_path):
    path = saved(tmp_path, "NETCDF3_CLASSIC")
    content = path.read_bytes()
    at = content.index(b"units") + 8  # the type of the attribute's values
    path.write_bytes(content[:at] + b"\x63" * 4 + content[at + 4 :])
    with pytest.raises(FieldError, match=r"cut short|damaged"):
        open_field(path, variable="sst", snapshot_dim="time")
