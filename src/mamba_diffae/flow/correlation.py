"""The law of x_0 from examples: lattices and a mixing of channels that correlate as they do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mamba_diffae.flow.noise import NoiseLaw, node_weights

_SUM_TO_ONE = 1e3
"""Weight of the equation that the weights sum to 1, beside one for each lag."""
_RIDGE = 1e-6
"""Share of the largest variance added to each channel: one that never varies stays independent."""


def octaves(size: int, count: int = 4) -> tuple[int, ...]:
    """Lattices from the native size down, each half as fine as the last.

    Args:
        size: Native pixels a side; a lattice of so many cells is white at the pixels.
        count: How many, fewer where they would fall below one cell.
    """
    return tuple(size >> i for i in range(count) if size >> i)


def lattice_correlation(cells: int, size: int, lags: int) -> Tensor:
    """Correlation of lattice noise between pixels along one axis, averaged over their places.

    Two places correlate by the product of their weights at the nodes they share; on several axes
    the correlation is the product over the axes.

    Args:
        cells: Lattice cells a side.
        size: Pixels a side.
        lags: Greatest distance in pixels, below `size`.

    Returns:
        At distances 0 to `lags`, shape (lags + 1,), float64.
    """
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    corner, weights = node_weights(centres, cells)
    nodes = torch.zeros(size, cells + 2, dtype=torch.float64)
    for offset, weight in enumerate(weights):
        nodes[torch.arange(size), corner + 1 + offset] = weight
    covariance = nodes @ nodes.T
    return torch.stack([covariance.diagonal(lag).mean() for lag in range(lags + 1)])


def autocorrelation(residual: Tensor, lags: int) -> Tensor:
    """Correlation between pixels of fields of mean zero along their axes.

    Pooled over fields, places, channels and axes: where a residual is large, it counts.

    Args:
        residual: Shape (S, n, ..., n, C).
        lags: Greatest distance in pixels, below n.

    Returns:
        At distances 0 to `lags`, shape (lags + 1,), float64.
    """
    r = residual.double()
    found = [torch.ones((), dtype=torch.float64, device=r.device)]
    for lag in range(1, lags + 1):
        pairs = [
            (r.narrow(axis, 0, r.shape[axis] - lag), r.narrow(axis, lag, r.shape[axis] - lag))
            for axis in range(1, r.ndim - 1)
        ]
        found.append(torch.stack([(a * b).sum() / (a.norm() * b.norm()) for a, b in pairs]).mean())
    return torch.stack(found)


def fit_noise_law(residual: Tensor, cells: Sequence[int], lags: int = 8) -> NoiseLaw:
    """The law whose correlation is nearest to that of what a mean leaves open.

    The weights are a non-negative least-squares fit to the autocorrelation; the mixing is the
    Cholesky factor of the correlation of the channels.

    Args:
        residual: Truth minus mean of unseen fields, shape (S, n, ..., n, C), in any one unit.
        cells: Cells a side of the lattices, such as `octaves(n)`.
        lags: Distances in pixels that are fitted, 1 to so many.

    Raises:
        ValueError: If the residual has another shape, is not finite or zero throughout.
    """
    from scipy.optimize import nnls

    shape = tuple(residual.shape)
    if len(shape) < 3 or len(set(shape[1:-1])) != 1 or 0 in shape or shape[1] < 2:
        raise ValueError(
            f"The residual has shape {shape}; expected (S, n, ..., n, C): S fields of n pixels a "
            "side, 2 or more."
        )
    r = residual.double()
    if not (torch.isfinite(r).all() and r.any()):
        raise ValueError(
            "The residual is zero throughout or not finite; give truth minus mean of fields that "
            "the mean was not fitted on."
        )
    lags = min(lags, shape[1] - 1)
    A = torch.stack([lattice_correlation(c, shape[1], lags) for c in cells], dim=1)
    b = autocorrelation(r, lags).cpu()
    # At distance 0 every lattice has 1: that equation holds the sum of the weights.
    importance = torch.ones(lags + 1, dtype=torch.float64)
    importance[0] = _SUM_TO_ONE
    weights, _ = nnls((A * importance[:, None]).numpy(), (b * importance).numpy())
    kept = [(c, float(w / weights.sum())) for c, w in zip(cells, weights, strict=True) if w > 0]
    mixing = tuple(tuple(row) for row in _channel_mixing(r).tolist())
    return NoiseLaw(tuple(c for c, _ in kept), tuple(w for _, w in kept), mixing)


def _channel_mixing(r: Tensor) -> Tensor:
    """Lower-triangular factor of the correlation of the channels, (C, C)."""
    channels = r.flatten(0, -2).cpu()
    covariance = channels.T @ channels / len(channels)
    covariance += _RIDGE * covariance.diagonal().max() * torch.eye(len(covariance)).double()
    scale = covariance.diagonal().rsqrt()
    return torch.linalg.cholesky(scale[:, None] * covariance * scale)
