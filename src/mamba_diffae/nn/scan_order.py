"""The orders in which scattered points are scanned, and the gaps between consecutive ones.

Keys are integers. A direction bins the points across itself (about sqrt(N) bins) and runs through
the bins like a snake: sorting by y then x would jump at random, since no two scattered y are equal.
Ties are broken by the full coordinates, then the values, never by position in the batch; padded
points come last.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_BITS = 20
"""A coordinate is a number of this many bits inside a key."""
_CURVE_BITS = 10
"""Bits a coordinate of the Hilbert and Morton curves: a grid of 1024 cells a side."""

SWEEPS = ("row", "column", "diagonal", "antidiagonal")
CURVES = ("hilbert", "morton")
DIRECTIONS = ("none", *(d + r for d in (*SWEEPS, *CURVES) for r in ("", "_reversed")))


def scan_orders(
    coords: Tensor, mask: Tensor, directions: tuple[str, ...], values: Tensor | None = None
) -> Tensor:
    """The points in the order of every direction.

    Args:
        coords: Positions in [0, 1]^D, shape (B, N, D).
        mask: True where a point is real, shape (B, N).
        directions: K names out of `DIRECTIONS`; "none" keeps the given sequence.
        values: What breaks ties between points of equal coordinates, shape (B, N, C).

    Returns:
        Indices of points, shape (B, K, N), int64: `order[b, k, i]` is the i-th point of the scan.

    Raises:
        ValueError: If a direction is unknown, or needs two axes and has one.
    """
    check_directions(directions, coords.shape[-1])
    given = torch.arange(coords.shape[1], device=coords.device).expand(mask.shape)
    canonical = None
    forward: dict[str, Tensor] = {}
    for name in directions:
        base = name.removesuffix("_reversed")
        if base in forward:
            continue
        if base == "none":
            forward[base] = given
            continue
        if canonical is None:
            canonical = _canonical(coords, values)
        key = _key(base, coords, mask).masked_fill(~mask, torch.iinfo(torch.int64).max)
        forward[base] = _stable(key, canonical)
    flipped = [
        forward[name.removesuffix("_reversed")].flip(-1)
        if name.endswith("_reversed")
        else forward[name]
        for name in directions
    ]
    return torch.stack(flipped, dim=1)


def check_directions(directions: tuple[str, ...], coord_dim: int) -> None:
    """Refuse directions that are unknown or need more axes than there are, with a ValueError."""
    for name in directions:
        if name not in DIRECTIONS:
            raise ValueError(f"Unknown direction {name!r}; choose from {', '.join(DIRECTIONS)}.")
        if coord_dim < 2 and name.removesuffix("_reversed") not in ("none", "row"):
            raise ValueError(f"Direction {name!r} needs two axes, but coord_dim is 1; use 'row'.")


def scan_steps(coords: Tensor, mask: Tensor, order: Tensor, length: float) -> Tensor:
    """How far each point lies from its predecessor in a scan, in units of `length`.

    The first point of a scan has none and gets the median gap. In a reversed direction the
    predecessor is the neighbour on the other side.

    Args:
        coords: Positions, shape (B, N, D).
        mask: True where a point is real, shape (B, N).
        order: From `scan_orders`, shape (B, K, N).
        length: Unit of the gap.

    Returns:
        Shape (B, K, N), by point (not by position in the scan), within [1e-3, 1e3].
    """
    K = order.shape[1]
    index = order.flatten(1)
    path = coords.gather(1, index[..., None].expand(-1, -1, coords.shape[-1]))
    path = path.unflatten(1, (K, -1))
    real = mask.gather(1, index).unflatten(1, (K, -1))
    gap = (path[:, :, 1:] - path[:, :, :-1]).norm(dim=-1)
    known = real[:, :, 1:] & real[:, :, :-1]
    gap = F.pad(gap.masked_fill(~known, torch.nan), (1, 0), value=torch.nan)
    median = gap.nanmedian(dim=-1, keepdim=True).values
    median = median.nan_to_num(length)  # a single point has no gap at all
    gap = torch.where(gap.isnan(), median, gap)
    step = torch.zeros_like(gap).scatter(2, order, gap)
    return (step / length).clamp(1e-3, 1e3)


def _canonical(coords: Tensor, values: Tensor | None) -> Tensor:
    """An order of the points that knows only what they are, not where they stand, shape (B, N)."""
    keys = list(coords.unbind(-1)) + (list(values.unbind(-1)) if values is not None else [])
    order = torch.arange(coords.shape[1], device=coords.device).expand(coords.shape[:2])
    for key in reversed(keys):
        order = _stable(key, order)
    return order


def _stable(key: Tensor, order: Tensor) -> Tensor:
    """`order` sorted by `key`, keeping the order of equals."""
    return order.gather(1, key.gather(1, order).argsort(dim=1, stable=True))


def _key(name: str, coords: Tensor, mask: Tensor) -> Tensor:
    """Integer key of a direction at every point, shape (B, N)."""
    if name == "morton":
        return _interleave(_cells(coords))
    if name == "hilbert":
        return _interleave(_hilbert_transpose(_cells(coords)))
    x = coords[..., 0]
    if coords.shape[-1] == 1:
        return (x.double() * 2**_BITS).long()
    y = coords[..., 1]
    across, along = {
        "row": (y, x),
        "column": (x, y),
        "diagonal": ((x - y + 1) / 2, (x + y) / 2),
        "antidiagonal": ((x + y) / 2, (x - y + 1) / 2),
    }[name]
    bins = mask.sum(dim=1, keepdim=True).clamp(min=1).sqrt().ceil().long()
    line = torch.minimum((across.double() * bins).long(), bins - 1)
    place = (along.double() * (2**_BITS - 1)).long()
    snake = torch.where(line % 2 == 0, place, 2**_BITS - 1 - place)
    key = line
    for axis in range(2, coords.shape[-1]):  # further axes come before the plane's lines
        slab = torch.minimum((coords[..., axis].double() * bins).long(), bins - 1)
        key = slab * bins ** (axis - 1) + key
    return key * 2**_BITS + snake


def _cells(coords: Tensor) -> Tensor:
    """Integer cell of the curves' grid, shape (B, N, D)."""
    return (coords.double() * 2**_CURVE_BITS).long().clamp(max=2**_CURVE_BITS - 1)


