"""Observations from the rows of a table, whatever order and spelling its columns have."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from mamba_diffae import Observations
from mamba_diffae.fields import CoordinateError, TableError, TableWarning, ValuesError
from tests.fields.tables.table_cases import frame

from_table = Observations.from_table
NAMED = {"lon": "lon", "lat": "lat", "values": ["sst"]}


def test_columns_become_coordinates_by_name_and_not_by_position():
    table = frame()
    expected = table[["lat", "lon"]].to_numpy()
    for order in itertools.permutations(table.columns):
        seen = from_table(table[list(order)], **NAMED, noise=0.2)
        np.testing.assert_array_equal(seen.coords[0], expected)
        np.testing.assert_array_equal(seen.values[0, :, 0], table["sst"])
        assert seen.labels.axes == ("lat", "lon")
        assert seen.labels.variables == ("sst",)
        assert (seen.noise == 0.2).all()


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (("Longitude (deg)", "LATITUDE"), ("lat", "lon")),
        (("nav_lon", "nav_lat"), ("lat", "lon")),
        (("Easting [m]", "Northing [m]"), ("y", "x")),
        (("x", "Y"), ("y", "x")),
    ],
)
def test_common_names_are_recognised_and_said(names, axes):
    table = frame().rename(columns=dict(zip(("lon", "lat"), names, strict=True)))
    with pytest.warns(TableWarning, match="recognised") as told:
        seen = from_table(table)
    assert seen.labels.axes == axes
    assert all(name in str(told[0].message) for name in (*names, "sst"))
    np.testing.assert_array_equal(seen.coords[0], frame()[["lat", "lon"]])


def test_columns_that_were_named_are_used_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = from_table(frame(), values="sst", coords=["lon", "lat"])
        other = from_table(frame(), values={"sst": "sst"}, coords={"lat": "lat", "lon": "lon"})
    assert torch.equal(one.coords, other.coords)
    assert one.labels == other.labels


def test_coordinates_may_be_levels_of_the_index():
    seen = from_table(frame().set_index(["lat", "lon"]), **NAMED)
    np.testing.assert_array_equal(seen.coords[0], frame()[["lat", "lon"]])


def test_other_axes_come_in_the_canonical_order():
    seen = from_table(frame(z_m=[1.0, 5.0, 9.0, 2.0]), **NAMED, depth="z_m")
    assert seen.labels.axes == ("depth", "lat", "lon")
    assert seen.coords[0, :, 0].tolist() == [1.0, 5.0, 9.0, 2.0]


def test_a_variable_may_be_missing_at_a_point():
    table = frame(salt=[np.nan, 35.0, 34.0, np.nan], sst=[11.0, np.nan, 13.0, np.nan])
    with pytest.warns(TableWarning, match="1 of 4 rows have no value"):
        seen = from_table(table, ["sst", "salt"], lon="lon", lat="lat")
    assert seen.mask[0].tolist() == [[True, False], [False, True], [True, True]]


def test_noise_and_support_by_number_column_and_name():
    table = frame(error=[0.1, 0.2, 0.3, 0.4], salt=[1.0, 2.0, 3.0, 4.0], width=[1.0, 2, 3, 4])
    columns = {"lon": "lon", "lat": "lat", "values": ["sst", "salt"]}
    one = from_table(table, **columns, noise="error")
    assert one.noise[0, :, 1].tolist() == [0.1, 0.2, 0.3, 0.4]
    each = from_table(
        table,
        **columns,
        noise={"salt": 0.5, "sst": "error"},
        support={"lon": "width", "lat": 0.25},
    )
    assert each.noise[0, 1].tolist() == [0.2, 0.5]
    assert each.support[0, 1].tolist() == [0.25, 2.0]
    with pytest.raises(TableError, match="expected one for each of sst, salt"):
        from_table(table, **columns, noise={"sst": 1.0})
    with pytest.raises(ValuesError, match=r"noise is missing, negative or infinite.*row 2"):
        from_table(table.assign(error=[0.1, 0.2, -1, 0.1]), **columns, noise="error")


def test_each_time_is_a_snapshot():
    table = frame(date=["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-01"])
    seen = from_table(table, **NAMED, time="date")
    assert seen.labels.snapshots == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"))
    assert seen.values[..., 0].tolist() == [[12.5, 9.0], [11.0, 13.0]]
    assert seen[1].labels.snapshots == (pd.Timestamp("2024-01-02"),)
    with pytest.warns(TableWarning, match="time='date' makes each time a snapshot"):
        assert len(from_table(table, **NAMED)) == 1


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"]),
        [0, 0, 6, 6],
        pd.Categorical(["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"]),
        pd.PeriodIndex(["2024-01", "2024-01", "2024-02", "2024-02"], freq="M"),
        pd.to_datetime(["2024-01-01"] * 2 + ["2024-01-02"] * 2).date,
        # One instant in two zones.
        ["2024-01-01T00:00Z", "2024-01-01T02:00+02:00", "2024-01-02T00:00Z", "2024-01-01 19:00-05"],
    ],
)
def test_times_of_any_kind_are_grouped(times):
    seen = from_table(frame(when=times), **NAMED, time="when")
    assert seen.counts.tolist() == [2, 2]
    assert seen.values[..., 0].tolist() == [[11.0, 12.5], [13.0, 9.0]]


def test_bad_times_are_told_by_their_row():
    mixed = ["2024-01-01T00:00Z", "2024-01-01T00:00", "2024-01-02T00:00Z", "2024-01-02T00:00Z"]
    with pytest.raises(TableError, match=r"mixed time zones: .* in row 0 has one, .* in row 1 has"):
        from_table(frame(when=mixed), **NAMED, time="when")
    with pytest.raises(TableError, match=r"ISO 8601.*'31/01/2024' in row 0.*to_datetime"):
        from_table(frame(when=["31/01/2024"] * 4), **NAMED, time="when")
    with pytest.raises(TableError, match="Rows without a time in 'when': row 3"):
        from_table(frame(when=["2024-01-01"] * 3 + [None]), **NAMED, time="when")


def test_repeats_are_averaged_unless_their_noise_is_stated():
    table = pd.concat([frame(), frame(sst=[12.0, 12.5, 13.0, 9.0])], ignore_index=True)
    for noise in (None, 0):
        with pytest.warns(TableWarning, match=r"At 1 of 4 places and times .* averaged"):
            seen = from_table(table, **NAMED, noise=noise)
        assert seen.values[0, :, 0].tolist() == [11.5, 12.5, 13.0, 9.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert from_table(table, **NAMED, noise=0.2).counts.tolist() == [8]
        apart = from_table(table.assign(hour=[0] * 4 + [1] * 4), **NAMED, time="hour")
    assert apart.counts.tolist() == [4, 4]


def test_rows_without_any_value_are_left_out_and_counted():
    table = frame(sst=[11.0, np.nan, 13.0, None], lon=[7.9, np.nan, 6.1, 7.0])
    with pytest.warns(TableWarning, match="2 of 4 rows have no value"):
        seen = from_table(table, **NAMED)
    assert seen.values[0, :, 0].tolist() == [11.0, 13.0]
    with pytest.raises(ValuesError, match="None of the 4 rows"):
        from_table(frame(sst=[np.nan] * 4), **NAMED)


def test_missing_columns_name_the_nearest():
    with pytest.raises(TableError, match=r"no column 'sts'.*values of sts.*Did you mean 'sst'"):
        from_table(frame(), ["sts"], lon="lon", lat="lat")
    with pytest.raises(TableError, match=r"coordinate lon.*lat, sst"):
        from_table(frame(), ["sst"], lon="longitude", lat="lat")
    with pytest.raises(TableError, match="not recognised"):
        from_table(frame().drop(columns="lat"))
    with pytest.raises(TableError, match=r"2 other columns of numbers \(sst, salt\)"):
        from_table(frame(salt=[1.0, 2, 3, 4]), lon="lon", lat="lat")
    with pytest.raises(TableError, match="'vaules' is neither an option"):
        from_table(frame(), vaules="sst")
    with pytest.raises(TableError, match="named twice"):
        from_table(frame(), ["sst"], lon="lon", lat="lon")


def test_text_in_a_column_of_numbers_is_told_by_row_and_column():
    with pytest.raises(TableError, match=r"1 of 4 .*'sst'.*'broken' in row 2"):
        from_table(frame(sst=["11.0", "", "broken", "9"]), **NAMED)
    with pytest.raises(
        TableError, match=r"'11,0' in row 0 \(index 'A'\); they have decimal commas"
    ):
        from_table(frame(sst=["11,0", "1", "2", "3"]).set_index("station"), **NAMED)
    with pytest.raises(TableError, match=r"datetime64.*expected numbers"):
        from_table(frame(sst=pd.to_datetime(["2024-01-01"] * 4)), **NAMED)


def test_texts_and_nullable_numbers_are_numbers():
    with pytest.warns(TableWarning, match="2 of 4 rows"):
        texts = from_table(frame(sst=["11.0", " ", "NaN", "9e0"]), **NAMED)
    with pytest.warns(TableWarning, match="2 of 4 rows"):
        nullable = from_table(frame(sst=pd.array([11, None, pd.NA, 9], dtype="Int64")), **NAMED)
    assert texts.values[0, :, 0].tolist() == nullable.values[0, :, 0].tolist() == [11.0, 9.0]


def test_places_that_are_none_are_told_by_their_row():
    with pytest.raises(CoordinateError, match=r"'lat', named as lat, holds 154.2 in row 0.*±90"):
        from_table(frame(lat=[154.2, 55, 53, 54], lon=[100.0, 8, 6, 7]), **NAMED)
    swapped = {"lon": "lat", "lat": "lon", "values": ["sst"]}
    with pytest.raises(CoordinateError, match="Are 'lon' and 'lat' swapped"):
        from_table(frame(lon=[170.0, 171, 172, 173]), **swapped)
    with pytest.raises(CoordinateError, match=r"coordinate lat is missing.*row 1"):
        from_table(frame(lat=[54.2, None, 53.9, 54.0]), **NAMED)


def test_an_empty_table_is_refused():
    with pytest.raises(TableError, match="no rows, under the columns station, lon, lat, sst"):
        from_table(frame().iloc[:0], **NAMED)
    with pytest.raises(TableError, match="given as list"):
        from_table([[1, 2, 3]], **NAMED)


def test_a_number_that_often_stands_for_nothing_is_said():
    table = frame()
    table.loc[2, "sst"] = -999.0
    with pytest.warns(UserWarning, match=r"'sst' are -999; .* leave those fields empty"):
        from_table(table, **NAMED)


def test_rows_of_one_swath_share_a_group():
    table = frame()
    table["swath"] = ["b", "a"] * (len(table) // 2) + ["c"] * (len(table) % 2)
    seen = from_table(table, **NAMED, noise=0.1, noise_group="swath")
    expected = table["swath"].map({"a": 0, "b": 1, "c": 2}).to_numpy()
    np.testing.assert_array_equal(seen.noise_group[0], expected)
    table.loc[0, "swath"] = None
    empty = table.assign(sst=table["sst"].where(table["swath"].notna()))
    kept = from_table(empty, **NAMED, noise=0.1, noise_group="swath").noise_group[0].numpy()
    of = pd.Series(kept).groupby(empty["swath"][empty["sst"].notna()].to_numpy())
    assert (of.nunique() == 1).all()
    assert of.first().is_unique
    with pytest.raises(ValuesError, match="one of its own if it shares none"):
        from_table(table, **NAMED, noise_group="swath")
    with pytest.raises(TableError, match="Did you mean 'swath'"):
        from_table(table, **NAMED, noise_group="swaht")


@pytest.mark.parametrize("label", [np.array([1, 2]), (1, "a")])
def test_a_row_is_named_whatever_its_index_is(label):
    table = frame()[:2]
    table["sst"] = ["warm", "1"]
    labels = np.empty(2, object)
    labels[:] = [label, 5]
    with pytest.raises(TableError, match=r"'warm' in row 0 \(index "):
        from_table(table.set_index(pd.Index(labels, tupleize_cols=False)), **NAMED)
