"""A large answer is written region by region, and is that of `predict`."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from mamba_diffae import FieldAutoencoder, FieldData, Observations, observe
from mamba_diffae.estimator import render
from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.regions import RenderedRegions
from mamba_diffae.estimator.streaming import _labelled
from mamba_diffae.fields import Affine, FieldError, Labels
from mamba_diffae.fields.atomic import DiskFullError
from mamba_diffae.fields.cf import field_dataset
from mamba_diffae.fields.cf.store import RegionStore
from mamba_diffae.sources import from_array

QUIET = {"show_progress": False}
SMALL = 400
"""Values at once: a few rows."""


@pytest.fixture(scope="module")
def beside_land(few: dict) -> FieldAutoencoder:
    """Fitted on fields whose lower half is land."""
    rng = np.random.default_rng(0)
    mask = np.repeat([[True], [False]], 6, axis=0) & np.ones((12, 10), bool)
    data = from_array(rng.normal(size=(12, 12, 10)).cumsum(axis=1), mask=mask, variables="depth")
    return FieldAutoencoder("tiny", changes=few, device="cpu").fit(data)


def read(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="zarr" if path.suffix == ".zarr" else "netcdf4") as data:
        return data.load()


@pytest.mark.parametrize("ending", [".zarr", ".nc"])
@pytest.mark.parametrize("shape", [(16, 24), (8, 12), (33, 40)])
def test_the_values_are_those_of_predict(model, seen, tmp_path, ending, shape):
    out = tmp_path / f"field{ending}"
    options = {"n_draws": 3, "quantiles": (0.1, 0.9), "seed": 5}
    assert render(model, seen, shape, out, **options, values=SMALL, **QUIET) == out
    told = read(out)
    right = model.predict(seen, shape, **options).to_xarray()
    assert set(told) == set(right)
    for name, array in right.data_vars.items():
        assert told[name].dims == array.dims
        np.testing.assert_allclose(told[name], array, rtol=0, atol=1e-4)  # values span 6
        assert told[name].attrs == array.attrs
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


def test_targets_of_xarray_are_answered_in_their_terms(model, seen, tmp_path):
    like = model.predict(seen, (20, 30)).to_xarray()[["y", "x"]]
    like = like.isel(x=slice(None, None, -1)).transpose("x", "y")
    out = render(model, seen, like, tmp_path / "f.zarr", values=SMALL, **QUIET)
    told, right = read(out), model.predict(seen, like)
    assert told.v0.dims == right.v0.dims
    np.testing.assert_allclose(told.v0, right.v0, rtol=0, atol=1e-4)
    xr.testing.assert_equal(told.x, like.x)


def test_what_was_stopped_goes_on_and_is_the_same(model, seen, tmp_path, monkeypatch):
    whole = read(render(model, seen, 48, tmp_path / "whole.zarr", 2, values=SMALL, **QUIET))
    out, write, written = tmp_path / "f.nc", RegionStore.write, []

    def failing(self, part, region, name):
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(name)
        write(self, part, region, name)

    monkeypatch.setattr(RegionStore, "write", failing)
    with pytest.raises(OSError, match="No space"):
        render(model, seen, 48, out, 2, values=SMALL, **QUIET)
    assert not out.exists()
    again = []
    monkeypatch.setattr(
        RegionStore, "write", lambda self, *given: (again.append(given[-1]), write(self, *given))
    )
    render(model, seen, 48, out, 2, values=SMALL, **QUIET)
    assert not set(again) & set(written)
    xr.testing.assert_equal(read(out), whole)


def test_a_full_disk_is_named_and_another_request_begins_anew(model, seen, tmp_path, monkeypatch):
    out = tmp_path / "f.zarr"

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "to_zarr", full)
        with pytest.raises(DiskFullError, match="goes on from there"):
            render(model, seen, 24, out, values=SMALL, **QUIET)
    render(model, seen[:1], 24, out, values=SMALL, **QUIET)
    right = model.predict(seen[:1], 24).mean[0, ..., 0]
    np.testing.assert_allclose(read(out).v0, right, rtol=0, atol=1e-4)


@pytest.mark.parametrize("other", ["turned", "grouped", "named"])
def test_only_the_same_request_goes_on(model, seen, tmp_path, monkeypatch, other):
    y, x = np.linspace(0.05, 0.6, 20), np.linspace(0.1, 0.9, 19)
    like = xr.Dataset(coords={"y": y, "x": x, "row": ("y", np.arange(20))})
    out, write = tmp_path / "f.zarr", RegionStore.write

    def failing(self, *given):
        write(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RegionStore, "write", failing)
        with pytest.raises(KeyboardInterrupt):
            render(model, seen, like, out, values=SMALL, **QUIET)
    if other == "turned":
        like = like.isel(y=slice(None, None, -1))
    if other == "named":
        like = like.assign_coords(row=like.row + 1)
    if other == "grouped":
        seen = replace(seen, noise_group=torch.zeros(seen.mask.shape[:2], dtype=torch.int64))
    told = read(render(model, seen, like, out, values=SMALL, **QUIET))
    np.testing.assert_allclose(told.v0, model.predict(seen, like).v0, rtol=0, atol=1e-4)
    xr.testing.assert_equal(told.row, like.row)


def test_units_and_scaling_are_part_of_the_request(model, seen):
    def digest(units: tuple[str, ...], fitted: FittedModel) -> str:
        whole = _labelled(24, fitted)
        regions = RenderedRegions(fitted, whole, Drawing(0, 0), len(seen), SMALL)
        return regions.request(seen.replace(labels=Labels(units=units)))["digest"]

    def of_units(*units: str) -> str:
        return digest(units, model.fitted)

    names = [variable.name for variable in model.variables]
    kelvin = tuple("K" for _ in names)
    assert of_units(*kelvin) == of_units(*kelvin)
    assert of_units(*kelvin) != of_units(*("degC" for _ in names))
    scaler = model.fitted.scaler
    variables = [replace(v, transform=Affine(-7.0, 7.0)) for v in scaler.variables]
    other = replace(model.fitted, scaler=replace(scaler, variables=variables))
    assert digest(kelvin, other) != of_units(*kelvin)


def test_land_stays_a_gap(beside_land, tmp_path):
    rng = np.random.default_rng(1)
    coords = rng.uniform([0, 0], [0.5, 0.8], (9, 2))
    obs = Observations.from_points(coords, rng.normal(size=9))
    fine = (24, 20)
    told = read(render(beside_land, obs, fine, tmp_path / "f.zarr", 2, values=100, **QUIET))
    right = beside_land.predict(obs, fine, 2).to_xarray()
    assert told.depth[12:].isnull().all()
    np.testing.assert_allclose(told.depth, right.depth[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(told.depth_draws, right.depth_draws[:, 0], rtol=0, atol=1e-4)


def test_bad_outputs_and_targets_are_refused_before_any_work(model, seen, tmp_path):
    with pytest.raises(FieldError, match="ends neither as a NetCDF file"):
        render(model, seen, 24, tmp_path / "f.tif", **QUIET)
    (tmp_path / "f.nc").touch()
    with pytest.raises(FieldError, match="overwrite=True"):
        render(model, seen, 24, tmp_path / "f.nc", **QUIET)
    with pytest.raises(FieldError, match="answered by predict"):
        render(model, seen, np.zeros((3, 2)), tmp_path / "g.nc", **QUIET)
    outside = xr.Dataset(coords={"y": np.linspace(0, 900, 5), "x": np.linspace(0, 1, 5)})
    with pytest.raises(FieldError, match="outside"):
        render(model, seen, outside, tmp_path / "g.nc", **QUIET)
    assert [p.name for p in tmp_path.iterdir()] == ["f.nc"]
    render(model, seen, 24, tmp_path / "f.nc", overwrite=True, **QUIET)
    assert read(tmp_path / "f.nc").sizes["x"] == 24


def test_the_truth_of_many_snapshots_lies_along_their_time(few, tmp_path, truth: FieldData):
    fields = FieldData(
        truth.variables,
        truth.grid,
        truth.values,
        names=[f"2001-01-{day:02}" for day in range(1, 13)],
        splits=truth.splits,
    )
    model = FieldAutoencoder("tiny", changes=few, device="cpu").fit(fields, phases=["autoencoder"])
    like = field_dataset(fields)
    obs = observe(fields, 0.5)
    day = np.timedelta64(1, "D")
    like["time_bnds"] = ("time", "nv"), np.stack([like.time.values, like.time.values + day], axis=1)
    like.time.attrs["bounds"] = "time_bnds"
    told = read(render(model, obs, like, tmp_path / "f.zarr", values=SMALL, **QUIET))
    np.testing.assert_array_equal(told.time_bnds, like.time_bnds)
    assert told.v0.dims == ("time", "y", "x")
    xr.testing.assert_equal(told.time, like.time)
    np.testing.assert_allclose(told.v0, model.predict(obs).mean[..., 0], rtol=0, atol=1e-4)
