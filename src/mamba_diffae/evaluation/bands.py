"""Energy by scale: what a field loses each time it is averaged to half as many cells."""

from __future__ import annotations

import math

import numpy as np

from mamba_diffae.evaluation.weighting import check_weights

_NOTHING = 1e-12
"""Share of all energy that is a rounding of nothing."""


def band_count(shape: tuple[int, ...]) -> int:
    """Bands of fields of a shape: halvings until one cell is left along every axis.

    >>> band_count((96, 96)), band_count((5, 8)), band_count((1,))
    (7, 3, 0)
    """
    return math.ceil(math.log2(max(shape)))


def band_energies(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Energy of the differences between successive area averages, summed over fields, shape (L,).

    Average 0 is the field, average l + 1 has half as many cells along each axis as average l (the
    last cell of an odd number stays alone), by weights. Band l is the difference of the two: waves
    of about 2 to 4 cells of average l. Bands are orthogonal, so they sum to the weighted squared
    deviation from the mean of each field. They need no regular axes and no complete fields.

    >>> band_energies(np.array([[[1.0], [-1.0], [1.0], [-1.0]]]))
    array([4., 0.])

    Args:
        values: Shape (S, *shape, C), in one unit.
        weights: Of the same shape, 0 in gaps, or None: all values count alike.

    Returns:
        From the finest band to the coarsest, float64.

    Raises:
        ShapeError: If the shapes differ.
    """
    check_weights(weights, values.shape)
    weight = np.ones(values.shape) if weights is None else weights.astype(np.float64)
    fine, energies = np.where(weight > 0, values, 0).astype(np.float64), []
    for _ in range(band_count(values.shape[1:-1])):
        mass, total = _paired(fine * weight), _paired(weight)
        coarse = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
        energies.append((weight * np.square(fine - _spread(coarse, fine.shape))).sum())
        fine, weight = coarse, total
    return np.array(energies)


def band_energy_ratio(
    draws: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Energy of draws in each band, mean over draws, over the truth's: 1 where they are alike.

    Below 1 draws are blurred, above 1 they are noisy.

    Args:
        draws: Shape (K, S, *shape, C), in one unit.
        truth: Shape (S, *shape, C).
        weights: Of the truth's shape, 0 in gaps, or None: all values count alike.

    Returns:
        See `band_energies`; nan where the truth has no energy.

    Raises:
        ShapeError: If the shapes differ.
    """
    true = band_energies(truth, weights)
    drawn = np.mean([band_energies(draw, weights) for draw in draws], axis=0)
    some = true > _NOTHING * true.sum()
    return np.divide(drawn, true, out=np.full(len(true), np.nan), where=some)


def _paired(values: np.ndarray) -> np.ndarray:
    """Sums over pairs of cells along every axis of (S, *shape, C); an odd last one stays alone."""
    for axis in range(1, values.ndim - 1):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], 2), axis=axis)
    return values


def _spread(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Each cell at the places of its pair, of the shape (S, *shape, C)."""
    for axis in range(1, len(shape) - 1):
        values = values.take(np.arange(shape[axis]) // 2, axis=axis)
    return values
