"""Is the spread right? Against double sums, closed forms and ensembles that are known to be."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.evaluation import (
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    gaussian_spread_skill_bins,
    spread_skill,
    spread_skill_bins,
)


@given(seed=st.integers(0, 999), K=st.integers(2, 9))
@settings(max_examples=20, deadline=None)
def test_sorting_gives_the_double_sum(seed: int, K: int):
    rng = np.random.default_rng(seed)
    draws, truth = rng.normal(size=(K, 4, 3)), rng.normal(size=(4, 3))
    pairs = sum(abs(a - b) for a, b in itertools.combinations(draws, 2))
    expected = abs(draws - truth).mean(axis=0) - pairs / (K * (K - 1))
    np.testing.assert_allclose(crps(draws, truth), expected, atol=1e-12)


@pytest.mark.parametrize("K", [2, 5, 32])
def test_it_is_fair_whatever_the_number_of_draws(K):
    rng = np.random.default_rng(0)
    mean, std, truth = 0.3, 2.0, np.full(100_000, 1.7)
    found = crps(rng.normal(mean, std, (K, len(truth))), truth).mean()
    assert found == pytest.approx(gaussian_crps(np.array(mean), np.array(std), truth)[0], abs=0.02)


def test_the_gaussian_form_by_quadrature():
    x = np.linspace(-12, 12, 200_001)
    for mean, std, y in ((0.0, 1.0, 0.4), (1.0, 0.5, -1.0)):
        draws = mean + std * np.random.default_rng(0).normal(size=1_000_000)
        cdf = np.searchsorted(np.sort(draws), x) / len(draws)
        expected = np.square(cdf - (x >= y)).sum() * (x[1] - x[0])
        found = gaussian_crps(np.array(mean), np.array(std), np.array(y))
        assert found == pytest.approx(expected, abs=0.003)


def test_without_spread_the_score_is_the_absolute_error():
    found = gaussian_crps(np.array([1.0, 2.0]), np.zeros(2), np.array([4.0, 2.0]))
    np.testing.assert_allclose(found, [3, 0], atol=1e-12)
    np.testing.assert_allclose(crps(np.ones((3, 2)), np.array([4.0, 1.0])), [3, 0])


@pytest.mark.parametrize("K", [19, 32, 100])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_truth_like_the_draws_is_covered_as_often_as_the_level_says(K, level):
    rng = np.random.default_rng(0)
    found = coverage(rng.normal(size=(K, 40_000)), rng.normal(size=40_000), level)
    assert found == pytest.approx(level, abs=0.01)


def test_few_draws_cover_by_their_range():
    rng = np.random.default_rng(0)
    found = coverage(rng.normal(size=(4, 40_000)), rng.normal(size=40_000))
    assert found == pytest.approx(3 / 5, abs=0.01)


def test_an_overconfident_ensemble_covers_less():
    rng = np.random.default_rng(0)
    assert coverage(0.3 * rng.normal(size=(32, 4000)), rng.normal(size=4000)) < 0.5


def test_the_gaussian_interval_covers_by_its_level():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=40_000), rng.uniform(0.5, 2, 40_000)
    truth = rng.normal(mean, std)
    for level in (0.5, 0.9):
        assert gaussian_coverage(mean, std, truth, level) == pytest.approx(level, abs=0.01)
    assert gaussian_coverage(mean, std / 3, truth) < 0.6


@pytest.mark.parametrize("K", [2, 5, 32])
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_spread_over_error(K, width):
    rng = np.random.default_rng(0)
    found = spread_skill(width * rng.normal(size=(K, 100_000)), rng.normal(size=100_000))
    expected = width * np.sqrt((1 + 1 / K) / (1 + width**2 / K))
    assert found == pytest.approx(expected, rel=0.02)


def test_what_lies_in_a_gap_changes_nothing():
    rng = np.random.default_rng(0)
    draws, truth, weights = rng.normal(size=(20, 50)), rng.normal(size=50), rng.random(50)
    weights[::3] = 0
    for under in (1e9, np.nan):
        hidden = np.where(weights > 0, draws, under)
        assert coverage(hidden, truth, weights=weights) == coverage(draws, truth, weights=weights)
        assert spread_skill(hidden, truth, weights) == spread_skill(draws, truth, weights)
        found = gaussian_coverage(hidden[0], np.ones(50), truth, weights=weights)
        assert found == gaussian_coverage(draws[0], np.ones(50), truth, weights=weights)


def test_weights_are_repetitions():
    rng = np.random.default_rng(0)
    draws, truth, times = rng.normal(size=(20, 50)), rng.normal(size=50), rng.integers(0, 4, 50)
    many, often = np.repeat(draws, times, axis=1), np.repeat(truth, times)
    for score in (coverage, spread_skill):
        assert score(draws, truth, weights=times) == pytest.approx(score(many, often))
    found = gaussian_coverage(draws[0], np.ones(50), truth, weights=times)
    assert found == pytest.approx(gaussian_coverage(many[0], np.ones(len(often)), often))


def test_no_error_has_no_ratio():
    assert np.isnan(spread_skill(np.ones((2, 3)), np.ones(3)))


@pytest.mark.parametrize("score", [crps, coverage, spread_skill])
@pytest.mark.parametrize("draws", [np.zeros((1, 3)), np.zeros((0, 3)), np.zeros((5, 4))])
def test_draws_that_do_not_fit_are_refused(score, draws):
    with pytest.raises(ValueError, match=r"truth of shape \(3,\); expected \(K, 3\) with K of 2"):
        score(draws, np.zeros(3))


@pytest.mark.parametrize("level", [0, 1, 1.5])
def test_a_level_that_is_no_probability_is_refused(level):
    with pytest.raises(ValueError, match="a probability between 0 and 1"):
        coverage(np.zeros((2, 3)), np.zeros(3), level)


@pytest.mark.parametrize("K", [2, 8, 40])
def test_error_equals_spread_in_every_bin_of_a_calibrated_ensemble(K):
    rng = np.random.default_rng(0)
    std = rng.uniform(0.5, 3, 60_000)
    draws, truth = std * rng.normal(size=(K, len(std))), std * rng.normal(size=len(std))
    found = spread_skill_bins(draws, truth, bins=5)
    assert found.share == pytest.approx([0.2] * 5, abs=1e-3)
    if K > 3:
        assert found.error == pytest.approx(found.spread, rel=0.03)
        assert found.spread[-1] > 2 * found.spread[0]
    halved = spread_skill_bins(draws / 2, truth, mean=np.zeros_like(truth), bins=5)
    assert np.mean(halved.error) > 1.9 * np.mean(halved.spread)


def test_bins_do_not_select_by_the_sampling_error_of_the_spread():
    rng = np.random.default_rng(0)
    found = spread_skill_bins(rng.normal(size=(8, 40_000)), rng.normal(size=40_000), bins=8)
    np.testing.assert_allclose(found.spread, 1, atol=0.03)
    np.testing.assert_allclose(found.error, 1, atol=0.04)


def test_the_error_of_a_posterior_mean_has_no_share_of_the_draws():
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(4, 60_000)), rng.normal(size=60_000)
    own = spread_skill_bins(draws, truth, bins=1)
    stated = spread_skill_bins(draws, truth, mean=np.zeros(60_000), bins=1)
    assert own.error == pytest.approx((1,), abs=0.01)
    assert stated.error == pytest.approx((1,), abs=0.01)


def test_bins_of_a_stated_deviation():
    rng = np.random.default_rng(0)
    std = rng.uniform(0.5, 3, 60_000)
    found = gaussian_spread_skill_bins(np.zeros_like(std), std, 2 * std * rng.normal(size=60_000))
    assert len(found.spread) == 10
    assert found.error == pytest.approx([2 * s for s in found.spread], rel=0.04)


def test_gaps_are_in_no_bin():
    rng = np.random.default_rng(0)
    draws, truth, weights = rng.normal(size=(6, 90)), rng.normal(size=90), rng.random(90)
    weights[::3] = 0
    here = weights > 0
    expected = spread_skill_bins(draws[:, here], truth[here], weights[here])
    for under in (1e9, np.nan):
        hidden = spread_skill_bins(np.where(here, draws, under), truth, weights)
        assert hidden == expected
