import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mamba_diffae.evaluation import (
    Predictor,
    classical_methods,
    inverse_distance,
    kriging,
    kriging_deviation,
    linear,
    nearest,
    thin_plate_spline,
)
from mamba_diffae.evaluation.classical.gaussian_process import LENGTHS, fit_length
from mamba_diffae.fields import SparseField, area_average, collate, observe, pixel_centres

INTERPOLATORS = [nearest, inverse_distance, linear, thin_plate_spline, kriging]
each = pytest.mark.parametrize("predict", INTERPOLATORS, ids=lambda p: p.__name__)


def scattered(rng: np.random.Generator, count: int, channels: int = 2) -> SparseField:
    return SparseField(rng.uniform(size=(count, 2)), rng.uniform(0, 255, (count, channels)))


@each
@given(
    seed=st.integers(0, 99),
    fraction=st.floats(0.02, 1),
    pattern=st.sampled_from(["random", "block"]),
)
@settings(max_examples=6, deadline=None)
def test_observed_cells_are_reproduced(predict, make_field, seed, fraction, pattern):
    observations = observe(make_field(3), fraction, cells=12, pattern=pattern, seed=seed)
    grid = predict(observations, 12)
    assert grid.shape == (3, 12, 12, 2)
    assert grid.dtype == np.float32
    for field, picture in zip(observations.fields(), grid, strict=True):
        x, y = (field.coords * 12).astype(int).T
        np.testing.assert_allclose(picture[y, x], field.values, atol=0.02)


@each
def test_padding_and_company_change_nothing(predict):
    rng = np.random.default_rng(0)
    fields = [scattered(rng, n) for n in (40, 5, 17)]
    together = predict(collate(fields), 10)
    alone = np.concatenate([predict(collate([f]), 10) for f in fields])
    np.testing.assert_array_equal(together, alone)


@each
@pytest.mark.parametrize("places", ["one", "two", "line", "twice"])
def test_few_or_degenerate_points_still_give_a_field(predict, places):
    coords = {
        "one": [[0.3, 0.6]],
        "two": [[0.2, 0.2], [0.9, 0.4]],
        "line": [[0.1, 0.1], [0.5, 0.5], [0.7, 0.7], [0.9, 0.9]],
        "twice": [[0.1, 0.2], [0.8, 0.3], [0.4, 0.9], [0.4, 0.9]],
    }[places]
    values = np.linspace(10, 20, len(coords))[:, None]
    grid = predict(collate([SparseField(np.array(coords), values)]), 9)
    assert np.isfinite(grid).all()
    assert grid.min() > 0
    assert grid.max() < 30


@each
def test_a_scale_coarser_than_the_cells_is_their_average(predict, make_field):
    observations = observe(make_field(2), 0.3, cells=12)
    expected = area_average(predict(observations, 12), 5)
    np.testing.assert_array_equal(predict(observations, 5), expected)


@each
def test_a_constant_field_stays_constant(predict):
    coords = np.random.default_rng(0).uniform(size=(30, 2))
    observations = collate([SparseField(coords, np.full((30, 3), 77.0))])
    np.testing.assert_allclose(predict(observations, 16), 77, atol=1e-3)


def test_a_plane_is_reproduced_by_what_is_linear():
    rng = np.random.default_rng(0)
    coords = np.concatenate([rng.uniform(size=(40, 2)), [[0, 0], [0, 1], [1, 0], [1, 1]]])
    plane = np.array([[30.0, -10.0], [5.0, 60.0]])
    observations = collate([SparseField(coords, 100 + coords @ plane)])
    expected = (100 + pixel_centres(16) @ plane).reshape(1, 16, 16, 2)
    for predict in (linear, thin_plate_spline):
        np.testing.assert_allclose(predict(observations, 16), expected, atol=1e-3)


def test_nearest_and_inverse_distance_by_hand():
    coords, values = np.array([[0.125, 0.5], [0.875, 0.5]]), np.array([[0.0], [90.0]])
    observations = collate([SparseField(coords, values)])
    row = nearest(observations, 4)[0, 1, :, 0]
    np.testing.assert_array_equal(row, [0, 0, 90, 90])
    at = inverse_distance(observations, 2)[0, 0, 0, 0]  # at (1/4, 1/4)
    near, far = 1 / (1 / 64 + 1 / 16), 1 / (25 / 64 + 1 / 16)
    assert at == pytest.approx(90 * far / (near + far), rel=1e-5)


