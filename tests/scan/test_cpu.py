"""The CPU kernel against the reference in float64: values and every gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scan_cases import assert_close, cast, draw, results

from mamba_diffae.scan import selective_scan

TOLERANCE = 2e-6  # of the largest number; float32 has 1.2e-7


def compare(inputs, tolerance=TOLERANCE, **options):
    inputs = cast(inputs, torch.float32)
    dy = torch.randn(inputs["x"].shape, generator=torch.Generator().manual_seed(1))
    expected = results(cast(inputs, torch.float64), dy, backend="reference", **options)
    got = results(inputs, dy, backend="cpu", **options)
    assert_close(got, expected, tolerance)


@pytest.mark.parametrize(
    ("batch", "length", "channels", "states"),
    [
        (1, 1, 1, 1),  # L = 1
        (2, 33, 3, 5),  # fewer channels than lanes, odd N
        (1, 64, 16, 16),  # whole vectors, whole chunks
        (2, 70, 300, 3),  # two blocks of channels, a ragged end
        (1, 5, 20, 256),  # the largest N
        (3, 95, 256, 2),
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_shapes(batch, length, channels, states, shared):
    compare(draw(batch, length, channels, states, K=2, shared=shared), step_input=shared)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 3),
    st.integers(1, 80),
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(1, 4),
    *(st.booleans(),) * 5,
)
def test_any_shape(batch, length, channels, states, K, shared, step_input, D, step, one_order):
    inputs = draw(batch, length, channels, states, K=K, shared=shared)
    inputs = {n: v for n, v in inputs.items() if (n != "D" or D) and (n != "step" or step)}
    if one_order:
        inputs["order"] = torch.rand(K, length).argsort(-1)
    if batch == 0:
        assert selective_scan(**cast(inputs, torch.float32)).shape == (0, length, channels)
        return
    # A gradient may be one number, a sum of 70 that nearly cancel: so much wider than above.
    compare(inputs, 5e-5, step_input=step_input)


def test_duplicated_points_and_zero_steps():
    inputs = draw(2, 40, 5, 4, K=2, shared=False)
    for name in ("x", "dt", "B", "C", "step"):
        inputs[name][..., 20:, :] = inputs[name][..., :20, :] if name != "step" else 0
    inputs["step"][..., ::3] = 0
    compare(inputs)
    compare(inputs, step_input=True)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e8])
def test_tiny_and_huge_steps(scale):
    inputs = draw(2, 100, 7, 4)
    compare(inputs | {"dt": scale * inputs["dt"], "B": inputs["B"] / scale})


def test_points_with_a_step_of_zero_change_nothing():
    inputs = cast(draw(1, 50, 6, 4, D=None, step=None, order=None), torch.float32)
    real = torch.rand(200).argsort()[:50].sort().values
    padded = {"A": inputs["A"]}
    for name in ("x", "dt", "B", "C"):
        noise = torch.randn(1, 200, inputs[name].shape[-1])
        padded[name] = torch.zeros_like(noise) if name == "dt" else noise
        padded[name][:, real] = inputs[name]
    y = selective_scan(**inputs, backend="cpu")
    assert torch.equal(selective_scan(**padded, backend="cpu")[:, real], y)
    results(padded, torch.ones(1, 200, 6), backend="cpu")


def test_growing_states_and_not_a_number_come_through():
    inputs = draw(1, 10, 2, 2, step=None, order=None)
    compare(inputs | {"A": inputs["A"].abs()})
    inputs = cast(inputs, torch.float32)
    inputs["dt"][0, 4, 0] = torch.nan
    y = selective_scan(**inputs | {"A": 1e4 * inputs["A"].abs()}, backend="cpu")
    assert not y[0, 5:].isfinite().any()
    y = selective_scan(**inputs, backend="cpu")
    assert y[0, 4:, 0].isnan().all()
    assert y[0, :4].isfinite().all()
    assert y[0, :, 1].isfinite().all()


def test_65536_points():
    """Steps and rates as Mamba starts with: dt from 1e-3 to 0.1, A from -1 to -N."""
    inputs = draw(1, 65_536, 8, 4, step=None)
    spread = torch.logspace(-3, -1, 8, dtype=torch.float64)
    inputs["dt"] = spread * torch.exp(0.5 * torch.randn(1, 65_536, 8))
    inputs["A"] = -torch.arange(1.0, 5.0, dtype=torch.float64).expand(8, 4)
    compare(inputs, {"y": 1e-6, "x": 1e-6, "A": 1e-5, "*": 3e-6})


def test_orders_outside_the_sequence_are_refused():
    inputs = cast(draw(1, 5, 2, 2), torch.float32)
    for wrong in (-1, 5):
        inputs["order"][0, 0, 0] = wrong
        with pytest.raises(ValueError, match="point indices from 0 to 4"):
            selective_scan(**inputs, backend="cpu")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_float32_inside(dtype):
    inputs = cast(draw(2, 40, 20, 4, K=2), dtype)
    dy = torch.randn_like(inputs["x"])
    got = results(inputs, dy, backend="cpu")
    assert all(value.dtype == dtype for value in got.values())
    exact = results(cast(inputs, torch.float32), dy, backend="cpu")
    assert_close(got, exact, torch.finfo(dtype).eps)
