"""The custom ops of the selective scan: autograd, compile and export."""

from collections.abc import Callable

import torch
from torch import Tensor

from mamba_diffae.scan import backends
from mamba_diffae.scan.inputs import ScanInputs

# The ops take the layout of `ScanInputs`. Beside y the scan returns the states kept for the
# backward pass: every few steps, the state that enters them.


@torch.library.custom_op("mamba_diffae::selective_scan", mutates_args=())
def _scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    step: Tensor | None,
    order: Tensor | None,
    step_input: bool,
    backend: str,
    keep_states: bool,
) -> tuple[Tensor, Tensor]:
    inputs = ScanInputs(x, dt, A, B, C, D, step, order, step_input)
    return run(inputs, backend, keep_states=keep_states)


def run(inputs: ScanInputs, backend: str, *, keep_states: bool) -> tuple[Tensor, Tensor]:
    """Output in x's dtype, and states, by a backend: the scan itself, outside of any graph."""
    chosen = backends.load(backends.choose(backend, inputs.x.device.type, inputs.compute_dtype))
    y, states = chosen.forward(inputs, keep_states=keep_states)
    return y.to(inputs.x.dtype), states


@torch.library.custom_op("mamba_diffae::selective_scan_backward", mutates_args=())
def _scan_backward(
    dy: Tensor,
    states: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    step: Tensor | None,
    order: Tensor | None,
    step_input: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    inputs = ScanInputs(x, dt, A, B, C, D, step, order, step_input)
    run = backends.load(backends.choose(backend, x.device.type, inputs.compute_dtype))
    gradients = run.backward(dy, states, inputs)
    dx, ddt, dA, dB, dC, dD, dstep = (
        x.new_empty(0) if tensor is None else gradient.to(tensor.dtype)
        for gradient, tensor in zip(gradients, inputs.differentiable, strict=True)
    )
    return dx, ddt, dA, dB, dC, dD, dstep


@_scan.register_fake
def _scan_fake(x, dt, A, B, C, D, step, order, step_input, backend, keep_states):
    inputs = ScanInputs(x, dt, A, B, C, D, step, order, step_input)
    chosen = backends.choose(backend, x.device.type, inputs.compute_dtype)
    kept = backends.kept_states(chosen, x.shape[1]) if keep_states else 0
    shape = (x.shape[0], inputs.directions, kept, A.shape[2], x.shape[2])
    return x.new_empty(x.shape), x.new_empty(shape, dtype=torch.float32)


@_scan_backward.register_fake
def _scan_backward_fake(dy, states, x, dt, A, B, C, D, step, order, step_input, backend):
    return tuple(
        x.new_empty(0) if tensor is None else tensor.new_empty(tensor.shape)
        for tensor in (x, dt, A, B, C, D, step)
    )


def save_for_backward(ctx, inputs, output) -> None:
    """Keep the arguments of the scan and its states."""
    *tensors, step_input, backend, _ = inputs
    _, states = output
    ctx.mark_non_differentiable(states)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(states, *tensors)
    ctx.step_input, ctx.backend = step_input, backend


def gradients(ctx, dy: Tensor | None, backward: Callable) -> tuple[Tensor | None, ...]:
    """The gradient of every argument of the scan, None for those without; `backward` is the op."""
    if dy is None:
        return (None,) * 11
    states, *tensors = ctx.saved_tensors
    computed = backward(dy, states, *tensors, ctx.step_input, ctx.backend)
    given = (
        gradient if tensor is not None else None
        for gradient, tensor in zip(computed, tensors[:-1], strict=True)
    )
    return *given, None, None, None, None


def refuse_second_derivative(ctx, *_):
    """Raise a RuntimeError: the scan has first derivatives only."""
    raise RuntimeError(
        "selective_scan has first derivatives only; a second backward pass through it was asked "
        "for. Call backward or grad without create_graph=True, or take the second derivative by "
        "finite differences of the gradient."
    )


_scan.register_autograd(
    lambda ctx, dy, _: gradients(ctx, dy, _scan_backward), setup_context=save_for_backward
)
_scan_backward.register_autograd(refuse_second_derivative)
