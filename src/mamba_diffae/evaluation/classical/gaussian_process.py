"""Kriging: the Gaussian-process mean with an exponential kernel."""

from __future__ import annotations

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
    """A length scale, its log-likelihood, and what the prediction needs of it."""

    likelihood: float
    length: float
    mean: np.ndarray
    weights: np.ndarray


@per_field
def kriging(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """Ordinary kriging: constant unknown mean, kernel exp(-distance / length).

    The mean of each channel is its generalised least-squares estimate. The length scale is the most
    likely of a grid, chosen for each picture and shared by its channels, as is the variance.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3.
    """
    from scipy.spatial.distance import cdist

    distance = cdist(field.coords, field.coords)
    best = max(
        (fit_length(distance, field.values, length) for length in LENGTHS),
        key=lambda f: f.likelihood,
    )
    # Single precision halves the time of what is nearly all of it: the kernel at every target.
    weights, rate = best.weights.astype(np.float32), np.float32(-1 / best.length)
    blocks = np.array_split(targets, 1 + len(targets) * len(weights) // BLOCK)
    kernels = (np.exp(cdist(block, field.coords).astype(np.float32) * rate) for block in blocks)
    return best.mean + np.concatenate([kernel @ weights for kernel in kernels])


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
    variance = max(
        float(((values - mean) * weights).sum()) / values.size, np.finfo(np.float32).tiny
    )
    log_determinant = 2 * np.log(np.diag(factor[0])).sum()
    likelihood = -0.5 * (channels * log_determinant + values.size * np.log(variance))
    return Fit(likelihood, length, mean, weights)
