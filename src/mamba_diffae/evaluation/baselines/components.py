"""Principal components, ridge regression on them, and averages over boxes as a sparse matrix."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from mamba_diffae.fields import Axis, FieldData, Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ENTRIES = 2**22
"""Entries of the dense matrix that is made sparse at once."""
_AT_ONCE = 256
"""Fields that are scaled at once."""
_ROUNDING = 1e-7
"""Variance, beside the largest, below which a component is rounding."""
_LEADING = 256
"""Modes whose posterior covariance is used in full; of the others only the variances are."""


@final
class Coefficients(NamedTuple):
    """The posterior of the coefficients of M modes, each of prior variance 1.

    Attributes:
        mean: Shape (M,).
        covariance: Of the leading ones, shape (Q, Q), Q <= M.
        variance: Of the others, shape (M - Q,).
    """

    mean: np.ndarray
    covariance: np.ndarray
    variance: np.ndarray

    def spread(self, modes: np.ndarray) -> np.ndarray:
        """Variance of modesᵀ a for modes (..., M), shape (...,)."""
        Q = len(self.covariance)
        leading = modes[..., :Q]
        full = leading @ self.covariance.astype(modes.dtype)
        rest = np.square(modes[..., Q:]) @ self.variance.astype(modes.dtype)
        return np.maximum((full * leading).sum(axis=-1) + rest, 0)


def ridge(A: np.ndarray, residual: np.ndarray, variance: np.ndarray) -> Coefficients:
    """Posterior of a ~ N(0, I) given A a + noise.

    In its dual or its primal form, whichever has the smaller matrix.

    Args:
        A: Modes at K observations, shape (K, M).
        residual: What was observed, shape (K,).
        variance: Of the noise, positive, shape (K,).
    """
    from scipy.linalg import cholesky, solve_triangular

    scale = variance**-0.5
    B, y, (K, M) = A * scale[:, None], residual * scale, A.shape
    Q = min(M, _LEADING)
    if not K or not M:
        return Coefficients(np.zeros(M), np.eye(Q), np.ones(M - Q))
    if K <= M:
        L = cholesky(B @ B.T + np.eye(K), lower=True)
        V = solve_triangular(L, B, lower=True)
        mean = V.T @ solve_triangular(L, y, lower=True)
        covariance = np.eye(Q) - V[:, :Q].T @ V[:, :Q]
        return Coefficients(mean, covariance, 1 - np.square(V[:, Q:]).sum(axis=0))
    L = cholesky(B.T @ B + np.eye(M), lower=True)
    V = solve_triangular(L, np.eye(M), lower=True)
    mean = V.T @ (V @ (B.T @ y))
    return Coefficients(mean, V[:, :Q].T @ V[:, :Q], np.square(V[:, Q:]).sum(axis=0))


def centred(data: FieldData, mirrored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Fields on the [0, 1] scale without their mean, (S, P * C), and the mean, (P * C,).

    In gaps they are 0, and what is known at a place is enlarged so that its variance is that of the
    known fields. A place that no field knows has the mean of its variable.

    Args:
        data: S fields of P cells and C variables.
        mirrored: Whether to add each field mirrored along the last axis: then 2 S.
    """
    parts = [data.values[i : i + _AT_ONCE] for i in range(0, len(data), _AT_ONCE)]
    X = np.concatenate([data.unit_interval(part) for part in parts])
    if data.complete and data.grid.mask is None:
        X = _flat(X, mirrored)
        mean = X.mean(axis=0)
        X -= mean
        return X, mean
    X, known = _flat(X, mirrored), _flat(data.valid_mask(), mirrored)
    X *= known
    total, count = X.sum(axis=0, dtype=np.float64), known.sum(axis=0)
    total_c, count_c = (p.reshape(-1, data.n_variables).sum(axis=0) for p in (total, count))
    usual = np.tile(np.divide(total_c, np.maximum(count_c, 1)), data.grid.cells)
    mean = np.where(count > 0, total / np.maximum(count, 1), usual).astype(np.float32)
    X -= mean
    X *= known * np.sqrt(len(X) / np.maximum(count, 1), dtype=np.float32)
    return X, mean


