"""The selective scan, written to be read: the recurrence step by step, on any device, any float."""

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.scan.inputs import ScanInputs


class Ordered(NamedTuple):
    """The inputs in the order they are visited; time comes first, shapes (L, B, K, ...)."""

    x: Tensor
    dt: Tensor
    B: Tensor
    C: Tensor
    step: Tensor  # scales dt in the decay
    input_step: Tensor  # scales dt in the input


def forward(inputs: ScanInputs, *, keep_states: bool) -> tuple[Tensor, Tensor]:
    """Output y (B, L, D): h_t = exp(Δ_t A) h_{t-1} + Δ_t B_t x_t, y_t = C_t · h_t + D x_t.

    No states are kept, whatever is asked: the backward pass computes them anew.
    """
    inputs = inputs.in_compute_dtype()
    x, A, D = inputs.x, inputs.A, inputs.D
    order = inputs.order_or_sequence().expand(x.shape[0], -1, -1)
    s = _in_order(inputs, order)
    h = x.new_zeros(*order.shape[:2], *A.shape[-2:])
    outputs = x.new_empty(x.shape[1], *h.shape[:-1])
    for t in range(x.shape[1]):
        decay = torch.exp((s.dt[t] * s.step[t]).unsqueeze(-1) * A)
        u = s.dt[t] * s.input_step[t] * s.x[t]
        h = decay * h + u.unsqueeze(-1) * s.B[t].unsqueeze(-2)
        outputs[t] = (h * s.C[t].unsqueeze(-2)).sum(-1)
    y = _to_points(outputs, order).sum(1)
    no_states = h.new_empty(*order.shape[:2], 0, A.shape[2], x.shape[2], dtype=torch.float32)
    return (y if D is None else y + D * x), no_states


def backward(dy: Tensor, states: Tensor, inputs: ScanInputs) -> tuple[Tensor | None, ...]:
    """Gradients for x, dt, A, B, C, D and step (None where not given)."""
    inputs = inputs.in_compute_dtype()
    x, dt, A, B, C, D, step, _, step_input = inputs
    dy = dy.to(x.dtype)
    order = inputs.order_or_sequence().expand(x.shape[0], -1, -1)
    s = _in_order(inputs, order)
    dy_t = _gather(dy.unsqueeze(1), order)
    delta = s.dt * s.step
    u = s.dt * s.input_step * s.x
    h = [x.new_zeros(*order.shape[:2], *A.shape[-2:])]
    for t in range(x.shape[1]):
        decay = torch.exp(delta[t].unsqueeze(-1) * A)
        h.append(decay * h[t] + u[t].unsqueeze(-1) * s.B[t].unsqueeze(-2))

    ddelta, du, dB, dC = (torch.empty_like(z) for z in (delta, u, s.B, s.C))
    dA, g = torch.zeros_like(h[0]), torch.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        g = g + dy_t[t].unsqueeze(-1) * s.C[t].unsqueeze(-2)  # g = ∂loss/∂h_t
        dC[t] = (dy_t[t].unsqueeze(-1) * h[t + 1]).sum(-2)
        dB[t] = (g * u[t].unsqueeze(-1)).sum(-2)
        du[t] = (g * s.B[t].unsqueeze(-2)).sum(-1)
        g = g * torch.exp(delta[t].unsqueeze(-1) * A)
        exponent = g * h[t]  # ∂loss/∂(delta_t A)
        ddelta[t] = (exponent * A).sum(-1)
        dA += exponent * delta[t].unsqueeze(-1)

    dx = _to_points(du * s.dt * s.input_step, order).sum(1)
    ddt = _to_points(ddelta * s.step + du * s.input_step * s.x, order)
    dstep = ddelta * s.dt + (du * s.dt * s.x if step_input else 0.0)
    dstep = _to_points(dstep.sum(-1, keepdim=True), order).squeeze(-1)
    return (
        dx if D is None else dx + D * dy,
        ddt.sum_to_size(dt.shape),
        dA.sum(0).sum_to_size(A.shape),
        _to_points(dB, order).sum_to_size(B.shape),
        _to_points(dC, order).sum_to_size(C.shape),
        None if D is None else (dy * x).sum((0, 1)),
        None if step is None else dstep.sum_to_size(step.shape),
    )


def _in_order(inputs: ScanInputs, order: Tensor) -> Ordered:
    step = _gather(inputs.step_or_ones().unsqueeze(-1), order)
    input_step = step if inputs.step_input else torch.ones_like(step)
    tensors = (inputs.x.unsqueeze(1), inputs.dt, inputs.B, inputs.C)
    x, dt, B, C = (_gather(values, order) for values in tensors)
    return Ordered(x, dt, B, C, step, input_step)


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Read (B|1, K|1, L, F) in visiting order: (L, B, K, F)."""
    return torch.take_along_dim(values, order.unsqueeze(-1), dim=2).movedim(2, 0)


def _to_points(values: Tensor, order: Tensor) -> Tensor:
    """Write (L, B, K, F) in visiting order back to the points: (B, K, L, F)."""
    values = values.movedim(0, 2)
    index = order.unsqueeze(-1).expand_as(values)
    return torch.zeros_like(values).scatter_add_(2, index, values)
