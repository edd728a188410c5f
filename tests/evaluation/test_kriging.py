"""Kriging against its textbook form."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mamba_diffae.evaluation import Kriging
from mamba_diffae.evaluation.baselines import kriging as module
from mamba_diffae.evaluation.baselines.kriging import LENGTHS, most_likely
from mamba_diffae.evaluation.baselines.per_field import Samples, samples_of
from mamba_diffae.evaluation.baselines.space import Space
from mamba_diffae.fields import Grid, Observations, observe

UNIT = np.ones(2)


def samples(coords: np.ndarray, values: np.ndarray) -> list[Samples]:
    seen = Observations.from_points(coords, values)
    return samples_of(seen, Space.of_grid(Grid.default((4, 4))))


def scattered(count: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(size=(count, 2)), rng.uniform(0, 255, (count, 2))


def test_it_is_the_gaussian_process_mean_and_its_deviation_that_of_the_best_weights():
    coords, values = scattered()
    scale = values.std(axis=0)
    best = most_likely(samples(coords, values), [scale])
    # Ordinary kriging in its textbook form: weights that sum to one, by a Lagrange multiplier.
    n, targets = len(coords), Grid.default((7, 7)).centres()
    K = np.exp(-cdist(coords, coords) / best.length)
    k = np.exp(-cdist(coords, targets) / best.length)
    system, right = np.ones((n + 1, n + 1)), np.ones((n + 1, len(targets)))
    system[:n, :n], system[n, n], right[:n] = K, 0, k
    w = np.linalg.solve(system, right)[:n]
    found = Kriging().predict(Observations.from_points(coords, values), Grid.default((7, 7)))
    np.testing.assert_allclose(found.mean.reshape(49, 2), w.T @ values, atol=0.02)
    left = best.variance * (1 - 2 * (w * k).sum(0) + (w * (K @ w)).sum(0))
    expected = np.sqrt(left)[:, None] * scale
    np.testing.assert_allclose(found.stated_std.reshape(49, 2), expected, rtol=1e-3)


def test_it_knows_how_far_it_errs():
    rng = np.random.default_rng(2)
    grid = Grid.default((16, 16))
    coords = grid.centres()
    correlation = np.exp(-cdist(coords, coords) / 0.3)
    field = 100 + 20 * np.linalg.cholesky(correlation) @ rng.normal(size=(256, 20))
    seen = rng.permutation(256)[:60]
    found = Kriging().predict(Observations.from_points(coords[seen], field[seen]), grid)
    error, deviation = found.mean.reshape(256, 20) - field, found.std.reshape(256, 20)
    assert deviation[seen].max() < 0.1
    unseen = np.setdiff1d(np.arange(256), seen)
    assert (error[unseen] / deviation[unseen]).std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("length", [0.1, 0.4])
def test_it_finds_the_length_scale(length):
    rng = np.random.default_rng(1)
    coords = rng.uniform(size=(300, 2))
    correlation = np.exp(-cdist(coords, coords) / length)
    values = 50 * np.linalg.cholesky(correlation) @ rng.normal(size=(300, 6))
    assert 0.5 < most_likely(samples(coords, values), [np.ones(6)]).length / length < 2


def test_blocks_change_nothing(monkeypatch, make_field):
    data = make_field(2)
    seen = observe(data, 0.3, shape=(12, 12))
    whole = Kriging().predict(seen, data.grid)
    monkeypatch.setattr(module, "BLOCK", 1000)
    blocks = Kriging().predict(seen, data.grid)
    np.testing.assert_allclose(blocks.mean, whole.mean, atol=1e-4)
    np.testing.assert_allclose(blocks.std, whole.std, atol=1e-4)


def test_variables_of_different_units_do_not_share_a_variance(two_units):
    data = two_units(4)
    found = Kriging().fit(data).predict(observe(data, 0.1, seed=1), data.grid)
    pressure, wind = np.moveaxis(found.std, -1, 0).reshape(2, -1).mean(axis=1)
    assert 20 < pressure < 2000
    assert 0.05 < wind < 10


def test_colours_share_their_deviation_and_units_do_not(make_field, two_units):
    colours = Kriging().fit(make_field(4))._usual.deviation
    assert colours[0] == colours[1]
    pressure, wind = Kriging().fit(two_units(4))._usual.deviation
    assert pressure > 50 * wind


def test_variables_at_different_places_share_one_likelihood():
    coords, values = scattered(30)
    values[:10, 0], values[20:, 1] = np.nan, np.nan
    parts = samples(coords, values)
    assert sorted(len(part.values) for part in parts) == [20, 20]
    each = [[most_likely([part], [np.full(1, 60.0)]) for part in parts]]
    both = most_likely(parts, [np.full(1, 60.0)] * 2)
    assert both.length in LENGTHS
    mean = sum(fit.variance for fit in each[0]) / 2
    assert 0.3 < both.variance / mean < 3


def test_the_deviation_is_left_out_if_nobody_asks_for_it():
    coords, values = scattered()
    seen, grid = Observations.from_points(coords, values), Grid.default((7, 7))
    short = Kriging(with_std=False).predict(seen, grid)
    assert short.stated_std is None
    np.testing.assert_array_equal(short.mean, Kriging().predict(seen, grid).mean)


def test_a_large_offset_costs_no_digits():
    coords, values = scattered()
    grid = Grid.default((7, 7))
    near = Kriging().predict(Observations.from_points(coords, values), grid).mean
    far = Kriging().predict(Observations.from_points(coords, values + 1e8), grid).mean
    np.testing.assert_allclose(far - 1e8, near, atol=1e-4)
