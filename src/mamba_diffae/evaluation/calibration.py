"""Is the spread right? Scores of an ensemble of draws, or of a Gaussian, against the truth.

Every array is in one unit, that of a variable or the [0, 1] scale; CRPS has the same. Weights have
the shape of the truth: the area of each cell, and 0 in gaps, where nothing is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation.binning import bin_means, bin_shares, quantile_bins
from mamba_diffae.evaluation.weighting import check_weights, known, weighted_mean
from mamba_diffae.fields import ShapeError
from mamba_diffae.fields.functional import tails


def crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Fair continuous ranked probability score of an ensemble (lower is better).

    mean |x_k - y| - Σ_{j<k} |x_j - x_k| / (K (K - 1)): its expectation does not depend on the
    number of draws, K, so that ensembles of any size compare. Sorting takes the double sum to
    O(K log K).

    Args:
        draws: Shape (K, ...).
        truth: Shape (...).

    Returns:
        Score at every value, of the truth's shape, float64; single ones may be below zero.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Ferro (2014). https://doi.org/10.1002/qj.2270; Zamo & Naveau (2018).
        https://doi.org/10.1007/s11004-017-9709-7
    """
    check_ensemble(draws, truth)
    K = len(draws)
    ordered = np.sort(draws, axis=0)
    ranks = 2 * np.arange(1, K + 1) - K - 1
    spread = np.tensordot(ranks / (K * (K - 1)), ordered, axes=1)
    return np.abs(draws - truth).mean(axis=0, dtype=np.float64) - spread


def coverage(
    draws: np.ndarray, truth: np.ndarray, level: float = 0.9, weights: np.ndarray | None = None
) -> float:
    """Share of true values inside the central interval of the draws; it should equal `level`.

    The interval is between order statistics at ranks (K + 1) (1 ± level) / 2: were the truth a draw
    like the others, it would lie inside with probability `level`. Fewer draws than (1 + level) /
    (1 - level), 19 for 0.9, do not span that; then it is their range, of level (K - 1) / (K + 1).

    Args:
        draws: Shape (K, ...).
        truth: Shape (...).
        level: Probability of the interval, in (0, 1).
        weights: Of the truth's shape, or None: all values count alike.

    Raises:
        ValueError: If there are fewer than two draws, the shapes differ, or the level is not in
            (0, 1).
    """
    check_ensemble(draws, truth)
    check_weights(weights, truth.shape)
    low, high = np.quantile(known(draws, weights), tails(level), axis=0, method="weibull")
    return float(weighted_mean((low <= truth) & (truth <= high), weights))


