"""A model of stations: learned from a table, asked by tables, answered in tables."""

import warnings

import numpy as np
import pandas as pd
import pytest

from mamba_diffae import FieldAutoencoder, Observations
from mamba_diffae.fields import (
    CoordinateError,
    FieldError,
    TableError,
    TableWarning,
    ValuesError,
    write_table,
)

TIMES = 12
COLUMNS = {"time": "date", "lon": "lon", "lat": "lat", "values": ["sst"]}


def reports() -> pd.DataFrame:
    """Twelve days of 15 stations, of which some do not report."""
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(50, 58, 15), rng.uniform(0, 10, 15)
    table = pd.DataFrame(
        {
            "date": np.repeat(pd.date_range("2024-01-01", periods=TIMES), 15),
            "lon": np.tile(lon, TIMES),
            "lat": np.tile(lat, TIMES),
        }
    )
    day = table["date"].dt.day
    table["sst"] = 10 + np.sin(table["lat"] / 2 + table["lon"] / 3 + day) + 0.1 * day
    return table[rng.random(len(table)) < 0.9].reset_index(drop=True)


@pytest.fixture(scope="module")
def model(few: dict) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=few, device="cpu").fit(reports(), **COLUMNS)


@pytest.fixture
def day() -> pd.DataFrame:
    table = reports()
    return table[table["date"] == "2024-01-03"].drop(columns="date")


@pytest.fixture
def places() -> pd.DataFrame:
    columns = {"name": ["p", "q", "r"], "lon": [2.0, 5.0, 7.0], "lat": [52.0, 55.0, 53.0]}
    return pd.DataFrame(columns).set_index("name")


def test_a_model_learns_from_a_table_alone(model):
    assert model.grid.names == ("lat", "lon")
    assert [axis.unit for axis in model.grid.axes] == ["degrees_north", "degrees_east"]
    assert [v.name for v in model.variables] == ["sst"]
    direct = FieldAutoencoder("tiny", changes=model.changes, device="cpu")
    notes = direct.settings(reports(), **COLUMNS).describe()
    assert any("No grid was given" in note for note in notes)


def test_a_file_is_the_same_as_its_table(model, day, places, tmp_path):
    write_table(day, tmp_path / "day.csv")
    write_table(places.reset_index(), tmp_path / "places.parquet")
    told = model.predict(day, places)
    read = model.predict(tmp_path / "day.csv", tmp_path / "places.parquet")
    np.testing.assert_allclose(read["sst"], told["sst"], rtol=1e-6)


def test_targets_in_a_table_are_answered_in_one(model, day, places):
    table = model.predict(day, places[["lon", "lat"]], n_draws=3, quantiles=(0.1, 0.9))
    assert table.index.equals(places.index)
    draws = [f"sst_draw_{k}" for k in range(3)]
    assert list(table) == ["lon", "lat", "sst", "sst_std", "sst_q0.1", "sst_q0.9", *draws]
    x = places[["lat", "lon"]].to_numpy()
    expected = model.predict(day, x, n_draws=3, quantiles=(0.1, 0.9))
    np.testing.assert_array_equal(table["sst"], expected.mean[0, :, 0])
    np.testing.assert_array_equal(table["sst_std"], expected.std[0, :, 0])
    np.testing.assert_array_equal(table["sst_q0.9"], expected.quantiles[1, 0, :, 0])
    np.testing.assert_array_equal(table[draws].T, expected.draws[:, 0, :, 0])
    assert list(model.predict(day, places)) == ["lon", "lat", "sst"]


def test_the_order_of_rows_and_columns_changes_nothing(model, day, places):
    expected = model.predict(day, places)["sst"]
    told = model.predict(day[["sst", "lat", "lon"]], places[["lat", "lon"]].iloc[::-1])
    assert list(told.index) == ["r", "q", "p"]
    np.testing.assert_allclose(told["sst"][expected.index], expected, atol=1e-5)


