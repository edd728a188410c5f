"""Bins of equally many values, and weighted means in them."""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.weighting import check_weights


def quantile_bins(by: np.ndarray, weights: np.ndarray | None, bins: int) -> np.ndarray:
    """The bin of each value: those of equally many values, from low to high.

    Equal values share a bin, so there are fewer bins where many are equal.

    Args:
        by: Shape (...).
        weights: Of the same shape, or None; what has no weight, or is not finite, is in no bin.
        bins: How many at most.

    Returns:
        Number of the bin, of the shape of `by`, -1 for none.

    Raises:
        ValueError: If the number of bins is below 1, or the shapes differ.
    """
    check_weights(weights, by.shape)
    if bins < 1:
        raise ValueError(f"bins is {bins}; expected 1 or more.")
    counted = np.isfinite(by) if weights is None else np.isfinite(by) & (weights > 0)
    index = np.full(by.shape, -1)
    if counted.any():
        values = by[counted]
        # Edges are values themselves, so no bin is empty.
        inner = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="higher"))
        inner = inner[inner > values.min()]
        index[counted] = np.searchsorted(inner, values, side="right")
    return index


def bin_means(index: np.ndarray, values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted mean of values in each bin, shape (bins,).

    Args:
        index: From `quantile_bins`.
        values: Of the same shape.
        weights: Of the same shape, or None: all values count alike.
    """
    counted = index >= 0
    weight = np.ones(index.shape) if weights is None else weights
    i, w = index[counted], weight[counted]
    return np.bincount(i, w * values[counted]) / np.bincount(i, w)


def bin_shares(index: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Share of the weight in each bin, shape (bins,)."""
    counted = index >= 0
    total = np.bincount(index[counted], None if weights is None else weights[counted])
    return total / total.sum()
