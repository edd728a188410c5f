"""Steps of data: found where there are some, and none where there are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.evaluation import value_step


@given(
    seed=st.integers(0, 999),
    step=st.floats(1e-3, 1e3),
    offset=st.floats(-50, 50),
    levels=st.integers(2, 2000),
    kind=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=60, deadline=None)
def test_the_step_of_stored_data_is_found(seed, step, offset, levels, kind):
    whole = np.random.default_rng(seed).integers(0, levels, 4000)
    expected = step * np.gcd.reduce(np.diff(np.unique(whole)))
    found = value_step((offset + step * whole).astype(kind))
    # An offset far larger than the step costs digits of single precision.
    if abs(offset) + step * levels < 1e4 * step:
        assert found == pytest.approx(expected, rel=1e-3)


def test_pictures_integers_and_packed_numbers():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (4, 16, 16, 3))
    assert value_step(picture.astype(np.uint8)) == pytest.approx(1)
    assert value_step((picture / 255).astype(np.float32)) == pytest.approx(1 / 255)
    assert value_step(picture / 127.5 - 1) == pytest.approx(2 / 255)
    packed = 101_325 + 0.5 * rng.integers(-2000, 2000, 5000)
    assert value_step(packed) == pytest.approx(0.5)
    assert value_step(np.array([0, 1], bool)) == 1
    assert value_step(np.array([4, 10, 25])) == pytest.approx(3)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("count", [5, 30, 100_000])
def test_continuous_data_have_none(kind, count):
    rng = np.random.default_rng(count)
    for values in (rng.normal(size=count), rng.random(count), 300 + rng.normal(size=count)):
        assert kind == np.float16 or value_step(values.astype(kind)) is None
    fine = rng.normal(size=100_000).astype(np.float16)
    assert value_step(fine.astype(np.float32)) is None


def test_atoms_alone_are_no_step():
    rain = np.random.default_rng(0).normal(size=10_000)
    assert value_step(np.clip(rain, 0, 1)) is None


def test_a_few_other_values_change_nothing():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, 100_000) / 255
    values[:20] = rng.random(20)
    assert value_step(values) == pytest.approx(1 / 255)
    values[:500] = rng.random(500)
    assert value_step(values) is None


@pytest.mark.parametrize("values", [np.zeros(9), np.array([2.5]), np.zeros(0), np.full(3, np.nan)])
def test_one_value_has_no_step(values):
    assert value_step(values) is None


def test_gaps_do_not_count():
    assert value_step(np.array([0.0, np.nan, 2, np.inf, 4])) == 2


def test_large_data_are_looked_at_in_part():
    assert value_step(np.arange(3_000_000) % 200) == 1
