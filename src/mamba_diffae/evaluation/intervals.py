"""The interval of a mean over fields, some of which are copies of one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Interval:
    """A mean and the limits between which it lies with the level asked."""

    mean: float
    low: float
    high: float


def bootstrap_interval(
    scores: np.ndarray,
    groups: np.ndarray,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over fields, and its percentile interval when whole groups are drawn anew.

    Copies of one field are not independent: a group is in a resample with all its copies or not at
    all, so that six skin tones widen the interval as one picture would, not narrow it as six.

    Args:
        scores: One score a field, shape (S,).
        groups: The group of each field, shape (S,).
        level: Probability that the interval covers, in (0, 1).
        resamples: How often the groups are drawn with replacement.
        seed: Same seed, same interval.

    Raises:
        ValueError: If there are no scores, the shapes differ or the level is not in (0, 1).

    Reference:
        Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8: the cluster
        bootstrap.
    """
    if scores.ndim != 1 or scores.shape != groups.shape or not len(scores):
        raise ValueError(
            f"bootstrap_interval was given scores of shape {scores.shape} and groups of shape "
            f"{groups.shape}; expected one score and one group for each of at least one field."
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level:g}; expected one between 0 and 1, such as 0.95.")
    _, group, count = np.unique(groups, return_inverse=True, return_counts=True)
    total = np.bincount(group, weights=scores)
    drawn = np.random.default_rng(seed).integers(len(total), size=(resamples, len(total)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(scores.mean()), float(low), float(high))
