"""The reference backend against the paper's loop, finite differences and hand-made cases."""

import pytest
import torch
from scan_cases import assert_close, draw, loop_scan, results

from mamba_diffae.scan import selective_scan


@pytest.mark.parametrize("step_input", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_reference_is_the_papers_loop(shared, step_input):
    inputs = draw(2, 6, 3, 5, K=3, shared=shared)
    dy = torch.randn_like(inputs["x"])
    expected = results(inputs, dy, loop_scan, step_input=step_input)
    got = results(inputs, dy, backend="reference", step_input=step_input)
    assert_close(got, expected, 1e-13)


@pytest.mark.parametrize("left_out", [("D",), ("step",), ("order",), ("D", "step", "order")])
def test_reference_without_options(left_out):
    inputs = draw(2, 6, 3, 4, **dict.fromkeys(left_out))
    dy = torch.randn_like(inputs["x"])
    got = results(inputs, dy, backend="reference")
    assert_close(got, results(inputs, dy, loop_scan), 1e-13)


@pytest.mark.parametrize("step_input", [False, True])
def test_gradcheck(step_input):
    inputs = draw(2, 4, 2, 3, K=2, shared=False)
    order = inputs.pop("order")
    names, values = list(inputs), [value.requires_grad_() for value in inputs.values()]

    def scan(*tensors):
        named = dict(zip(names, tensors, strict=True))
        return selective_scan(**named, order=order, step_input=step_input, backend="reference")

    assert torch.autograd.gradcheck(scan, values)


def test_one_state_of_a_constant_step_is_a_running_sum():
    x = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    one = torch.ones(1, 3, 1)
    y = selective_scan(x, one, torch.zeros(1, 1), one, one, backend="reference")
    assert y.flatten().tolist() == [1.0, 3.0, 6.0]


def test_the_step_scales_the_decay_alone_unless_told_otherwise():
    inputs = draw(1, 7, 2, 3, step=None, order=None)
    gap = torch.full((1, 7), 2.5, dtype=torch.float64)
    scaled = inputs | {"dt": 2.5 * inputs["dt"]}
    both = selective_scan(**inputs, step=gap, step_input=True, backend="reference")
    torch.testing.assert_close(both, selective_scan(**scaled, backend="reference"))
    decay = selective_scan(**inputs, step=gap, backend="reference")
    weaker_input = scaled | {"B": inputs["B"] / 2.5}
    torch.testing.assert_close(decay, selective_scan(**weaker_input, backend="reference"))


def test_shuffled_points_under_their_order_give_shuffled_results():
    inputs = draw(1, 9, 3, 4, D=None)
    y = selective_scan(**inputs, backend="reference")
    shuffle = torch.randperm(9)
    moved = {name: inputs[name][:, shuffle] for name in ("x", "dt", "B", "C", "step")}
    moved |= {"A": inputs["A"], "order": shuffle.argsort()[inputs["order"]]}
    torch.testing.assert_close(selective_scan(**moved, backend="reference"), y[:, shuffle])
