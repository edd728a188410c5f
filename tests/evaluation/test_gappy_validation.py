"""What gappy POD chooses by validation: errors, deviations, units, and what cannot be held out."""

import itertools
import warnings

import numpy as np
import pytest

from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.evaluation.baselines.gappy_folds import Fold, fold_rows
from mamba_diffae.evaluation.baselines.gappy_validation import validate
from mamba_diffae.fields import Affine, FieldData, Grid, Observations, Variable, observe

SHAPE = (12, 12)


def fields(count: int, seed: int = 0, scale: float = 1.0, rough: float = 0.2) -> FieldData:
    """Two variables, one of them in another unit: 30 waves of falling size, and white noise."""
    grid = Grid.default(SHAPE)
    k = np.random.default_rng(99).normal(size=(30, 2, 2)) * 6
    phase = np.random.default_rng(98).uniform(0, 6, size=(30, 1, 2))
    waves = np.sin(np.einsum("pd,mdc->mpc", grid.centres(), k) + phase)
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(count, 30)) / np.arange(1, 31) ** 0.5
    values = np.einsum("sm,mpc->spc", a, waves) + rough * rng.normal(size=(count, 144, 2))
    values = values.reshape(count, *SHAPE, 2) * [1, scale]
    variables = [
        Variable("u", "m/s", Affine(-8, 8)),
        Variable("p", "Pa", Affine(-20 * scale, 20 * scale)),
    ]
    return FieldData(variables, grid, values)


