"""A scan that starts from a given state and returns its last one, by points added at the ends.

The kernels start from zero and return no state. N points in front, of step 0 (no decay), dt = 1,
x = state n and B = unit vector n, set the state. N points behind, of dt = 0 (the state stays) and
C = unit vector n, read it. Both are exact: every sum has one term that is not zero.
"""

import torch
from torch import Tensor

from mamba_diffae.scan.inputs import ScanInputs
from mamba_diffae.scan.transforms import scan_points


def scan_with_states(
    inputs: ScanInputs, initial_state: Tensor | None, return_last_state: bool, backend: str
) -> tuple[Tensor, Tensor | None]:
    """One scan, with K = 1 if it has a state.

    Args:
        inputs: Canonical layout.
        initial_state: State before the first point, shape (B, D, N), or None for zero.
        return_last_state: Whether to return the state after the last point.
        backend: As in `selective_scan`.

    Returns:
        y, shape (B, L, D), in x's dtype, and the last state, shape (B, D, N), in the compute
        dtype, or None.
    """
    if initial_state is None and not return_last_state:
        return scan_points(inputs, backend), None
    length, N = inputs.x.shape[1], inputs.A.shape[2]
    front = 0 if initial_state is None else N
    behind = N if return_last_state else 0
    # States pass through x and y, so these have the compute dtype.
    dtype = inputs.compute_dtype
    if initial_state is not None:
        dtype = torch.promote_types(dtype, initial_state.dtype)
    longer = inputs._replace(x=inputs.x.to(dtype))
    if initial_state is not None:
        longer = _step_in_decay_alone(longer, dtype)
    rows = scan_points(_with_ends(longer, initial_state, behind), backend)
    y = rows[:, front : front + length].to(inputs.x.dtype).contiguous()
    if not return_last_state:
        return y, None
    # A copy: a view would keep all of the output in memory with the state.
    h = rows[:, front + length :].transpose(1, 2).clone(memory_format=torch.contiguous_format)
    return y, h


def _step_in_decay_alone(inputs: ScanInputs, dtype: torch.dtype) -> ScanInputs:
    """The same function with step_input=False: the step 0 of a point in front spares its input."""
    if inputs.step is None or not inputs.step_input:
        return inputs._replace(step_input=False)
    scaled = inputs.dt.to(dtype) * inputs.step.to(dtype).unsqueeze(-1)
    return inputs._replace(dt=scaled, step=None, step_input=False)


def _with_ends(inputs: ScanInputs, initial_state: Tensor | None, behind: int) -> ScanInputs:
    """The inputs between the points that set the state and the `behind` points that read it."""
    x, dt, _, B, C, _, step, order, _ = inputs
    N = inputs.A.shape[2]
    batch, length, channels = x.shape
    if initial_state is None:
        set_state, front = x.new_zeros(batch, 0, channels), 0
    else:
        set_state, front = initial_state.to(x.dtype).transpose(1, 2), N
    unit = torch.eye(N, dtype=x.dtype, device=x.device)

    def between(first: Tensor, values: Tensor, last: Tensor) -> Tensor:
        ends = (z.to(values.dtype).expand(*values.shape[:2], *z.shape) for z in (first, last))
        first, last = ends
        return torch.cat([first, values, last], dim=2)

    def constant(value: float, *shape: int) -> Tensor:
        return x.new_full(shape, value)

    if front and step is None:
        step = x.new_ones(batch, 1, length)
    if step is not None:
        step = between(constant(0, front), step, constant(1, behind))
    return inputs._replace(
        x=torch.cat([set_state, x, constant(0, batch, behind, channels)], dim=1),
        dt=between(constant(1, front, channels), dt, constant(0, behind, channels)),
        B=between(unit[:front], B, constant(0, behind, N)),
        C=between(constant(0, front, N), C, unit[:behind]),
        step=step,
        order=None if order is None else _longer_order(order, front, length, behind),
    )


def _longer_order(order: Tensor, front: int, length: int, behind: int) -> Tensor:
    """The order (B|1, 1, L) between the points added; an index that was outside stays outside."""
    outside = (order < 0) | (order >= length)
    points = torch.where(outside, -1, order + front)
    total = front + length + behind
    place = torch.arange(total, dtype=order.dtype, device=order.device)
    first, last = (z.expand(*order.shape[:2], -1) for z in (place[:front], place[front + length :]))
    return torch.cat([first, points, last], dim=2)
