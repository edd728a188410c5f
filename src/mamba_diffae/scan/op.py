"""`selective_scan`: the public function and the custom op behind it (autograd, compile, export)."""

import torch
from torch import Tensor

from mamba_diffae.scan import backends
from mamba_diffae.scan.checks import check_arguments, check_permutations
from mamba_diffae.scan.inputs import ScanInputs


def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    step: Tensor | None = None,
    step_input: bool = False,
    order: Tensor | None = None,
    backend: str = "auto",
    validate: bool = False,
) -> Tensor:
    """Selective state-space scan over points, in one or several orders, summed.

    Along each direction k, visiting the points p = order[k, 0], order[k, 1], ...:

        h_p = exp(dt_p step_p A) h + dt_p B_p x_p,    y_p = sum_k C_p · h_p + D x_p.

    All tensors are indexed by point, like x, never by position in the scan. A tensor without the
    K axis is shared by all directions. Without `order` there is one direction, the given sequence.
    A point with dt = 0 leaves the state exactly unchanged and adds nothing to it.

    Args:
        x: Input, shape (B, L, D); float32, bfloat16, float16 or float64 (reference only).
        dt: Step size Δ >= 0, shape (B, L, D) or (B, K, L, D).
        A: State decay rates, normally negative, shape (D, N) or (K, D, N), N from 1 to 256.
        B: Input weights of the states, shape (B, L, N) or (B, K, L, N).
        C: Output weights of the states, shape (B, L, N) or (B, K, L, N).
        D: Skip weights, shape (D,); D x is added once, not once per direction.
        step: Gap before each point, in units of dt, shape (B, L) or (B, K, L).
        step_input: Whether `step` scales the input as well. False: points are events, only the
            decay between them sees the gap. True: the sum is a quadrature over the gaps, so dense
            clusters do not outvote sparse regions.
        order: Point indices in visiting order, int32 or int64, shape (K, L) or (B, K, L).
        backend: "auto", "reference" (any device), "cpu" (Numba) or "triton" (CUDA).
        validate: Check that every direction of `order` is a permutation (reads its values).

    Returns:
        y, shape (B, L, D), in x's dtype; the sums run in float32 (float64 if any input is).

    Raises:
        ValueError: If kinds, devices or shapes do not fit together, the backend cannot serve the
            inputs, or (`validate`) `order` is no permutation.

    Reference:
        Gu & Dao (2023), Mamba, Algorithm 2 with B discretised as Δ B.
        https://arxiv.org/abs/2312.00752
    """
    check_arguments(x, dt, A, B, C, D, step, order)
    backends.check_name(backend)
    if validate and order is not None:
        check_permutations(order, x.shape[1])
    needs_grad = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (x, dt, A, B, C, D, step)
    )
    y, _ = _scan(
        x,
        dt if dt.ndim == 4 else dt.unsqueeze(1),
        A if A.ndim == 3 else A.unsqueeze(0),
        B if B.ndim == 4 else B.unsqueeze(1),
        C if C.ndim == 4 else C.unsqueeze(1),
        D,
        step if step is None or step.ndim == 3 else step.unsqueeze(1),
        order if order is None or order.ndim == 3 else order.unsqueeze(0),
        step_input,
        backend,
        needs_grad,
    )
    return y


# The op proper takes the layout of `ScanInputs`. Beside y it returns the states kept for the
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
    run = backends.load(backends.choose(backend, x.device.type, inputs.compute_dtype))
    y, states = run.forward(inputs, keep_states=keep_states)
    return y.to(x.dtype), states


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


def _keep_for_backward(ctx, inputs, output):
    *tensors, step_input, backend, _ = inputs
    _, states = output
    ctx.mark_non_differentiable(states)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(states, *tensors)
    ctx.step_input, ctx.backend = step_input, backend


def _backward(ctx, dy, _):
    if dy is None:
        return (None,) * 11
    states, *tensors = ctx.saved_tensors
    gradients = _scan_backward(dy, states, *tensors, ctx.step_input, ctx.backend)
    given = (
        gradient if tensor is not None else None
        for gradient, tensor in zip(gradients, tensors[:-1], strict=True)
    )
    return *given, None, None, None, None


def _refuse_second_derivative(ctx, *_):
    raise RuntimeError(
        "selective_scan has first derivatives only; a second backward pass through it was asked "
        "for. Call backward or grad without create_graph=True, or take the second derivative by "
        "finite differences of the gradient."
    )


_scan.register_autograd(_backward, setup_context=_keep_for_backward)
_scan_backward.register_autograd(_refuse_second_derivative)
