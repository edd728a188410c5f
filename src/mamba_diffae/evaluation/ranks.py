"""The rank of the truth among draws: uniform if they are calibrated, whatever is predicted.

Many data have atoms: exactly white cells, hours without rain, 8-bit steps. Closed intervals that
end in an atom cover more than their level, even those of perfect draws. So draws are clipped to the
bounds of the data and rounded to their step, and ties are broken at random: then ranks are uniform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation.binning import bin_means, bin_shares, quantile_bins
from mamba_diffae.evaluation.calibration import check_ensemble
from mamba_diffae.evaluation.intervals import Interval, bootstrap_interval
from mamba_diffae.evaluation.weighting import check_weights, weighted_mean
from mamba_diffae.fields import ShapeError
from mamba_diffae.fields.functional import check_level

UNBOUNDED = (-np.inf, np.inf)
Seed = int | Sequence[int]


def randomised_ranks(
    draws: np.ndarray,
    truth: np.ndarray,
    *,
    seed: Seed,
    bounds: tuple[float, float] = UNBOUNDED,
    step: float | None = None,
) -> np.ndarray:
    """Rank of the truth among K draws as a number in (0, 1), uniform if it is like them.

    With b draws below the truth and t equal to it, (b + u (t + 1)) / (K + 1), u uniform: the rank
    among the ties is random, and so is the place within a rank.

    Args:
        draws: Shape (K, ...); NaN in gaps does no harm.
        truth: Shape (...).
        seed: Same seed, same ranks.
        bounds: Least and greatest value of the data; both sides are clipped to them.
        step: Of which differences of data are multiples, see `value_step`; draws are rounded to it.

    Returns:
        Of the truth's shape; of no meaning in gaps.

    Raises:
        ShapeError: If there are fewer than two draws, or the shapes differ.

    Reference:
        Hamill (2001), Interpretation of rank histograms for verifying ensemble forecasts.
        https://doi.org/10.1175/1520-0493%282001%29129%3C0550:IORHFV%3E2.0.CO;2; Czado, Gneiting &
        Held (2009), Predictive model assessment for count data.
        https://doi.org/10.1111/j.1541-0420.2009.01191.x
    """
    check_ensemble(draws, truth)
    true = np.clip(truth.astype(np.float64), *bounds)
    below, ties = np.zeros(truth.shape), np.zeros(truth.shape)
    for draw in draws:
        # A data value is a whole number of steps from any other one, so from the true one.
        apart = np.clip(draw.astype(np.float64), *bounds) - true
        apart = apart if step is None else np.rint(apart / step)
        below += apart < 0
        ties += apart == 0
    uniform = np.random.default_rng(seed).random(truth.shape)
    return (below + uniform * (ties + 1)) / (len(draws) + 1)


def gaussian_ranks(
    mean: np.ndarray,
    std: np.ndarray,
    truth: np.ndarray,
    *,
    seed: Seed,
    bounds: tuple[float, float] = UNBOUNDED,
    step: float | None = None,
) -> np.ndarray:
    """The same for N(mean, std²): its distribution function at the truth.

    Clipped and rounded it has atoms; in one of them the rank is uniform between the probabilities
    below it and up to it.

    Args:
        mean: Shape (...).
        std: Of the same shape, not negative.
        truth: Of the same shape.
        seed: Same seed, same ranks.
        bounds: See `randomised_ranks`.
        step: See `randomised_ranks`.

    Returns:
        Of the truth's shape, in [0, 1]; of no meaning in gaps.

    Reference:
        Czado, Gneiting & Held (2009). https://doi.org/10.1111/j.1541-0420.2009.01191.x
    """
    from scipy.special import ndtr

    (low, high), half = bounds, 0.0 if step is None else step / 2
    true = np.clip(truth.astype(np.float64), low, high)
    std = np.maximum(std, np.finfo(np.float32).tiny)
    under, upto = (ndtr((true + side - mean) / std) for side in (-half, half))
    under, upto = np.where(true - half <= low, 0, under), np.where(true + half >= high, 1, upto)
    return under + np.random.default_rng(seed).random(truth.shape) * (upto - under)


def covered(ranks: np.ndarray, level: float) -> np.ndarray:
    """Whether the truth lies in the central interval of a level, of the ranks' shape, bool."""
    check_level(level)
    return np.abs(ranks - 0.5) <= level / 2


