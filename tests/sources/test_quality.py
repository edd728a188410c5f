"""Errors and quality flags of a data set reach the fields and what is observed of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parent))

from labelled_cases import sst

from mamba_diffae import observe, open_field
from mamba_diffae.fields import FieldError, ValuesError

ASKED = {"variable": "sst", "snapshot_dim": "time"}


def flagged() -> xr.Dataset:
    data, rng = sst(), np.random.default_rng(0)
    shape, dims = data.sst.shape, data.sst.dims
    level = rng.integers(0, 6, shape)
    meanings = {"flag_values": np.arange(6), "flag_meanings": "no bad worst low fair best"}
    error = {"standard_name": "sea_surface_temperature standard_error", "units": "K"}
    data["quality_level"] = (dims, level, meanings)
    data["sst_error"] = (dims, rng.uniform(0.1, 0.5, shape), error)
    data.sst.attrs["ancillary_variables"] = "sst_error quality_level"
    return data


@pytest.mark.parametrize(
    ("condition", "good"),
    [
        ("quality_level >= 4", lambda level: level >= 4),
        ("quality_level == best", lambda level: level == 5),
        ("quality_level != worst", lambda level: level != 2),
        (["quality_level>2", "quality_level < 5"], lambda level: (level > 2) & (level < 5)),
    ],
)
def test_values_of_poor_quality_are_gaps(condition, good):
    data = flagged()
    with pytest.warns(UserWarning, match="are left out, since their quality"):
        fields = open_field(data, **ASKED, quality=condition, noise="sst_error")
    expected = good(data.quality_level.values)
    kept = expected.any(axis=(1, 2))
    np.testing.assert_array_equal(fields.valid_mask()[..., 0], expected[kept])


@pytest.mark.parametrize(
    ("condition", "good"),
    [
        ("flags != cloud", lambda bits: bits & 8 == 0),
        ("flags == ice", lambda bits: bits & 4 == 4),
        (["flags != land", "flags != cloud"], lambda bits: bits & 9 == 0),
        ("flags < 4", lambda bits: bits < 4),
    ],
)
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "f8"])  # floats: decoded with a fill value
def test_a_bit_of_a_flag_is_found_by_its_meaning(condition, good, kind):
    data = sst()
    bits = np.random.default_rng(0).integers(0, 16, data.sst.shape)
    masks = {"flag_masks": np.array([1, 2, 4, 8], "i1"), "flag_meanings": "land rain ice cloud"}
    data["flags"] = (data.sst.dims, bits.astype(kind), masks)
    with pytest.warns(UserWarning, match="are left out, since their quality"):
        fields = open_field(data, **ASKED, quality=condition)
    expected = good(bits)
    kept = expected.any(axis=(1, 2))
    np.testing.assert_array_equal(fields.valid_mask()[..., 0], expected[kept])


def test_an_error_in_another_unit_is_converted():
    data = flagged()
    right = open_field(data, **ASKED, noise="sst_error", quality="quality_level >= 0").noise
    data.sst.attrs["units"], data.sst_error.attrs["units"] = "m", "cm"
    fields = open_field(data, **ASKED, noise="sst_error", quality="quality_level >= 0")
    np.testing.assert_allclose(fields.noise, right / 100)
    data.sst_error.attrs["units"] = "percent"
    with pytest.raises(FieldError, match="'percent', but 'm' is expected"):
        open_field(data, **ASKED, noise="sst_error", quality="quality_level >= 0")


def test_errors_are_the_noise_of_what_is_observed():
    data = flagged().isel(lat=slice(None, None, -1))
    with pytest.warns(UserWarning, match="names the quality flag quality_level"):
        fields = open_field(data, **ASKED, noise="sst_error")
    right = data.sst_error.values[:, ::-1]
    np.testing.assert_allclose(fields.noise[..., 0], right)
    seen = observe(fields.take([3, 7]), 0.5, seed=1)
    cell = np.abs(seen.coords[0, 0].numpy() - fields.grid.centres()).sum(axis=1).argmin()
    assert seen.noise[0, 0, 0] == pytest.approx(right[3].ravel()[cell])
    coarse = fields.at((3, 3))
    assert coarse.noise.min() >= right.min()
    assert coarse.noise.max() <= right.max()
    turned = fields.transpose((1, 0))
    np.testing.assert_allclose(turned.noise, fields.noise.transpose(0, 2, 1, 3))


def test_values_without_a_stated_error_are_gaps_and_no_land():
    data = flagged()
    data["sst_error"] = data.sst_error.where(data.lat > 0)
    data["sst"] = data.sst.where(data.lon > 10)  # land
    with pytest.warns(UserWarning, match="without a stated error are left out"):
        fields = open_field(data, **ASKED, noise="sst_error")
    rows, columns = (data.lat > 0).values, (data.lon > 10).values
    np.testing.assert_array_equal(fields.grid.exists, np.ones((6, 1), bool) & columns)
    np.testing.assert_array_equal(fields.valid_mask()[0, ..., 0], rows[:, None] & columns)


def test_what_is_named_but_not_used_is_said():
    with pytest.warns(UserWarning, match="names") as said:
        open_field(flagged(), **ASKED)
    told = [str(warning.message) for warning in said]
    assert any('give noise="sst_error"' in text for text in told)
    assert any('quality="quality_level >= ..."' in text for text in told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": "quality_levl >= 4"}, "Did you mean 'quality_level'"),
        ({"quality": "quality_level is good"}, "give conditions such as"),
        ({"quality": "quality_level == bset"}, "one of no, bad, worst"),
        ({"noise": "sst_eror"}, "Did you mean 'sst_error'"),
        ({"noise": ["sst_error", "sst_error"]}, "give one for each"),
        ({"noise": "lat"}, "the dimensions lat, but sst has"),
        ({"quality": "time > 3"}, "holds no numbers"),
        ({"quality": "quality_level == 4b"}, "one of no, bad, worst"),
    ],
)
def test_bad_names_and_conditions_are_refused(options, message):
    with pytest.raises(FieldError, match=message):
        open_field(flagged(), **ASKED, **options)


def test_a_negative_error_is_refused():
    data = flagged()
    data["sst_error"] = -data.sst_error
    with pytest.raises(FieldError, match="0 or more"):
        open_field(data, **ASKED, noise="sst_error")


@pytest.mark.parametrize("fill", [-999.0, -1e34, 9.969209968386869e36, 1e20, -99.9])
def test_a_fill_value_that_no_attribute_declares_is_said_or_refused(tmp_path, fill):
    data, gone = flagged(), np.random.default_rng(1).random(sst().sst.shape) < 0.1
    for name in ("sst", "sst_error"):
        values = np.where(gone, fill, data[name]).astype(np.float32)
        data[name] = (data[name].dims, values, data[name].attrs)
    bare = {name: {"_FillValue": None} for name in ("sst", "sst_error")}
    data.to_netcdf(tmp_path / "f.nc", encoding=bare)
    told = rf"variable 'sst' are {np.float32(fill):g}; .*set its attribute _FillValue".replace(
        "+", r"\+"
    )
    with pytest.warns(UserWarning, match=told):
        open_field(tmp_path / "f.nc", **ASKED)
    if fill > 0:
        with pytest.warns(UserWarning, match="errors' are .* set its attribute _FillValue"):
            open_field(tmp_path / "f.nc", **ASKED, noise="sst_error")
        return
    with pytest.raises(
        ValuesError, match=rf"is {fill:g} at .* values; .*_FillValue".replace("+", r"\+")
    ):
        open_field(tmp_path / "f.nc", **ASKED, noise="sst_error")


def test_a_fill_value_among_errors_is_said():
    data = flagged()
    data["sst_error"] = data.sst_error.where(data.lat > 0, 1e20)
    with pytest.warns(UserWarning, match="errors' are 1e\\+20; .* set its attribute _FillValue"):
        open_field(data, **ASKED, noise="sst_error")


def test_what_lies_outside_the_valid_range_is_said_once():
    data = flagged()
    data.sst.attrs["valid_max"] = float(data.sst.max()) - 1
    with pytest.warns(UserWarning, match="outside its valid range") as said:
        open_field(data, **ASKED, quality="quality_level >= 1", noise="sst_error")
    assert sum("valid range" in str(warning.message) for warning in said) == 1
