"""Refuse bad arguments of `selective_scan` with a message that says how to mend them."""

from collections.abc import Sequence

import torch
from torch import Tensor

FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
INTEGERS = (torch.int32, torch.int64)
MAX_STATES = 256

MEND = {
    "x": "Tensors are channel-last: transpose (B, D, L) with x.transpose(1, 2).",
    "dt": "Give one step size per point and channel, channel-last like x.",
    "A": "Give one row of states per channel: A = -exp(A_log), not its transpose.",
    "B": "Give N values per point, channel-last; N is the last size of A.",
    "C": "Give N values per point, channel-last; N is the last size of A.",
    "D": "Give one skip weight per channel, or None.",
    "step": "Give one factor per point, indexed by point (not by position in the scan).",
    "order": "Give for each direction the L point indices in the sequence they are visited.",
}


def check_arguments(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    step: Tensor | None,
    order: Tensor | None,
) -> None:
    """Check kinds, devices and shapes; reads no values, so it costs no device synchronisation.

    Args: as `selective_scan`.

    Raises:
        ValueError: Names the argument, what was given, what was expected and how to mend it.
    """
    given = {"x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "step": step, "order": order}
    tensors = {name: value for name, value in given.items() if value is not None}
    for name, tensor in tensors.items():
        _check_kind(name, tensor, x)
    _check_rank("x", x, (3,), "(B, L, D)")
    _check_rank("A", A, (2, 3), "(D, N) or (K, D, N)")
    batch, length, channels = x.shape
    states = A.shape[-1]
    if min(length, channels, states) < 1 or states > MAX_STATES:
        raise ValueError(
            f"selective_scan: x has shape {tuple(x.shape)} and A {tuple(A.shape)}, expected "
            f"L >= 1, D >= 1 and 1 <= N <= {MAX_STATES}. Skip empty sequences; split larger states."
        )
    if order is not None:
        _check_rank("order", order, (2, 3), "(K, L) or (B, K, L)")
    K = 1 if order is None else order.shape[-2]
    point = {"B": batch, "K": K, "L": length, "D": channels, "N": states}
    layouts = {"dt": "BKLD", "A": "KDN", "B": "BKLN", "C": "BKLN", "D": "D", "step": "BKL"}
    for name, axes in layouts.items():
        if name in tensors:
            _check_shape(name, tensors[name], axes, point, optional_axis="K")
    if order is not None:
        _check_shape("order", order, "BKL", point, optional_axis="B")


def check_permutations(order: Tensor, length: int) -> None:
    """Check that every direction visits every point exactly once; reads the values of `order`.

    Args:
        order: Visiting orders, shape (K, L) or (B, K, L), integer.
        length: Number of points L.

    Raises:
        ValueError: If a direction leaves a point out, repeats one or leaves the range.
    """
    expected = torch.arange(length, device=order.device, dtype=order.dtype)
    wrong = (order.sort(dim=-1).values != expected).any(dim=-1)
    if bool(wrong.any()):
        where = tuple(wrong.nonzero()[0].tolist())
        raise ValueError(
            f"selective_scan: order of shape {tuple(order.shape)} is no permutation of the "
            f"{length} points at [{', '.join(map(str, where))}], expected each of 0 to "
            f"{length - 1} exactly once in every direction. Build it with argsort."
        )


def _check_kind(name: str, tensor: Tensor, x: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise ValueError(
            f"selective_scan: {name} is a {type(tensor).__name__}, expected a torch.Tensor. "
            f"Wrap it with torch.as_tensor({name})."
        )
    allowed = INTEGERS if name == "order" else FLOATS
    if tensor.dtype not in allowed:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in allowed)
        cast = "order.long()" if name == "order" else f"{name}.float()"
        raise ValueError(
            f"selective_scan: {name} of shape {tuple(tensor.shape)} has dtype {tensor.dtype}, "
            f"expected one of {names}. Convert it with {cast}."
        )
    if tensor.device != x.device:
        raise ValueError(
            f"selective_scan: {name} of shape {tuple(tensor.shape)} is on {tensor.device}, "
            f"expected the device of x, {x.device}. Move it with {name}.to(x.device)."
        )


def _check_rank(name: str, tensor: Tensor, ranks: Sequence[int], layout: str) -> None:
    if tensor.ndim not in ranks:
        raise ValueError(
            f"selective_scan: {name} has shape {tuple(tensor.shape)} of rank {tensor.ndim}, "
            f"expected {layout}. {MEND[name]}"
        )


def _check_shape(
    name: str, tensor: Tensor, axes: str, point: dict[str, int], *, optional_axis: str
) -> None:
    short = axes.replace(optional_axis, "")
    for layout in (axes, short):
        sizes = tuple(point[axis] for axis in layout)
        if tuple(tensor.shape) == sizes:
            return
    layouts = " or ".join(
        f"({', '.join(layout)}) = {tuple(point[axis] for axis in layout)}"
        for layout in dict.fromkeys((short, axes))
    )
    hint = (
        " Without `order` there is one direction, K = 1." if "K" in axes and point["K"] == 1 else ""
    )
    raise ValueError(
        f"selective_scan: {name} has shape {tuple(tensor.shape)}, expected {layouts}. "
        f"{MEND[name]}{hint}"
    )
