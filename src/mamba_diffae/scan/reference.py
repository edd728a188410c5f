"""The selective scan, written to be read: one step of the recurrence per line, on any device.

Every function takes the canonical layout of `op`: x (B, L, D), dt (B, K|1, L, D), A (K|1, D, N),
B and C (B, K|1, L, N), D (D,) or None, step (B, K|1, L) or None, order (B|1, K, L) or None.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Ordered(NamedTuple):
    """The inputs in the order they are visited; time comes first, shapes (L, B, K, ...)."""

    x: Tensor
    dt: Tensor
    B: Tensor
    C: Tensor
    step: Tensor  # enters the decay
    input_step: Tensor  # enters the input


def forward(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    step: Tensor | None,
    order: Tensor | None,
    *,
    step_input: bool,
    keep_states: bool,
) -> tuple[Tensor, Tensor]:
    """y (B, L, D): h_t = exp(Δ_t A) h_{t-1} + Δ_t B_t x_t, y_t = C_t · h_t + D x_t.

    The second tensor is always empty: the backward pass computes its states anew.
    """
    order = _full_order(x, order)
    s = _in_scan_order(x, dt, B, C, step, order, step_input)
    h = x.new_zeros(*order.shape[:2], *A.shape[-2:])
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp((s.dt[t] * s.step[t]).unsqueeze(-1) * A)
        h = decay * h + (s.dt[t] * s.input_step[t] * s.x[t]).unsqueeze(-1) * s.B[t].unsqueeze(-2)
        outputs.append((h * s.C[t].unsqueeze(-2)).sum(-1))
    y = _to_points(torch.stack(outputs), order).sum(1)
    no_states = x.new_empty(*order.shape[:2], 0, A.shape[2], x.shape[2], dtype=torch.float32)
    return (y if D is None else y + D * x), no_states


def backward(
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
    *,
    step_input: bool,
) -> tuple[Tensor, ...]:
    """Gradients for x, dt, A, B, C, D and step (the last two are empty where not given)."""
    order = _full_order(x, order)
    s = _in_scan_order(x, dt, B, C, step, order, step_input)
    dy_t = _gather(dy.unsqueeze(1), order)
    decay_step = s.dt * s.step
    u = s.dt * s.input_step * s.x
    h = [x.new_zeros(*order.shape[:2], *A.shape[-2:])]
    for t in range(x.shape[1]):
        decay = torch.exp(decay_step[t].unsqueeze(-1) * A)
        h.append(decay * h[-1] + u[t].unsqueeze(-1) * s.B[t].unsqueeze(-2))

    ddecay_step, du, dB, dC = (torch.empty_like(z) for z in (u, u, s.B, s.C))
    dA, g = torch.zeros_like(h[0]), torch.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        dy_h = dy_t[t].unsqueeze(-1)
        g = g + dy_h * s.C[t].unsqueeze(-2)  # g = ∂loss/∂h_t
        dC[t] = (dy_h * h[t + 1]).sum(-2)
        dB[t] = (g * u[t].unsqueeze(-1)).sum(-2)
        du[t] = (g * s.B[t].unsqueeze(-2)).sum(-1)
        g = g * torch.exp(decay_step[t].unsqueeze(-1) * A)
        exponent = g * h[t]  # ∂loss/∂(Δ_t A)
        ddecay_step[t] = (exponent * A).sum(-1)
        dA += exponent * decay_step[t].unsqueeze(-1)

    dx = _to_points(du * s.dt * s.input_step, order).sum(1)
    dD = x.new_empty(0)
    if D is not None:
        dx, dD = dx + D * dy, (dy * x).sum((0, 1))
    ddt = _to_points(ddecay_step * s.step + du * s.input_step * s.x, order)
    dstep = x.new_empty(0)
    if step is not None:
        per_channel = ddecay_step * s.dt + (du * s.dt * s.x if step_input else 0.0)
        dstep = _to_points(per_channel.sum(-1, keepdim=True), order).squeeze(-1).sum_to_size(step.shape)
    dB, dC = _to_points(dB, order), _to_points(dC, order)
    return (
        dx,
        ddt.sum_to_size(dt.shape),
        dA.sum(0).sum_to_size(A.shape),
        dB.sum_to_size(B.shape),
        dC.sum_to_size(C.shape),
        dD,
        dstep,
    )


def _full_order(x: Tensor, order: Tensor | None) -> Tensor:
    """The visiting order of every field and direction, int64 (B, K, L)."""
    if order is None:
        order = torch.arange(x.shape[1], device=x.device)[None, None]
    return order.long().expand(x.shape[0], -1, -1)


def _in_scan_order(
    x: Tensor,
    dt: Tensor,
    B: Tensor,
    C: Tensor,
    step: Tensor | None,
    order: Tensor,
    step_input: bool,
) -> Ordered:
    ones = x.new_ones(1, 1, x.shape[1])
    step_t = _gather((ones if step is None else step).unsqueeze(-1), order)
    input_step = step_t if step_input else torch.ones_like(step_t)
    x_t, dt_t, B_t, C_t = (_gather(z, order) for z in (x.unsqueeze(1), dt, B, C))
    return Ordered(x_t, dt_t, B_t, C_t, step_t, input_step)


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Read (B, K|1, L, F) in visiting order: (L, B, K, F)."""
    return torch.take_along_dim(values, order.unsqueeze(-1), dim=2).movedim(2, 0)


def _to_points(values: Tensor, order: Tensor) -> Tensor:
    """Write (L, B, K, F) in visiting order back to the points: (B, K, L, F)."""
    values = values.movedim(0, 2)
    index = order.unsqueeze(-1).expand_as(values)
    return torch.zeros_like(values).scatter_add_(2, index, values)
