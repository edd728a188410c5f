"""The law of x_0 from examples: lattices and a mixing of channels that correlate as they do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mamba_diffae.flow.noise import NoiseLaw, node_weights

_SUM_TO_ONE = 1e3
"""Weight of the equation that the weights sum to 1, beside one for each lag."""
_RIDGE = 1e-6
"""Part of the largest variance added to each channel: one that never varies stays independent."""


def octaves(shape: Sequence[int], count: int = 4) -> tuple[tuple[int, ...], ...]:
    """Lattices from the native shape down, each half as fine as the last.

    Args:
        shape: Native cells along every axis; a lattice of this shape is white at their centres.
        count: How many, fewer where the longest axis would fall below one cell. A shorter axis
            stays at one.
    """
    return tuple(tuple(max(n >> i, 1) for n in shape) for i in range(count) if max(shape) >> i)


def lattice_correlation(cells: int, size: int, lags: int, periodic: bool = False) -> Tensor:
    """Correlation of lattice noise between pixels along one axis, averaged over their places.

    Two places correlate by the product of their weights at the nodes they have in common; along
    one of several axes the others contribute a factor of 1.

    Args:
        cells: Lattice cells along the axis.
        size: Pixels along the axis.
        lags: Greatest distance in pixels, below `size`.
        periodic: Whether the axis is; then pairs across its seam count as well.

    Returns:
        At distances 0 to `lags`, shape (lags + 1,), float64.
    """
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    index, weights = node_weights(centres, cells, periodic=periodic)
    nodes = torch.zeros(size, cells + 2, dtype=torch.float64)
    nodes.scatter_add_(1, index.T + 1, weights.T.contiguous())  # from -1: the node before the first
    pairs = (_pairs(nodes, 0, lag, periodic) for lag in range(lags + 1))
    return torch.stack([(a * b).sum(1).mean() for a, b in pairs])


def autocorrelation(
    residual: Tensor, weight: Tensor, axis: int, lags: int, periodic: bool = False
) -> Tensor:
    """Correlation between pixels of fields of mean zero along one axis.

    Pooled over fields, places and channels: where a residual is large, it counts.

    Args:
        residual: Shape (S, *shape, C).
        weight: Of every value, 0 where there is none, shape (S, *shape, C).
        axis: Which axis of the shape, from 0.
        lags: Greatest distance in pixels, below the shape of the axis.
        periodic: Whether the axis is; then pairs across its seam count as well.

    Returns:
        At distances 0 to `lags`, shape (lags + 1,), float64; nan where no pair varies.
    """
    r, root = residual.double(), weight.double().sqrt()
    found = [torch.ones((), dtype=torch.float64, device=r.device)]
    for lag in range(1, lags + 1):
        a, b = _pairs(r, axis + 1, lag, periodic)
        s, t = _pairs(root, axis + 1, lag, periodic)
        w = s * t
        found.append((w * a * b).sum() / ((w * a * a).sum() * (w * b * b).sum()).sqrt())
    return torch.stack(found)


def _pairs(x: Tensor, axis: int, lag: int, periodic: bool) -> tuple[Tensor, Tensor]:
    """All pairs of entries that are `lag` apart along an axis."""
    if periodic:
        return x, x.roll(-lag, axis)
    count = x.shape[axis] - lag
    return x.narrow(axis, 0, count), x.narrow(axis, lag, count)


def fit_noise_law(
    residual: Tensor,
    shapes: Sequence[tuple[int, ...]],
    lags: int = 8,
    weight: Tensor | None = None,
    periodic: Sequence[bool] | None = None,
) -> NoiseLaw:
    """The law whose correlation is nearest to that of what a mean leaves open.

    The weights are a non-negative least-squares fit to the autocorrelation along every axis of more
    than one pixel; the mixing is the Cholesky factor of the correlation of the channels. Where
    there is no such axis, the law is the first lattice alone. See docs/concepts.md, eq. (28).

    Args:
        residual: Truth minus mean of unseen fields, shape (S, *shape, C), in any one unit.
        shapes: Cells of the lattices along every axis, such as `octaves(shape)`.
        lags: Distances in pixels that are fitted, 1 to so many.
        weight: Of every value, not negative, shape (S, *shape, C) or one that broadcasts; 0 where
            there is no value, whatever number stands there. None: all equal.
        periodic: Whether each axis is; None: none.

    Raises:
        ValueError: If residual, weight and shapes do not fit each other, or the residual is not
            finite or zero throughout.
    """
    from scipy.optimize import nnls

    r, w = _checked(residual, weight, shapes)
    periodic = (False,) * (r.ndim - 2) if periodic is None else tuple(periodic)
    mixing = tuple(tuple(row) for row in _channel_mixing(r, w).tolist())
    A, b = _equations(r, w, shapes, lags, periodic)
    if not len(b):
        return NoiseLaw((tuple(shapes[0]),), (1.0,), mixing)
    # At distance 0 every lattice has 1: that equation fixes the sum of the weights.
    A = torch.cat([torch.full((1, len(shapes)), _SUM_TO_ONE, dtype=A.dtype), A])
    b = torch.cat([torch.full((1,), _SUM_TO_ONE, dtype=b.dtype), b])
    weights, _ = nnls(A.numpy(), b.numpy())
    weights = (weights / weights.sum()).tolist()
    used = [(tuple(s), v) for s, v in zip(shapes, weights, strict=True) if v > 0]
    return NoiseLaw(tuple(s for s, _ in used), tuple(v for _, v in used), mixing)


def _checked(
    residual: Tensor, weight: Tensor | None, shapes: Sequence[tuple[int, ...]]
) -> tuple[Tensor, Tensor]:
    """Residual and weight as float64 of one shape, the residual 0 where the weight is."""
    shape = tuple(residual.shape)
    dim = len(shape) - 2
    if dim < 1 or 0 in shape or not shapes or any(len(cells) != dim for cells in shapes):
        raise ValueError(
            f"The residual has shape {shape}, the lattices have {tuple(shapes)} cells; expected "
            "(S, *shape, C), S fields of any shape, and lattices of equally many axes."
        )
    given = torch.ones((), dtype=torch.float64) if weight is None else weight.double()
    try:
        w = given.to(residual.device).expand(shape)
    except RuntimeError as error:
        raise ValueError(
            f"The weight has shape {tuple(given.shape)}; expected that of the residual, {shape}, "
            "or one that broadcasts to it."
        ) from error
    r = torch.where(w > 0, residual.double(), 0.0)
    if not (torch.isfinite(r).all() and r.any()):
        raise ValueError(
            "The residual is zero throughout or not finite; give truth minus mean of fields that "
            "the mean was not fitted on."
        )
    return r, w


def _equations(
    r: Tensor,
    w: Tensor,
    shapes: Sequence[tuple[int, ...]],
    lags: int,
    periodic: tuple[bool, ...],
) -> tuple[Tensor, Tensor]:
    """Correlation of every lattice, and of the residual, at every lag of every axis.

    Returns:
        Shapes (R, lattices) and (R,), float64, on the CPU. Each axis counts as its part of one, so
        that axes that behave alike are one axis.
    """
    rows = []
    for axis, (size, seam) in enumerate(zip(r.shape[1:-1], periodic, strict=True)):
        count = min(lags, size // 2 if seam else size - 1)
        found = autocorrelation(r, w, axis, count, seam)[1:].cpu()
        known = found.isfinite()
        if known.any():
            laws = [lattice_correlation(s[axis], size, count, seam)[1:] for s in shapes]
            rows.append((torch.stack(laws, dim=1)[known], found[known]))
    if not rows:
        return r.new_zeros(0, len(shapes)).cpu(), r.new_zeros(0).cpu()
    A, b = (torch.cat(part) / math.sqrt(len(rows)) for part in zip(*rows, strict=True))
    return A, b


def _channel_mixing(r: Tensor, w: Tensor) -> Tensor:
    """Lower-triangular factor of the correlation of the channels, (C, C).

    Two channels are compared where both have values.
    """
    root = w.sqrt().flatten(0, -2)
    channels = root * r.flatten(0, -2)
    both = (root.T @ root).cpu()
    covariance = (channels.T @ channels).cpu() / both.clamp(min=1e-300)
    covariance += _RIDGE * covariance.diagonal().max() * torch.eye(len(covariance)).double()
    scale = covariance.diagonal().rsqrt()
    # Gaps can leave a matrix that is no correlation: its negative eigenvalues are raised.
    values, vectors = torch.linalg.eigh(scale[:, None] * covariance * scale)
    correlation = (vectors * values.clamp(min=_RIDGE / 2)) @ vectors.T
    scale = correlation.diagonal().rsqrt()
    return torch.linalg.cholesky(scale[:, None] * correlation * scale)
