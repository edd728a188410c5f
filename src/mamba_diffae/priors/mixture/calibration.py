"""Odds and widths of a mixture's components, learned where fields were not observed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.priors.mixture.familiarity import Reference, scores
from mamba_diffae.priors.mixture.gaussians import COMPONENTS
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.trials import Trial, TrialFields
from mamba_diffae.priors.mixture.weights import (
    BESIDE,
    COUNTS,
    MISFITS,
    ByCount,
    log_weights,
    statistics,
)

if TYPE_CHECKING:
    from mamba_diffae.priors.mixture.prior import MixturePrior

_ODDS = torch.tensor([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0], dtype=torch.float64)
_STATED = 3
"""Trials at each number of places of which the stated variance is looked at."""
_LEAN = 1e-3
"""Share of the error by which odds must be better for each unit of the logarithm."""
_RANGE = (0.1, 30.0)
"""Ratios of error to stated variance that are believed."""
_ALIKE = 0.1
"""Deviation of the logarithm of misfits that says nothing."""
_FEW = (10.0, 100.0)
"""Of `COUNTS`, those of a variable's own places when others are read at more."""
_MOST_READ = 512
"""Readings of all variables then, at most: one system of moderate size."""
_LEAST_RATIO = 2.0
"""Of numbers of places, below which it is not learned."""
_POWERS = (0.0, 1.0)
"""Powers of `ByCount.beside` that are believed: others never make a variable surer than stated."""
_UNSURE = 8
"""Fields by which a slope is half believed."""


class Tried(NamedTuple):
    """What a trial showed of F fields.

    Attributes:
        errors: Mean squares at left-out observations, shape (K, C, F).
        groups: Parts that were left out.
        nearest: Mean square distance of the nearest exemplar, shape (F,).
        truth: Products of errors at the targets, their mean, shape (C, F, K, K).
        misfit: See `Gaussians.misfit`, shape (K, 1, F).
        variance: Means of the stated variances there, shape (K, C, F).
        rough: The same of the rough ones. Both are None where they were not asked for.
    """

    errors: Tensor
    groups: int
    nearest: Tensor
    truth: Tensor
    misfit: Tensor
    variance: Tensor | None
    rough: Tensor | None


class Stated(NamedTuple):
    """What was stated of N fields, and their errors, of shape (K, C, N).

    Attributes:
        error: Mean squares where not observed.
        misfit: See `Gaussians.misfit`, shape (K, 1, N).
        variance: Means of the stated variances.
        rough: The same of the rough ones.
    """

    error: Tensor
    misfit: Tensor
    variance: Tensor
    rough: Tensor


def learn_usual(prior: MixturePrior, fields: TrialFields, hide: bool) -> tuple[ByCount, Reference]:
    """Odds, inflation and statistics at each of `COUNTS`, and the distribution of scores."""
    usual = ByCount.neutral(len(COMPONENTS), prior.config.value_dim)
    told: list[Tensor] = []
    places: list[float] = []
    last: list[Tried] = []
    for j, wanted in enumerate(COUNTS):
        count = min(round(wanted), fields.most)
        found = [
            t
            for number, trial in enumerate(fields.trials(count))
            for t in _try(prior, trial, hide, number < _STATED)
        ]
        last = found or last
        if not last:
            continue
        both = torch.cat([statistics(t.errors, t.nearest) for t in last])
        usual.mean[j] = both.mean(dim=0)
        deviation = both.std(dim=0) if len(both) > 1 else torch.ones(2)
        usual.deviation[j] = deviation.clamp(min=1e-2)
        stated = _stated(last)
        usual.slope[j] = _slope(stated)
        here = ByCount(*(part[j] for part in usual))
        widths = here.widths(stated.misfit)
        usual.inflation[j] = _ratio(stated.error, widths * stated.variance)
        usual.rough[j] = _ratio(stated.error, widths * stated.rough)
        usual.odds[j] = best_odds(last, here)
        if found and (not places or count > places[-1]):
            told.append(scores(both, here))
            places.append(count)
    if prior.config.value_dim > 1:
        _learn_beside(prior, fields, hide, usual)
    return usual, Reference.of(torch.cat(told)) if told else Reference.neutral()


def _learn_beside(prior: MixturePrior, fields: TrialFields, hide: bool, usual: ByCount) -> None:
    """How much less sure a variable is than stated where the others are read at more places."""
    numbers = [COUNTS.index(count) for count in _FEW]
    for c in range(prior.config.value_dim):
        powers = [_power(prior, fields, hide, usual, j, c) for j in numbers]
        for j in range(len(COUNTS)):
            near = int(np.abs(np.subtract(numbers, j)).argmin())
            usual.beside[j, :, c] = powers[near]


