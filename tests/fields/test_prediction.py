"""How uncertain a prediction is: deviation, quantiles, intervals of cells and of sums."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import FieldError, Functional, Prediction, ShapeError, ValuesError

MEAN = np.zeros((2, 3, 4, 2))


def ensemble(K: int, seed: int = 0) -> Prediction:
    return Prediction(MEAN, np.random.default_rng(seed).normal(size=(K, *MEAN.shape)))


def correlated(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Fields (*shape, 6, 5, 1) whose cells have the correlation of a smooth Gaussian field."""
    y, x = np.mgrid[:6, :5].reshape(2, 30)
    distance = np.hypot(np.subtract.outer(y, y), np.subtract.outer(x, x))
    root = np.linalg.cholesky(np.exp(-distance / 4))
    return (rng.normal(size=(*shape, 30)) @ root.T).reshape(*shape, 6, 5, 1)


def test_the_deviation_is_that_of_the_draws_or_stated():
    found = ensemble(8)
    np.testing.assert_allclose(found.std, found.draws.std(axis=0, ddof=1))
    stated = Prediction.of_mean(MEAN, MEAN + 3)
    assert stated.draws.shape == (0, *MEAN.shape)
    assert (stated.std == 3).all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_deviation_needs_two_draws(count):
    with pytest.raises(FieldError, match=rf"at least 2 draws, and there are {count}; .*n_draws=16"):
        _ = ensemble(count).std
    with pytest.raises(FieldError, match=rf"at least 2 draws, and there are {count}"):
        _ = ensemble(count).functional(np.array(1.0)).std


@given(K=st.integers(19, 60), seed=st.integers(0, 99))
def test_quantiles_of_draws_are_order_statistics(K, seed):
    found = ensemble(K, seed)
    ordered = np.sort(found.draws, axis=0)
    for rank in (1, 7, K):
        np.testing.assert_allclose(found.quantile(rank / (K + 1)), ordered[rank - 1])
    low, high = found.interval(0.9)
    np.testing.assert_allclose(low, -Prediction(MEAN, -found.draws).interval(0.9)[1])
    assert (low < found.quantile(0.5)).all()
    assert (found.quantile(0.5) < high).all()


@pytest.mark.parametrize(
    ("level", "needed"), [(0.5, 3), (0.8, 9), (0.9, 19), (0.95, 39), (0.99, 199)]
)
def test_a_level_needs_so_many_draws(level, needed):
    low, high = ensemble(needed).interval(level)
    np.testing.assert_allclose(low, ensemble(needed).draws.min(axis=0))
    np.testing.assert_allclose(high, ensemble(needed).draws.max(axis=0))
    few = rf"needs at least {needed} draws, and there are {needed - 1}; .*n_draws={needed}\."
    for make in (ensemble(needed - 1), ensemble(needed - 1).functional(np.array(1.0))):
        with pytest.raises(FieldError, match=f"An interval of {100 * level:g} % {few}"):
            make.interval(level)
    with pytest.raises(FieldError, match=f"The quantile of .* {few}"):
        ensemble(needed - 1).quantile((1 - level) / 2)


def test_stored_quantiles_come_first():
    stored = np.stack([MEAN - 2, MEAN, MEAN + 5])
    found = replace(ensemble(100), quantiles=stored, levels=(0.05, 0.5, 0.95))
    low, high = found.interval()
    assert (low == -2).all()
    assert (high == 5).all()
    assert (found.quantile(0.5) == 0).all()
    with pytest.raises(FieldError, match=r"those of 0.05, 0.5, 0.95; .*quantiles=\(0.25, 0.75,\)"):
        found.interval(0.5)


