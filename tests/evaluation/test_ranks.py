"""Ranks of calibrated ensembles are uniform, of continuous data and of data with atoms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from mamba_diffae.evaluation import (
    coverage,
    coverage_by,
    coverage_interval,
    covered,
    gaussian_ranks,
    randomised_ranks,
    rank_histogram,
    reliability_index,
)
from mamba_diffae.evaluation.binning import bin_means, bin_shares, quantile_bins

LEVELS = (0.5, 0.8, 0.9)
N = 20_000


def stored(values: np.ndarray) -> np.ndarray:
    """8-bit values of a picture, of which a third is white."""
    return np.rint(np.clip(200 + 100 * values, 0, 255) / 5) * 5


@pytest.mark.parametrize("K", [2, 7, 39])
@pytest.mark.parametrize("atoms", [False, True])
def test_ranks_of_a_calibrated_ensemble_are_uniform(K, atoms):
    rng = np.random.default_rng(K)
    draws, truth, options = rng.normal(size=(K, N)), rng.normal(size=N), {}
    if atoms:  # draws are not stored in steps themselves
        draws, truth = 200 + 100 * draws, stored(truth)
        options = {"bounds": (0.0, 255.0), "step": 5.0}
    ranks = randomised_ranks(draws, truth, seed=1, **options)
    assert ((ranks >= 0) & (ranks < 1)).all()
    assert kstest(ranks, "uniform").pvalue > 0.001
    for level in LEVELS:
        assert covered(ranks, level).mean() == pytest.approx(level, abs=0.012)
    assert reliability_index(rank_histogram(ranks)) < 0.06


def test_closed_intervals_of_atoms_cover_too_much():
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(39, N)), stored(rng.normal(size=N))
    closed = coverage(stored(draws), truth, 0.5)
    ranks = randomised_ranks(stored(draws), truth, seed=0)
    assert closed > 0.65
    assert covered(ranks, 0.5).mean() == pytest.approx(0.5, abs=0.012)


@pytest.mark.parametrize(("width", "compare"), [(2.0, np.greater), (0.5, np.less)])
def test_too_much_or_too_little_spread_shows(width, compare):
    rng = np.random.default_rng(0)
    ranks = randomised_ranks(width * rng.normal(size=(39, N)), rng.normal(size=N), seed=0)
    for level in LEVELS:
        assert compare(covered(ranks, level).mean(), level + 0.05 * np.sign(width - 1))
    histogram = rank_histogram(ranks, bins=10)
    assert compare(histogram[4:6].mean(), histogram[[0, -1]].mean())
    assert reliability_index(histogram) > 0.3


@given(seed=st.integers(0, 99), K=st.integers(2, 9))
@settings(max_examples=20, deadline=None)
def test_the_rank_lies_between_what_is_below_and_what_is_not_above(seed, K):
    rng = np.random.default_rng(seed)
    draws, truth = rng.integers(0, 4, (K, 50)), rng.integers(0, 4, 50)
    ranks = (K + 1) * randomised_ranks(draws, truth, seed=seed)
    assert (ranks >= (draws < truth).sum(axis=0)).all()
    assert (ranks < (draws <= truth).sum(axis=0) + 1).all()


def test_ranks_depend_on_the_seed_alone():
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(5, 30)), rng.normal(size=30)
    first = randomised_ranks(draws, truth, seed=3)
    np.testing.assert_array_equal(first, randomised_ranks(draws, truth, seed=3))
    assert (first != randomised_ranks(draws, truth, seed=4)).all()


@pytest.mark.parametrize("atoms", [False, True])
def test_the_distribution_function_of_a_gaussian_is_uniform(atoms):
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=N), rng.uniform(0.5, 2, N)
    truth, options = rng.normal(mean, std), {}
    if atoms:
        mean, std, truth = 200 + 100 * mean, 100 * std, stored(truth)
        options = {"bounds": (0.0, 255.0), "step": 5.0}
    ranks = gaussian_ranks(mean, std, truth, seed=1, **options)
    assert kstest(ranks, "uniform").pvalue > 0.001
    wide = gaussian_ranks(mean, 2 * std, truth, seed=1, **options)
    assert covered(ranks, 0.5).mean() == pytest.approx(0.5, abs=0.012)
    assert covered(wide, 0.5).mean() > 0.6


def test_a_gaussian_and_many_draws_of_it_agree():
    rng = np.random.default_rng(0)
    truth = stored(rng.normal(size=500))
    options = {"seed": 2, "bounds": (0.0, 255.0), "step": 5.0}
    draws = 200 + 100 * rng.normal(size=(4000, 500))
    found = gaussian_ranks(np.full(500, 200.0), np.full(500, 100.0), truth, **options)
    np.testing.assert_allclose(found, randomised_ranks(draws, truth, **options), atol=0.04)


def test_without_spread_the_rank_is_at_an_end():
    found = gaussian_ranks(np.zeros(2), np.zeros(2), np.array([1.0, -1.0]), seed=0)
    np.testing.assert_allclose(found, [1, 0])


def test_the_interval_of_a_coverage_is_over_groups():
    rng = np.random.default_rng(0)
    ranks, weights = rng.random((60, 40)), rng.random((60, 40))
    own, groups = np.arange(60), np.arange(60) // 6
    ranks = np.repeat(ranks[::6], 6, axis=0)  # copies
    narrow = coverage_interval(ranks, 0.8, own, seed=1)
    wide = coverage_interval(ranks, 0.8, groups, seed=1)
    assert wide.mean == pytest.approx(covered(ranks, 0.8).mean())
    assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low)
    weights[:50] = 0  # fields of which nothing is known
    some = coverage_interval(ranks, 0.8, groups, weights)
    shares = np.average(covered(ranks[50:], 0.8), axis=1, weights=weights[50:])
    assert some.mean == pytest.approx(shares.mean())


def test_coverage_by_distance():
    rng = np.random.default_rng(0)
    distance = rng.uniform(1, 9, N)
    # Draws know the spread near, and state half of it far away.
    truth = rng.normal(size=N) * np.where(distance > 5, 2, 1)
    ranks = randomised_ranks(rng.normal(size=(39, N)), truth, seed=0)
    found = coverage_by(ranks, distance, LEVELS, bins=4)
    assert found.by == pytest.approx((2, 4, 6, 8), abs=0.1)
    assert found.share == pytest.approx([0.25] * 4, abs=0.02)
    assert found.levels == LEVELS
    for level, shares in zip(LEVELS, found.coverage, strict=True):
        assert shares[:2] == pytest.approx([level] * 2, abs=0.02)
        assert max(shares[2:]) < level - 0.08


def test_what_has_no_weight_or_no_distance_is_in_no_bin():
    ranks = np.array([0.5, 0.0, 0.5, 0.0, 0.5])
    distance = np.array([1.0, 1.0, np.inf, 2.0, 2.0])
    weights = np.array([1.0, 0.0, 1.0, 1.0, 3.0])
    found = coverage_by(ranks, distance, (0.5,), weights, bins=2)
    assert found.by == (1, 2)
    assert found.share == (0.2, 0.8)
    assert found.coverage == ((1.0, 0.75),)
    np.testing.assert_allclose(rank_histogram(ranks, weights, bins=2), [1 / 6, 5 / 6])


@given(seed=st.integers(0, 99), bins=st.integers(1, 12), levels=st.integers(1, 30))
def test_bins_are_ordered_and_none_is_empty(seed, bins, levels):
    rng = np.random.default_rng(seed)
    by, weights = rng.integers(0, levels, 200) ** 2.0, rng.integers(0, 3, 200)
    index = quantile_bins(by, weights, bins)
    assert ((index < 0) == (weights == 0)).all()
    assert set(index[index >= 0]) == set(range(index.max() + 1))
    assert index.max() < bins
    means, shares = bin_means(index, by, weights), bin_shares(index, weights)
    assert (np.diff(means) > 0).all()
    assert shares @ means == pytest.approx(np.average(by, weights=weights))


def test_continuous_values_fill_bins_equally():
    by = np.random.default_rng(0).normal(size=1000)
    np.testing.assert_allclose(bin_shares(quantile_bins(by, None, 10), None), 0.1, atol=2e-3)


def test_what_does_not_fit_is_refused():
    ranks = np.zeros(3)
    with pytest.raises(ValueError, match=r"truth of shape \(3,\)"):
        randomised_ranks(np.zeros((1, 3)), ranks, seed=0)
    with pytest.raises(ValueError, match="a probability between 0 and 1"):
        covered(ranks, 1)
    with pytest.raises(ValueError, match=r"distances of shape \(4,\)"):
        coverage_by(ranks, np.zeros(4), LEVELS)
    with pytest.raises(ValueError, match="bins is 0"):
        coverage_by(ranks, ranks, LEVELS, bins=0)
    with pytest.raises(ValueError, match=r"Weights of shape \(4,\)"):
        rank_histogram(ranks, np.zeros(4))
