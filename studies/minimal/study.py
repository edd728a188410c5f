"""Train baseline and bottleneck with several seeds, and set the rise beside the spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import Method, Score
from mamba_diffae.fields import Shape
from studies.common.candidates import BASELINE, MINIMAL, Cost, Job
from studies.common.scoreboard import Scoreboard, SeedSpread, extent, seed_spreads
from studies.common.workbench import Setup, Workbench

FROM = 64
"""Cells along the longest axis: at this scale and at every finer one the bottleneck has to help."""
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4, seeds=1),
    "standard": Setup("small", Cost(minutes=10), count=128),
    "full": Setup("paper", Cost(minutes=120)),
}


@final
@dataclass(frozen=True)
class Rise:
    """PSNR with and without the bottleneck at one scale.

    Attributes:
        shape: Cells along each axis.
        baseline: PSNR of each seed, in dB.
        bottleneck: The same with the bottleneck.
    """

    shape: Shape
    baseline: Sequence[float]
    bottleneck: Sequence[float]

    @property
    def gain(self) -> float:
        """Mean over the seeds with the bottleneck minus that without, in dB."""
        return float(np.mean(self.bottleneck) - np.mean(self.baseline))

    @property
    def spread(self) -> float | None:
        """Greatest minus least of the network whose seeds spread wider; None: one seed."""
        if len(self.baseline) == 1:
            return None
        return max(extent(self.baseline), extent(self.bottleneck))


@final
@dataclass(frozen=True, eq=False)
class MinimalResult:
    """What a bottleneck brings.

    Attributes:
        rises: One for each scale, ascending.
        scores: Of the first seed.
        spreads: Of both networks over their seeds; none: one seed.
        facts: How it was done.
    """

    rises: Sequence[Rise]
    scores: Sequence[Score]
    spreads: Sequence[SeedSpread]
    facts: Mapping[str, str]

    @property
    def counted(self) -> list[Rise]:
        """The rises at the scales that count."""
        return [rise for rise in self.rises if max(rise.shape) >= FROM] or [self.rises[-1]]

    @property
    def promising(self) -> bool | None:
        """Whether PSNR rises by more than the seeds spread where it counts; None: one seed."""
        spreads = [rise.spread for rise in self.counted]
        known = [spread for spread in spreads if spread is not None]
        if len(known) < len(spreads):
            return None
        return all(rise.gain > s for rise, s in zip(self.counted, known, strict=True))


def minimal(request: Request, on_progress: OnProgress) -> MinimalResult:
    """Train both with several seeds, and set the rise beside the spread.

    Args:
        request: Folder, fields, scale and first seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    workbench = Workbench(request, SETUPS[request.scale], on_progress)
    seeds = range(request.seed, request.seed + workbench.setup.seeds)
    jobs = [Job(c, seed, workbench.setup.cost) for seed in seeds for c in (BASELINE, MINIMAL)]
    workbench.train(jobs)
    boards: dict[Method, list[Scoreboard]] = {}
    for job in jobs:
        board = Scoreboard(workbench.scores(job, native_only=True))
        boards.setdefault(job.method(), []).append(board)
    baseline, ours = boards.values()
    return MinimalResult(
        rises=rises(baseline, ours),
        scores=[s for theirs in boards.values() for s in theirs[0].scores.values()],
        spreads=seed_spreads(boards) if len(seeds) > 1 else [],
        facts=workbench.facts(jobs),
    )


def rises(baseline: Sequence[Scoreboard], bottleneck: Sequence[Scoreboard]) -> list[Rise]:
    """PSNR of both networks at each scale.

    Args:
        baseline: For each seed a board with its one method.
        bottleneck: The same with the bottleneck.
    """

    def psnr(boards: Sequence[Scoreboard], scale: int) -> list[float]:
        return [board.psnr(board.methods[0], scale) for board in boards]

    return [
        Rise(shape, psnr(baseline, scale), psnr(bottleneck, scale))
        for scale, shape in baseline[0].shapes.items()
    ]
