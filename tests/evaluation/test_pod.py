import numpy as np
import pytest

from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.evaluation.classical.pod import principal_components
from mamba_diffae.fields import SparseField, area_average, area_weights, collate, observe


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
    assert len(components) == min(shape)
    np.testing.assert_allclose(components.T @ components, X.T @ X / len(X), atol=1e-4)


@pytest.mark.parametrize("cells", [12, 7, 24])
def test_fields_of_the_trained_kind_are_recovered_at_every_scale(make_field, cells):
    pod = GappyPOD.fit(make_field(60), noise_variance=1e-8)
    truth = make_field(5, seed=9)
    observations = observe(truth, 0.4, cells=cells)
    for scale in (8, 12, 24):
        np.testing.assert_allclose(pod(observations, scale), truth.at(scale), atol=0.5)


def test_coefficients_solve_the_ridge_regression(make_field):
    pod = GappyPOD.fit(make_field(60), modes=8, noise_variance=1e-2)
    observations = observe(make_field(1, seed=4), 0.2, cells=12)
    seen = observations.fields()[0]
    # The primal normal equations, with the area average written out as a matrix.
    W = area_weights(24, 12)
    x, y = (seen.coords * 12).astype(int).T
    average = np.einsum("in,im->inm", W[y], W[x]).reshape(len(x), -1)
    A = np.einsum("ip,mpc->icm", average, pod.modes.reshape(8, 576, 2)).reshape(-1, 8)
    residual = (seen.values / 255 - average @ pod.mean.reshape(576, 2)).ravel()
    a = np.linalg.solve(A.T @ A / 1e-2 + np.eye(8), A.T @ residual / 1e-2)
    expected = 255 * (pod.mean + np.tensordot(a, pod.modes, axes=1))
    np.testing.assert_allclose(pod(observations, 24)[0], expected, atol=0.02)


def test_without_evidence_the_mean_is_predicted(make_field):
    train = make_field(30)
    pod = GappyPOD.fit(train, noise_variance=1e6)
    prediction = pod(observe(make_field(2, seed=1), 0.2, cells=12), 24)
    np.testing.assert_allclose(prediction, np.stack([train.values.mean(axis=0)] * 2), atol=0.1)


def test_padding_and_company_change_nothing(make_field):
    pod = GappyPOD.fit(make_field(30))
    few, many = (observe(make_field(1, seed=1), f, cells=12).fields()[0] for f in (0.05, 0.5))
    together = pod(collate([few, many]), 24)
    alone = np.concatenate([pod(collate([f]), 24) for f in (few, many)])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_values_without_support_are_native_pixels(make_field):
    pod = GappyPOD.fit(make_field(30))
    seen = observe(make_field(1, seed=1), 0.1, cells=24).fields()[0]
    points = SparseField(seen.coords, seen.values)
    np.testing.assert_array_equal(pod(collate([seen]), 24), pod(collate([points]), 24))


def test_a_coarse_prediction_is_the_average_of_the_native_one(make_field):
    pod = GappyPOD.fit(make_field(30))
    observations = observe(make_field(2, seed=1), 0.2, cells=12)
    expected = area_average(pod(observations, 24), 9)
    np.testing.assert_allclose(pod(observations, 9), expected, atol=1e-3)


def test_what_it_cannot_answer_is_refused(make_field):
    pod = GappyPOD.fit(make_field(10))
    with pytest.raises(ValueError, match="from 24 to 48"):
        pod(observe(make_field(1), 0.2, cells=12), 48)
    with pytest.raises(ValueError, match="from 24 to 30"):
        pod(observe(make_field(1, size=30), 0.2, cells=30), 24)
    with pytest.raises(ValueError, match="2 channels, but the observations have 1"):
        pod(observe(make_field(1, channels=1), 0.2, cells=12), 24)


@pytest.mark.parametrize("options", [{"modes": 0}, {"noise_variance": 0.0}])
def test_fit_refuses_options_without_meaning(make_field, options):
    with pytest.raises(ValueError, match="at least one mode and a variance above zero"):
        GappyPOD.fit(make_field(4), **options)
