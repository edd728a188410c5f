"""Refuse bad arguments of `selective_scan` with a message that says how to mend them."""

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
INTEGERS = (torch.int32, torch.int64)
MAX_STATES = 256

LAYOUTS = {
    "dt": ("BLD", "BKLD"),
    "A": ("DN", "KDN"),
    "B": ("BLN", "BKLN", "DN"),
    "C": ("BLN", "BKLN", "DN"),
    "D": ("D",),
    "step": ("BL", "BKL"),
    "order": ("KL", "BKL"),
    "initial_state": ("BDN",),
}
GROUPED = {"B": ("BLGN", "BKLGN", "DN"), "C": ("BLGN", "BKLGN", "DN")}

_WEIGHTS = (
    "Give N values per point, channel-last; N is the last size of A. "
    "Two axes are weights of each channel, the same at all points."
)
MEND = {
    "x": "Tensors are channel-last: transpose (B, D, L) with x.transpose(1, 2).",
    "dt": "Give one step size per point and channel, channel-last like x.",
    "A": "Give one row of states per channel: A = -exp(A_log), not its transpose.",
    "B": _WEIGHTS,
    "C": _WEIGHTS,
    "D": "Give one skip weight per channel, or None.",
    "step": "Give one factor per point, indexed by point (not by position in the scan).",
    "order": "Give for each direction the L point indices in the sequence they are visited.",
    "initial_state": "Give N states per channel, as return_last_state=True gives them.",
}


@final
class ScanError(ValueError):
    """What was given to `selective_scan` cannot be served; says what was expected and the mend."""


def check_arguments(given: Mapping[str, Tensor | None], groups: int = 1) -> None:
    """Check kinds, devices and shapes; reads no values, so it costs no device synchronisation.

    Args:
        given: The tensors of `selective_scan` by name; x and A are never None.
        groups: As in `selective_scan`.

    Raises:
        ScanError: Names the argument, what was given, what was expected and how to mend it.
    """
    tensors = {name: value for name, value in given.items() if value is not None}
    x, A, order = tensors["x"], tensors["A"], tensors.get("order")
    for name, tensor in tensors.items():
        _check_kind(name, tensor, x)
    _check_rank("x", x, (3,), "(B, L, D)")
    _check_rank("A", A, (2, 3), "(D, N) or (K, D, N)")
    batch, length, channels = x.shape
    states = A.shape[-1]
    if min(channels, states) < 1 or states > MAX_STATES:
        raise ScanError(
            f"selective_scan: x has shape {tuple(x.shape)} and A {tuple(A.shape)}, expected "
            f"D >= 1 and 1 <= N <= {MAX_STATES}. Leave the call out without channels or states; "
            "split larger states."
        )
    if order is not None:
        _check_rank("order", order, (2, 3), "(K, L) or (B, K, L)")
    K = 1 if order is None else order.shape[-2]
    sizes = {"B": batch, "K": K, "L": length, "D": channels, "N": states, "G": groups}
    layouts = LAYOUTS
    if groups != 1:
        _check_groups(groups, channels)
        layouts = LAYOUTS | GROUPED
    for name, tensor in tensors.items():
        if name != "x":
            _check_shape(name, tensor, layouts[name], sizes)


def check_one_direction(order: Tensor | None) -> None:
    """Refuse a state beside several directions, each of which has a state of its own.

    Args:
        order: Visiting orders, shape (K, L) or (B, K, L), or None.

    Raises:
        ScanError: If K > 1.
    """
    if order is None or order.shape[-2] == 1:
        return
    one = "order[k : k + 1]" if order.ndim == 2 else "order[:, k : k + 1]"
    raise ScanError(
        f"selective_scan: order has shape {tuple(order.shape)}, K = {order.shape[-2]} directions, "
        "expected K = 1 with initial_state or return_last_state: every direction has a state of "
        f"its own. Call once for each direction, with order={one}, and add the outputs; give D "
        "to one of the calls only."
    )


def check_permutations(order: Tensor, length: int) -> None:
    """Check that every direction visits every point exactly once; reads the values of `order`.

    Args:
        order: Visiting orders, shape (K, L) or (B, K, L), integer.
        length: Number of points L.

    Raises:
        ScanError: If a direction leaves a point out, repeats one or leaves the range.
    """
    expected = torch.arange(length, device=order.device, dtype=order.dtype)
    wrong = (order.sort(dim=-1).values != expected).any(dim=-1)
    if bool(wrong.any()):
        where = tuple(wrong.nonzero()[0].tolist())
        raise ScanError(
            f"selective_scan: order of shape {tuple(order.shape)} is no permutation of the "
            f"{length} points at [{', '.join(map(str, where))}], expected each of 0 to "
            f"{length - 1} exactly once in every direction. Build it with argsort."
        )


def _check_groups(groups: int, channels: int) -> None:
    if not isinstance(groups, int) or groups < 1 or channels % groups:
        raise ScanError(
            f"selective_scan: groups is {groups!r} and x has D = {channels} channels, expected a "
            "whole number of 1 or more that divides D: every group has D / groups consecutive "
            "channels. Choose such a number, or pad the channels with zeros."
        )


def _check_kind(name: str, tensor: Tensor, x: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise ScanError(
            f"selective_scan: {name} is a {type(tensor).__name__}, expected a torch.Tensor. "
            f"Wrap it with torch.as_tensor({name})."
        )
    allowed = INTEGERS if name == "order" else FLOATS
    if tensor.dtype not in allowed:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in allowed)
        cast = "order.long()" if name == "order" else f"{name}.float()"
        raise ScanError(
            f"selective_scan: {name} of shape {tuple(tensor.shape)} has dtype {tensor.dtype}, "
            f"expected one of {names}. Convert it with {cast}."
        )
    if tensor.device != x.device:
        raise ScanError(
            f"selective_scan: {name} of shape {tuple(tensor.shape)} is on {tensor.device}, "
            f"expected the device of x, {x.device}. Move it with {name}.to(x.device)."
        )


def _check_rank(name: str, tensor: Tensor, ranks: Sequence[int], layout: str) -> None:
    if tensor.ndim not in ranks:
        raise ScanError(
            f"selective_scan: {name} has shape {tuple(tensor.shape)} of rank {tensor.ndim}, "
            f"expected {layout}. {MEND[name]}"
        )


def _check_shape(
    name: str, tensor: Tensor, layouts: Sequence[str], sizes: Mapping[str, int]
) -> None:
    for layout in layouts:
        if tuple(tensor.shape) == tuple(sizes[axis] for axis in layout):
            return
    expected = " or ".join(
        f"({', '.join(layout)}) = {tuple(sizes[axis] for axis in layout)}" for layout in layouts
    )
    hint = ""
    if sizes["K"] == 1 and any("K" in layout for layout in layouts):
        hint += " Without `order` there is one direction, K = 1."
    if name in GROUPED:
        hint += " The axis G is there with groups > 1 only."
    raise ScanError(
        f"selective_scan: {name} has shape {tuple(tensor.shape)}, expected {expected}. "
        f"{MEND[name]}{hint}"
    )
