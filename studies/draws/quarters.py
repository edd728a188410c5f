"""Means over quarters of a field: how often intervals of them hold the true one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from mamba_diffae.evaluation import Interval, coverage_interval, randomised_ranks
from mamba_diffae.fields import FieldData, Prediction, Shape

LEVELS = (0.5, 0.9)
"""Probabilities of the central intervals."""


@final
@dataclass(frozen=True)
class QuarterCoverage:
    """How often intervals of means over quarters hold the true mean.

    Attributes:
        name: What made the draws.
        state: As they come, or calibrated.
        fields: Of how many fields.
        coverage: Of each of `LEVELS`: mean over fields, 95 % interval over groups.
    """

    name: str
    state: str
    fields: int
    coverage: tuple[Interval, ...]

    @classmethod
    def of(cls, name: str, state: str, ranks: np.ndarray, groups: np.ndarray, seed: int) -> Self:
        """From the ranks of fields.

        Args:
            name: What made the draws.
            state: As they come, or calibrated.
            ranks: Shape (S, Q, C), nan where a part has none.
            groups: Of the fields, shape (S,).
            seed: Of the resamples.
        """
        known = 1.0 * ~np.isnan(ranks)
        found = (coverage_interval(ranks, level, groups, known, seed) for level in LEVELS)
        return cls(name, state, len(ranks), tuple(found))


def quarter_ranks(prediction: Prediction, truth: FieldData, seed: int) -> np.ndarray:
    """Rank of the true mean among those of the draws, by `randomised_ranks`.

    The central interval of level p that `Prediction.functional` states holds the true mean where
    the rank is within p / 2 of 1/2, up to the place within a rank.

    Args:
        prediction: With K draws on the grid of the truth.
        truth: S fields, with gaps or without; what is a gap counts on neither side.
        seed: Of random ties.

    Returns:
        Shape (S, Q, C), in (0, 1): Q = 2^D parts, the halves of all D axes; nan where nothing of a
        part is known.
    """
    weights, K = truth.weights(), len(prediction.draws)
    parts = list(_quarters(truth.shape))
    true = np.full((len(truth), len(parts), truth.n_variables), np.nan)
    drawn = np.full((K, *true.shape), np.nan)
    for s, q, c in np.ndindex(*true.shape):
        here = (*parts[q], slice(c, c + 1))
        weight = np.zeros(weights.shape[1:])
        weight[here] = weights[s][here]
        if (total := weight.sum()) > 0:
            one = Prediction(truth.values[s : s + 1], prediction.draws[:, s : s + 1])
            found = one.functional(weight / total)
            true[s, q, c], drawn[:, s, q, c] = found.mean[0], found.draws[:, 0]
    return np.where(np.isnan(true), np.nan, randomised_ranks(drawn, true, seed=seed))


def _quarters(shape: Shape) -> Iterator[tuple[slice, ...]]:
    """All combinations of the halves of all axes; an axis of one cell has one."""
    halves = ([slice(n // 2), slice(n // 2, n)] if n > 1 else [slice(n)] for n in shape)
    yield from itertools.product(*halves)
