"""What training fields say of the laws of new ones: candidates, and how often each holds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.likelihood import (
    Sample,
    best_variance,
    log_likelihoods,
    log_prior,
)
from mamba_diffae.priors.kriging.readings import Boxes, Readings, merge, small_groups
from mamba_diffae.priors.kriging.search import (
    COARSE,
    LEAST,
    MOST,
    Choice,
    most_likely,
    of_each_kernel,
    thinned,
)

SNAPSHOTS, PLACES = 32, 200
"""Fields, and places of each, from which laws are learned, at most."""
MOST_TRIED = 80
"""Laws that are tried of one field, at most."""
_LEARNED = 16
"""Laws that are kept, at most: fields of one pattern share the systems of each."""
_STEPS = 30
_EVEN = torch.zeros(1, 1, dtype=torch.float64)
_ALIKE = 0.1
"""Log-likelihood by which two laws must differ in some training field to count as two."""
_RARE = 0.02
"""Share of fields below which a law is dropped."""
_CERTAIN = 1e3
"""Degrees of freedom above which a field's variance counts as known."""


def learn(variables: Sequence[Sequence[Sample]], geometry: Geometry) -> Family:
    """The laws of fields of a kind, from some of them.

    The laws tried are, for each variable, the most likely one of all its fields together, that of
    each kernel, and these with other lengths and nuggets. Shares are those of greatest likelihood,
    found by expectation and maximisation.

    Args:
        variables: Training fields of each variable, values in units of the usual deviation.
        geometry: Of the region.
    """
    typical = tuple(most_likely([s for s in kind if s.tells], geometry) for kind in variables)
    told = [kept for samples in variables if (kept := [s for s in samples if s.tells])]
    if not told:
        every = [s for samples in variables for s in samples]
        return Family((most_likely(every, geometry),), _EVEN, 1.0, typical)
    pooled = [c for c, kind in zip(typical, variables, strict=True) if any(s.tells for s in kind)]
    starts = [c for kind in told for c in of_each_kernel(kind, geometry)]
    choices = _around([*pooled, *starts])
    found = [_log_likelihoods(choices, kind, geometry) for kind in told]
    apart = _told_apart(torch.cat(found, dim=1))
    choices, found = [choices[j] for j in apart], [x[apart] for x in found]
    # What is rare among all may be frequent in one variable.
    share = torch.stack([_shares(x) for x in found]).amax(dim=0)
    last = float(share.topk(min(_LEARNED, len(choices))).values[-1])
    kept = [j for j in range(len(choices)) if share[j] >= max(last, min(_RARE, float(share.max())))]
    other = _any_law(geometry)
    # Of a variable of which no field tells anything the laws are those of all.
    own, every = iter(found), torch.cat(found, dim=1)
    each = [next(own) if any(s.tells for s in kind) else every for kind in variables]
    logs = torch.stack([_log_shares(x[kept], len(other)) for x in each], dim=1)
    pairs = [_variances(*kind, geometry) for kind in zip(pooled, told, strict=True)]
    s2, freedom = zip(*pairs, strict=True)
    return Family(
        (*(choices[j] for j in kept), *other),
        logs,
        _prior_freedom(torch.cat(s2), torch.cat(freedom)),
        typical,
    )


def _log_likelihoods(
    choices: Sequence[Choice], samples: Sequence[Sample], geometry: Geometry
) -> Tensor:
    """Of J laws in the fields of a variable, (J, F)."""
    few = thinned(samples, COARSE)
    return torch.cat([log_likelihoods(choices, s, geometry) for s in few], dim=1)


def _told_apart(log_likelihoods: Tensor) -> list[int]:
    """Laws that some field tells from each before, by (J, F): nuggets below rounding are one."""
    kept: list[int] = []
    for j, x in enumerate(log_likelihoods):
        if not bool(((x - log_likelihoods[kept]).abs().amax(dim=1) < _ALIKE).any()):
            kept.append(j)
    return kept


def _log_shares(log_likelihoods: Tensor, others: int) -> Tensor:
    """Logarithm of the shares of J laws, from (J, F), and of others of any fields, (J + others,).

    As if one field more had been seen, of any law: a field of another kind finds its own.
    """
    F = log_likelihoods.shape[1]
    rare = torch.full((others,), -math.log(others * (F + 1)), dtype=torch.float64)
    return torch.cat([(_shares(log_likelihoods) * F / (F + 1)).log(), rare])


