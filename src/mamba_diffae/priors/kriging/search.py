"""The most likely law: a coarse grid, then a local refinement."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.kernels import KERNELS, Law
from mamba_diffae.priors.kriging.likelihood import (
    Sample,
    log_likelihood,
    log_likelihoods,
    log_prior,
)

COARSE, FINE = 100, 320
"""Readings from which the grid and the refinement are judged, at most."""
_LENGTHS = np.geomspace(0.02, 1.0, 6)
"""Shares of the diameter."""
_NUGGETS = (1e-6, 1e-3, 1e-1)
LEAST, MOST = 1e-7, 10.0
"""Nuggets that are looked at."""
_SHORTEST, _LONGEST = 1e-3, 5.0
"""Lengths that are looked at, as shares of the diameter."""
_NOTABLE = 1e-2
_REFINED = 2
"""Kernels of which the most likely law is looked for in earnest."""
_OFFSETS = 0.1
_PER_AXIS = 2.0
"""Log-likelihood that a length of its own for an axis must gain: twice Akaike's."""
_DEFAULT = Law("matern32", (), 1e-6)


@final
@dataclass(frozen=True)
class Choice:
    """A law, and the variance that goes with it where errors have a known size (None: free)."""

    law: Law
    variance: float | None = None


def most_likely(samples: Sequence[Sample], geometry: Geometry) -> Choice:
    """The most likely law of fields.

    Where they cannot tell (one reading, or equal ones), lengths are a quarter of the diameter.

    Args:
        samples: The fields. A grid of laws is tried on at most `COARSE` readings of each part, and
            refined on at most `FINE`.
        geometry: Of the region.
    """
    if not any(sample.tells for sample in samples):
        return Choice(default_law(geometry), _spread(samples) if _noisy(samples) else None)
    starts = of_each_kernel(samples, geometry)
    fine = thinned(samples, FINE)
    starts = sorted(starts, key=lambda c: score(c, fine, geometry))[-_REFINED:]
    return max((refine(c, fine, geometry) for c in starts), key=lambda c: score(c, fine, geometry))


def default_law(geometry: Geometry) -> Law:
    """The law of a field of which nothing is known."""
    return replace(_DEFAULT, length=(geometry.diameter / 4,) * geometry.dim)


def of_each_kernel(samples: Sequence[Sample], geometry: Geometry) -> list[Choice]:
    """The most likely law of each kernel, by at most `COARSE` readings of each part."""
    few = thinned(samples, COARSE)
    moves = geometry.dim
    return [_climb(c, few, geometry, _shared(c, moves), 2)[0] for c in _grid(few, geometry)]


def score(choice: Choice, samples: Sequence[Sample], geometry: Geometry) -> float:
    """Log-likelihood of all fields and the weak prior of lengths."""
    found = (log_likelihood(choice.law, s, geometry, choice.variance).sum() for s in samples)
    return float(sum(found)) + log_prior(choice.law, geometry)


def refine(start: Choice, samples: Sequence[Sample], geometry: Geometry) -> Choice:
    """Climb from a law: length and ratios, then a length for each axis."""
    best, value = _climb(start, samples, geometry, _shared(start, geometry.dim))
    freedom = sum(s.freedom * s.fields for s in samples)
    if geometry.dim == 1 or freedom < 20 * geometry.dim:
        return best
    own, other = _climb(best, samples, geometry, _each_axis(best, geometry.dim))
    return own if other > value + _PER_AXIS * (geometry.dim - 1) else best


