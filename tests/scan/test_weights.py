"""Weights by groups of channels, and constant ones, against a loop."""

from functools import cache, partial

import pytest
import torch
from scan_cases import assert_close, cast, draw, packed, results, state_scan

from mamba_diffae.scan import selective_scan

CHANNELS, STATES = 4, 3
KINDS = ["points", "constant"]
TOLERANCE = {torch.float32: 5e-6, torch.bfloat16: 1e-2}  # of the largest number


def draw_weights(length, B, C, *, groups=1, K=1, of_directions=False, batch=2, **given):
    """Inputs whose weights B and C are of "points" or "constant"; exact in bfloat16."""
    generator = torch.Generator().manual_seed(7)

    def weights(kind):
        axes = (K,) if of_directions else ()
        by_group = (groups,) if groups > 1 else ()
        points = (batch, *axes, length, *by_group, STATES)
        shape = points if kind == "points" else (CHANNELS, STATES)
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    given = {"B": weights(B), "C": weights(C)} | given
    inputs = draw(batch, length, CHANNELS, STATES, K=K, **given)
    return cast(cast(inputs, torch.bfloat16), torch.float64) | {"groups": groups}


def first(*args, **kwargs):
    return state_scan(*args, **kwargs)[0]


def state():
    return torch.randn(2, CHANNELS, STATES, generator=torch.Generator().manual_seed(8))


@cache
def long_case(length, B, C, groups):
    inputs = draw_weights(length, B, C, groups=groups, step=None, order=None)
    dy = torch.randn(inputs["x"].shape, generator=torch.Generator().manual_seed(9))
    dy = dy.bfloat16().double()
    return inputs, dy, results(inputs, dy, first)


@pytest.mark.parametrize("length", [1, 2, 128, 1024, 4096])
@pytest.mark.parametrize(
    ("B", "C", "groups"),
    [
        ("constant", "points", 1),
        ("points", "constant", 1),
        ("constant", "constant", 1),
        ("points", "points", 2),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lengths(dtype, B, C, groups, length):
    inputs, dy, expected = long_case(length, B, C, groups)
    got = results(cast(inputs, dtype), dy, backend="cpu")
    assert got["y"].dtype == dtype
    assert_close(got, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("step_input", [False, True])
@pytest.mark.parametrize(("K", "of_directions"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("C", KINDS)
@pytest.mark.parametrize("B", KINDS)
def test_directions(B, C, groups, K, of_directions, step_input):
    inputs = draw_weights(6, B, C, groups=groups, K=K, of_directions=of_directions)
    dy = torch.randn_like(inputs["x"])
    expected = results(inputs, dy, first, step_input=step_input)
    got = results(inputs, dy, backend="reference", step_input=step_input)
    assert_close(got, expected, 1e-13)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("C", KINDS)
@pytest.mark.parametrize("B", KINDS)
def test_tensors_of_each_direction(B, C, groups):
    inputs = draw_weights(6, B, C, groups=groups, K=3)
    own = draw(2, 6, CHANNELS, STATES, K=3, shared=False)
    inputs |= {name: own[name] for name in ("dt", "A", "step")}
    dy = torch.randn_like(inputs["x"])
    expected = results(inputs, dy, first)
    assert_close(results(inputs, dy, backend="reference"), expected, 1e-13)


@pytest.mark.parametrize("step_input", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("C", KINDS)
@pytest.mark.parametrize("B", KINDS)
def test_with_states(B, C, groups, step_input):
    inputs = draw_weights(6, B, C, groups=groups) | {"initial_state": state().double()}
    dy = torch.randn(2 * CHANNELS * (6 + STATES), dtype=torch.float64)
    expected = results(inputs, dy, partial(packed, state_scan), step_input=step_input)
    got = results(inputs, dy, packed, backend="reference", step_input=step_input)
    assert_close(got, expected, 1e-13)


@pytest.mark.parametrize(("B", "C", "groups"), [("constant", "points", 1), ("points",) * 2 + (2,)])
def test_a_sequence_in_two_parts_is_one_scan(B, C, groups):
    inputs = draw_weights(50, B, C, groups=groups, order=None, step=None)
    inputs = cast(inputs, torch.float32)
    scan = partial(selective_scan, return_last_state=True, backend="cpu")
    y, h = scan(**inputs)
    ys, last = [], None
    for part in (slice(None, 20), slice(20, None)):
        names = [name for name in ("x", "dt", "B", "C") if inputs[name].ndim > 2]
        piece = {name: inputs[name][:, part] for name in names}
        y_part, last = scan(**(inputs | piece), initial_state=last)
        ys.append(y_part)
    assert torch.equal(torch.cat(ys, 1), y)
    assert torch.equal(last, h)


def test_constant_weights_that_vanish():
    """The state itself is scanned, so nothing is divided by a weight."""
    inputs = draw_weights(6, "constant", "constant") | {"initial_state": state().double()}
    inputs["B"][:, 0] = 0
    dy = torch.randn(2 * CHANNELS * (6 + STATES), dtype=torch.float64)
    expected = results(inputs, dy, partial(packed, state_scan))
    assert_close(results(inputs, dy, packed, backend="reference"), expected, 1e-13)


def test_autocast_leaves_the_scan_in_float32():
    inputs = cast(draw_weights(12, "constant", "points"), torch.float32)
    dy = torch.randn(2, 12, CHANNELS)
    expected = results(inputs, dy, backend="cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(results(inputs, dy, backend="cpu"), expected, 0.0)


@pytest.mark.parametrize(("B", "groups"), [("constant", 1), ("points", 2)])
def test_compile(B, groups):
    inputs = cast(draw_weights(12, B, "points", groups=groups), torch.float32)
    dy = torch.randn(2, 12, CHANNELS)
    compiled = torch.compile(selective_scan, fullgraph=True, backend="aot_eager")
    assert_close(results(inputs, dy, compiled), results(inputs, dy), 1e-6)
