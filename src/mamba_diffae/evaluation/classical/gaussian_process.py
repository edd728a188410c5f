"""Kriging: the Gaussian-process mean with an exponential kernel, and its standard deviation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mamba_diffae.evaluation.predictor import per_field
from mamba_diffae.fields import SparseField

LENGTHS = np.geomspace(0.03, 2.0, 8)
"""Length scales that are tried, as shares of the side of the picture."""
NUGGET = 1e-6
"""Share of the variance taken as noise: only enough to keep the matrix regular."""
BLOCK = 2**23
"""Kernel values held at once, about 100 MB."""


class Fit(NamedTuple):
    """A length scale, its log-likelihood, and what the prediction needs of it.

    Attributes:
        likelihood: At the best variance.
        length: Of the kernel.
        mean: Of each channel, shape (C,).
        weights: Of the observations' kernels, shape (N, C).
        variance: Of the field, one for all channels.
        factor: Lower Cholesky factor of the observations' correlation, shape (N, N).
    """

    likelihood: float
    length: float
    mean: np.ndarray
    weights: np.ndarray
    variance: float
    factor: np.ndarray


@per_field
def kriging(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """Ordinary kriging: constant unknown mean, kernel exp(-distance / length).

    The mean of each channel is its generalised least-squares estimate. The length scale is the most
    likely of a grid, chosen for each picture and shared by its channels, as is the variance.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3.
    """
    best = _most_likely(field)
    weights = best.weights.astype(np.float32)
    kernels = _kernels(best, field, targets)
    return best.mean + np.concatenate([kernel @ weights for kernel in kernels])


@per_field
def kriging_deviation(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """Standard deviation of ordinary kriging at the targets, the same for every channel.

    It includes what the unknown mean adds, not the uncertainty of length scale and variance. Ask it
    at the observed cells or finer: the average over coarser cells has another one.

    Reference:
        Cressie (1993), Statistics for Spatial Data, section 3.2.
    """
    from scipy.linalg import solve_triangular

    best = _most_likely(field)
    ones = solve_triangular(best.factor, np.ones(len(best.factor)), lower=True)
    left = []
    for kernel in _kernels(best, field, targets):
        solved = solve_triangular(best.factor, kernel.T, lower=True)
        explained = np.square(solved).sum(axis=0)
        left.append(1 - explained + np.square(1 - ones @ solved) / (ones @ ones))
    std = np.sqrt(best.variance * np.maximum(np.concatenate(left), 0))
    return np.repeat(std[:, None], field.values.shape[1], axis=1)


def _most_likely(field: SparseField) -> Fit:
    from scipy.spatial.distance import cdist

    distance = cdist(field.coords, field.coords)
    fits = (fit_length(distance, field.values, length) for length in LENGTHS)
    return max(fits, key=lambda fit: fit.likelihood)


def _kernels(fit: Fit, field: SparseField, targets: np.ndarray) -> Iterator[np.ndarray]:
    """The correlation of targets and observations, (m, N), block by block."""
    from scipy.spatial.distance import cdist

    # Single precision halves the time of what is nearly all of it: the kernel at every target.
    rate = np.float32(-1 / fit.length)
    for block in np.array_split(targets, 1 + len(targets) * len(field.coords) // BLOCK):
        yield np.exp(cdist(block, field.coords).astype(np.float32) * rate)


def fit_length(distance: np.ndarray, values: np.ndarray, length: float) -> Fit:
    """Mean and weights for one length scale, with the likelihood at its best variance.

    Args:
        distance: Between all observations, shape (N, N).
        values: Shape (N, C); channels are independent fields of one length scale and variance.
        length: In the unit of `distance`.
    """
    from scipy.linalg import cho_factor, cho_solve

    n, channels = values.shape
    factor = cho_factor(np.exp(-distance / length) + NUGGET * np.eye(n), lower=True)
    solved = cho_solve(factor, np.column_stack([np.ones(n), values]))
    mean = solved[:, 1:].sum(axis=0) / solved[:, 0].sum()
    weights = solved[:, 1:] - solved[:, :1] * mean
    tiny = float(np.finfo(np.float32).tiny)
    variance = max(float(((values - mean) * weights).sum()) / values.size, tiny)
    log_determinant = 2 * np.log(np.diag(factor[0])).sum()
    likelihood = -0.5 * (channels * log_determinant + values.size * np.log(variance))
    return Fit(likelihood, length, mean, weights, variance, factor[0])
