"""`verify` as a user calls it: fields, stations in a table, what is refused, what is noted."""

import json
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import mamba_diffae as mda
from mamba_diffae.benchmark import load_page, save_page
from mamba_diffae.benchmark.verification import (
    SeenDataWarning,
    Verification,
    VerificationError,
    verification_page,
)
from mamba_diffae.fields import FieldData, Variable
from mamba_diffae.report.html import render

pytestmark = pytest.mark.slow
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "data": {"encodings": 1}, "autoencoder": FEW, "ensemble": FEW}
QUICK = {"folds": 2, "count": 2, "show_progress": False}
COLUMNS = {"time": "date", "lon": "lon", "lat": "lat", "values": ["sst"]}


def reports() -> pd.DataFrame:
    """Eight days of 12 stations, of which some do not report."""
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(50, 58, 12), rng.uniform(0, 10, 12)
    table = pd.DataFrame(
        {
            "date": np.repeat(pd.date_range("2024-01-01", periods=8), 12),
            "lon": np.tile(lon, 8),
            "lat": np.tile(lat, 8),
        }
    )
    table["sst"] = 10 + np.sin(table["lat"] / 2 + table["lon"] / 3 + table["date"].dt.day)
    return table[rng.random(len(table)) < 0.9].reset_index(drop=True)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=12, shape=(8, 9), variables=2, gaps=True)


@pytest.fixture(scope="module")
def model(truth: FieldData) -> mda.FieldAutoencoder:
    made = mda.FieldAutoencoder("tiny", changes=CHANGES, device="cpu")
    return made.fit(truth, phases=["autoencoder", "ensemble"])


@pytest.fixture(scope="module")
def result(model: mda.FieldAutoencoder, truth: FieldData) -> Verification:
    return mda.verify(model, truth, by="cloud", **QUICK)


@pytest.fixture(scope="module")
def station_model() -> mda.FieldAutoencoder:
    made = mda.FieldAutoencoder("tiny", changes=CHANGES, device="cpu")
    return made.fit(reports(), phases=["autoencoder"], **COLUMNS)


def test_every_method_is_scored_on_every_variable(result):
    keys = ["model", "nearest", "linear", "kriging", "gappy-pod", "climatology"]
    assert [m.key for m in result.methods] == keys
    for variable in ("v0", "v1"):
        for key in keys:
            told = result.score(key, variable)
            assert told.overall.rmse > 0
            assert len(told.by_distance) == len(result.bins[result.variables.index(variable)])
    assert result.score("nearest").overall.coverage is None
    assert 0 <= result.score("model").overall.coverage <= 1
    assert result.n_draws == 40


def test_scored_are_the_fields_that_fit_left_out(result, truth):
    assert result.snapshots == 2 == (truth.splits == "test").sum()
    assert any("split 'test' (2 of 12)" in note for note in result.notes)
    assert any("not trained anew" in note for note in result.notes)
    assert not any("has seen these data" in note for note in result.notes)


def test_a_table_tells_all_methods(result):
    told = str(result)
    for words in ("Withheld by cloud: 2 folds", "the model", "EOF filling", "RMSE of v1 by the"):
        assert words in told
    assert "kriging: RMSE" in told


def test_numbers_come_back_from_json(result):
    assert Verification.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_a_page_is_stored_and_drawn(result, tmp_path):
    save_page(verification_page(result, {"model": "tiny"}), tmp_path)
    page = load_page(tmp_path)
    assert page.withheld == result
    (maps,) = page.panels
    assert maps.columns[:3] == ["known", "given", "the model"]
    assert len(maps.rows) == 2 * result.snapshots
    text = render(page)
    for words in ("predicted against withheld", "error by distance", "coverage by distance"):
        assert f"v1: {words}" in text


def test_training_snapshots_are_recognised(model, truth):
    with pytest.warns(SeenDataWarning, match="2 of the 2 scored snapshots"):
        found = mda.verify(model, truth.split("train"), by="station", n_draws=0, **QUICK)
    assert any("has seen these data" in note for note in found.notes)
    assert found.score("model").overall.coverage is None


def test_stations_of_a_table_are_withheld(station_model):
    with pytest.warns(SeenDataWarning):
        found = mda.verify(station_model, reports(), by="station", **QUICK, **COLUMNS)
    assert (found.by, found.units, found.snapshots) == ("station", 12, 2)
    assert found.distance_unit == "degrees"
    assert found.shown is None
    assert any("draws are those of its prior" in note for note in found.notes)
    other = reports().assign(sst=lambda table: table["sst"] + 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SeenDataWarning)
        new = mda.verify(station_model, other, by="time", n_draws=0, **QUICK, **COLUMNS)
    assert len(new.scatter) == 2


def test_one_day_alone_is_enough(station_model):
    table = reports()
    day = table[table["date"] == "2024-01-03"].drop(columns="date")
    with pytest.warns(SeenDataWarning):
        found = mda.verify(station_model, day, by="station", n_draws=0, **QUICK)
    assert found.snapshots == 1
    assert found.readings == len(day)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": ["sstt"]}, r"did you mean 'sst'\?"),
        ({"by": "clouds"}, r"did you mean 'cloud'\?"),
        ({"folds": 13}, "give folds=12"),
        ({"count": 0}, "count is 0"),
    ],
)
def test_what_cannot_be_verified_is_refused(station_model, change, words):
    table = reports().assign(sstt=1.0)
    with pytest.raises(ValueError, match=words):
        mda.verify(station_model, table, **{**QUICK, **COLUMNS, **change})


def test_fields_of_other_variables_or_units_are_refused(model, truth):
    other = FieldData([Variable("v0"), Variable("u")], truth.grid, truth.values)
    with pytest.raises(VerificationError, match=r"Unknown variable of the model 'u'"):
        mda.verify(model, other, **QUICK)
    one = FieldData([Variable("v0")], truth.grid, truth.values[..., :1])
    found = mda.verify(model, one, by="block", block=0.4, n_draws=0, **QUICK)
    assert found.variables == ("v0",)