def coverage_interval(
    ranks: np.ndarray,
    level: float,
    groups: np.ndarray,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> Interval:
    """Coverage of a central interval: mean over fields, and its 95 % interval over groups.

    Args:
        ranks: Shape (S, ...).
        level: Probability of the central interval, in (0, 1).
        groups: Of each field, shape (S,): see `bootstrap_interval`.
        weights: Shape (S, ...), or None: all values count alike.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the level is not in (0, 1), or the shapes differ.
    """
    check_weights(weights, ranks.shape)
    shares = weighted_mean(covered(ranks, level), weights, tuple(range(1, ranks.ndim)))
    known = ~np.isnan(shares)
    return bootstrap_interval(shares[known], groups[known], seed=seed)


@final
@dataclass(frozen=True)
class CoverageBins:
    """Coverage of central intervals where something, such as a distance, is small or large.

    Attributes:
        by: Mean of that in each bin, in its unit.
        share: Of the weight in each bin.
        levels: Probabilities of the central intervals.
        coverage: For each level, share of the truth that is covered in each bin.
    """

    by: tuple[float, ...]
    share: tuple[float, ...]
    levels: tuple[float, ...]
    coverage: tuple[tuple[float, ...], ...]


def coverage_by(
    ranks: np.ndarray,
    by: np.ndarray,
    levels: Sequence[float],
    weights: np.ndarray | None = None,
    bins: int = 8,
) -> CoverageBins:
    """Coverage in bins of equally many values.

    Args:
        ranks: Shape (...).
        by: What the bins are of, such as the distance to the nearest observation; the same shape.
            What is not finite is in no bin.
        levels: Probabilities of central intervals, in (0, 1).
        weights: Of the same shape, or None: all values count alike.
        bins: How many at most.

    Raises:
        ValueError: If a level is not in (0, 1), or the shapes differ.
    """
    if by.shape != ranks.shape:
        raise ShapeError(
            f"Ranks of shape {ranks.shape} were given with distances of shape {by.shape}; expected "
            "one for each rank."
        )
    index = quantile_bins(by, weights, bins)
    found = (bin_means(index, covered(ranks, level), weights) for level in levels)
    return CoverageBins(
        tuple(bin_means(index, by, weights).tolist()),
        tuple(bin_shares(index, weights).tolist()),
        tuple(levels),
        tuple(tuple(shares.tolist()) for shares in found),
    )


def rank_histogram(
    ranks: np.ndarray, weights: np.ndarray | None = None, bins: int = 20
) -> np.ndarray:
    """Share of the truth in equal parts of the ranks: flat if calibrated, shape (bins,).

    Highest at both ends: too little spread; in the middle: too much; at one end: a bias.

    Args:
        ranks: Shape (...).
        weights: Of the same shape, or None: all values count alike.
        bins: How many.
    """
    check_weights(weights, ranks.shape)
    counted = np.ones(ranks.shape, bool) if weights is None else weights > 0
    weight = None if weights is None else weights[counted]
    total, _ = np.histogram(ranks[counted], bins=bins, range=(0, 1), weights=weight)
    return total / total.sum()


def reliability_index(histogram: np.ndarray) -> float:
    """How far a rank histogram (n,) is from flat: Σ |share - 1 / n|, 0 if flat, below 2.

    Reference:
        Delle Monache et al. (2006). https://doi.org/10.1029/2005JD006917
    """
    return float(np.abs(histogram - 1 / len(histogram)).sum())
