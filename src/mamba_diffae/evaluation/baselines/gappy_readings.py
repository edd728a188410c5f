"""What gappy POD makes of the observations of one field: one reading a place, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from mamba_diffae.evaluation.baselines.components import Coefficients, ridge
from mamba_diffae.fields import Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@final
class Readings(NamedTuple):
    """What was observed of one variable of one field, those of one place averaged.

    Attributes:
        W: Averages over the observed boxes, shape (K, P).
        A: Modes there, shape (K, M).
        residual: Values minus the mean field, shape (K,).
        left: Variance of what the modes leave.
        noise: Variance of the error, shape (K,).
    """

    W: csr_array
    A: np.ndarray
    residual: np.ndarray
    left: float
    noise: np.ndarray

    @property
    def gain(self) -> csr_array:
        """From what the modes leave of the readings to the native cells, shape (P, K).

        Of boxes that do not overlap, the averages of exact values are met.
        """
        from scipy.sparse import diags_array

        overlap = self.W @ (self.W.T @ np.ones(len(self.residual)))
        share = self.left / (self.left + self.noise) / np.where(overlap > 0, overlap, 1)
        return (self.W.T @ diags_array(share)).tocsr()


def posterior(readings: list[Readings]) -> Coefficients:
    """Of the coefficients of the modes, from what was read of every variable of a field."""
    A = np.concatenate([part.A for part in readings])
    variance = np.concatenate([part.left + part.noise for part in readings])
    return ridge(A, np.concatenate([part.residual for part in readings]), variance)


def variance_at(a: Coefficients, part: Readings, modes: np.ndarray, T: csr_array) -> np.ndarray:
    """Posterior variance of one variable at N targets.

    Args:
        a: Posterior of the coefficients.
        part: What was read of the variable.
        modes: At the targets, shape (N, M).
        T: From native cells to targets, shape (N, P).
    """
    gain: csr_array = T @ part.gain
    known = np.clip(gain.sum(axis=1), 0, 1)
    touched = np.flatnonzero(known)
    spread = a.spread(modes)
    if len(touched):
        spread[touched] = a.spread(modes[touched] - (gain[touched] @ part.A).astype(np.float32))
    return spread + part.left * (1 - known)


def merging_matrix(places: np.ndarray, error: np.ndarray | None) -> tuple[csr_array, np.ndarray]:
    """The matrix that averages readings of one place, by precision, and the error's variance.

    Args:
        places: A number for each of N readings.
        error: Variance of each one's error, positive, shape (N,); None: unknown, taken as 0.

    Returns:
        Shapes (K, N) and (K,).
    """
    from scipy.sparse import csr_array

    found, index = np.unique(places, return_inverse=True)
    precision = np.ones(len(places)) if error is None else 1 / error
    total = np.bincount(index, precision, len(found))
    entries = (precision / total[index], (index, np.arange(len(places))))
    matrix = csr_array(entries, shape=(len(found), len(places)))
    return matrix, np.zeros(len(found)) if error is None else 1 / total


def place_numbers(grid: Grid, centres: np.ndarray, support: np.ndarray) -> np.ndarray:
    """A number for each box (N, D): equal for those of one native cell and one size."""
    cells = cells_around(grid, centres)
    index = np.unravel_index(cells, grid.shape)
    widths = np.stack([axis.widths[i] for axis, i in zip(grid.axes, index, strict=True)], axis=-1)
    size = np.round(np.maximum(support / widths, 1), 6)
    return np.unique(np.column_stack([cells, size]), axis=0, return_inverse=True)[1].ravel()


def cells_around(grid: Grid, coords: np.ndarray) -> np.ndarray:
    """Flat index of the cell around each place, shape (N,)."""
    index = [
        np.clip(np.searchsorted(axis.edges, column, side="right") - 1, 0, axis.cells - 1)
        for axis, column in zip(grid.axes, coords.T, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(index, grid.shape))