def _interleave(cell: Tensor) -> Tensor:
    """Morton code: the bits of the axes in turn, shape (B, N)."""
    code = torch.zeros_like(cell[..., 0])
    for bit in reversed(range(_CURVE_BITS)):
        for axis in range(cell.shape[-1]):
            code = (code << 1) | ((cell[..., axis] >> bit) & 1)
    return code


def _hilbert_transpose(cell: Tensor) -> Tensor:
    """Cells to the interleaved form of their Hilbert index, for any number of axes.

    Reference:
        Skilling (2004), Programming the Hilbert curve, AIP Conference Proceedings 707, 381.
    """
    X = list(cell.unbind(-1))
    for bit in reversed(range(1, _CURVE_BITS)):
        Q, P = 1 << bit, (1 << bit) - 1
        for i in range(len(X)):
            high = (X[i] & Q) != 0
            swap = torch.where(high, 0, (X[0] ^ X[i]) & P)
            X[0] = torch.where(high, X[0] ^ P, X[0] ^ swap)
            if i:
                X[i] = X[i] ^ swap
    for i in range(1, len(X)):
        X[i] = X[i] ^ X[i - 1]
    flips = torch.zeros_like(X[0])
    for bit in reversed(range(1, _CURVE_BITS)):
        flips = torch.where((X[-1] & (1 << bit)) != 0, flips ^ ((1 << bit) - 1), flips)
    return torch.stack([x ^ flips for x in X], dim=-1)
