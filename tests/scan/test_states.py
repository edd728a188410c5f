"""A state given and a state returned: against a loop, and a sequence in two parts."""

from functools import cache, partial

import pytest
import torch
from scan_cases import assert_close, cast, draw, packed, results, state_scan

from mamba_diffae.scan import selective_scan

BACKENDS = ["reference", "cpu"]
TOLERANCE = {torch.float32: 5e-6, torch.bfloat16: 1e-2}  # of the largest number


def draw_with_state(length, *, batch=2, channels=4, states=3, **given):
    """Inputs of one direction, and a state; all numbers are exact in bfloat16."""
    state = torch.randn(
        batch, channels, states, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )
    inputs = draw(batch, length, channels, states, **({"initial_state": state} | given))
    return cast(cast(inputs, torch.bfloat16), torch.float64)


def weight_of(inputs):
    """A loss's gradient for the output and the last state, exact in bfloat16."""
    batch, length, channels = inputs["x"].shape
    size = batch * channels * (length + inputs["A"].shape[-1])
    generator = torch.Generator().manual_seed(6)
    return torch.randn(size, generator=generator).bfloat16().double()


@cache
def long_case(length):
    inputs = draw_with_state(length)
    return inputs, results(inputs, weight_of(inputs), partial(packed, state_scan))


@pytest.mark.parametrize("length", [1, 2, 128, 1024, 4096])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("backend", BACKENDS)
def test_output_state_and_gradients(backend, dtype, length):
    inputs, expected = long_case(length)
    got = results(cast(inputs, dtype), weight_of(inputs), packed, backend=backend)
    assert_close(got, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("step_input", [False, True])
@pytest.mark.parametrize(
    "left_out", [(), ("step",), ("order",), ("D", "step", "order"), ("initial_state",)]
)
def test_options(left_out, step_input):
    inputs = draw_with_state(7, **dict.fromkeys(left_out))
    expected = results(
        inputs, weight_of(inputs), partial(packed, state_scan), step_input=step_input
    )
    got = results(inputs, weight_of(inputs), packed, backend="reference", step_input=step_input)
    assert_close(got, expected, 1e-13)


@pytest.mark.parametrize("shape", [(1, 7), (2, 1, 7)])
def test_one_direction_with_axes_of_its_own(shape):
    order = torch.stack([torch.randperm(7) for _ in range(shape[0])]).reshape(shape)
    inputs = draw_with_state(7, order=order)
    for name in ("dt", "B", "C", "step"):
        inputs[name] = inputs[name].unsqueeze(1)
    inputs["A"] = inputs["A"].unsqueeze(0)
    expected = results(inputs, weight_of(inputs), partial(packed, state_scan))
    assert_close(results(inputs, weight_of(inputs), packed, backend="reference"), expected, 1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_state_alone_needs_no_last_state(backend):
    inputs = cast(draw_with_state(40), torch.float32)
    y, _ = selective_scan(**inputs, return_last_state=True, backend=backend)
    assert torch.equal(selective_scan(**inputs, backend=backend), y)
    zero = inputs | {"initial_state": torch.zeros(2, 4, 3)}
    y, h = selective_scan(**zero, return_last_state=True, backend=backend)
    del zero["initial_state"]
    assert torch.equal(selective_scan(**zero, backend=backend), y)
    assert torch.equal(selective_scan(**zero, return_last_state=True, backend=backend)[1], h)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cut", [1, 45, 99])
def test_a_sequence_in_two_parts_is_one_scan(backend, dtype, cut):
    inputs = cast(draw_with_state(100, order=None), dtype)
    scan = partial(selective_scan, return_last_state=True, backend=backend)
    y, h = scan(**inputs)
    state = inputs["initial_state"]
    parts = []
    for part in (slice(None, cut), slice(cut, None)):
        piece = {name: inputs[name][:, part] for name in ("x", "dt", "B", "C", "step")}
        y_part, state = scan(**(inputs | piece | {"initial_state": state}))
        parts.append(y_part)
    assert torch.equal(torch.cat(parts, 1), y)
    assert torch.equal(state, h)


def test_gradients_pass_through_the_state():
    inputs = draw_with_state(12, order=None)
    dy = torch.randn_like(inputs["x"])

    def in_two(x, dt, B, C, step, initial_state, **shared):
        ys = []
        for part in (slice(None, 5), slice(5, None)):
            piece = (z[:, part] for z in (x, dt, B, C, step))
            given = dict(zip(("x", "dt", "B", "C", "step"), piece, strict=True))
            y, initial_state = selective_scan(
                **given, **shared, initial_state=initial_state, return_last_state=True
            )
            ys.append(y)
        return torch.cat(ys, 1)

    one = results(inputs, dy, backend="reference")
    assert_close(results(inputs, dy, in_two, backend="reference"), one, 1e-13)


@pytest.mark.parametrize(("dtype", "kept"), [("bfloat16", "float32"), ("float64", "float64")])
def test_the_state_keeps_the_dtype_of_the_sums(dtype, kept):
    inputs = cast(draw_with_state(9), getattr(torch, dtype))
    y, h = selective_scan(**inputs, return_last_state=True, backend="reference")
    assert (y.dtype, h.dtype) == (inputs["x"].dtype, getattr(torch, kept))
    assert y.shape == (2, 9, 4)
    assert h.shape == (2, 4, 3)
    assert y.is_contiguous()
    assert h.is_contiguous()


def test_a_double_state_makes_the_sums_double():
    inputs = cast(draw_with_state(9), torch.float32)
    inputs["initial_state"] = inputs["initial_state"].double()
    y, h = selective_scan(**inputs, return_last_state=True, backend="reference")
    assert (y.dtype, h.dtype) == (torch.float32, torch.float64)


def test_padding_leaves_the_state():
    inputs = draw_with_state(9, order=None)
    inputs["dt"][:, 6:] = 0
    _, h = selective_scan(**inputs, return_last_state=True, backend="reference")
    short = inputs | {name: inputs[name][:, :6] for name in ("x", "dt", "B", "C", "step")}
    assert torch.equal(selective_scan(**short, return_last_state=True, backend="reference")[1], h)


@pytest.mark.parametrize("index", [-1, 40])
def test_an_index_outside_stays_refused(index):
    order = torch.arange(40)[None].clone()
    order[0, 7] = index
    inputs = cast(draw_with_state(40, order=order), torch.float32)
    with pytest.raises(ValueError, match="expected point indices"):
        selective_scan(**inputs, return_last_state=True, backend="cpu")


def test_compile():
    inputs = cast(draw_with_state(12), torch.float32)
    compiled = torch.compile(packed, fullgraph=True, backend="aot_eager")
    expected = results(inputs, weight_of(inputs), packed)
    assert_close(results(inputs, weight_of(inputs), compiled), expected, 1e-6)
