"""Proper scores of whole fields: they see whether the cells of a draw belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mamba_diffae.evaluation.calibration import check_ensemble
from mamba_diffae.evaluation.weighting import check_weights


def energy_score(
    draws: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Fair energy score of an ensemble of fields (lower is better): the CRPS of a whole field.

    mean |x_k - y| - Σ_{j<k} |x_j - x_k| / (K (K - 1)) with the norm |x|² = Σ w x² / Σ w over all
    cells and variables. Its expectation does not depend on the number of draws, K.

    Args:
        draws: Shape (K, S, *shape, C), in one unit.
        truth: Shape (S, *shape, C).
        weights: Of the truth's shape, 0 in gaps, or None: all values count alike.

    Returns:
        Score of each field in the unit of the values, shape (S,); nan where nothing is known.

    Raises:
        ShapeError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Gneiting & Raftery (2007), section 4.3. https://doi.org/10.1198/016214506000001437; Ferro
        (2014). https://doi.org/10.1002/qj.2270
    """
    check_ensemble(draws, truth)
    check_weights(weights, truth.shape)
    scores = np.full(len(truth), np.nan)
    for s in range(len(truth)):
        w = np.ones(truth[s].shape) if weights is None else weights[s]
        here = w > 0
        if here.any():
            root = np.sqrt(w[here] / w[here].sum(dtype=np.float64))
            apart = (draws[:, s][:, here] - truth[s][here]) * root
            scores[s] = _energy(apart.astype(np.float64))
    return scores


def _energy(apart: np.ndarray) -> float:
    """The score from weighted differences of draws and truth, shape (K, n)."""
    K, gram = len(apart), apart @ apart.T
    square = np.diag(gram)
    pairs = np.sqrt(np.maximum(square[:, None] + square - 2 * gram, 0))
    np.fill_diagonal(pairs, 0)  # what rounding leaves there is nothing
    return float(np.sqrt(square).mean() - pairs.sum() / (2 * K * (K - 1)))


def variogram_score(
    draws: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    order: float = 0.5,
    reach: int = 3,
) -> np.ndarray:
    """Fair variogram score of an ensemble of fields (lower is better): are differences right?

    Σ w_ij (|y_i - y_j|^p - mean_k |x_ki - x_kj|^p)² / Σ w_ij over pairs of cells that are 1 to
    `reach` cells apart along an axis, w_ij their mean weight over that distance. The variance of
    the mean over K draws is subtracted, so that the expectation does not depend on K. Where the
    energy score hardly sees wrong correlations, this one does; a bias common to all cells it does
    not see.

    Args:
        draws: Shape (K, S, *shape, C), in one unit.
        truth: Shape (S, *shape, C).
        weights: Of the truth's shape, 0 in gaps, or None: all values count alike.
        order: The power p.
        reach: Largest distance of a pair, in cells.

    Returns:
        Score of each field in the unit of the values to the power 2 p, shape (S,); nan where no
        pair is known.

    Raises:
        ShapeError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Scheuerer & Hamill (2015). https://doi.org/10.1175/MWR-D-14-00269.1
    """
    check_ensemble(draws, truth)
    check_weights(weights, truth.shape)
    scores = np.full(len(truth), np.nan)
    for s in range(len(truth)):
        w = np.ones(truth[s].shape) if weights is None else weights[s]
        mass = total = 0.0
        for near, far, apart in _pairs(truth[s].shape[:-1], reach):
            both = np.where((w[near] > 0) & (w[far] > 0), (w[near] + w[far]) / (2 * apart), 0)
            true = np.abs(truth[s][near] - truth[s][far], dtype=np.float64) ** order
            drawn = np.abs(draws[:, s][:, *near] - draws[:, s][:, *far]) ** order
            variance = drawn.var(axis=0, ddof=1, dtype=np.float64) / len(draws)
            squared = np.square(true - drawn.mean(axis=0, dtype=np.float64)) - variance
            mass += float(np.where(both > 0, both * squared, 0).sum())
            total += float(both.sum())
        scores[s] = mass / total if total > 0 else np.nan
    return scores


def _pairs(
    shape: tuple[int, ...], reach: int
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...], int]]:
    """Slices of the nearer and the farther cells of all pairs along an axis, and their distance."""
    for axis, cells in enumerate(shape):
        before = (slice(None),) * axis
        for apart in range(1, min(reach, cells - 1) + 1):
            yield (*before, slice(cells - apart)), (*before, slice(apart, cells)), apart
