"""Splits by name: complete, stable, never empty where that is possible."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.sources.splits import fill_splits, hold_out, split_by_name, split_in_order

name_sets = st.lists(st.text(max_size=8), min_size=3, max_size=60, unique=True)


@given(name_sets)
def test_no_split_is_empty_from_three_fields_on(names):
    assert set(split_by_name(names)) == {"train", "val", "test"}


@given(name_sets, st.randoms())
def test_a_name_decides_wherever_it_stands(names, random):
    before = dict(zip(names, split_by_name(names), strict=True))
    random.shuffle(names)
    assert dict(zip(names, split_by_name(names), strict=True)) == before


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_spelling_of_accents_moves_no_picture(form):
    names = [f"Ångström é {i}.png" for i in range(60)]
    other = [unicodedata.normalize(form, name) for name in names]
    np.testing.assert_array_equal(split_by_name(names), split_by_name(other))


def test_a_name_that_is_no_unicode_has_a_split():
    assert len(split_by_name(["caf\udce9.png", "b", "c"])) == 3


def test_one_or_two_fields_are_for_training():
    assert split_by_name(["a", "b"]).tolist() == ["train", "train"]


def test_shares_are_about_80_10_10():
    splits = split_by_name([f"{i:05d}.png" for i in range(5000)])
    shares = {name: np.mean(splits == name) for name in ("train", "val", "test")}
    np.testing.assert_allclose(
        [shares["train"], shares["val"], shares["test"]], [0.8, 0.1, 0.1], atol=0.02
    )


def test_more_pictures_move_no_picture():
    names = [f"{i}.png" for i in range(400)]
    assert split_by_name(names)[:200].tolist() == split_by_name(names[:200]).tolist()


@pytest.mark.parametrize(
    ("train", "held"), [(0, 0), (1, 0), (2, 1), (19, 1), (300, 30), (25_000, 2_000)]
)
def test_a_tenth_is_held_out_and_not_too_much(train, held):
    splits = np.repeat(["train", "test"], [train, 5])
    after = hold_out(splits)
    assert (after == "val").sum() == held
    assert (after[train:] == "test").all()
    assert (splits[:train] == "train").all()  # what was given stays as it is
    np.testing.assert_array_equal(after, hold_out(splits))


def test_what_is_held_out_is_spread_over_the_set():
    chosen = np.flatnonzero(hold_out(np.full(10_000, "train")) == "val")
    assert abs(chosen.mean() - 5_000) < 500


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("train val test", "train val test"),
        ("train train train test", "test train val"),
        ("train train train val", "test train val"),
    ],
)
def test_splits_that_lack_are_added(given, expected):
    given = np.array(given.split())
    after = fill_splits(given, [str(i) for i in range(len(given))])
    assert sorted(set(after.tolist())) == sorted(expected.split())
    assert (after[given == "test"] == "test").all()


@pytest.mark.parametrize("given", ["train", "test", "val test"])
def test_splits_that_cannot_be_filled_go_by_name(given):
    names = [str(i) for i in range(30)]
    splits = np.resize(given.split(), 30)
    assert fill_splits(splits, names).tolist() == split_by_name(names).tolist()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=40))
def test_in_order_no_group_is_cut_and_the_last_are_for_test(sizes):
    groups = np.repeat(np.arange(len(sizes)) * 3 + 5, sizes)
    splits = split_in_order(groups)
    rank = np.select([splits == "val", splits == "test"], [1, 2], 0)
    assert (np.diff(rank) >= 0).all()
    assert all(len(set(splits[groups == g].tolist())) == 1 for g in groups)
    if len(sizes) >= 3:
        assert set(splits.tolist()) == {"train", "val", "test"}
    assert splits[0] == "train"


def test_in_order_the_shares_are_60_16_and_24_percent():
    splits = split_in_order(np.arange(50))
    assert [(splits == s).sum() for s in ("train", "val", "test")] == [30, 8, 12]
