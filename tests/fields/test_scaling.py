"""Scaling: limits, round trip, one law for arrays and tensors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Scaling

limits = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(lambda p: (p[0], p[0] + p[1]))


@given(limits, st.floats(0, 1))
def test_round_trip_and_unit(limit, u):
    scaling = Scaling(*limit)
    value = np.array([scaling.low + u * (scaling.high - scaling.low)])
    width = scaling.high - scaling.low
    back = scaling.unscale(scaling.scale(value))
    np.testing.assert_allclose(back, value, atol=1e-9 * width + 1e-6)
    np.testing.assert_allclose(scaling.unit(value), (scaling.scale(value) + 1) / 2, atol=1e-9)


def test_limits_become_minus_one_and_one():
    values = np.array([10.0, 15.0, 20.0])
    scaling = Scaling(10.0, 20.0)
    np.testing.assert_allclose(scaling.scale(values), [-1, 0, 1])
    np.testing.assert_allclose(scaling.unit(values), [0, 0.5, 1])


def test_bytes_do_not_wrap_around():
    values = np.array([0, 128, 255], dtype=np.uint8)
    np.testing.assert_allclose(Scaling(0.0, 255.0).scale(values), [-1, 1 / 255, 1])
    np.testing.assert_allclose(Scaling(100.0, 255.0).unit(values)[0], -100 / 155)


def test_tensors_and_arrays_agree():
    values = np.linspace(-3, 9, 7, dtype=np.float32)
    scaling = Scaling(-3.0, 9.0)
    tensor = scaling.scale(torch.from_numpy(values))
    np.testing.assert_allclose(tensor.numpy(), scaling.scale(values), atol=1e-6)
    assert tensor.dtype == torch.float32


@pytest.mark.parametrize(
    "limit", [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (0.0, math.inf)]
)
def test_limits_that_span_nothing_are_refused(limit):
    with pytest.raises(ValueError, match=r"needs finite low < high, got .*constant"):
        Scaling(*limit)