def _power(
    prior: MixturePrior, fields: TrialFields, hide: bool, usual: ByCount, j: int, c: int
) -> Tensor:
    """See `ByCount.beside`, of a variable and each component, shape (K,)."""
    few, rest = round(COUNTS[j]), prior.config.value_dim - 1
    others = min(round(BESIDE * few), fields.most, (_MOST_READ - few) // rest)
    trial = fields.unequal(c, few, others) if others >= _LEAST_RATIO * few else None
    tried = [] if trial is None else list(_try(prior, trial, hide))
    if not tried:
        return usual.beside[j, :, c]
    stated, here = _stated(tried), ByCount(*(part[j] for part in usual))
    wide = here.inflation[..., None] * here.widths(stated.misfit) * stated.variance
    ratio = _ratio(stated.error, wide)[:, c]
    return (ratio.log() / math.log(others / few)).clamp(*_POWERS)


def _try(
    prior: MixturePrior, trial: Trial, hide: bool, with_variance: bool = True
) -> Iterator[Tried]:
    for part in trial.alike():
        seen = prior.kriging.see(part.observations)
        gaussians = prior.given(seen, prior.hidden(part.groups) if hide else None, prior.law())
        assert gaussians.learned is not None
        targets = Targets.of(prior.config, trial.coords, trial.support)
        rough = gaussians.roughly(targets)
        known = part.known.permute(1, 2, 0)
        error = (rough.mean - part.truth(prior.kriging)) * known
        count = known.sum(dim=0).clamp(min=1)
        truth = torch.einsum("kmcf,lmcf->cfkl", error, error) / count[..., None, None]
        stated: list[Tensor | None] = [None, None]
        if with_variance:
            both = (gaussians.moments(targets).variance, rough.variance)
            stated = [(v * known).sum(dim=1) / count for v in both]
        nearest = gaussians.learned.distance.amin(dim=1)
        told = (gaussians.errors(), gaussians.folds.count, nearest, truth, gaussians.misfit())
        yield Tried(*told, *stated)


def _stated(tried: list[Tried]) -> Stated:
    """Of all trials whose variances were looked at."""
    found = [
        (t.truth.diagonal(dim1=2, dim2=3).permute(2, 0, 1), t.misfit, t.variance, t.rough)
        for t in tried
        if t.variance is not None and t.rough is not None
    ]
    return Stated(*(torch.cat(part, dim=2) for part in zip(*found, strict=True)))


def _ratio(error: Tensor, variance: Tensor) -> Tensor:
    """Mean square error as a ratio to the variance (K, C), of both for each field."""
    return (error.mean(dim=2) / variance.mean(dim=2).clamp(min=1e-12)).clamp(*_RANGE)


def _slope(stated: Stated) -> Tensor:
    """Slope of the logarithm of that ratio in that of the misfit, in [0, 1], shape (K, C).

    Least squares over fields; of few, or of fields that are all as wide, it is less.
    """
    ratio = stated.error.clamp(min=1e-12) / stated.variance.clamp(min=1e-12)
    believed = stated.misfit.clamp(*MISFITS)
    y, x = (part.log() - part.log().mean(dim=2, keepdim=True) for part in (ratio, believed))
    fields = x.shape[2]
    slope = (x * y).sum(dim=2) / (x.square() + _ALIKE**2).sum(dim=2)
    return slope.clamp(0, 1) * fields / (fields + _UNSURE)


def best_odds(tried: list[Tried], usual: ByCount) -> Tensor:
    """Log odds (K,) with which the mixture's error is least, kriging's being 0."""
    candidates = torch.cartesian_prod(_ODDS, _ODDS)[:, [0, 1, 1]]
    total = torch.zeros(len(candidates), dtype=torch.float64)
    least = 0.0
    for t in tried:
        told = statistics(t.errors, t.nearest)
        logs = log_weights(
            t.errors, t.groups, usual._replace(odds=torch.zeros(len(COMPONENTS))), told
        )
        w = logs[None].repeat(len(candidates), 1, 1, 1)
        w[:, 1:] += candidates[:, :, None, None]
        w = w.softmax(dim=1)
        total += torch.einsum("ekcf,cfkl,elcf->e", w, t.truth, w)
        least += float(t.truth.diagonal(dim1=2, dim2=3).sum(dim=(0, 1)).amin())
    total += _LEAN * least * candidates.abs().sum(dim=1)
    return torch.cat([torch.zeros(1, dtype=torch.float64), candidates[int(total.argmin())]])
