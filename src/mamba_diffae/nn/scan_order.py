"""The orders in which scattered points are scanned, and the distances between consecutive ones.

Keys are integers. A sweep divides the axis across it into bins about as wide as the points are
apart, and runs through the bins in alternating sense: sorted by y then x the scan would jump at
random, since no two scattered y are equal. Ties are broken by the full coordinates, then the
values, never by position in the batch. Padded points come last.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.fields.geometry import Geometry

_BITS = 20
"""A coordinate is a number of this many bits inside a key."""
_CURVE_BITS = 10
"""Bits of a coordinate on the Hilbert and Morton curves: 1024 cells along the longest axis."""

SWEEPS = ("row", "column", "diagonal", "antidiagonal")
CURVES = ("hilbert", "morton")
DIRECTIONS = ("none", *(d + r for d in (*SWEEPS, *CURVES) for r in ("", "_reversed")))


def scan_orders(
    coords: Tensor,
    mask: Tensor,
    directions: tuple[str, ...],
    geometry: Geometry,
    values: Tensor | None = None,
) -> Tensor:
    """The points in the order of every direction.

    A row runs along the last axis, a column along the one before. A third axis is divided into
    slabs, which come one after the other.

    Args:
        coords: Positions, shape (B, N, D).
        mask: True where a point is real, shape (B, N).
        directions: K names out of `DIRECTIONS`; "none" leaves the given sequence.
        geometry: Extent of every axis, and which are periodic.
        values: What breaks ties between points of equal coordinates, shape (B, N, C).

    Returns:
        Indices of points, shape (B, K, N), int64: `order[b, k, i]` is the i-th point of the scan.

    Raises:
        ValueError: If a direction is unknown, or needs two axes and has one.
    """
    check_directions(directions, coords.shape[-1])
    coords = geometry.wrap(coords)
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
        key = _key(base, coords, mask, geometry)
        forward[base] = _stable(key.masked_fill(~mask, torch.iinfo(torch.int64).max), canonical)
    flipped = [
        forward[name.removesuffix("_reversed")].flip(-1)
        if name.endswith("_reversed")
        else forward[name]
        for name in directions
    ]
    return torch.stack(flipped, dim=1)


def check_directions(directions: tuple[str, ...], dim: int) -> None:
    """Refuse directions that are unknown or need more axes than there are, with a ValueError."""
    for name in directions:
        if name not in DIRECTIONS:
            raise ValueError(f"Unknown direction {name!r}; choose from {', '.join(DIRECTIONS)}.")
        if dim < 2 and not _on_a_line(name):
            raise ValueError(f"Direction {name!r} needs two axes, but there is one; use 'row'.")


def usable_directions(directions: tuple[str, ...], dim: int) -> tuple[str, ...]:
    """Those of the directions that a field of `dim` axes has; "row" if none is left."""
    return tuple(name for name in directions if dim > 1 or _on_a_line(name)) or ("row",)


def _on_a_line(name: str) -> bool:
    return name.removesuffix("_reversed") in ("none", "row")


def scan_steps(
    coords: Tensor, mask: Tensor, order: Tensor, length_scale: float, geometry: Geometry
) -> Tensor:
    """How far each point lies from its predecessor in a scan, in units of `length_scale`.

    The first point of a scan has none and gets the median distance. In a reversed direction the
    predecessor is the neighbour on the other side. See docs/concepts.md, eq. (21).

    Args:
        coords: Positions, shape (B, N, D).
        mask: True where a point is real, shape (B, N).
        order: From `scan_orders`, shape (B, K, N).
        length_scale: Unit of the distance.
        geometry: What the distance is measured on.

    Returns:
        Shape (B, K, N), by point (not by position in the scan), within [1e-3, 1e3].
    """
    K = order.shape[1]
    index = order.flatten(1)
    places = geometry.embed(coords)
    path = places.gather(1, index[..., None].expand(-1, -1, places.shape[-1]))
    path = path.unflatten(1, (K, -1))
    real = mask.gather(1, index).unflatten(1, (K, -1))
    distance = (path[:, :, 1:] - path[:, :, :-1]).norm(dim=-1)
    known = real[:, :, 1:] & real[:, :, :-1]
    distance = F.pad(distance.masked_fill(~known, torch.nan), (1, 0), value=torch.nan)
    median = distance.nanmedian(dim=-1, keepdim=True).values
    median = median.nan_to_num(length_scale)  # a single point has no predecessor at all
    distance = torch.where(distance.isnan(), median, distance)
    step = torch.zeros_like(distance).scatter(2, order, distance)
    return (step / length_scale).clamp(1e-3, 1e3)


def _canonical(coords: Tensor, values: Tensor | None) -> Tensor:
    """An order of the points that depends on what they are, not where they stand, (B, N)."""
    axes = coords.unbind(-1)[::-1]  # the last axis counts most
    keys = [*axes, *(values.unbind(-1) if values is not None else ())]
    order = torch.arange(coords.shape[1], device=coords.device).expand(coords.shape[:2])
    for key in reversed(keys):
        order = _stable(key, order)
    return order


def _stable(key: Tensor, order: Tensor) -> Tensor:
    """`order` sorted by `key`, equals in the order they had."""
    return order.gather(1, key.gather(1, order).argsort(dim=1, stable=True))


def _key(name: str, coords: Tensor, mask: Tensor, geometry: Geometry) -> Tensor:
    """Integer key of a direction at every point, shape (B, N)."""
    if name in CURVES:
        cell = _curve_cells(coords, max(geometry.extent))
        return _interleave(cell if name == "morton" else _hilbert_transpose(cell))
    u = (coords / coords.new_tensor(geometry.extent)).clamp(0, 1)
    if geometry.dim == 1:
        return (u[..., 0].double() * 2**_BITS).long()
    y, x = u[..., -2], u[..., -1]
    height, width = geometry.extent[-2:]
    across, size, along = {
        "row": (y, height, x),
        "column": (x, width, y),
        "diagonal": ((x - y + 1) / 2, math.sqrt(height * width), (x + y) / 2),
        "antidiagonal": ((x + y) / 2, math.sqrt(height * width), (x - y + 1) / 2),
    }[name]
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)
    key = torch.zeros_like(count)
    for axis in range(geometry.dim - 2):  # slabs come before the lines of their plane
        bins = _bins(count, geometry, geometry.extent[axis])
        key = key * bins + _bin(u[..., axis], bins)
    bins = _bins(count, geometry, size)
    line = _bin(across, bins)
    place = (along.double() * (2**_BITS - 1)).long()
    snake = torch.where(line % 2 == 0, place, 2**_BITS - 1 - place)
    return (key * bins + line) * 2**_BITS + snake


def _bins(count: Tensor, geometry: Geometry, size: float) -> Tensor:
    """Bins of a length `size`, each as wide as `count` points are apart, at most one a point.

    The points fill the region with cubes of volume prod(extent) / count.
    """
    D = geometry.dim
    cubes = count.double() * (size**D / math.prod(geometry.extent))
    # A root that is a whole number must not be rounded up.
    bins = (cubes.pow(1 / D) - 1e-9).ceil().long()
    return torch.minimum(bins.clamp(min=1), count)


def _bin(u: Tensor, bins: Tensor) -> Tensor:
    """Which of the bins a place in [0, 1] lies in."""
    return torch.minimum((u.double() * bins).long(), bins - 1)


def _curve_cells(coords: Tensor, length: float) -> Tensor:
    """Integer cell of the curves' grid, the last axis first, shape (B, N, D)."""
    cell = (coords / length).double() * 2**_CURVE_BITS
    return cell.long().clamp(0, 2**_CURVE_BITS - 1).flip(-1)


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
