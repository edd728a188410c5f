"""What is withheld together: folds partition the units, and nothing is both given and withheld."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.benchmark.verification import VerificationError
from mamba_diffae.benchmark.verification.folds import (
    WAYS,
    Splitting,
    assigned,
    block_numbers,
    unit_count,
)
from mamba_diffae.benchmark.verification.readings import GriddedReadings
from mamba_diffae.fields import FieldData
from tests.benchmark.verification.verification_cases import cloudy, readings

KINDS = ("fields", "stations")


def folds_of(data, splitting):
    return list(WAYS[splitting.by](data, splitting, np.arange(len(data))))


@given(units=st.integers(2, 60), folds=st.integers(2, 9), seed=st.integers(0, 99))
def test_folds_are_about_as_large_and_every_unit_is_in_one(units, folds, seed):
    if units < folds:
        with pytest.raises(VerificationError, match=f"folds={units}"):
            assigned(units, folds, seed, "stations")
        return
    fold = assigned(units, folds, seed, "stations")
    counts = np.bincount(fold, minlength=folds)
    assert counts.sum() == units
    assert counts.max() - counts.min() <= 1
    assert len(counts) == folds


@pytest.mark.parametrize("kind", KINDS)
@given(folds=st.integers(2, 5), seed=st.integers(0, 30), by=st.sampled_from(["station", "block"]))
def test_whole_units_are_withheld_once_and_in_all_snapshots(kind, folds, seed, by):
    data = readings(kind)
    splitting = Splitting(by, folds, seed)
    found = folds_of(data, splitting)
    assert (sum(fold.hidden.astype(int) for fold in found) == data.known).all()
    units = data.station if by == "station" else block_numbers(data, splitting)
    assert int(units.max()) + 1 == unit_count(data, splitting, np.arange(len(data)))
    units = np.where(data.place >= 0, units[data.place], -1)
    for fold in found:
        inside = set(units[fold.hidden.any(axis=-1)].tolist())
        outside = set(units[(data.known & ~fold.hidden).any(axis=-1)].tolist())
        assert not inside & outside
        assert fold.learn.all()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 30))
def test_a_cloud_is_that_of_another_snapshot(kind, seed):
    data = readings(kind)
    found = folds_of(data, Splitting("cloud", 2, seed))
    rows = np.concatenate([fold.rows for fold in found])
    assert len(set(rows.tolist())) == len(rows)
    for fold in found:
        assert not fold.hidden[np.setdiff1d(np.arange(len(data)), fold.rows)].any()
        for row in fold.rows:
            hidden = fold.hidden[row]
            assert hidden.any()
            assert (data.known[row] & ~hidden).any()
            others = [r for r in range(len(data)) if r != row]
            assert any(
                (hidden == (data.known[row] & data.gaps(other)[data.place[row]])).all()
                for other in others
            )


@pytest.mark.parametrize("kind", KINDS)
@given(folds=st.integers(2, 4), seed=st.integers(0, 30), fraction=st.floats(0.2, 0.8))
def test_a_block_of_time_is_not_learned_from(kind, folds, seed, fraction):
    data = readings(kind)
    found = folds_of(data, Splitting("time", folds, seed, fraction=fraction))
    assert np.concatenate([fold.rows for fold in found]).tolist() == list(range(len(data)))
    for fold in found:
        assert (np.diff(fold.rows) == 1).all()
        assert not fold.learn[fold.rows].any()
        assert fold.learn.sum() == len(data) - len(fold.rows)
        for row in fold.rows:
            known = data.known[row].any(axis=-1)
            kept = len(
                np.unique(data.station[data.place[row]][known & ~fold.hidden[row].any(axis=-1)])
            )
            there = len(np.unique(data.station[data.place[row]][known]))
            assert kept == max(1, round(fraction * there))


def test_blocks_are_as_large_as_asked():
    data = GriddedReadings(cloudy())
    found = block_numbers(data, Splitting("block", 2, block=0.5)).reshape(data.grid.shape)
    for number in range(int(found.max()) + 1):
        y, x = np.nonzero(found == number)
        assert np.ptp(y) < 5
        assert np.ptp(x) < 6
        assert (found[y.min() : y.max() + 1, x.min() : x.max() + 1] == number).all()


def test_one_seed_is_one_division():
    data = readings("stations")
    first, again, other = (folds_of(data, Splitting("station", 3, s)) for s in (1, 1, 2))
    assert all((a.hidden == b.hidden).all() for a, b in zip(first, again, strict=True))
    assert any((a.hidden != b.hidden).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "clouds"}, r"did you mean 'cloud'\?"),
        ({"by": "station", "folds": 1}, "folds is 1; give 2 or more"),
        ({"by": "station", "folds": 2.5}, "folds is 2.5"),
        ({"by": "block", "block": 1.5}, "block is 1.5; give a share"),
        ({"by": "time", "fraction": 0.0}, "fraction is 0.0; give a share"),
    ],
)
def test_what_is_no_division_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Splitting(**{"folds": 5, **options})


def test_data_without_gaps_have_no_clouds():
    data = cloudy()
    whole = GriddedReadings(FieldData(data.variables, data.grid, data.values + 1.0))
    with pytest.raises(VerificationError, match="by='block'"):
        folds_of(whole, Splitting("cloud", 2))


def test_too_few_stations_are_refused():
    with pytest.raises(VerificationError, match="12 stations; give folds=12"):
        folds_of(readings("stations"), Splitting("station", 13))
    with pytest.raises(VerificationError, match="1 stations; 2 or more are needed"):
        assigned(1, 2, 0, "stations")
