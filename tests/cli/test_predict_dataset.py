"""`fit` and `predict` on NetCDF files, Zarr stores and tables of stations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from mamba_diffae import FieldAutoencoder, observe, open_field
from mamba_diffae.cli.verification import _sensors

FEW = (
    "--preset tiny --device cpu --set model.d_model=16 --set autoencoder.steps=2 "
    "--set ensemble.steps=2 --set autoencoder.batch_size=4 --set ensemble.batch_size=4"
)
LAT, LON = np.linspace(40, 60, 12), np.linspace(0, 30, 16)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Daily fields with clouds, in a file that holds a second variable too."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("archive") / "sst.nc"
    phase = rng.uniform(0, 6, (24, 1, 1))
    sst = 285 + 5 * np.sin(LAT[:, None] / 4 + LON / 6 + phase)
    cloudy = np.where(rng.random(sst.shape) < 0.2, np.nan, sst)
    time = np.datetime64("2001-01-01", "ns") + np.arange(24) * np.timedelta64(1, "D")
    dims = ("time", "lat", "lon")
    xr.Dataset(
        {"sst": (dims, cloudy, {"units": "K"}), "wind": (dims, sst - 280, {"units": "m s-1"})},
        {"time": time, "lat": LAT, "lon": LON},
    ).to_netcdf(path)
    return path


@pytest.fixture(scope="module")
def run(shell, archive, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sst"
    told = shell(
        f"fit {archive} --variable sst --snapshot-dim time --run {folder} {FEW} "
        "--phase autoencoder,ensemble"
    )
    assert told.code == 0, told.err
    return folder


def read(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="zarr" if path.suffix == ".zarr" else "netcdf4") as data:
        return data.load()


def test_a_variable_of_an_archive_is_learned_and_found_again(shell, run):
    told = shell(f"evaluate --model {run} --count 2 --device cpu --run {run.parent}/scores")
    assert told.code == 0, told.err
    told = shell(f"fit nowhere.nc --variable sst --run {run.parent}/other {FEW}")
    assert told.code == 2
    assert "nowhere.nc" in told.err


def test_clouds_are_filled_in_the_terms_of_a_data_set(shell, run, archive, tmp_path):
    one = tmp_path / "day.nc"
    with xr.open_dataset(archive) as data:
        data.isel(time=[23]).to_netcdf(one)
        grid = xr.Dataset(coords={"lat": LAT[::-1], "lon": np.linspace(1, 29, 40)})
    grid.to_netcdf(tmp_path / "grid.nc")
    line = f"predict {one} --model {run} --device cpu --draws 2 --like {tmp_path}/grid.nc"
    told = shell(f"{line} --out {tmp_path}/field.nc")
    assert told.code == 0, told.err
    field = read(tmp_path / "field.nc")
    assert field.sst_draws.dims == ("realization", "lat", "lon")
    assert field.sst.attrs["units"] == "K"
    model = FieldAutoencoder.from_pretrained(run, device="cpu")
    seen = observe(open_field(str(one), variable="sst", snapshot_dim="time"), 1.0)
    right = model.predict(seen, grid, n_draws=2)
    np.testing.assert_allclose(field.sst, right.sst, rtol=1e-5)
    np.testing.assert_allclose(field.sst_draws, right.sst_draws, rtol=1e-5)
    again = shell(f"{line} --out {tmp_path}/field.nc")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert shell(f"{line} --out {tmp_path}/field.nc --overwrite").code == 0
    native = shell(f"predict {one} --model {run} --device cpu --out {tmp_path}/native.zarr")
    assert native.code == 0, native.err
    assert read(tmp_path / "native.zarr").sizes["lat"] == 12


def test_another_unit_is_converted_and_another_variable_refused(shell, run, archive, tmp_path):
    with xr.open_dataset(archive) as data:
        day = data.isel(time=[3])
        (day - 273.15).sst.assign_attrs(units="degC").to_netcdf(tmp_path / "celsius.nc")
        day.sst.to_netcdf(tmp_path / "kelvin.nc")
    fields = []
    for unit in ("celsius", "kelvin"):
        line = f"predict {tmp_path}/{unit}.nc --model {run} --device cpu"
        told = shell(f"{line} --out {tmp_path}/{unit}.zarr")
        assert told.code == 0, told.err
        fields.append(read(tmp_path / f"{unit}.zarr").sst)
    np.testing.assert_allclose(*fields, rtol=1e-5)
    told = shell(
        f"predict {archive} --variable wind --model {run} --device cpu --out {tmp_path}/no.nc"
    )
    assert told.code == 2
    assert "m s-1" in told.err


def test_stations_are_learned_and_answered_on_a_grid(shell, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform([0, 40], [30, 60], (120, 2)), columns=["lon", "lat"])
    table["sst"] = 10 + np.sin(table["lat"] / 4 + table["lon"] / 6)
    table["hour"] = np.arange(120) // 10
    table["wind"] = 1.0
    table.to_csv(tmp_path / "stations.csv", index=False)
    now = table[table["hour"] == 3][["lon", "lat", "sst"]]
    now.to_csv(tmp_path / "now.csv", index=False)
    told = shell(
        f"fit {tmp_path}/stations.csv --variable sst --snapshot-dim hour --run {tmp_path}/run "
        f"{FEW} --phase autoencoder"
    )
    assert told.code == 0, told.err
    grid = xr.Dataset(coords={"lat": np.linspace(45, 55, 9), "lon": np.linspace(5, 25, 11)})
    grid.to_netcdf(tmp_path / "grid.nc")
    told = shell(
        f"predict {tmp_path}/now.csv --model {tmp_path}/run --device cpu --like {tmp_path}/grid.nc "
        f"--draws 2 --out {tmp_path}/field.nc"
    )
    assert told.code == 0, told.err
    assert read(tmp_path / "field.nc").sst_draws.shape == (2, 9, 11)
    told = shell(f"evaluate --model {tmp_path}/run --device cpu")
    assert told.code == 2
    assert "mamba-diffae verify" in told.err


def test_whole_fields_are_learned_from_where_sensors_stand(shell, archive, tmp_path):
    places = pd.DataFrame({"lon": [3.0, 20.0, 11.0], "lat": [44.0, 51.0, 58.0]})
    places.to_csv(tmp_path / "sensors.csv", index=False)
    told = shell(
        f"fit {archive} --variable sst --snapshot-dim time --layout {tmp_path}/sensors.csv "
        f"--run {tmp_path}/run {FEW} --phase autoencoder"
    )
    assert told.code == 0, told.err
    assert "3 sensors where they stand" in told.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--out f.nc --realization 1", "--draws"),
        ("--out f.nc --at places.csv", ".csv or .parquet"),
        ("--out f.nc --solver heun --draws 1", "--solver"),
        ("--out f.nc --size 8 --like grid.nc", "give one of them"),
        ("--out f.png --like grid.nc", "end it in .nc or .zarr"),
        ("--out f.nc --input other.nc", "give one of them"),
    ],
)
def test_what_does_not_go_together_is_refused(shell, run, archive, more, message):
    told = shell(f"predict {archive} --model {run} --device cpu {more}")
    assert told.code == 2
    assert message in told.err


def test_what_is_read_is_not_replaced_and_a_store_that_stands_is_refused(
    shell, run, archive, tmp_path
):
    line = f"predict {archive} --model {run} --device cpu"
    told = shell(f"{line} --out {archive} --overwrite")
    assert told.code == 2
    assert "which is read as well" in told.err
    (tmp_path / "old.zarr").mkdir()
    told = shell(f"{line} --out {tmp_path}/old.zarr")
    assert told.code == 2
    assert "--overwrite" in told.err


def test_a_table_has_no_share_to_observe(shell, run, tmp_path):
    (tmp_path / "now.csv").write_text("lat,lon,sst\n45,3,280\n")
    told = shell(f"predict {tmp_path}/now.csv --model {run} --fraction 0.1 --out {tmp_path}/a.csv")
    assert told.code == 2
    assert "--fraction and --pattern are of whole fields" in told.err


def test_an_input_is_needed(shell, run):
    told = shell(f"predict --model {run} --out f.nc")
    assert told.code == 2
    assert "give INPUT" in told.err


def test_a_data_set_is_verified_with_its_errors_flags_and_sensors(shell, run, archive, tmp_path):
    with xr.open_dataset(archive) as data:
        whole = data.load()
    flags = (whole.sst.dims, np.where(np.arange(12)[:, None] < 9, 5, 1) * np.ones(whole.sst.shape))
    error = (whole.sst.dims, np.full(whole.sst.shape, 0.3), {"units": "K"})
    whole.assign(level=flags, error=error).to_netcdf(tmp_path / "flagged.nc")
    places = {"lon": np.linspace(1, 29, 8), "lat": np.linspace(41, 54, 8)}
    pd.DataFrame(places).to_csv(tmp_path / "sensors.csv", index=False)
    line = (
        f"verify {tmp_path}/flagged.nc --model {run} --device cpu --variable sst --folds 2 "
        "--snapshot-dim time --count 1 --draws 0 --noise error --quality"
    )
    told = shell(f"{line} 'level >= 4' --run {tmp_path}/v --layout {tmp_path}/sensors.csv")
    assert told.code == 0, told.err
    assert "the model" in told.out
    assert "left out, since their quality is not what was asked" in " ".join(told.err.split())
    options = {"variable": "sst", "snapshot_dim": "time", "noise": "error"}
    seen = _sensors(f"{tmp_path}/flagged.nc", tmp_path / "sensors.csv", options)
    assert seen.noise is not None
    assert seen.noise[seen.mask].tolist() == pytest.approx([0.3] * int(seen.mask.sum()))
    refused = shell(f"{line} 'levels >= 4' --run {tmp_path}/w")
    assert refused.code == 2
    assert "Did you mean 'level'?" in refused.err