def spread_skill(draws: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Spread of the draws over the error of their mean: 1 if calibrated, below 1 overconfident.

    Args:
        draws: Shape (K, ...).
        truth: Shape (...).
        weights: Of the truth's shape, or None: all values count alike.

    Returns:
        Ratio of root mean squares, corrected for the number of draws; nan without an error.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Fortin et al. (2014). https://doi.org/10.1175/JHM-D-14-0008.1
    """
    check_ensemble(draws, truth)
    check_weights(weights, truth.shape)
    K, draws, truth = len(draws), known(draws, weights), known(truth, weights)
    variance = draws.var(axis=0, ddof=1, dtype=np.float64)
    spread = (K + 1) / K * weighted_mean(variance, weights)
    squared = np.square(draws.mean(axis=0, dtype=np.float64) - truth)
    error = weighted_mean(squared, weights)
    return float(np.sqrt(spread / error)) if error > 0 else float("nan")


@final
@dataclass(frozen=True)
class SpreadSkillBins:
    """Error against spread, in bins of about one spread: equal if calibrated.

    Attributes:
        share: Of the weight in each bin.
        spread: Root mean square deviation in each bin, rising.
        error: Root mean square error of the mean in each bin, in the same unit.
    """

    share: tuple[float, ...]
    spread: tuple[float, ...]
    error: tuple[float, ...]


def spread_skill_bins(
    draws: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    mean: np.ndarray | None = None,
    bins: int = 10,
) -> SpreadSkillBins:
    """Root mean square error in bins of equally many values of about the same spread.

    Few draws state a spread with a sampling error, by which a bin would select. So with four draws
    or more one half of them says the bin, and the other half the spread in it; and the other way
    round.

    Args:
        draws: Shape (K, ...).
        truth: Shape (...).
        weights: Of the truth's shape, or None: all values count alike.
        mean: Posterior mean, of the truth's shape; None: that of the draws, whose squared error is
            divided by 1 + 1/K.
        bins: How many at most.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Leutbecher & Palmer (2008). https://doi.org/10.1016/j.jcp.2007.02.014; Fortin et al. (2014).
        https://doi.org/10.1175/JHM-D-14-0008.1
    """
    check_ensemble(draws, truth)
    K = len(draws)
    centre = draws.mean(axis=0, dtype=np.float64) if mean is None else mean
    squared = np.square(centre - truth) / (1 + 1 / K if mean is None else 1)
    a, b = (_variance(part) for part in ((draws[::2], draws[1::2]) if K > 3 else (draws, draws)))
    twice = None if weights is None else np.stack([weights, weights])
    return _binned(np.stack([a, b]), np.stack([b, a]), np.stack([squared, squared]), twice, bins)


def gaussian_spread_skill_bins(
    mean: np.ndarray,
    std: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    bins: int = 10,
) -> SpreadSkillBins:
    """The same for a stated deviation; arrays of one shape."""
    return _binned(std, np.square(std), np.square(mean - truth), weights, bins)


def _binned(
    by: np.ndarray,
    variance: np.ndarray,
    squared: np.ndarray,
    weights: np.ndarray | None,
    bins: int,
) -> SpreadSkillBins:
    index = quantile_bins(by, weights, bins)
    spread, error = (np.sqrt(bin_means(index, part, weights)) for part in (variance, squared))
    share = bin_shares(index, weights)
    return SpreadSkillBins(tuple(share.tolist()), tuple(spread.tolist()), tuple(error.tolist()))


def _variance(draws: np.ndarray) -> np.ndarray:
    """Unbiased, of draws (K, ...), without copies of all of them in double precision."""
    first, second = np.zeros(draws.shape[1:]), np.zeros(draws.shape[1:])
    for draw in draws[1:]:
        apart = draw.astype(np.float64) - draws[0]
        first += apart
        second += np.square(apart)
    return np.maximum(second - np.square(first) / len(draws), 0) / (len(draws) - 1)


def gaussian_crps(mean: np.ndarray, std: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of N(mean, std²), in closed form.

    Args:
        mean: Shape (...).
        std: Shape that broadcasts to the mean's; not negative.
        truth: Shape (...).

    Returns:
        Score at every value, of the truth's shape.

    Reference:
        Gneiting & Raftery (2007), eq. 21. https://doi.org/10.1198/016214506000001437
    """
    from scipy.special import ndtr

    std = np.maximum(std, np.finfo(np.float32).tiny)  # at 0 the score is the absolute error
    z = (truth - mean) / std
    density = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)
    return std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))


def gaussian_coverage(
    mean: np.ndarray,
    std: np.ndarray,
    truth: np.ndarray,
    level: float = 0.9,
    weights: np.ndarray | None = None,
) -> float:
    """Share of true values inside the central interval of N(mean, std²).

    Args:
        mean: Shape (...).
        std: Shape that broadcasts to the mean's; not negative.
        truth: Shape (...).
        level: Probability of the interval, in (0, 1).
        weights: Of the truth's shape, or None: all values count alike.

    Raises:
        ValueError: If the level is not in (0, 1), or the shapes differ.
    """
    from scipy.special import ndtri

    check_weights(weights, truth.shape)
    inside = np.abs(known(truth - mean, weights)) <= ndtri(tails(level)[1]) * std
    return float(weighted_mean(inside, weights))


def check_ensemble(draws: np.ndarray, truth: np.ndarray) -> None:
    """Refuse draws that are not two or more for each true value.

    Raises:
        ShapeError: As said.
    """
    if len(draws) < 2 or draws.shape[1:] != truth.shape:
        raise ShapeError(
            f"Draws of shape {draws.shape} were given for a truth of shape {truth.shape}; expected "
            f"(K, {', '.join(map(str, truth.shape))}) with K of 2 or more."
        )