def test_kriging_is_the_gaussian_process_mean():
    rng = np.random.default_rng(0)
    field = scattered(rng, 25)
    distance = cdist(field.coords, field.coords)
    length = max(LENGTHS, key=lambda s: fit_length(distance, field.values, s).likelihood)
    # Ordinary kriging in its textbook form: weights that sum to one, by a Lagrange multiplier.
    n, targets = len(distance), pixel_centres(7)
    system = np.ones((n + 1, n + 1))
    system[:n, :n], system[n, n] = np.exp(-distance / length), 0
    right = np.ones((n + 1, len(targets)))
    right[:n] = np.exp(-cdist(field.coords, targets) / length)
    expected = np.linalg.solve(system, right)[:n].T @ field.values
    grid = kriging(collate([field]), 7)
    np.testing.assert_allclose(grid.reshape(49, 2), expected, atol=0.02)


def test_the_deviation_of_kriging_is_that_of_its_best_weights():
    field = scattered(np.random.default_rng(0), 25)
    distance = cdist(field.coords, field.coords)
    best = max((fit_length(distance, field.values, s) for s in LENGTHS), key=lambda f: f.likelihood)
    n, targets = len(distance), pixel_centres(7)
    K, k = np.exp(-distance / best.length), np.exp(-cdist(field.coords, targets) / best.length)
    system, right = np.ones((n + 1, n + 1)), np.ones((n + 1, len(targets)))
    system[:n, :n], system[n, n], right[:n] = K, 0, k
    w = np.linalg.solve(system, right)[:n]  # they sum to one and leave the least variance
    expected = best.variance * (1 - 2 * (w * k).sum(0) + (w * (K @ w)).sum(0))
    deviation = kriging_deviation(collate([field]), 7).reshape(49, 2)
    np.testing.assert_allclose(deviation[:, 0], np.sqrt(expected), rtol=1e-3)
    np.testing.assert_array_equal(deviation[:, 0], deviation[:, 1])


def test_kriging_knows_how_far_it_errs():
    rng = np.random.default_rng(2)
    coords = pixel_centres(16)
    correlation = np.exp(-cdist(coords, coords) / 0.3)
    field = 100 + 20 * np.linalg.cholesky(correlation) @ rng.normal(size=(256, 20))
    seen = rng.permutation(256)[:60]
    observations = collate([SparseField(coords[seen], field[seen])])
    error = kriging(observations, 16).reshape(256, 20) - field
    deviation = kriging_deviation(observations, 16).reshape(256, 20)
    assert deviation[seen].max() < 0.1
    unseen = np.setdiff1d(np.arange(256), seen)
    assert (error[unseen] / deviation[unseen]).std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("length", [0.1, 0.4])
def test_kriging_finds_the_length_scale(length):
    rng = np.random.default_rng(1)
    coords = rng.uniform(size=(300, 2))
    distance = cdist(coords, coords)
    values = np.linalg.cholesky(np.exp(-distance / length)) @ rng.normal(size=(300, 6))
    best = max(LENGTHS, key=lambda s: fit_length(distance, 50 * values, s).likelihood)
    assert 0.5 < best / length < 2


def test_kriging_in_blocks_is_the_same(monkeypatch, make_field):
    observations = observe(make_field(2), 0.3, cells=12)
    whole = kriging(observations, 24)
    monkeypatch.setattr("mamba_diffae.evaluation.classical.gaussian_process.BLOCK", 1000)
    np.testing.assert_allclose(kriging(observations, 24), whole, atol=1e-4)


def test_classical_methods_come_in_display_order(make_field):
    methods: dict[str, Predictor] = classical_methods(make_field(8))
    assert list(methods) == [
        "nearest",
        "inverse distance",
        "linear",
        "thin-plate spline",
        "kriging",
        "gappy POD",
    ]
    observations = observe(make_field(2, seed=1), 0.3, cells=12)
    for predict in methods.values():
        assert predict(observations, 24).shape == (2, 24, 24, 2)
