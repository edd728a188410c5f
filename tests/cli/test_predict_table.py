"""`predict` from a table of observations to a table of answers."""

import numpy as np
import pandas as pd
import pytest

from mamba_diffae import FieldAutoencoder, Observations
from mamba_diffae.cli.table_prediction import TABLE_ENDINGS
from mamba_diffae.fields.tables import TABLES

PHASE = {"steps": 2, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": PHASE, "ensemble": PHASE}
NAMED = {"time": "hour", "values": ["sst"], "lon": "lon", "lat": "lat"}


@pytest.fixture(scope="module")
def stations() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(0, 10, (120, 2)), columns=["lon", "lat"])
    table["sst"] = 10 + np.sin(table["lat"] / 2 + table["lon"] / 3)
    return table.assign(hour=np.arange(120) // 10)


@pytest.fixture(scope="module")
def model(stations, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "stations"
    network = FieldAutoencoder("tiny", changes=CHANGES, device="cpu")
    network.fit(Observations.from_table(stations, **NAMED), phases=["autoencoder", "ensemble"])
    network.save_pretrained(folder)
    return folder


@pytest.fixture
def files(stations, tmp_path):
    stations[stations["hour"] == 3].drop(columns="hour").to_csv(tmp_path / "in.csv", index=False)
    pd.DataFrame({"lat": [2.0, 5.0], "lon": [3.0, 6.0]}).to_csv(tmp_path / "at.csv", index=False)
    return tmp_path


def test_the_answer_is_that_of_the_library(shell, model, files):
    line = f"predict --input {files}/in.csv --model {model} --device cpu --draws 2"
    told = shell(f"{line} --at {files}/at.csv --out {files}/out.csv")
    assert told.code == 0, told.err
    assert "lat, lon, sst, sst_std, sst_draw_0, sst_draw_1 at the 2 places" in told.out
    network = FieldAutoencoder.from_pretrained(model, device="cpu")
    expected = network.predict(files / "in.csv", files / "at.csv", 2)
    np.testing.assert_allclose(pd.read_csv(files / "out.csv"), expected, rtol=1e-6)
    grid = shell(f"{line} --size 8 --out {files}/grid.parquet")
    assert grid.code == 0, grid.err
    assert len(pd.read_parquet(files / "grid.parquet")) == np.prod(network.grid.scaled_shape(8))


@pytest.mark.parametrize("days", [["2020-01-02T06:00", "2020-01-01T18:00"], [7, 3], ["2020-01-02"]])
def test_rows_say_of_which_snapshot_they_are_as_it_was_written(shell, model, files, days):
    table = pd.read_csv(files / "in.csv")
    each = [table.assign(day=day, sst=table["sst"] + i) for i, day in enumerate(days)]
    pd.concat(each).to_csv(files / "days.csv", index=False)
    line = f"predict --input {files}/days.csv --model {model} --device cpu"
    line += " --snapshot-dim day --variable sst"
    network = FieldAutoencoder.from_pretrained(model, device="cpu")
    seen = Observations.from_table(files / "days.csv", time="day", values=["sst"])
    places = pd.read_csv(files / "at.csv").to_numpy()
    for targets, asked, name in (
        ("--size 8", 8, "grid"),
        (f"--at {files}/at.csv", places, "places"),
    ):
        told = shell(f"{line} {targets} --out {files}/{name}.csv")
        assert told.code == 0, told.err
        found = pd.read_csv(files / f"{name}.csv")
        assert list(found.columns) == ["day", "lat", "lon", "sst"]
        assert list(found["day"].unique()) == sorted(days)
        expected = network.predict(seen, asked).mean
        for day, field in zip(sorted(days), expected, strict=True):
            of_day = found[found["day"] == day]["sst"]
            np.testing.assert_allclose(of_day, field[..., 0].ravel(), rtol=1e-5)


def test_a_column_of_snapshots_named_as_a_place_is_refused(shell, model, files):
    pd.read_csv(files / "in.csv").assign(sst_std=1).to_csv(files / "in2.csv", index=False)
    line = f"predict --input {files}/in2.csv --model {model} --device cpu --draws 2"
    told = shell(f"{line} --snapshot-dim sst_std --variable sst --out {files}/out.csv")
    assert told.code == 2
    assert "would be named 'sst_std'" in told.err


def test_values_of_a_table_may_be_averages_over_boxes(shell, model, files):
    table = pd.read_csv(files / "in.csv").assign(width=0.5)
    table.to_csv(files / "boxes.csv", index=False)
    line = f"predict --input {files}/boxes.csv --model {model} --device cpu --variable sst"
    told = shell(f"{line} --support lat=width --support lon=2 --out {files}/out.csv --size 8")
    assert told.code == 0, told.err
    network = FieldAutoencoder.from_pretrained(model, device="cpu")
    sides = {"lat": "width", "lon": 2.0}
    seen = Observations.from_table(files / "boxes.csv", values=["sst"], support=sides)
    expected = network.predict(seen, 8).mean[0, ..., 0].ravel()
    np.testing.assert_allclose(pd.read_csv(files / "out.csv")["sst"], expected, rtol=1e-5)
    points = network.predict(files / "in.csv", 8).mean[0, ..., 0].ravel()
    assert np.abs(points - expected).max() > 1e-6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--out {}/out.csv --variable sst --support lat", "AXIS=NUMBER or AXIS=COLUMN"),
        ("--out {}/out.csv --variable sst --support lat=1", "one for each of"),
        ("--out {}/out.png", "ends in .csv or .parquet"),
        ("--out {}/out.csv --realization 0", "ask for them by --draws"),
        ("--out {}/out.csv --solver heun", "is of draws, and none are asked"),
        ("--out {0}/out.csv --at {0}/at.csv --size 4", "give one of them"),
        ("--out {}/out.csv --at {0}/none.csv", "There is no file"),
        ("--out {0}/at.csv", "--overwrite"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(shell, model, files, options, told):
    before = {path: path.read_bytes() for path in files.iterdir()}
    options = options.replace("{}", "{0}").format(files)
    outcome = shell(f"predict --input {files}/in.csv --model {model} --device cpu {options}")
    assert outcome.code == 2
    assert told in outcome.err
    assert {path: path.read_bytes() for path in files.iterdir()} == before


def test_the_shell_knows_the_endings_of_tables():
    assert TABLE_ENDINGS == TABLES
