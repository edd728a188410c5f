"""Scores set beside one another: gains, criteria set beforehand, the best, spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation import Method, Score
from mamba_diffae.fields import Shape

LEAST_GAINS: Mapping[int, float] = {32: 0.0, 64: 2.0, 96: 3.0}
"""Set beforehand: the least PSNR above the baseline's, in dB, by cells along the longest axis."""


@final
class Scoreboard:
    """Scores by method and scale.

    Args:
        scores: One for each method and scale.

    Attributes:
        scores: By method and scale.
        shapes: Cells along each axis, by scale, ascending.
        scales: Cells along the longest axis.
        methods: In their order.
    """

    def __init__(self, scores: Sequence[Score]) -> None:
        self.scores = {(s.method, s.scale): s for s in scores}
        self.shapes = {s.scale: s.shape for s in sorted(scores, key=lambda s: s.scale)}
        self.scales = list(self.shapes)
        self.methods = list(dict.fromkeys(s.method for s in scores))

    def psnr(self, method: Method, scale: int) -> float:
        """Its mean, in dB."""
        return self.scores[method, scale].psnr.mean

    def gains(self, method: Method, rival: Method) -> list[float]:
        """PSNR of one method above another's at each scale, in dB."""
        return [self.psnr(method, scale) - self.psnr(rival, scale) for scale in self.scales]


@final
@dataclass(frozen=True)
class Criterion:
    """A criterion set beforehand, and what was measured.

    Attributes:
        method: The method that should meet it.
        measure: "PSNR", "total variation" or "high frequencies".
        shape: Cells along each axis.
        baseline: The baseline's value.
        measured: The method's value.
        passed: Whether it meets the criterion.
    """

    method: Method
    measure: str
    shape: Shape
    baseline: float
    measured: float
    passed: bool


def criteria(board: Scoreboard, baseline: Method, scored: Sequence[Method]) -> list[Criterion]:
    """Whether methods meet the criteria that were set beforehand.

    Args:
        board: Holds all of them.
        baseline: The method to beat.
        scored: The methods that should.
    """
    return [c for method in scored for c in _criteria(board, baseline, method)]


def _criteria(board: Scoreboard, baseline: Method, method: Method) -> list[Criterion]:
    found = []
    for scale in (s for s in board.scales if s in LEAST_GAINS):
        theirs, ours = board.psnr(baseline, scale), board.psnr(method, scale)
        passed = ours - theirs >= LEAST_GAINS[scale]
        found.append(Criterion(method, "PSNR", board.shapes[scale], theirs, ours, passed))
    finest = board.scales[-1]
    a, b = (board.scores[name, finest] for name in (baseline, method))
    for measure, theirs, ours in (
        ("total variation", a.total_variation, b.total_variation),
        ("high frequencies", a.high_frequency, b.high_frequency),
    ):
        found.append(Criterion(method, measure, a.shape, theirs, ours, ours < theirs))
    return found


@final
@dataclass(frozen=True)
class Best:
    """The best network at a scale, and the best method without one.

    Attributes:
        network: The best network's score.
        rival: The best score of all else; an oracle is out of competition.
    """

    network: Score
    rival: Score


def best_at_each_scale(board: Scoreboard) -> list[Best]:
    """For every scale, the best network beside the best of all else, also when that is better."""
    found = []
    for scale in board.scales:
        column = [s for s in board.scores.values() if s.scale == scale]
        network, rival = (
            max((s for s in column if s.method.kind in kinds), key=lambda s: s.psnr.mean)
            for kinds in (("network",), ("baseline", "prior"))
        )
        found.append(Best(network, rival))
    return found


@final
@dataclass(frozen=True)
class SeedSpread:
    """How far trainings that differ in their seed only lie apart, at one scale.

    Attributes:
        method: Of the same candidate.
        shape: Cells along each axis.
        psnr: One for each seed, in dB.
    """

    method: Method
    shape: Shape
    psnr: Sequence[float]

    @property
    def deviation(self) -> float:
        """Standard deviation, in dB."""
        return float(np.std(self.psnr, ddof=1))


def seed_spreads(boards: Mapping[Method, Sequence[Scoreboard]]) -> list[SeedSpread]:
    """How far trainings with other seeds lie apart.

    Args:
        boards: Methods, to a board for each seed that holds them.
    """
    return [
        SeedSpread(method, shape, [board.psnr(method, scale) for board in by_seed])
        for method, by_seed in boards.items()
        for scale, shape in by_seed[0].shapes.items()
    ]


def extent(values: Sequence[float]) -> float:
    """The greatest minus the least: how far trainings with different seeds lie apart."""
    return max(values) - min(values)