def thinned(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most so many readings of each part; fewer where each is an average over nodes."""
    return [
        Sample(
            [p.in_small_groups(max(32, round(count / math.sqrt(p.boxes.rule)))) for p in s.parts],
            s.fields,
        )
        for s in samples
    ]


def _noisy(samples: Sequence[Sample]) -> bool:
    return any(sample.noisy for sample in samples)


def _spread(samples: Sequence[Sample]) -> float:
    """The largest mean square of a field."""
    return max(float(sample.spread.max()) for sample in samples) or 1.0


def _grid(samples: Sequence[Sample], geometry: Geometry) -> list[Choice]:
    """The most likely choice of a coarse grid for each kernel."""
    grouped = any(p.group is not None for s in samples for p in s.parts)
    offset = _OFFSETS if grouped else 0.0
    choices = [
        Choice(Law(kernel, (float(share) * geometry.diameter,) * geometry.dim, nugget, offset))
        for kernel, share, nugget in itertools.product(KERNELS, _LENGTHS, _NUGGETS)
    ]
    if _noisy(samples):
        spread = _spread(samples)
        first = [c for c in choices if c.law.nugget == _NUGGETS[0]]
        choices = [Choice(c.law, spread * r) for c in first for r in (0.1, 0.5, 2.0)]
    found = sum(log_likelihoods(choices, s, geometry).sum(dim=1) for s in samples)
    scores = {
        choice: float(value) + log_prior(choice.law, geometry)
        for choice, value in zip(choices, torch.as_tensor(found), strict=True)
    }
    same = ([c for c in choices if c.law.kernel == kernel] for kernel in KERNELS)
    return [max(group, key=scores.__getitem__) for group in same]


Move = Callable[[Choice, float], Choice]


def _shared(start: Choice, dim: int) -> list[Move]:
    return [lambda c, f: _longer(c, f, range(dim)), *_ratios(start, dim)]


def _each_axis(start: Choice, dim: int) -> list[Move]:
    return [*(lambda c, f, d=d: _longer(c, f, [d]) for d in range(dim)), *_ratios(start, dim)]


def _ratios(start: Choice, dim: int) -> list[Move]:
    moves: list[Move] = []
    if start.variance is None:
        moves = [
            lambda c, f: _nugget(c, c.law.nugget * f**3),
            # A nugget too small to matter does not grow to one that does by small steps.
            lambda c, f: _nugget(c, (c.law.nugget + _NOTABLE) * f**2 - _NOTABLE),
            # For one size of the nugget: where lengths are long, variance and length go together.
            lambda c, f: _nugget(_longer(c, f, range(dim)), c.law.nugget / f),
        ]
    else:
        moves = [lambda c, f: Choice(c.law, (c.variance or 1.0) * f)]
    if start.law.offset:
        moves.append(lambda c, f: _with(c, offset=min(max(c.law.offset * f**2, 1e-6), 1e4)))
    return moves


def _nugget(choice: Choice, nugget: float) -> Choice:
    return _with(choice, nugget=min(max(nugget, LEAST), MOST))


def _longer(choice: Choice, factor: float, axes: Sequence[int]) -> Choice:
    length = tuple(a * factor if d in axes else a for d, a in enumerate(choice.law.length))
    return _with(choice, length=length)


def _with(choice: Choice, **changes: object) -> Choice:
    return Choice(replace(choice.law, **changes), choice.variance)  # pyright: ignore[reportArgumentType]


def _climb(
    start: Choice,
    samples: Sequence[Sample],
    geometry: Geometry,
    moves: Sequence[Move],
    rounds: int = 3,
) -> tuple[Choice, float]:
    """A pattern search in logarithms: each step is taken as long as it helps, then halved."""
    best, value, factor = start, score(start, samples, geometry), 2.0
    for _ in range(rounds):
        for move, sign in itertools.product(moves, (1, -1)):
            for _ in range(3):
                tried = move(best, factor**sign)
                if not _allowed(tried, geometry):
                    break
                found = score(tried, samples, geometry)
                if found <= value + 1e-9:
                    break
                best, value = tried, found
        factor = math.sqrt(factor)
    return best, value


def _allowed(choice: Choice, geometry: Geometry) -> bool:
    shares = [a / geometry.diameter for a in choice.law.length]
    return min(shares) >= _SHORTEST and max(shares) <= _LONGEST
