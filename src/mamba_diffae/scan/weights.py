"""Weights B and C beyond those of the kernels: by groups of channels, or the same at all points."""

import torch
from torch import Tensor

from mamba_diffae.scan.inputs import ScanInputs
from mamba_diffae.scan.states import scan_with_states


def scan_groups(
    inputs: ScanInputs,
    groups: int,
    initial_state: Tensor | None,
    return_last_state: bool,
    backend: str,
) -> tuple[Tensor, Tensor | None]:
    """One scan for each group of consecutive channels, put side by side.

    Args:
        inputs: Canonical layout, but B and C may be constant (D, N), and have an axis G in front
            of N, (B, K|1, L, G, N), if `groups` > 1.
        groups: Number of groups, a divisor of D.
        initial_state: As in `scan_with_states`.
        return_last_state: As there.
        backend: As there.

    Returns:
        As `scan_with_states`.
    """
    if groups == 1:
        return scan_constant(inputs, initial_state, return_last_state, backend)
    width = inputs.x.shape[2] // groups
    results = []
    for group in range(groups):
        channels = slice(group * width, (group + 1) * width)
        state = None if initial_state is None else initial_state[:, channels]
        part = _group(inputs, group, channels)
        results.append(scan_constant(part, state, return_last_state, backend))
    ys, states = zip(*results, strict=True)
    return torch.cat(ys, dim=2), torch.cat(states, dim=1) if return_last_state else None


def _group(inputs: ScanInputs, group: int, channels: slice) -> ScanInputs:
    B, C = (w[channels] if w.ndim == 2 else w[..., group, :] for w in (inputs.B, inputs.C))
    D = None if inputs.D is None else inputs.D[channels]
    x, dt, A = inputs.x[..., channels], inputs.dt[..., channels], inputs.A[:, channels]
    return inputs._replace(x=x, dt=dt, A=A, B=B, C=C, D=D)


def scan_constant(
    inputs: ScanInputs, initial_state: Tensor | None, return_last_state: bool, backend: str
) -> tuple[Tensor, Tensor | None]:
    """One scan; if B or C is constant, (D, N), its states are scanned as channels.

    The scan is linear in x: channel (d, n) of input B x and one state returns the state itself,
    and y = sum_n C h + D x.

    Args:
        inputs: Canonical layout, but B and C may be constant, (D, N).
        initial_state: As in `scan_with_states`.
        return_last_state: As there.
        backend: As there.

    Returns:
        As `scan_with_states`.
    """
    if inputs.B.ndim > 2 and inputs.C.ndim > 2:
        return scan_with_states(inputs, initial_state, return_last_state, backend)
    dtype = inputs.compute_dtype
    x = inputs.x.to(dtype)
    of_directions = any(w.ndim > 2 and w.shape[1] > 1 for w in (inputs.B, inputs.C))
    parts = _directions(inputs) if of_directions else [inputs]
    results = [
        _scan_states(part._replace(x=x), initial_state, return_last_state, backend)
        for part in parts
    ]
    y, last = results[0]
    for other, _ in results[1:]:
        y = y + other
    y = y if inputs.D is None else y + inputs.D * x
    return y.to(inputs.x.dtype), last


def _directions(inputs: ScanInputs) -> list[ScanInputs]:
    """The directions one by one: weights of points are applied outside the scan, which sums."""

    def of(tensor: Tensor | None, k: int, axis: int) -> Tensor | None:
        if tensor is None or tensor.ndim == 2 or tensor.shape[axis] == 1:
            return tensor
        return tensor.narrow(axis, k, 1)

    axes = {"dt": 1, "A": 0, "B": 1, "C": 1, "step": 1, "order": 1}
    return [
        inputs._replace(**{name: of(getattr(inputs, name), k, axis) for name, axis in axes.items()})
        for k in range(inputs.directions)
    ]


def _scan_states(
    inputs: ScanInputs, initial_state: Tensor | None, return_last_state: bool, backend: str
) -> tuple[Tensor, Tensor | None]:
    """Output (B, L, D) without D x, and the last state (B, D, N), from a scan of D * N channels."""
    x, dt, A = inputs.x, inputs.dt, inputs.A
    batch, length, channels = x.shape
    N = A.shape[2]
    # Weights of points have one direction here: (B, L, 1, N) beside a constant (D, N).
    B, C = (w if w.ndim == 2 else w.squeeze(1).unsqueeze(2) for w in (inputs.B, inputs.C))
    one = x.new_ones(batch, 1, length, 1)
    wide = inputs._replace(
        x=(x.unsqueeze(-1) * B).flatten(2),
        dt=dt.unsqueeze(-1).expand(*dt.shape, N).flatten(3),
        A=A.flatten(1).unsqueeze(-1),
        B=one,
        C=one,
        D=None,
    )
    state = None if initial_state is None else initial_state.flatten(1).unsqueeze(-1)
    h, last = scan_with_states(wide, state, return_last_state, backend)
    y = (h.unflatten(2, (channels, N)) * C).sum(-1)
    return y, None if last is None else last.reshape(batch, channels, N)