def _variances(
    choice: Choice, samples: Sequence[Sample], geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """Variances of the fields of one variable, the mean 1, and their degrees of freedom, (F,)."""
    s2 = torch.cat([best_variance(choice.law, s, geometry) for s in samples])
    freedom = torch.cat([torch.full((s.fields,), float(s.freedom)) for s in samples]).double()
    return s2 / s2.mean().clamp(min=torch.finfo(torch.float64).tiny), freedom


def own_family(sample: Sample, geometry: Geometry) -> Family:
    """The laws that one field may have, by itself: around the most likely of each kernel."""
    if not sample.tells:
        law = most_likely([sample], geometry)
        return Family((replace(law, variance=None),), _EVEN, 0.0)
    choices = _around([replace(c, variance=None) for c in of_each_kernel([sample], geometry)])
    logs = torch.tensor([[log_prior(c.law, geometry)] for c in choices], dtype=torch.float64)
    return Family(tuple(choices), logs, 0.0)


def _around(choices: Sequence[Choice]) -> list[Choice]:
    """Each with its length kept, halved and doubled, and one, a tenth and ten times its nugget."""
    found = {
        Choice(
            replace(
                c.law,
                length=tuple(a * f for a in c.law.length),
                nugget=min(max(c.law.nugget * g, LEAST), MOST),
            ),
            c.variance,
        ): None
        for c in choices
        for f in (1.0, 0.5, 2.0)
        for g in (1.0, 0.1, 10.0)
    }
    return list(found)


def _any_law(geometry: Geometry) -> list[Choice]:
    """Laws of fields of any kind, few and far between."""
    return [
        Choice(Law(kernel, (geometry.diameter * length,) * geometry.dim, nugget))
        for kernel, length, nugget in itertools.product(
            ("exponential", "matern52"), (0.02, 0.07, 0.25, 0.8), (1e-6, 0.1)
        )
    ]


def _shares(log_likelihoods: Tensor) -> Tensor:
    """Shares of greatest likelihood of J laws, from (J, F), shape (J,)."""
    share = torch.full((len(log_likelihoods),), 1 / len(log_likelihoods), dtype=torch.float64)
    for _ in range(_STEPS):
        share = (log_likelihoods + share.log()[:, None]).softmax(dim=0).mean(dim=1)
        share = share.clamp(min=1e-12)
    return share


def _prior_freedom(s2: Tensor, freedom: Tensor) -> float:
    """Degrees of freedom of the variances' law: log s² varies by 2 / ν beside its own 2 / ν_b."""
    known = s2 > 0
    if int(known.sum()) < 2:
        return 1.0
    logs = s2[known].log()
    own = float(logs.var()) - float((2 / freedom[known]).mean())
    return min(max(2 / max(own, 2 / _CERTAIN), 1.0), _CERTAIN)


def samples_of_fields(
    coords: Tensor, values: Tensor, known: Tensor, geometry: Geometry
) -> list[list[Sample]]:
    """Training fields as samples, some places of each.

    Fields that are known at the same places are one sample, and share each factorisation. Each
    variable has samples of its own: pressure is smooth where rain is not.

    Args:
        coords: Of the P places, shape (P, D), float64.
        values: Shape (S, P, C), in units of the usual deviation.
        known: Where they are known, of the same shape.
        geometry: Of the region.
    """
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(values))[:SNAPSHOTS])
    values, known = values[torch.from_numpy(rows)], known[torch.from_numpy(rows)]
    everywhere = known.all(dim=0).all(dim=-1)
    if int(everywhere.sum()) >= min(PLACES, len(coords) // 2):
        at = _some(torch.nonzero(everywhere)[:, 0], coords, geometry, rng)
        columns = values[:, at].permute(2, 1, 0)
        return [[Sample([_part(coords[at], x, geometry)], len(values))] for x in columns]
    found: list[list[Sample]] = [[] for _ in range(values.shape[2])]
    for x, there in zip(values, known, strict=True):
        for c, samples in enumerate(found):
            at = _some(torch.nonzero(there[:, c])[:, 0], coords, geometry, rng)
            if len(at):
                samples.append(Sample([_part(coords[at], x[at, c, None], geometry)]))
    return found


def _some(index: Tensor, coords: Tensor, geometry: Geometry, rng: np.random.Generator) -> Tensor:
    """Some of the indices of places, in order."""
    return index[torch.from_numpy(small_groups(geometry.embed(coords[index]), PLACES, rng))]


def _part(coords: Tensor, values: Tensor, geometry: Geometry) -> Readings:
    count = len(coords)
    ones, none = torch.ones(count, dtype=torch.float64), torch.zeros(count, dtype=torch.int64)
    readings = Readings(Boxes.of(coords, geometry), values, none, ones)
    return merge(readings, geometry.embed(coords), geometry.diameter)
