"""Principal components, and averages over observed boxes as a sparse matrix."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from mamba_diffae.fields import Axis, Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ENTRIES = 2**22
"""Entries of the dense matrix that is made sparse at once."""


def principal_components(X: np.ndarray, count: int) -> np.ndarray:
    """Leading principal components times their standard deviations.

    Args:
        X: Centred data, shape (n, p).
        count: How many.

    Returns:
        Rows whose outer products sum to the covariance of X as nearly as their number allows, shape
        (min(count, n, p), p), the largest first, float32.
    """
    from scipy.linalg import eigh

    n, p = X.shape
    gram = (X @ X.T if n <= p else X.T @ X).astype(np.float64)
    size = len(gram)
    variance, vectors = eigh(gram / n, subset_by_index=[max(0, size - count), size - 1])
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
