"""`fit --covariate` on a NetCDF file, and `predict` from files that hold what is needed."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from mamba_diffae import FieldAutoencoder

FEW = (
    "--preset tiny --device cpu --set model.d_model=16 --set autoencoder.steps=2 "
    "--set autoencoder.batch_size=4 --phase autoencoder"
)
LAT, LON = np.linspace(40, 60, 12), np.linspace(0, 30, 16)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("archive") / "t2m.nc"
    height, guess = rng.uniform(0, 2000, (12, 16)), rng.random((24, 12, 16))
    time = np.datetime64("2001-01-01", "ns") + np.arange(24) * np.timedelta64(20, "D")
    dims = ("time", "lat", "lon")
    variables = {
        "t2m": (dims, 15 + guess - 0.0065 * height, {"units": "degC"}),
        "elevation": (dims[1:], height, {"units": "m"}),
        "guess": (dims, guess),
    }
    xr.Dataset(variables, {"time": time, "lat": LAT, "lon": LON}).to_netcdf(path)
    return path


@pytest.fixture(scope="module")
def run(shell, archive, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "t2m"
    names = "--covariate elevation --covariate season --covariate guess"
    told = shell(f"fit {archive} --variable t2m --snapshot-dim time {names} --run {folder} {FEW}")
    assert told.code == 0, told.err
    assert "Covariates: elevation, season_sin, season_cos, guess." in told.out + told.err
    return folder


def test_covariates_come_from_the_input_or_from_what_the_answer_is_like(
    shell, archive, run, tmp_path
):
    known = FieldAutoencoder.from_pretrained(run).fitted.scaler.covariates
    assert known is not None
    assert known.varying == ("season_sin", "season_cos", "guess")
    with xr.open_dataset(archive) as dataset:
        day = dataset.isel(time=[3]).load()
    day.drop_vars("elevation").to_netcdf(tmp_path / "day.nc")
    day[["t2m"]].to_netcdf(tmp_path / "seen.nc")
    day[["guess"]].to_netcdf(tmp_path / "like.nc")
    ask = f"predict {{}} --model {run} --device cpu --fraction 0.3 --out {{}} --like {{}}"
    own = shell(ask.format(tmp_path / "day.nc", tmp_path / "a.nc", tmp_path / "seen.nc"))
    assert own.code == 0, own.err
    day[["t2m"]].drop_vars("time").to_netcdf(tmp_path / "bare.nc")
    told = shell(ask.format(tmp_path / "bare.nc", tmp_path / "b.nc", tmp_path / "like.nc"))
    assert told.code == 0, told.err
    with xr.open_dataset(tmp_path / "a.nc") as a, xr.open_dataset(tmp_path / "b.nc") as b:
        np.testing.assert_allclose(a.t2m.squeeze(), b.t2m.squeeze(), atol=1e-4)
    lacking = shell(ask.format(tmp_path / "bare.nc", tmp_path / "c.nc", tmp_path / "bare.nc"))
    assert lacking.code == 2
    assert "season_sin, season_cos, guess of these fields is not known" in lacking.err


def test_a_table_has_no_covariates(shell, tmp_path):
    told = shell(f"fit stations.csv --covariate elevation --run {tmp_path}/run {FEW}")
    assert told.code == 2
    assert "--covariate is of data sets" in told.err