@pytest.mark.parametrize(
    ("quantiles", "levels", "error", "match"),
    [
        (MEAN[None], (), ShapeError, "0 levels; expected"),
        (None, (0.5,), ShapeError, r"shape \(\) and 1 levels"),
        (MEAN[None], (0.1, 0.9), ShapeError, r"expected \(Q, 2, 3, 4, 2\) and Q levels"),
        (MEAN, (0.1, 0.9), ShapeError, r"expected \(Q, 2, 3, 4, 2\)"),
        (np.stack([MEAN] * 2), (0.9, 0.1), ValuesError, "levels are 0.9, 0.1; expected ascending"),
        (MEAN[None], (1.0,), ValuesError, "between 0 and 1"),
    ],
)
def test_quantiles_that_do_not_fit_are_refused(quantiles, levels, error, match):
    with pytest.raises(error, match=match):
        Prediction(MEAN, MEAN[None], quantiles=quantiles, levels=levels)


@pytest.mark.parametrize("level", [0, 1, -0.2, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level):
    for ask in (ensemble(9).quantile, ensemble(9).interval):
        with pytest.raises(ValuesError, match="expected a probability between 0 and 1"):
            ask(level)


@given(seed=st.integers(0, 99))
def test_a_functional_is_the_sum_of_every_field(seed):
    rng = np.random.default_rng(seed)
    found = ensemble(5, seed)
    for shape in ((3, 4, 2), (3, 4, 1), (4, 1), (2,), ()):
        w = rng.normal(size=shape)
        got = found.functional(w)
        np.testing.assert_allclose(got.mean, (found.mean * w).sum(axis=(1, 2, 3)), atol=1e-12)
        np.testing.assert_allclose(got.draws, (found.draws * w).sum(axis=(2, 3, 4)), atol=1e-12)
    assert got.draws.shape == (5, 2)


def test_a_functional_of_given_places_or_without_draws():
    found = Prediction.of_mean(np.array([[[1.0], [2.0], [4.0]]]))
    got = found.functional(np.array([[1.0], [0.0], [0.5]]))
    assert got.mean.tolist() == [3.0]
    assert got.draws.shape == (0, 1)


def test_land_counts_only_if_it_has_a_weight():
    mean = MEAN.copy()
    mean[:, 1] = np.nan
    found = Prediction(mean, np.stack([mean + 1, mean + 3]))
    sea = np.ones(MEAN.shape[1:])
    sea[1] = 0
    np.testing.assert_allclose(found.functional(sea / sea.sum()).draws, [[1, 1], [3, 3]])
    with pytest.raises(ValuesError, match=r"8 of 24 values of the mean .* give those cells the we"):
        found.functional(np.array(1.0))
    with pytest.raises(ValuesError, match=r"8 of 24 values of a draw"):
        Prediction(MEAN, found.draws).functional(np.array(1.0))


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 2), (5,)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"for fields of shape \(3, 4, 2\); .*\[\.\.\., None\]"):
        ensemble(2).functional(np.ones(shape))


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(ValuesError, match="24 of 24 weights are NaN or infinite"):
        ensemble(2).functional(np.array(np.nan))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_intervals_of_sums_over_correlated_cells_cover_by_their_level(level):
    rng = np.random.default_rng(0)
    truth, draws = correlated(rng, 6000), correlated(rng, 39, 6000)
    found = Prediction(np.zeros_like(truth), draws)
    weights = np.zeros((6, 5, 1))
    weights[1:5, 1:4] = 1 / 12
    value = found.functional(weights)
    true = (truth * weights).sum(axis=(1, 2, 3))
    low, high = value.interval(level)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(level, abs=0.02)
    # As if the cells were independent, or alike: too narrow, and too wide.
    apart = np.sqrt((weights**2).sum())
    assert 2 * apart < value.std.mean() < 0.9


def test_a_functional_of_a_difference_knows_that_neighbours_are_alike():
    rng = np.random.default_rng(1)
    draws = correlated(rng, 200, 3)
    weights = np.zeros((6, 5, 1))
    weights[2, 2], weights[2, 3] = 1, -1
    got = Prediction(np.zeros((3, 6, 5, 1)), draws).functional(weights)
    assert isinstance(got, Functional)
    np.testing.assert_allclose(got.std, np.sqrt(2 * (1 - np.exp(-1 / 4))), rtol=0.2)
