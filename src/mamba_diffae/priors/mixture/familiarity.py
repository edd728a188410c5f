"""How unlike the training fields a field is, as a p-value."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.priors.mixture.weights import ByCount

_STEPS = 200
_TAIL = 0.1
"""Share of the largest scores from which the tail beyond the last is extrapolated."""


class Reference(NamedTuple):
    """Distribution of scores of fields of the training fields' kind.

    Attributes:
        quantiles: At equal steps of probability from 0 to 1.
        scale: Mean excess in the upper tail: beyond the largest score p falls exponentially.
        fields: Scores that were seen.
    """

    quantiles: Tensor
    scale: Tensor
    fields: Tensor

    @classmethod
    def neutral(cls) -> Reference:
        """Nothing is known: every field has p = 1."""
        double = torch.float64
        quantiles = torch.full((_STEPS + 1,), torch.inf, dtype=double)
        return cls(quantiles, torch.ones((), dtype=double), torch.zeros((), dtype=double))

    @classmethod
    def of(cls, scores: Tensor) -> Reference:
        """From scores (N,)."""
        steps = torch.linspace(0, 1, _STEPS + 1, dtype=torch.float64)
        quantiles = scores.double().quantile(steps)
        start = quantiles[int((1 - _TAIL) * _STEPS)]
        excess = (scores - start).clamp(min=0)
        scale = excess.sum() / (excess > 0).sum().clamp(min=1)
        return cls(quantiles, scale.clamp(min=1e-3), torch.tensor(float(len(scores))).double())

    def p_value(self, told: Tensor, usual: ByCount) -> Tensor:
        """Probability that a field of the kind scores as high, at its number of places.

        See docs/concepts.md, eq. (45).

        Args:
            told: From `statistics`, shape (F, 2).
            usual: At that number.

        Returns:
            Shape (F,), in (0, 1].
        """
        if not float(self.fields):
            return told.new_ones(len(told))
        score = scores(told, usual)
        last = self.quantiles[-1]
        below = torch.searchsorted(self.quantiles, score.minimum(last)).clamp(1, _STEPS)
        low, high = self.quantiles[below - 1], self.quantiles[below]
        f = ((score - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        p = 1 - (below - 1 + f) / _STEPS
        p = (p * self.fields + 1) / (self.fields + 1)
        beyond = torch.exp(-(score - last).clamp(min=0) / self.scale)
        return (p * beyond).clamp(min=1e-30)


def scores(told: Tensor, usual: ByCount) -> Tensor:
    """Sum of both statistics, each standardised by what is usual, shape (F,)."""
    return ((told - usual.mean) / usual.deviation).sum(dim=-1)
