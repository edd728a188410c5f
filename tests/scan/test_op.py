"""The custom op: its registration, transformations, dtypes and layouts."""

import subprocess
import sys

import pytest
import torch
from scan_cases import assert_close, cast, draw, results

from mamba_diffae.scan import selective_scan
from mamba_diffae.scan.op import _scan, _scan_backward

BACKENDS = ["reference", "cpu"]


def canonical(inputs):
    """The op's positional tensors, in the layout `selective_scan` gives them."""
    x, dt, A, B, C = (inputs[name] for name in ("x", "dt", "A", "B", "C"))
    dt, B, C = (z if z.ndim == 4 else z.unsqueeze(1) for z in (dt, B, C))
    step = inputs.get("step")
    step = step if step is None or step.ndim == 3 else step.unsqueeze(1)
    return x, dt, A if A.ndim == 3 else A[None], B, C, inputs.get("D"), step, inputs.get("order")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("left_out", [(), ("D", "step", "order")])
def test_opcheck(backend, left_out):
    inputs = cast(draw(2, 5, 3, 4, K=2, **dict.fromkeys(left_out)), torch.float32)
    tensors = canonical(inputs)
    for tensor in tensors:
        if tensor is not None and tensor.is_floating_point():
            tensor.requires_grad_()
    torch.library.opcheck(_scan, (*tensors, True, backend, True))
    plain = [None if tensor is None else tensor.detach() for tensor in tensors]
    y, states = _scan(*plain, True, backend, True)
    torch.library.opcheck(
        _scan_backward,
        (torch.ones_like(y), states, *plain, True, backend),
        test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"),
    )


def test_compile_gives_the_same_values_and_gradients():
    inputs = cast(draw(2, 20, 6, 4, K=2), torch.float32)
    dy = torch.randn(2, 20, 6)

    def block(**tensors):
        return torch.nn.functional.silu(selective_scan(**tensors))

    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    assert_close(results(inputs, dy, compiled), results(inputs, dy, block), 1e-6)


def test_compile_with_dynamic_lengths():
    compiled = torch.compile(selective_scan, fullgraph=True, dynamic=True, backend="aot_eager")
    for length in (7, 12, 40):
        inputs = cast(draw(2, length, 4, 3), torch.float32)
        torch.testing.assert_close(compiled(**inputs), selective_scan(**inputs))


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.A = torch.nn.Parameter(-torch.rand(4, 3))

    def forward(self, x, dt, B, C, order):
        return selective_scan(x, dt, self.A, B, C, order=order)


def test_export():
    inputs = cast(draw(2, 9, 4, 3, K=2), torch.float32)
    arguments = tuple(inputs[name] for name in ("x", "dt", "B", "C", "order"))
    layer = Layer()
    program = torch.export.export(layer, arguments)
    torch.testing.assert_close(program.module()(*arguments), layer(*arguments))
    assert "mamba_diffae.selective_scan" in str(program.graph)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_grad_and_inference_mode(backend):
    inputs = cast(draw(2, 40, 4, 3), torch.float32)
    inputs["A"].requires_grad_()
    y = selective_scan(**inputs, backend=backend)
    assert y.requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            z = selective_scan(**inputs, backend=backend)
        assert not z.requires_grad
        assert torch.equal(z, y)


@pytest.mark.parametrize("backend", BACKENDS)
def test_autocast_leaves_the_scan_in_float32(backend):
    inputs = cast(draw(2, 12, 4, 3), torch.float32)
    dy = torch.randn(2, 12, 4)
    expected = results(inputs, dy, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(results(inputs, dy, backend=backend), expected, 0.0)
        mixed = inputs | {name: inputs[name].bfloat16() for name in ("x", "B", "C")}
        got = results(mixed, dy, backend=backend)
    for name, value in got.items():
        assert value.dtype == (torch.bfloat16 if name in ("y", "x", "B", "C") else torch.float32)
    assert_close(got, expected, 0.02)


@pytest.mark.parametrize("backend", BACKENDS)
def test_strided_inputs(backend):
    inputs = cast(draw(2, 40, 20, 4, K=2), torch.float32)
    dy = torch.randn(2, 40, 20)
    expected = results(inputs, dy, backend=backend)
    strided = {}
    for name, value in inputs.items():
        wide = torch.zeros(*value.shape, 2, dtype=value.dtype)
        wide[..., 0] = value
        strided[name] = wide[..., 0]
    x = inputs["x"].transpose(1, 2).contiguous().transpose(1, 2)
    for changed in (strided, inputs | {"x": x}):
        y = selective_scan(**changed, backend=backend)
        assert torch.equal(y, expected["y"])
        gradients = results(changed, dy.transpose(0, 1).contiguous().transpose(0, 1))
        assert_close(gradients, expected, 1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sum_as_loss(backend):
    """Its gradient is one number, expanded: no memory of its own."""
    inputs = cast(draw(2, 12, 4, 3), torch.float32)
    x = inputs["x"].requires_grad_()
    selective_scan(**inputs, backend=backend).sum().backward()
    expected = results(inputs, torch.ones(2, 12, 4), backend=backend)
    torch.testing.assert_close(x.grad, expected["x"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_some_inputs_require_gradients(backend):
    inputs = cast(draw(2, 12, 4, 3), torch.float32)
    inputs["C"].requires_grad_()
    selective_scan(**inputs, backend=backend).square().sum().backward()
    assert inputs["C"].grad is not None
    assert inputs["x"].grad is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_derivatives_are_refused(backend):
    inputs = cast(draw(1, 4, 2, 2), torch.float32)
    x = inputs["x"].requires_grad_()
    y = selective_scan(**inputs, backend=backend)
    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        dx.sum().backward()


def test_an_answer_does_not_load_the_compiler() -> None:
    program = (
        "import sys, torch; from mamba_diffae.scan import selective_scan;"
        "x = torch.ones(1, 3, 2); one = torch.ones(1, 3, 1);"
        "torch.set_grad_enabled(False);"
        "y = selective_scan(x, x, -torch.ones(2, 1), one, one);"
        "assert y.shape == x.shape; assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
