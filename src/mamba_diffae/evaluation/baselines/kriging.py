"""Kriging: the Gaussian-process mean with an exponential kernel, and its standard deviation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple, final

import numpy as np

from mamba_diffae.evaluation.baselines.per_field import Estimate, PerField, Samples, check_count
from mamba_diffae.evaluation.baselines.space import Places

LENGTHS = np.geomspace(0.03, 2.0, 8)
"""Length scales that are tried, as shares of the longest axis."""
NUGGET = 1e-6
"""Share of the variance taken as noise: only enough to keep the matrix regular."""
BLOCK = 2**23
"""Kernel values held at once, about 100 MB."""


class Solution(NamedTuple):
    """The variables that share their places, for one length scale.

    Attributes:
        mean: Of each variable, shape (V,).
        weights: Of the observations' kernels, shape (N, V).
        misfit: Squared deviations from the mean, each weighted by the inverse correlation, summed.
        log_determinant: Of the correlation of the observations.
        factor: Its lower Cholesky factor, shape (N, N).
    """

    mean: np.ndarray
    weights: np.ndarray
    misfit: float
    log_determinant: float
    factor: np.ndarray


class Fit(NamedTuple):
    """A length scale, its log-likelihood at the best variance, and what it makes of all variables.

    Attributes:
        likelihood: Of the observations.
        length: Of the kernel.
        variance: Of all variables, each divided by its deviation.
        parts: One for each set of variables that share their places.
    """

    likelihood: float
    length: float
    variance: float
    parts: Sequence[Solution]


@final
class Kriging(PerField):
    """Ordinary kriging: constant unknown mean, kernel exp(-distance / length).

    The mean of each variable is its generalised least-squares estimate. Variables are divided by
    their deviation, over the training fields or, unfitted, over the observations of the field. Then
    they share the variance and the length scale, the most likely of a grid, chosen for each field.
    The observations count as exact. At most `DENSE_LIMIT` of a field are taken.

    The standard deviation includes what the unknown mean adds, not the uncertainty of length scale
    and variance. Of a cell wider than the observed ones it is the mean over its parts, an upper
    bound.

    Args:
        with_std: Whether to compute the standard deviation, which takes longer than the mean.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3, in particular section 3.2.
    """

    name: ClassVar[str] = "kriging"

    def __init__(self, with_std: bool = True) -> None:
        super().__init__()
        self.with_std = with_std

    def estimate(
        self, samples: Sequence[Samples], targets: Places, deviation: np.ndarray | None
    ) -> list[Estimate]:
        """See `PerField.estimate`."""
        for part in samples:
            check_count(part, self.name)
        scales = [_scale(part, deviation) for part in samples]
        best = most_likely(samples, scales)
        return [
            self._estimate(best, solution, part, scale, targets)
            for solution, part, scale in zip(best.parts, samples, scales, strict=True)
        ]

    def _estimate(
        self, best: Fit, solution: Solution, part: Samples, scale: np.ndarray, targets: Places
    ) -> Estimate:
        weights = solution.weights.astype(np.float32)
        means, left = [], []
        for kernel in _kernels(best.length, part, targets):
            means.append(solution.mean + (kernel @ weights).astype(np.float64) * scale)
            left += [_left(solution.factor, kernel)] if self.with_std else []
        mean = np.concatenate(means)
        if not self.with_std:
            return Estimate(mean)
        share = np.maximum(np.concatenate(left), 0)
        return Estimate(mean, np.sqrt(best.variance * share)[:, None] * scale)


def most_likely(samples: Sequence[Samples], scales: Sequence[np.ndarray]) -> Fit:
    """The most likely length scale for all variables of a field.

    Args:
        samples: One entry for each set of variables that share their places.
        scales: By which their values are divided, one array (V,) for each entry.
    """
    from scipy.spatial.distance import cdist

    distances = [cdist(part.places.embedded, part.places.embedded) for part in samples]
    parts = list(zip(distances, (part.values for part in samples), scales, strict=True))
    fits = (_fit(parts, float(length)) for length in LENGTHS)
    return max(fits, key=lambda fit: fit.likelihood)


def solve(distance: np.ndarray, values: np.ndarray, scale: np.ndarray, length: float) -> Solution:
    """Mean and weights of variables observed at the same places, for one length scale.

    Args:
        distance: Between all observations, shape (N, N).
        values: Shape (N, V).
        scale: By which the values are divided, shape (V,).
        length: In the unit of `distance`.
    """
    from scipy.linalg import cho_factor, cho_solve

    n = len(values)
    middle = values.mean(axis=0)  # a large offset costs no digits
    scaled = (values - middle) / scale
    factor = cho_factor(np.exp(-distance / length) + NUGGET * np.eye(n), lower=True)
    solved = cho_solve(factor, np.column_stack([np.ones(n), scaled]))
    mean = solved[:, 1:].sum(axis=0) / solved[:, 0].sum()
    weights = solved[:, 1:] - solved[:, :1] * mean
    misfit = float(((scaled - mean) * weights).sum())
    log_determinant = 2 * float(np.log(np.diag(factor[0])).sum())
    return Solution(middle + scale * mean, weights, misfit, log_determinant, factor[0])


def _fit(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], length: float) -> Fit:
    """The likelihood of one length scale; variables are independent fields of one variance."""
    solutions = [solve(*part, length) for part in parts]
    shapes = [part[1].shape for part in parts]
    count, tiny = sum(n * v for n, v in shapes), float(np.finfo(np.float32).tiny)
    variance = max(sum(s.misfit for s in solutions) / count, tiny)
    determinants = (v * s.log_determinant for s, (_, v) in zip(solutions, shapes, strict=True))
    likelihood = -0.5 * (sum(determinants) + count * float(np.log(variance)))
    return Fit(likelihood, length, variance, solutions)


def _scale(part: Samples, deviation: np.ndarray | None) -> np.ndarray:
    """What the values of each variable are divided by, shape (V,), positive."""
    if deviation is not None:
        return deviation[part.variables]
    own = part.values.std(axis=0)
    return np.where(own > 1e-12 * np.abs(part.values).max(axis=0), own, 1)


def _kernels(length: float, part: Samples, targets: Places) -> Iterator[np.ndarray]:
    """The correlation of targets and observations, (m, N), block by block."""
    from scipy.spatial.distance import cdist

    # Single precision halves the time of what is nearly all of it: the kernel at every target.
    rate = np.float32(-1 / length)
    seen, asked = part.places.embedded, targets.embedded
    for block in np.array_split(asked, 1 + len(asked) * len(seen) // BLOCK):
        yield np.exp(cdist(block, seen).astype(np.float32) * rate)


def _left(factor: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Share of the variance that is left at some targets, shape (m,)."""
    from scipy.linalg import solve_triangular

    ones = solve_triangular(factor, np.ones(len(factor)), lower=True)
    solved = solve_triangular(factor, kernel.T, lower=True)
    explained = np.square(solved).sum(axis=0)
    return 1 - explained + np.square(1 - ones @ solved) / (ones @ ones)