def mode_weights(X: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """What values are multiplied with before modes are sought, and deviations of the variables.

    It is the root of the area of their cell over the deviation of their variable, so that modes
    depend on no unit; 0 where there is no cell.

    Args:
        X: Centred fields, shape (S, P * C).
        grid: Theirs.

    Returns:
        Shapes (P * C,), float32, and (C,); the deviation is 1 where nothing varies.
    """
    channels = X.shape[1] // grid.cells
    area = grid.weights().ravel() * grid.exists.sum()
    square = np.square(X).mean(axis=0, dtype=np.float64).reshape(-1, channels)
    variance = (square * area[:, None]).sum(axis=0) / area.sum()
    deviation = np.sqrt(np.where(variance > 0, variance, 1))
    return (np.sqrt(area)[:, None] / deviation).ravel().astype(np.float32), deviation


def _flat(fields: np.ndarray, mirrored: bool) -> np.ndarray:
    """Fields (S, *shape, C) as rows, followed by their mirror images if asked."""
    if mirrored:
        fields = np.concatenate([fields, fields[..., ::-1, :]])
    return fields.reshape(len(fields), -1)


def principal_components(X: np.ndarray, count: int) -> np.ndarray:
    """Leading principal components times their standard deviations.

    Args:
        X: Centred data, shape (n, p).
        count: How many.

    Returns:
        Rows whose outer products sum to the covariance of X as nearly as their number allows, shape
        (M, p), M <= min(count, n, p), the largest first, float32; those of no variance are left
        out.
    """
    from scipy.linalg import eigh

    n, p = X.shape
    gram = (X @ X.T if n <= p else X.T @ X).astype(np.float64)
    size = len(gram)
    variance, vectors = eigh(gram / n, subset_by_index=[max(0, size - count), size - 1])
    real = variance > _ROUNDING * max(0.0, variance[-1])
    variance, vectors = variance[real], vectors[:, real]
    if n <= p:
        components = vectors.T.astype(np.float32) @ X / np.float32(n**0.5)
    else:
        components = (vectors * np.sqrt(np.maximum(variance, 0))).T.astype(np.float32)
    return components[::-1]


def box_averages_matrix(grid: Grid, centres: np.ndarray, support: np.ndarray) -> csr_array:
    """The matrix that averages a field on a grid over boxes.

    A support below the cell around is taken as that cell's width; on an axis that is not periodic
    boxes are cut at the border. A box in which no cell exists has a row of zeros.

    Args:
        grid: Of the field, P cells.
        centres: Of the boxes, within the grid, shape (N, D).
        support: Their sides, shape (N, D).

    Returns:
        Shape (N, P); rows sum to 1.
    """
    from scipy.sparse import csr_array, vstack

    shares = [_shares(a, x, s) for a, x, s in zip(grid.axes, centres.T, support.T, strict=True)]
    step, exists = max(1, _ENTRIES // grid.cells), grid.exists.ravel()
    rows = []
    for i in range(0, len(centres), step):
        parts = [share[i : i + step] for share in shares]
        dense = reduce(lambda a, b: (a[:, :, None] * b[:, None]).reshape(len(a), -1), parts)
        dense = np.where(exists, dense, 0)
        total = dense.sum(axis=1, keepdims=True)
        rows.append(csr_array(np.divide(dense, total, out=dense, where=total > 0)))
    return csr_array(vstack(rows))


def _shares(axis: Axis, centre: np.ndarray, side: np.ndarray) -> np.ndarray:
    """What each cell of an axis counts in each box, shape (N, cells)."""
    cell = np.clip(np.searchsorted(axis.edges, centre, side="right") - 1, 0, axis.cells - 1)
    half = np.maximum(side, axis.widths[cell]) / 2
    found = np.zeros((len(centre), axis.cells))
    for turn in (-1, 0, 1) if axis.periodic else (0,):
        middle = (centre + turn * axis.span)[:, None]
        low = np.maximum(axis.edges[:-1], middle - half[:, None])
        high = np.minimum(axis.edges[1:], middle + half[:, None])
        found += np.clip(high - low, 0, None)
    return found * (axis.measures / axis.widths)
