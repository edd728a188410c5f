"""Gappy POD against the singular values and the normal equations."""

import numpy as np
import pytest

from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.evaluation.baselines.components import (
    box_averages_matrix,
    principal_components,
    ridge,
)
from mamba_diffae.fields import (
    Axis,
    BoxAverages,
    CoordinateError,
    FieldData,
    Grid,
    NotFittedError,
    Observations,
    ShapeError,
    observe,
    overlap,
)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_components_are_those_of_the_singular_values(shape):
    X = np.random.default_rng(0).normal(size=shape) @ np.diag(np.linspace(3, 1, shape[1]))
    X -= X.mean(axis=0)
    _, s, vt = np.linalg.svd(X, full_matrices=False)
    components = principal_components(X, 5)
    expected = (s[:5, None] * vt[:5]) / np.sqrt(shape[0])
    sign = np.sign((components * expected).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(components, sign * expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_all_components_make_the_whole_covariance(shape):
    X = np.random.default_rng(0).normal(size=shape)
    X -= X.mean(axis=0)
    components = principal_components(X, 1000)
    assert len(components) == min(shape[0] - 1, shape[1])  # one direction went with the mean
    np.testing.assert_allclose(components.T @ components, X.T @ X / len(X), atol=1e-4)


@pytest.mark.parametrize("periodic", [False, True])
def test_the_matrix_averages_over_boxes(periodic):
    rng = np.random.default_rng(0)
    axes = (
        Axis("depth", np.array([0, 1, 3, 7, 15.0])),
        Axis.regular("x", 0, 6, 9, periodic=periodic),
    )
    exists = rng.random((4, 9)) < 0.8
    grid = Grid(axes, exists)
    values = rng.normal(size=(1, 4, 9, 2))
    centres = rng.uniform(size=(50, 2)) * [15, 6]
    support = rng.uniform(size=(50, 2)) * [4, 3]
    boxes = BoxAverages(
        values,
        np.broadcast_to(grid.weights()[..., None], values.shape),
        [a.edges for a in axes],
        grid.periodic,
    )
    expected, weight = boxes(centres, support)
    found = box_averages_matrix(grid, centres, support) @ values.reshape(36, 2)
    np.testing.assert_allclose(found[weight[0, :, 0] > 0], expected[0][weight[0, :, 0] > 0])
    np.testing.assert_array_equal(found[weight[0, :, 0] == 0], 0)


@pytest.mark.parametrize("shape", [(24, 24), (12, 30), (40,), (6, 8, 10)])
@pytest.mark.parametrize("factor", [1, 2, 3.4])
def test_fields_of_the_trained_kind_are_recovered_in_any_shape(make_field, shape, factor):
    pod = GappyPOD(noise_variance=1e-8).fit(make_field(60, shape))
    truth = make_field(5, shape, seed=9)
    lattice = [max(1, round(n / factor)) for n in shape]
    observations = observe(truth, 0.6, shape=lattice)
    for scale in (1, 2):
        grid = truth.grid.regrid([n // scale for n in shape])
        found = pod.predict(observations, grid).mean
        np.testing.assert_allclose(found, truth.at(grid).values, atol=0.5)


def test_coefficients_solve_the_ridge_regression(make_field):
    pod = GappyPOD(modes=8, noise_variance=1e-2).fit(make_field(60))
    observations = observe(make_field(1, seed=4), 0.2, shape=(12, 12))
    # The primal normal equations, with the area average written out as a matrix.
    edges = np.linspace(0, 1, 25)
    W = overlap(edges, np.linspace(0, 1, 13)) / 2
    y, x = (observations.coords[0].numpy() * 12).astype(int).T
    average = np.einsum("in,im->inm", W[y], W[x]).reshape(len(x), -1)
    learned = pod.learned
    A = np.einsum("ip,pcm->icm", average, learned.modes).reshape(-1, 8)
    residual = (observations.values[0].numpy() / 255 - average @ learned.mean).ravel()
    a = np.linalg.solve(A.T @ A / 1e-2 + np.eye(8), A.T @ residual / 1e-2)
    expected = 255 * (learned.mean + learned.modes @ a).reshape(24, 24, 2)
    found = pod.predict(observations, learned.grid).mean[0]
    seen = (average.sum(axis=0) > 0).reshape(24, 24)
    np.testing.assert_allclose(found[~seen], expected[~seen], atol=0.02)
    np.testing.assert_allclose(average @ found.reshape(-1, 2), observations.values[0], atol=1e-3)


@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_the_posterior_of_coefficients_is_that_of_the_precision_matrix(count):
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(count, 40)), rng.normal(size=count)
    variance = rng.uniform(0.5, 2, size=count)
    covariance = np.linalg.inv((A.T / variance) @ A + np.eye(40))
    found = ridge(A, y, variance)
    np.testing.assert_allclose(found.mean, covariance @ (A.T / variance) @ y, atol=1e-10)
    modes = rng.normal(size=(5, 40))
    expected = np.einsum("ij,jk,ik->i", modes, covariance, modes)
    np.testing.assert_allclose(found.spread(modes), expected, rtol=1e-8)


def test_of_many_modes_only_the_leading_ones_have_covariances():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(30, 400)) / np.arange(1, 401)
    found = ridge(A, np.zeros(30), np.full(30, 0.01))
    covariance = np.linalg.inv(A.T @ A / 0.01 + np.eye(400))
    count = len(found.covariance)
    assert count < 400
    np.testing.assert_allclose(found.covariance, covariance[:count, :count], atol=1e-9)
    np.testing.assert_allclose(found.variance, np.diag(covariance)[count:], atol=1e-9)


def test_without_evidence_the_mean_is_predicted_where_nothing_was_read(make_field):
    train = make_field(30)
    pod = GappyPOD(noise_variance=1e6).fit(train)
    observations = observe(make_field(2, seed=1), 0.2, shape=(12, 12))
    prediction = pod.predict(observations, train.grid)
    unseen = prediction.std > 1e3
    assert 0.7 < unseen.mean() < 0.9
    expected = np.stack([train.values.mean(axis=0)] * 2)
    np.testing.assert_allclose(prediction.mean[unseen], expected[unseen], atol=0.1)
    assert prediction.std[~unseen].max() < 20  # the modes differ within a box


def test_stated_noise_is_heeded(make_field):
    train = make_field(30)
    pod = GappyPOD().fit(train)
    seen = observe(make_field(2, seed=1), 0.2, shape=(12, 12))
    loud = seen.replace(noise=1e6 * seen.mask.double())
    found = pod.predict(loud, train.grid).mean
    np.testing.assert_allclose(found, np.stack([train.values.mean(axis=0)] * 2), atol=0.1)


def test_padding_and_company_change_nothing(make_field):
    pod = GappyPOD().fit(make_field(30))
    few, many = (observe(make_field(1, seed=1), f, shape=(12, 12)) for f in (0.05, 0.5))
    grid = pod.learned.grid
    together = pod.predict(Observations.stack([few, many]), grid).mean
    alone = np.concatenate([pod.predict(f, grid).mean for f in (few, many)])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_values_without_support_are_native_cells(make_field):
    pod = GappyPOD().fit(make_field(30))
    seen = observe(make_field(1, seed=1), 0.1)
    grid = pod.learned.grid
    points = pod.predict(seen.replace(support=None), grid).mean
    np.testing.assert_array_equal(pod.predict(seen, grid).mean, points)


def test_coarse_predictions_are_averages_and_places_lie_in_cells(make_field):
    pod = GappyPOD().fit(make_field(30))
    grid = pod.learned.grid
    observations = observe(make_field(2, seed=1), 0.2, shape=(12, 12))
    native = pod.predict(observations, grid).mean
    coarse = grid.regrid((9, 7))
    expected = FieldData(make_field(2).variables, grid, native).at(coarse).values
    np.testing.assert_allclose(pod.predict(observations, coarse).mean, expected, atol=1e-9)
    at = pod.predict(observations, np.array([[0.0, 0.999], [0.5, 0.03]])).mean
    np.testing.assert_allclose(at, native[:, [0, 12], [23, 0]])
    fine = pod.predict(observations, grid.regrid((48, 24))).mean
    np.testing.assert_allclose(fine, native.repeat(2, axis=1))


def test_gaps_in_the_training_fields_hide_their_values_and_nothing_more(make_field):
    whole = make_field(200, (12, 16))
    rng = np.random.default_rng(0)
    gaps = rng.random(whole.values.shape) < 0.2
    land = np.zeros((12, 16), dtype=bool)
    land[:3, :4] = True
    learned = []
    for under in (0.0, -1e6):
        values = np.where(gaps | land[..., None], under, whole.values)
        grid = Grid(whole.grid.axes, ~land)
        data = FieldData(whole.variables, grid, values, ~gaps)
        learned.append(GappyPOD(noise_variance=1e-4).fit(data))
    np.testing.assert_array_equal(learned[0].learned.modes, learned[1].learned.modes)
    truth = make_field(5, (12, 16), seed=9)
    masked = FieldData(truth.variables, learned[0].learned.grid, truth.values)
    found = learned[0].predict(observe(masked, 0.5, seed=1), masked.grid).mean
    assert np.isfinite(found[:, ~land]).all()
    error = (found - truth.values)[:, ~land]
    assert np.sqrt(np.square(error).mean()) < 0.25 * truth.values[:, ~land].std()


def test_several_units_and_a_periodic_axis(two_units):
    train, truth = two_units(60), two_units(3, seed=5)
    found = (
        GappyPOD(noise_variance=1e-5).fit(train).predict(observe(truth, 0.3, seed=1), truth.grid)
    )
    error = np.where(truth.valid_mask(), found.mean - truth.values, 0)
    pressure, wind = np.sqrt(np.square(error).mean(axis=(0, 1, 2)))
    assert pressure < 200
    assert wind < 1


def test_what_it_cannot_answer_is_refused(make_field):
    train = make_field(10)
    with pytest.raises(NotFittedError, match="call fit"):
        GappyPOD().predict(observe(train, 0.2), train.grid)
    pod = GappyPOD().fit(train)
    with pytest.raises(ShapeError, match="2 variables, but the observations have 1"):
        pod.predict(observe(make_field(1, channels=1), 0.2), train.grid)
    outside = Observations.from_points([[0.5, 1.5]], [[1.0, 2.0]])
    with pytest.raises(CoordinateError, match="1 of 1 observations lie outside"):
        pod.predict(outside, train.grid)


def test_repeats_are_one_place(make_field):
    pod = GappyPOD(with_std=True).fit(make_field(60))
    once = observe(make_field(1, seed=4), 0.05, shape=(12, 12))
    many = once.replace(
        **{k: getattr(once, k).repeat(1, 4, 1) for k in ("coords", "values", "mask", "support")}
    )
    single, repeated = (pod.predict(seen, pod.learned.grid) for seen in (once, many))
    np.testing.assert_allclose(repeated.mean, single.mean, atol=1e-6)
    np.testing.assert_allclose(repeated.std, single.std, atol=1e-6)
    # With errors of a stated size four readings count as one of half that size.
    single = pod.predict(once.replace(noise=5.0 * once.mask.double()), pod.learned.grid)
    repeated = pod.predict(many.replace(noise=10.0 * many.mask.double()), pod.learned.grid)
    np.testing.assert_allclose(repeated.mean, single.mean, atol=1e-3)
    np.testing.assert_allclose(repeated.std, single.std, atol=1e-3)


@pytest.mark.parametrize("options", [{"modes": 0}, {"noise_variance": 0.0}])
def test_options_without_meaning_are_refused(options):
    with pytest.raises(ValueError, match="at least one mode and a variance above zero"):
        GappyPOD(**options)
