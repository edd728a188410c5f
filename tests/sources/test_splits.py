"""Splits by name: complete, stable, never empty where that is possible."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.sources.splits import split_by_name

name_sets = st.lists(st.text(max_size=8), min_size=3, max_size=60, unique=True)


@given(name_sets)
def test_no_split_is_empty_from_three_fields_on(names):
    assert set(split_by_name(names)) == {"train", "val", "test"}


@given(name_sets, st.randoms())
def test_a_name_decides_wherever_it_stands(names, random):
    before = dict(zip(names, split_by_name(names), strict=True))
    random.shuffle(names)
    assert dict(zip(names, split_by_name(names), strict=True)) == before


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