def unseen_error(pod: GappyPOD, truth: FieldData, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean square error and claimed variance of each variable where nothing was read."""
    found = pod.predict(observe(truth, fraction, seed=1), truth.grid)
    unseen = found.std > 1e-9
    square, claimed = np.square(found.mean - truth.values), np.square(found.std)
    return square.mean(axis=(0, 1, 2), where=unseen), claimed.mean(axis=(0, 1, 2), where=unseen)


@pytest.fixture(scope="module")
def chosen() -> GappyPOD:
    return GappyPOD().fit(fields(80))


def test_the_choice_is_about_as_good_as_any_number_given_by_hand(chosen):
    train, test = fields(80), fields(40, seed=1)
    numbers = itertools.product((8, 80), (1e-5, 1e-4, 1e-3, 1e-2))
    given = [GappyPOD(*number).fit(train) for number in numbers]
    for fraction in (0.05, 0.4):
        best = min(unseen_error(pod, test, fraction)[0].sum() for pod in given)
        assert unseen_error(chosen, test, fraction)[0].sum() < 1.03 * best


@pytest.mark.parametrize("fraction", [1 / 144, 0.03, 0.2, 0.6])
def test_the_deviation_is_right_from_one_point_on(chosen, fraction):
    error, claimed = unseen_error(chosen, fields(150, seed=1), fraction)
    np.testing.assert_array_less(error / claimed, 1.3)
    np.testing.assert_array_less(0.75, error / claimed)


def test_equal_values_have_the_deviation_of_others(chosen):
    test = fields(1, seed=1)
    seen = observe(test, 0.2)
    equal = seen.with_values(seen.values * 0 + 0.5)
    np.testing.assert_allclose(
        chosen.predict(equal, test.grid).std, chosen.predict(seen, test.grid).std, rtol=1e-9
    )


def test_an_exact_box_has_no_deviation_and_a_noisy_one_less_than_its_error(chosen):
    test = fields(1, seed=1)
    seen = observe(test, 1.0, shape=(6, 6))
    asked = test.grid.regrid((6, 6))
    found = chosen.predict(seen, asked)
    np.testing.assert_allclose(found.mean, test.at(asked).values, atol=1e-5)
    np.testing.assert_allclose(found.std, 0, atol=1e-3)
    noisy = chosen.predict(seen.replace(noise=0.3 * seen.mask.double()), asked)
    assert ((noisy.std[..., 0] > 0.05) & (noisy.std[..., 0] < 0.3)).all()


def test_another_unit_of_a_variable_changes_nothing():
    plain, scaled = GappyPOD().fit(fields(40)), GappyPOD().fit(fields(40, scale=1e4))
    truth, other = fields(4, seed=1), fields(4, seed=1, scale=1e4)
    a = plain.predict(observe(truth, 0.2), truth.grid)
    b = scaled.predict(observe(other, 0.2), truth.grid)
    np.testing.assert_allclose(b.mean, a.mean * [1, 1e4], rtol=1e-3, atol=2e-3 * 1e4)
    np.testing.assert_allclose(b.std / [1, 1e4], a.std, rtol=0.02, atol=1e-6)


def test_groups_are_left_out_as_a_whole_and_a_validation_split_as_it_is():
    data = fields(40)
    grouped = FieldData(data.variables, data.grid, data.values, groups=np.arange(40) // 8)
    rows = fold_rows(grouped)
    assert len(rows) == 5
    np.testing.assert_array_equal(np.sum(rows, axis=0), 1)
    for row in rows:
        assert not set(grouped.groups[row]) & set(grouped.groups[~row])
    splits = np.repeat(["train", "val"], [30, 10])
    split = FieldData(data.variables, data.grid, data.values, splits=splits)
    (row,) = fold_rows(split)
    np.testing.assert_array_equal(row, splits == "val")
    assert len(fold_rows(fields(400))) == 1


def test_variances_of_modes_are_those_in_fields_left_out():
    data = fields(40)
    row = np.arange(40) < 20
    fold = Fold.of(data, row, 10, False)
    copies = Fold.of(data, ~row, 10, False)._replace(values=fold.values, known=fold.known)
    # Fields that the modes were not learned from have less of the first, more of the last.
    own, other = copies.scaled(copies.ratio()), fold.scaled(fold.ratio())
    variance = [np.square(part).sum(axis=1) for part in (own, other)]
    assert (variance[1][:2] < variance[0][:2]).any()
    assert variance[1].sum() < variance[0].sum()


def test_mirror_images_are_training_fields_where_that_helps():
    data = fields(30, rough=0.05)
    mirrored = data.values[:, :, ::-1]
    sides = np.where(np.arange(30)[:, None, None, None] % 2, mirrored, data.values)
    pictures = FieldData(data.variables, data.grid, sides, mirrored=True)
    assert validate(pictures, None, None).mirrored
    assert not validate(data, None, None).mirrored


def odd_fields() -> dict[str, FieldData]:
    data = fields(12)
    one_cell = np.zeros(data.values.shape, dtype=bool)
    for i in range(12):
        one_cell[i, i, (5 * i) % 12] = True
    never = one_cell.copy()
    never[1:, ..., 1] = False
    return {
        "one": data.take([0]),
        "copies": data.take([0] * 5),
        "identical": FieldData(data.variables, data.grid, np.repeat(data.values[:1], 5, axis=0)),
        "constant": FieldData(data.variables, data.grid, np.full((5, *SHAPE, 2), 0.3)),
        "two": data.take([0, 1]),
        "one cell": FieldData(data.variables, data.grid, data.values, one_cell),
        "hardly a variable": FieldData(data.variables, data.grid, data.values, never),
    }


@pytest.mark.parametrize("name", list(odd_fields()))
def test_what_little_there_is_gives_finite_answers(name):
    place = [[0.5, 0.5]]
    observed = [
        Observations.from_points(place, [[0.2, 0.1]]),
        Observations.from_points(place * 3, [[0.2, 0.1], [0.4, -0.3], [0.0, 0.0]]),
        Observations.from_points(place * 2, [[0.2, 0.1], [0.4, -0.3]], noise=1e5),
        Observations.from_points([[0.5, 0.5], [0.1, 0.2]], [[0.2, np.nan]] * 2, noise=0),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = odd_fields()[name]
        pod = GappyPOD().fit(data)
        for seen in observed:
            for targets in (data.grid, data.grid.regrid((4, 3)), np.array([[0.1, 0.9]])):
                found = pod.predict(seen, targets)
                assert np.isfinite(found.mean).all()
                assert np.isfinite(found.std).all()
                assert np.abs(found.mean).max() < 10


def test_of_one_field_the_deviation_is_that_between_its_cells():
    data = fields(1)
    pod = GappyPOD().fit(data)
    found = pod.predict(Observations.from_points([[0.04, 0.04]], [[1.0, 1.0]]), data.grid)
    spatial = data.values.std(axis=(0, 1, 2))
    np.testing.assert_allclose(found.std[0, 6, 6], spatial, rtol=1e-3)
    np.testing.assert_allclose(found.mean[0, 6, 6], data.values[0, 6, 6], atol=1e-3)


def test_many_readings_of_one_place_are_one(chosen):
    data = fields(1)
    noise = np.random.default_rng(0).normal(size=(100_000, 2))
    many = Observations.from_points(np.full((100_000, 2), 0.4), noise)
    one = Observations.from_points([[0.4, 0.4]], noise.mean(axis=0, keepdims=True))
    a, b = (chosen.predict(seen, data.grid) for seen in (many, one))
    np.testing.assert_allclose(a.mean, b.mean, atol=1e-5)
    np.testing.assert_allclose(a.std, b.std, atol=1e-5)
