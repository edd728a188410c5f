"""Laws of which each field of a kind has one, and how they are weighed by what is seen of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.likelihood import Sample, log_likelihoods
from mamba_diffae.priors.kriging.search import Choice, thinned

WEIGHED = 96
"""Readings of a field by which its laws are weighed, at most."""
MOST_LAWS, _LIGHT = 3, 0.2
"""Laws of one field that are averaged over, and the least weight as a share of the largest."""
_NEVER = 1e-12
"""Share of a law that a variable does not have, but others do: its logarithm is finite."""
_VARIANCES = tuple(2.0**e for e in range(-4, 5))
"""Variances that are tried where errors have a known size, as ratios to the usual one."""
_OFFSETS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Variances of the offsets of noise groups that are tried, as ratios to the field's."""


@final
@dataclass(frozen=True)
class Family:
    """Laws of which each field of a kind has one.

    Attributes:
        choices: The laws.
        log_share: Logarithm of the share of fields that have each, of each variable, or one number
            for all of them, shape (J, C) or (J, 1).
        typical: The most likely law of each variable, all of its fields together, as far as known.
        freedom: Of the inverse chi-squared law of a field's variance around the usual one: the
            degrees of freedom that knowing the kind is worth.
        shared: Whether the fields are regions of one: draws of all of them are under one law.
    """

    choices: tuple[Choice, ...]
    log_share: Tensor
    freedom: float
    typical: tuple[Choice, ...] = ()
    shared: bool = False

    @property
    def usual(self) -> Choice:
        """The most frequent law."""
        return self.choices[int(self.log_share.exp().mean(dim=1).argmax())]

    def of(self, kinds: Tensor) -> Family:
        """That of some of the variables."""
        each = self.log_share.shape[1] > 1
        return replace(self, log_share=self.log_share[:, kinds]) if each else self

    def weigh(
        self, sample: Sample, geometry: Geometry, most: int = MOST_LAWS, columns: int = 1
    ) -> list[tuple[Choice, Tensor]]:
        """The laws that are at all probable, with their probabilities in each field, shape (F,).

        Variables of one field that go together say less than their number: the likelihood is that
        of one of them on average. Where errors have a known size, the variance is weighed too.

        Args:
            sample: F fields, values in units of the usual deviation.
            geometry: Of the region.
            most: How many in one field, at most.
            columns: Variables, if each is a field of the sample by itself: those of one variable
                side by side.
        """
        few = thinned([sample], WEIGHED)[0]
        tried = list(zip(self.choices, self.log_share, strict=True))
        if any(part.group is not None for part in sample.parts):
            tried = [(_offset(c, g), w) for c, w in tried for g in _OFFSETS]
        if sample.noisy:
            tried = [
                (replace(c, variance=s), w + self._log_variance(s))
                for c, w in tried
                for s in _VARIANCES
            ]
        logs = torch.stack([w for _, w in tried])
        if columns == 1:
            logs = logs.logsumexp(dim=1, keepdim=True) - math.log(logs.shape[1])
        logs = logs.expand(-1, columns).repeat_interleave(sample.fields // columns, dim=1)
        if few.freedom:
            logs = logs + log_likelihoods([c for c, _ in tried], few, geometry) / few.variables
        weight = logs.softmax(dim=0)
        top = weight.topk(min(most, len(tried)), dim=0).values
        weight = weight.where((weight >= top[-1]) & (weight >= _LIGHT * top[0]), 0)
        weight = weight / weight.sum(dim=0)
        used = ((weight > 0).any(dim=1) | self.shared).nonzero()[:, 0].tolist()
        return [(tried[j][0], weight[j]) for j in used]

    def number(self, choice: Choice) -> int:
        """Of the law from which a weighed one comes."""
        laws = [c.law for c in self.choices]
        return laws.index(replace(choice.law, offset=laws[0].offset))

    def weighted(self, weight: Tensor) -> Family:
        """The few laws of most weight, shape (J, C), with that as their shares."""
        top = weight.topk(min(MOST_LAWS, len(weight)), dim=0).values
        weight = weight.where((weight >= top[-1]) & (weight >= _LIGHT * top[0]), 0)
        used = (weight > 0).any(dim=1).nonzero()[:, 0].tolist()
        share = (weight / weight.sum(dim=0))[used].clamp(min=_NEVER).log()
        return replace(self, choices=tuple(self.choices[j] for j in used), log_share=share)

    def variance(self, own: Tensor, freedom: int) -> Tensor:
        """Variances of fields from their own estimates (F,) and the usual one, which is 1."""
        total = self.freedom + freedom
        return (self.freedom + freedom * own) / total if total else own

    def _log_variance(self, s: float) -> float:
        """Log-density of log s, up to a constant."""
        return -0.5 * self.freedom * (math.log(s) + 1 / s)


def _offset(choice: Choice, offset: float) -> Choice:
    return replace(choice, law=replace(choice.law, offset=offset))
