"""Retrieval: halves that share nothing, copies that count as hits."""

import numpy as np
import pytest

from mamba_diffae.evaluation.retrieval import copies, cosines, halves, retrieved, standardised
from mamba_diffae.fields import SparseField, collate, observe


def test_halves_share_no_point_and_lose_none(smooth_fields):
    seen = observe(smooth_fields(3), 0.4, cells=8, seed=1)
    first, second = halves(seen, seed=2)
    for whole, a, b in zip(seen.fields(), first.fields(), second.fields(), strict=True):
        points = np.concatenate([a.coords, b.coords])
        assert abs(len(a.coords) - len(b.coords)) <= 1
        assert {*map(tuple, points)} == {*map(tuple, whole.coords)}
        assert len(points) == len(whole.coords)
        told = dict(zip(map(tuple, whole.coords), whole.values.tolist(), strict=True))
        assert all(told[tuple(c)] == v for c, v in zip(a.coords, a.values.tolist(), strict=True))
    assert first.cells == 8
    again, _ = halves(seen, seed=2)
    assert (again.coords == first.coords).all()
    assert (halves(seen, seed=3)[0].coords != first.coords).any()


def test_a_single_observation_cannot_be_divided():
    lonely = collate([SparseField(np.full((1, 2), 0.5), np.ones((1, 1)))])
    with pytest.raises(ValueError, match="Field 0 has a single observation"):
        halves(lonely)


def test_the_same_features_are_found_and_strangers_are_not():
    x = np.random.default_rng(0).normal(size=(20, 6))
    number = np.arange(20)
    assert retrieved(cosines(x, 3 * x), number).mean() == 1
    assert retrieved(cosines(x, np.roll(x, 1, axis=0)), number).mean() == 0
    assert np.diag(cosines(x, x)) == pytest.approx(1)


def test_byte_equal_copies_are_hits_in_both_directions(smooth_fields):
    truth = smooth_fields(4)
    doubled = truth.take(np.array([0, 1, 2, 3, 1]))
    number = copies(doubled)
    assert number.tolist() == [0, 1, 2, 3, 1]
    similarity = np.eye(5)
    similarity[[1, 4]] = similarity[[4, 1]]  # each copy finds the other one
    assert retrieved(similarity, number).tolist() == [1] * 5
    assert retrieved(similarity, np.arange(5)).tolist() == [1, 0, 1, 1, 0]


def test_standardised_together():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 5, (2, 30, 4))
    a[:, 0] = b[:, 0] = 7
    together = np.concatenate(standardised(a, b))
    assert together.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert together.std(axis=0) == pytest.approx([0, 1, 1, 1])
