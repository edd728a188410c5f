"""Retrieval: halves that share nothing, copies that count as hits."""

import numpy as np
import pytest
import torch

from mamba_diffae.evaluation.retrieval import copies, cosines, halves, retrieved, standardised
from mamba_diffae.fields import FieldData, Labels, Observations, observe


def test_halves_share_no_point_and_lose_none(smooth_fields):
    seen = observe(smooth_fields(3), 0.4, shape=(8, 8), seed=1)
    first, second = halves(seen, seed=2)
    for whole, a, b in zip(seen.fields(), first.fields(), second.fields(), strict=True):
        points = np.concatenate([a.coords[0], b.coords[0]])
        assert abs(a.coords.shape[1] - b.coords.shape[1]) <= 1
        assert {*map(tuple, points)} == {*map(tuple, whole.coords[0].numpy())}
        assert len(points) == whole.coords.shape[1]
        pairs = zip(whole.coords[0].numpy(), whole.values[0].tolist(), strict=True)
        given = {tuple(c): v for c, v in pairs}
        half = zip(a.coords[0].numpy(), a.values[0].tolist(), strict=True)
        assert all(given[tuple(c)] == v for c, v in half)
    assert first.support is not None
    assert seen.support is not None
    assert (first.support == seen.support[:, :1]).all()
    again, _ = halves(seen, seed=2)
    assert (again.coords == first.coords).all()
    assert (halves(seen, seed=3)[0].coords != first.coords).any()


def test_halves_of_observations_with_units_and_covariates(smooth_fields):
    data = smooth_fields(2)
    units = Labels(axis_units=("m", "m"), units=("K",) * data.n_variables)
    covariates = torch.ones(2, 64, 1, dtype=torch.float64)
    seen = observe(data, 1.0, shape=(8, 8)).replace(labels=units, covariates=covariates)
    for half in halves(seen):
        assert half.labels == units
        assert half.covariates is not None
        assert half.covariates.shape[:2] == half.coords.shape[:2]


def test_a_single_observation_cannot_be_divided():
    lonely = Observations.from_points([[0.5, 0.5]], [1.0])
    with pytest.raises(ValueError, match="Field 0 has a single observation"):
        halves(lonely)


def test_the_same_features_are_found_and_others_are_not():
    x = np.random.default_rng(0).normal(size=(20, 6))
    number = np.arange(20)
    assert retrieved(cosines(x, 3 * x), number).mean() == 1
    assert retrieved(cosines(x, np.roll(x, 1, axis=0)), number).mean() == 0
    assert np.diag(cosines(x, x)) == pytest.approx(1)


def test_equal_copies_are_hits_in_both_directions(smooth_fields):
    truth = smooth_fields(4)
    doubled = truth.take(np.array([0, 1, 2, 3, 1]))
    number = copies(doubled)
    assert number.tolist() == [0, 1, 2, 3, 1]
    similarity = np.eye(5)
    similarity[[1, 4]] = similarity[[4, 1]]  # each copy finds the other one
    assert retrieved(similarity, number).tolist() == [1] * 5
    assert retrieved(similarity, np.arange(5)).tolist() == [1, 0, 1, 1, 0]


def test_fields_with_different_gaps_are_no_copies(smooth_fields):
    doubled = smooth_fields(2).take(np.array([0, 1, 0, 0]))
    values = doubled.values.copy()
    values[0, 3, 4], values[2, 3, 4] = np.nan, np.inf
    gappy = FieldData(doubled.variables, doubled.grid, values)
    assert copies(gappy).tolist() == [0, 1, 0, 2]


def test_standardised_together():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 5, (2, 30, 4))
    a[:, 0] = b[:, 0] = 7
    together = np.concatenate(standardised(a, b))
    assert together.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert together.std(axis=0) == pytest.approx([0, 1, 1, 1])
