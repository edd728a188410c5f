"""Differences of methods in dB, paired by field, with intervals for one row and for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import stdtrit

_RESAMPLES = 4000
_NORMAL = 1.959964
"""97.5 % point of the standard normal distribution."""
_NOTHING = 1e-30
"""Stands for a sum of squares that is 0."""


@final
@dataclass(frozen=True, eq=False)
class Difference:
    """How far one method is ahead of another, in dB, by variable.

    Attributes:
        estimate: 10 log10 of the ratio of mean squared errors over all fields, shape (C,): above 0
            the first is better.
        error: Its standard error by bootstrap over groups, shape (C,); inf with a single group.
        resampled: The estimates of the resamples, shape (R, C).
        groups: Of the fields, G.
    """

    estimate: np.ndarray
    error: np.ndarray
    resampled: np.ndarray
    groups: int

    @property
    def quantile(self) -> float:
        """Standard errors within which the truth lies with 95 %: Student's t, G - 1 degrees."""
        return float(stdtrit(max(self.groups - 1, 1), 0.975))

    @property
    def half_width(self) -> np.ndarray:
        """Of the 95 % interval of each variable by itself, shape (C,)."""
        return self.quantile * self.error


def paired_difference(
    ours: np.ndarray, rival: np.ndarray, groups: np.ndarray, seed: int | Sequence[int]
) -> Difference:
    """Compare squared errors on the same cells of the same fields.

    Whole groups are drawn anew: with all their fields or not at all. The variance among G groups is
    enlarged by G / (G - 1), as few groups call for. The same groups and seed give the same
    resamples: what was observed in several ways of the same fields is resampled together.

    Args:
        ours: Sum of squared errors of each field, shape (S, C).
        rival: The same of the other method.
        groups: Of the fields, shape (S,).
        seed: Of the resamples.

    Reference:
        Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8.
    """
    _, group = np.unique(groups, return_inverse=True)
    G, sums = int(group.max()) + 1, []
    for squared in (ours, rival):
        by_group = np.zeros((G, squared.shape[1]))
        np.add.at(by_group, group, squared)
        sums.append(by_group)
    drawn = np.random.default_rng(seed).multinomial(G, np.full(G, 1 / G), size=_RESAMPLES)
    estimate = _decibel(sums[0].sum(axis=0), sums[1].sum(axis=0))
    if G == 1:
        same = np.broadcast_to(estimate, (_RESAMPLES, len(estimate)))
        return Difference(estimate, np.full(estimate.shape, np.inf), same, G)
    apart = _decibel(drawn @ sums[0], drawn @ sums[1]) - estimate
    apart *= np.sqrt(G / (G - 1))
    return Difference(estimate, np.sqrt(np.square(apart).mean(axis=0)), estimate + apart, G)


def simultaneous_quantile(differences: Sequence[Difference], level: float = 0.95) -> float:
    """How many standard errors all differences stay within at once, with a probability.

    The quantile of the maximum of |resampled - estimate| / error over all rows (max-T). Rows
    without a standard error, or with one of 0, do not count.

    Args:
        differences: Resampled together where they share fields.
        level: Probability.

    Reference:
        Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.
    """
    largest = np.zeros(_RESAMPLES)
    for difference in differences:
        some = np.isfinite(difference.error) & (difference.error > 0)
        apart = np.abs(difference.resampled - difference.estimate)[:, some]
        ratio = apart / difference.error[some]
        largest = np.maximum(largest, ratio.max(axis=1, initial=0))
    return max(float(np.quantile(largest, level)), _NORMAL)


def worst_fields(ours: np.ndarray, rival: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Mean difference in dB over the fields on which ours is furthest behind, shape (C,).

    Args:
        ours: Sum of squared errors of each field, shape (S, C).
        rival: The same of the other method.
        share: Of the fields, at least one.
    """
    count = max(1, round(share * len(ours)))
    return np.sort(_decibel(ours, rival), axis=0)[:count].mean(axis=0)


def _decibel(ours: np.ndarray, rival: np.ndarray) -> np.ndarray:
    """10 log10 of the ratio of the rival's errors to ours; 0 where both are 0."""
    return 10 * np.log10(np.maximum(rival, _NOTHING) / np.maximum(ours, _NOTHING))
