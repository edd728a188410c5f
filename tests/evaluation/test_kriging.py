"""The baseline Kriging: as good as can be had, right about its errors, for any number of points."""

import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from mamba_diffae.evaluation import Kriging
from mamba_diffae.fields import Affine, FieldData, Grid, Observations, Variable, observe


def gaussian_fields(
    count: int, length: float = 0.3, kernel: str = "exponential", shape=(16, 16), seed: int = 2
) -> FieldData:
    """Fields of one variable around 100, of deviation 20."""
    grid = Grid.default(shape)
    r = cdist(grid.centres(), grid.centres()) / length
    smooth = (1 + 5**0.5 * r + 5 * r**2 / 3) * np.exp(-(5**0.5) * r)
    K = np.exp(-r) if kernel == "exponential" else smooth
    L = np.linalg.cholesky(K + 1e-10 * np.eye(len(K)))
    values = 100 + 20 * L @ np.random.default_rng(seed).normal(size=(len(K), count))
    values = values.T.reshape(count, *shape, 1)
    return FieldData([Variable("v", transform=Affine(0, 200))], grid, values)


def error_over_deviation(method: Kriging, data: FieldData, fraction: float) -> float:
    seen = observe(data, fraction, seed=1)
    found = method.predict(seen, data.grid)
    unseen = found.stated_std > 1e-2
    return float(((found.mean - data.values) / np.maximum(found.std, 1e-9))[unseen].std())


@pytest.mark.parametrize("kernel", ["exponential", "matern52"])
@pytest.mark.parametrize("fitted", [True, False])
def test_it_knows_how_far_it_errs(kernel, fitted):
    data = gaussian_fields(20, kernel=kernel)
    method = Kriging().fit(gaussian_fields(20, kernel=kernel, seed=3)) if fitted else Kriging()
    assert error_over_deviation(method, data, 0.25) == pytest.approx(1, abs=0.2)


def test_it_knows_how_far_it_errs_from_a_single_point_too():
    method = Kriging().fit(gaussian_fields(40, seed=3))
    data = gaussian_fields(200, shape=(8, 8))
    assert error_over_deviation(method, data, 1 / 64) == pytest.approx(1, abs=0.25)


def test_smooth_fields_get_a_smooth_kernel():
    data = gaussian_fields(8, 0.25, "matern52")
    seen = observe(data, 0.2, seed=0)
    found = Kriging().predict(seen, data.grid).mean
    rough = np.exp(-cdist(data.grid.centres(), data.grid.centres()) / 0.25)
    errors = []
    for field, part in zip(data.values.reshape(8, -1), seen.fields(), strict=True):
        at = cdist(part.coords[0].numpy(), data.grid.centres()).argmin(axis=1)
        w = np.linalg.solve(rough[np.ix_(at, at)], field[at] - field[at].mean())
        errors.append(field[at].mean() + rough[:, at] @ w - field)
    ours = np.square(found.reshape(8, -1) - data.values.reshape(8, -1)).mean()
    assert ours < 0.6 * np.square(errors).mean()


def test_repeated_readings_move_only_what_is_at_their_place():
    rng = np.random.default_rng(0)
    coords, values = rng.uniform(size=(30, 2)), rng.normal(size=30)
    grid = Grid.default((8, 8))
    once = Kriging().predict(Observations.from_points(coords, values), grid)
    coords, values = np.append(coords, coords[:1], axis=0), np.append(values, values[0] + 0.1)
    values[0] -= 0.1
    twice = Kriging().predict(Observations.from_points(coords, values), grid)
    np.testing.assert_allclose(twice.std, once.std, rtol=0.03)
    np.testing.assert_allclose(twice.mean, once.mean, atol=0.05)


def test_a_hundred_thousand_readings_of_one_place():
    rng = np.random.default_rng(0)
    coords, values = np.full((100_000, 2), 0.3), 5 + rng.normal(size=100_000)
    seen = Observations(
        *(torch.from_numpy(a)[None] for a in (coords, values[:, None], values[:, None] < np.inf))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Kriging().predict(seen, Grid.default((6, 6)))
    np.testing.assert_allclose(found.mean, 5, atol=0.05)
    assert np.isfinite(found.std).all()


def test_errors_of_a_stated_size_are_smoothed_and_exact_values_kept():
    rng = np.random.default_rng(0)
    data = gaussian_fields(1, 0.4, "matern52")
    coords, truth = data.grid.centres(), data.values.reshape(-1)
    noisy = truth + 20 * rng.normal(size=truth.shape)
    for noise, given in ((20.0, noisy), (0.0, truth), (200.0, truth + 200 * (noisy - truth) / 20)):
        seen = Observations.from_points(coords, given, noise=noise)
        for method in (Kriging(), Kriging().fit(gaussian_fields(8, 0.4, "matern52", seed=5))):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = method.predict(seen, data.grid)
            error = np.sqrt(np.square(found.mean.ravel() - truth).mean())
            assert error < (0.01 if noise == 0 else 0.5 * noise)
            if noise:
                assert 0.4 < error / np.sqrt(np.square(found.std).mean()) < 2.5


def test_variables_of_different_units_do_not_share_a_variance(two_units):
    data = two_units(4)
    found = Kriging().fit(data).predict(observe(data, 0.1, seed=1), data.grid)
    pressure, wind = np.moveaxis(found.std, -1, 0).reshape(2, -1).mean(axis=1)
    assert 50 < pressure / wind < 1000


def test_colours_share_their_deviation_and_units_do_not(make_field, two_units):
    colours = Kriging().fit(make_field(4))._usual.deviation
    assert colours[0] == colours[1]
    pressure, wind = Kriging().fit(two_units(4))._usual.deviation
    assert pressure > 50 * wind


def test_the_deviation_is_left_out_if_nobody_asks_for_it(make_field):
    data = make_field(1)
    seen = observe(data, 0.1)
    short = Kriging(with_std=False).predict(seen, data.grid)
    assert short.stated_std is None
    np.testing.assert_array_equal(short.mean, Kriging().predict(seen, data.grid).mean)


def test_a_large_offset_costs_no_digits(make_field):
    data = make_field(1)
    seen = observe(data, 0.1)
    near = Kriging().predict(seen, data.grid).mean
    far = Kriging().predict(seen.with_values(seen.values + 1e8), data.grid).mean
    np.testing.assert_allclose(far - 1e8, near, atol=1e-3)


def test_neighbourhoods_say_what_all_observations_say():
    rng = np.random.default_rng(0)
    coords, waves = rng.uniform(size=(1500, 2)), rng.normal(size=(40, 2))
    values = np.sin(coords @ (9 * waves.T) + rng.uniform(0, 6, 40)).sum(axis=1)
    asked = rng.uniform(size=(300, 2))
    method = Kriging()
    many = method.predict(Observations.from_points(coords, values), asked)
    few = method.predict(Observations.from_points(coords[:1000], values[:1000]), asked)
    np.testing.assert_allclose(many.mean, few.mean, atol=0.05 * values.std())


@pytest.mark.parametrize("count", [2, 30])
def test_equal_readings_are_no_certainty(count):
    rng = np.random.default_rng(0)
    equal = Observations.from_points(rng.random((count, 2)), np.full((count, 1), 10.0))
    found = Kriging().predict(equal, Grid.default((6, 6)))
    assert np.allclose(found.mean, 10)
    assert found.std.max() > 0.05
