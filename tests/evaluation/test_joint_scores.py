"""Scores of whole fields: against double sums, closed forms, and what they should tell apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.evaluation import crps, energy_score, variogram_score


def walks(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Smooth random fields (*shape, 24, 1): random walks."""
    return rng.normal(size=(*shape, 24, 1)).cumsum(axis=-2)


@given(seed=st.integers(0, 99), K=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_the_energy_score_is_its_double_sum(seed, K):
    rng = np.random.default_rng(seed)
    draws, truth = rng.normal(size=(K, 2, 3, 4, 2)), rng.normal(size=(2, 3, 4, 2))
    w = rng.random(truth.shape)

    def norm(x):
        return np.sqrt((w * x**2).sum(axis=(1, 2, 3)) / w.sum(axis=(1, 2, 3)))

    pairs = sum(norm(a - b) for a, b in itertools.combinations(draws, 2))
    expected = np.mean([norm(x - truth) for x in draws], axis=0) - pairs / (K * (K - 1))
    np.testing.assert_allclose(energy_score(draws, truth, w), expected, atol=1e-12)


def test_of_a_single_cell_it_is_the_crps():
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(7, 50, 1, 1)), rng.normal(size=(50, 1, 1))
    np.testing.assert_allclose(energy_score(draws, truth), crps(draws, truth).ravel(), atol=1e-12)


@given(seed=st.integers(0, 99), order=st.sampled_from([0.5, 1.0, 2.0]), reach=st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_the_variogram_score_is_its_sum_over_pairs(seed, order, reach):
    rng = np.random.default_rng(seed)
    K, draws, truth = 4, rng.normal(size=(4, 1, 3, 5, 1)), rng.normal(size=(1, 3, 5, 1))
    w = rng.random(truth.shape) * (rng.random(truth.shape) > 0.3)
    mass = total = 0.0
    for (i, j), (k, m) in itertools.combinations(np.ndindex(3, 5), 2):
        lag = abs(i - k) + abs(j - m)
        one_axis = (i == k) or (j == m)
        a, b = w[0, i, j, 0], w[0, k, m, 0]
        if not one_axis or lag > reach or not a or not b:
            continue
        true = abs(truth[0, i, j, 0] - truth[0, k, m, 0]) ** order
        drawn = np.abs(draws[:, 0, i, j, 0] - draws[:, 0, k, m, 0]) ** order
        weight = (a + b) / (2 * lag)
        mass += weight * ((true - drawn.mean()) ** 2 - drawn.var(ddof=1) / K)
        total += weight
    found = variogram_score(draws, truth, w, order=order, reach=reach)
    np.testing.assert_allclose(found, mass / total if total else np.nan, atol=1e-12)


@pytest.mark.parametrize("score", [energy_score, variogram_score])
def test_scores_are_fair_whatever_the_number_of_draws(score):
    rng = np.random.default_rng(0)
    truth = walks(rng, 3000)
    few, many = (score(walks(rng, K, 3000), truth) for K in (2, 40))
    assert few.mean() == pytest.approx(many.mean(), abs=4 * few.std() / np.sqrt(len(few)))


@pytest.mark.parametrize("score", [energy_score, variogram_score])
def test_the_true_distribution_scores_best(score):
    rng = np.random.default_rng(0)
    truth, draws = walks(rng, 400), walks(rng, 30, 400)
    best = score(draws, truth).mean()
    for other in (1.6 * draws, 0.6 * draws):
        assert score(other, truth).mean() > best
    # Cells of different draws: every cell keeps its distribution, and none fits its neighbours.
    mixed = np.stack([rng.permuted(draws[..., c, 0], axis=0) for c in range(24)], -1)[..., None]
    np.testing.assert_allclose(np.sort(mixed, axis=0), np.sort(draws, axis=0))
    assert score(mixed, truth).mean() > best
    if score is variogram_score:
        assert score(mixed, truth).mean() > 2 * best


def test_a_common_bias_is_seen_by_the_energy_score_only():
    rng = np.random.default_rng(0)
    truth, draws = walks(rng, 200), walks(rng, 20, 200)
    np.testing.assert_allclose(variogram_score(draws + 9, truth), variogram_score(draws, truth))
    assert energy_score(draws + 9, truth).mean() > energy_score(draws, truth).mean() + 1


@pytest.mark.parametrize("score", [energy_score, variogram_score])
@pytest.mark.parametrize("shape", [(8,), (5, 3), (3, 4, 2), (1, 6)])
def test_what_lies_in_a_gap_changes_nothing(score, shape):
    rng = np.random.default_rng(0)
    truth, draws = rng.normal(size=(3, *shape, 2)), rng.normal(size=(4, 3, *shape, 2))
    weights = rng.random(truth.shape) * (rng.random(truth.shape) > 0.3)
    weights[2] = 0
    expected = score(draws, truth, weights)
    assert np.isnan(expected).tolist() == [False, False, True]
    hidden = (np.where(weights > 0, v, np.nan) for v in (draws, truth))
    np.testing.assert_array_equal(score(*hidden, weights), expected)


@pytest.mark.parametrize("score", [energy_score, variogram_score])
def test_draws_that_do_not_fit_are_refused(score):
    with pytest.raises(ValueError, match="with K of 2 or more"):
        score(np.zeros((1, 2, 4, 1)), np.zeros((2, 4, 1)))
    with pytest.raises(ValueError, match="Weights of shape"):
        score(np.zeros((2, 2, 4, 1)), np.zeros((2, 4, 1)), np.zeros((2, 4)))