def test_snapshots_are_a_level_of_the_index(model, places):
    seen = Observations.from_table(reports(), **COLUMNS)
    table = model.predict(seen[:2], places)
    assert table.index.names == ["snapshot", "name"]
    assert len(table) == 2 * len(places)
    one = model.predict(seen[1], places)
    np.testing.assert_allclose(table.loc[pd.Timestamp("2024-01-02"), "sst"], one["sst"], atol=1e-5)


def test_a_latent_is_decoded_at_the_places_of_a_table(model, day, places):
    latents = model.encode(day)
    told = model.decode(latents, places)
    assert list(told.index) == ["p", "q", "r"]
    right = model.decode(latents, places[["lat", "lon"]].to_numpy()).mean
    np.testing.assert_allclose(told["sst"], right[0, :, 0], rtol=1e-6)


def test_other_spellings_are_recognised_and_said(model, day, places):
    expected = model.predict(day, places)["sst"]
    renamed = day.rename(columns={"lon": "Longitude", "lat": "LATITUDE", "sst": "SST [degC]"})
    with pytest.warns(TableWarning, match=r"lat = 'LATITUDE', lon = 'Longitude', sst = 'SST \["):
        told = model.predict(renamed, places.rename(columns={"lat": "Lat."}))
    np.testing.assert_array_equal(told["sst"], expected)


def test_labelled_observations_are_found_by_name(model, day, places):
    expected = model.predict(day, places)["sst"]
    turned = Observations.from_points(day[["lon", "lat"]], day["sst"])
    seen = Observations.from_table(day, ["sst"], coords=["lon", "lat"])
    swapped = turned.replace(labels=type(seen.labels)(("lon", "lat"), ("sst",)))
    np.testing.assert_array_equal(model.predict(swapped, places)["sst"], expected)
    other = turned.replace(labels=type(seen.labels)(("x", "y"), ("sst",)))
    with pytest.raises(CoordinateError, match="coordinates x, y, but the grid has the axes lat"):
        model.predict(other, places)


def test_tables_that_do_not_fit_are_refused(model, day, places):
    with pytest.raises(
        TableError, match=r"no column of the model's variables \(sst\), but lon, lat"
    ):
        model.predict(day.drop(columns="sst"), places)
    with pytest.raises(TableError, match="no columns for the axis 'lat'"):
        model.predict(day.drop(columns="lat"), places)
    with pytest.raises(TableError, match="no columns for the axis 'lon'"):
        model.predict(day, places.drop(columns="lon"))
    with pytest.raises(CoordinateError, match="coordinate lat is missing"):
        model.predict(day, places.assign(lat=[52.0, None, 53.0]))
    with pytest.raises(FieldError, match="time are of tables"):
        model.fit(Observations.from_table(reports(), **COLUMNS), time="date")


def test_each_time_of_a_table_is_not_one_field_without_a_word(model, places):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.predict(reports(), places)
    assert any("'date' holds several times" in str(w.message) for w in told)


def test_units_of_a_table_are_read_from_its_header_and_its_attributes(few, day, places):
    """A model that knows its unit takes a table in another one, and answers in its own."""
    celsius, kelvin = reports(), day.assign(sst=day["sst"] + 273.15)
    celsius.attrs["units"] = {"sst": "degC"}
    model = FieldAutoencoder("tiny", changes=few, device="cpu").fit(celsius, **COLUMNS)
    assert [v.unit for v in model.variables] == ["degC"]
    plain = model.predict(day, places)
    with pytest.warns(UserWarning, match="observed 'sst' from K to degC: converted"):
        told = model.predict(kelvin.rename(columns={"sst": "sst [K]"}), places)
    np.testing.assert_allclose(told["sst"], plain["sst"], atol=1e-4)
    assert told.attrs["units"] == {"sst": "degC"}
    with pytest.raises(ValuesError, match="'sst' is in 'm', but 'degC' is expected"):
        model.predict(day.rename(columns={"sst": "SST (m)"}), places)
