"""Transforms: there and back, within bounds, derivatives, moments, files; all kinds alike."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import (
    TRANSFORMS,
    Affine,
    Bounded,
    Log,
    Logit,
    NormalScore,
    Transform,
    ValuesError,
    Variable,
    transform_from_dict,
)

SAMPLE = np.random.default_rng(0).gamma(0.7, 5.0, 3000)
KINDS = {
    "affine": Affine(-3.0, 40.0),
    "offset": Affine(1e8, 1e8 + 300),
    "bounded": Bounded(0.0, 40.0, 0.0, 50.0),
    "rain": Bounded(0.0, 40.0),
    "log": Log(1e-3, 80.0),
    "logit": Logit(0.0, 100.0),
    "normal_score": NormalScore.fit(SAMPLE),
}
every_kind = pytest.mark.parametrize("transform", KINDS.values(), ids=KINDS)
z_values = st.floats(-1, 1)


def usual(transform, z):
    """A value of the variable within the usual range: z of [-1, 1] along a straight line."""
    low, high = transform.inverse(np.array([-1.0, 1.0]))
    return low + (np.asarray(z) + 1) / 2 * (high - low)


@every_kind
@given(st.lists(z_values, min_size=1, max_size=8))
def test_there_and_back_is_the_identity(transform, z):
    x = usual(transform, z)
    span = np.ptp(transform.inverse(np.array([-1.0, 1.0])))
    there = transform.forward(x)
    assert there.dtype == np.float64
    assert np.abs(there).max() <= 1 + 1e-6
    np.testing.assert_allclose(transform.inverse(there), x, rtol=0, atol=1e-6 * span)
    single = transform.inverse(there.astype(np.float32))
    curvature = 1 + span * np.abs(1 / (transform.derivative(x) * span)).max()
    np.testing.assert_allclose(single, x, rtol=0, atol=1e-6 * span * max(1, curvature / span))


@every_kind
def test_back_and_there_is_the_identity_inside(transform):
    z = np.linspace(-0.99, 0.99, 41)
    np.testing.assert_allclose(transform.forward(transform.inverse(z)), z, atol=1e-7)


@every_kind
@given(st.floats(-50, 50))
def test_what_comes_out_lies_within_the_bounds(transform, z):
    low, high = transform.bounds
    x = transform.inverse(np.array([z]))
    assert low <= x[0] <= high
    assert np.isfinite(x).all() or transform.kind == "log"


@every_kind
def test_the_map_rises(transform):
    x = usual(transform, np.linspace(-1, 1, 200))
    assert (np.diff(transform.forward(x)) > 0).all()
    assert (np.diff(transform.inverse(np.linspace(-1.5, 1.5, 200))) >= 0).all()


@every_kind
@given(st.floats(-0.98, 0.98))
def test_the_derivative_is_that_of_finite_differences(transform, z):
    span = np.ptp(transform.inverse(np.array([-1.0, 1.0])))
    x, h = usual(transform, [z]), 1e-6 * span
    difference = (transform.forward(x + h) - transform.forward(x - h)) / (2 * h)
    kinks = np.array(getattr(transform, "values", ()))
    if kinks.size and np.abs(kinks - x).min() <= h:
        return
    np.testing.assert_allclose(transform.derivative(x), difference, rtol=2e-4)
    assert (transform.derivative(x) > 0).all()


@every_kind
@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.3), (-0.9, 0.2), (0.7, 0.05), (-1.2, 0.4)])
def test_moments_are_those_of_many_draws(transform, mean, std):
    if transform.kind == "log":  # a long tail: its deviation is hard to draw
        std = std / 5
    z = mean + std * np.random.default_rng(0).standard_normal(200_000)
    draws = transform.inverse(z)
    span = np.ptp(transform.inverse(np.array([-1.0, 1.0])))
    first, second = transform.moments(np.array([mean]), np.array([std]))
    atol = 0.01 * max(draws.std(), 1e-3 * span)
    np.testing.assert_allclose(first, draws.mean(), rtol=0, atol=atol)
    np.testing.assert_allclose(second, draws.std(), rtol=0.03, atol=atol)


@every_kind
def test_moments_of_what_is_exact_are_its_image(transform):
    z = np.array([[-0.5, 0.5], [0.0, 0.9]])
    first, second = transform.moments(z, np.zeros_like(z))
    span = np.ptp(transform.inverse(np.array([-1.0, 1.0])))
    np.testing.assert_allclose(first, transform.inverse(z), rtol=1e-9)
    np.testing.assert_allclose(second, 0, atol=1e-7 * span)


@every_kind
def test_transforms_go_through_json(transform):
    assert transform_from_dict(json.loads(json.dumps(transform.to_dict()))) == transform
    assert hash(transform_from_dict(transform.to_dict())) == hash(transform)


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_fitted_to_values_they_take_them_to_about_one(kind):
    values = np.random.default_rng(1).uniform(0.02, 0.97, 500)
    transform = TRANSFORMS[kind].fit(values)
    assert isinstance(transform, Transform)
    z = transform.forward(values)
    assert np.abs(z).max() < 1.2
    assert np.ptp(z) > 0.8
    np.testing.assert_allclose(transform.inverse(z), values, atol=1e-9)
    assert transform.curved == (kind != "affine")


def test_bounds_of_a_share_follow_from_its_unit_not_from_its_values():
    assert Logit.fit(np.array([0.0, 1.02])) == Logit(0.0, 1.0)
    percent = Variable.of_values("ice", np.array([0.0, 0.4]), "%", "logit")
    assert percent.transform == Logit(0.0, 100.0)


def test_only_what_is_never_negative_is_bounded_below():
    assert Bounded.fit(np.array([0.0, 4.0])).bounds == (0.0, math.inf)
    assert Bounded.fit(np.array([-1.0, 4.0])).bounds == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("transform", "values", "told"),
    [
        (Log(1.0, 2.0), [0.0, 1.0, -2.0], r"'chl' has 2 of 3 values outside .*'log'.*such as 0"),
        (Logit(), [0.5, 1.5], r"'chl' has 1 of 2 values outside .*0 to 1, such as 1\.5"),
        (Bounded(0.0, 9.0), [3.0, -1.0], r"1 of 2 values .*'bounded', 0 to inf, such as -1"),
        (NormalScore.fit(SAMPLE), [-3.0], r"1 of 1 values .*'normal_score', 0 to inf"),
    ],
)
def test_values_outside_the_bounds_are_counted(transform, values, told):
    with pytest.raises(ValuesError, match=told + ".*mask or clip them"):
        transform.check(np.array(values), "chl")


def test_one_rounding_outside_the_bounds_is_no_error():
    Logit().check(np.array([-1e-8, 1 + 1e-7]), "ice")
    Bounded(0.0, 40.0).check(np.array([-1e-6]), "rain")
    Affine(0.0, 1.0).check(np.array([-1e9, 1e9]), "t")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Affine(2.0, 2.0), "finite low < high, got 2 and 2; a constant field"),
        (lambda: Affine(0.0, math.inf), "finite low < high"),
        (lambda: Affine(math.nan, 1.0), "finite low < high"),
        (lambda: Log(0.0, 1.0), r"0 < low < high, got 0 and 1; .*'bounded' or 'normal_score'"),
        (lambda: Logit(1.0, 1.0), "finite low < high"),
        (lambda: Bounded(0.0, 1.0, 2.0), r"from 0 to 1 was given the bounds 2 and inf"),
        (lambda: Bounded(0.0, 1.0, 0.5, 0.2), r"bounds 0\.5 and 0\.2; expected lower < upper"),
        (lambda: NormalScore((1.0, 1.0), (0.0, 1.0)), "given 2 values and 2 scores.*each rising"),
        (lambda: NormalScore((1.0, 2.0), (0.0,)), "given 2 values and 1 scores"),
        (lambda: transform_from_dict({"kind": "cube"}), "Unknown transform 'cube'; choose one of"),
        (lambda: transform_from_dict({"kind": "log", "lo": 1}), "A log transform was given lo: "),
    ],
)
def test_numbers_that_fit_no_transform_are_refused(make, told):
    with pytest.raises(ValuesError, match=told):
        make()
