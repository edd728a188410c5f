"""Train both phases, and phase 1 alone for the same time; score means and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.panels import draws_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import DrawScore, Method, Score, score_draws
from mamba_diffae.fields import Shape
from studies.common.cache import cached_json
from studies.common.candidates import ANCHORED, PHASE_1, PHASE_SHARES, Cost, Job
from studies.common.scoreboard import Scoreboard
from studies.common.workbench import Setup, Workbench

SHOWN = 6
"""Fields in the panel."""
TIE = 0.1
"""dB within which two means count as equal."""
TWICE = (1.5, 2.5)
"""What "about twice" means."""
MOST_DETAIL, CORRELATION_WITHIN = 1.25, 0.1
"""Smooth: high-frequency energy up to so many times the truth's, and a neighbour correlation within
so much of what it should be."""


@final
@dataclass(frozen=True)
class DrawsSetup:
    """How many draws are scored.

    Attributes:
        count: Fields, with one draw each.
        steps: Of Heun's solver, compared; the last is the reference.
    """

    count: int = 32
    steps: Sequence[int] = (4, 10, 20, 50)


SETUPS: Mapping[Scale, tuple[Setup, DrawsSetup]] = {
    "quick": (Setup("tiny", Cost(steps=4), count=4), DrawsSetup(2, (2, 4))),
    "standard": (Setup("small", Cost(minutes=10), count=128), DrawsSetup()),
    "full": (Setup("paper", Cost(minutes=120)), DrawsSetup(310)),
}


@final
@dataclass(frozen=True)
class Means:
    """The methods whose means are compared.

    Attributes:
        before: After phase 1 of the model that has both.
        after: After its phase 2.
        alone: After a phase 1 that had the whole time.
    """

    before: Method
    after: Method
    alone: Method


@final
@dataclass(frozen=True)
class Drawn:
    """Draws by one number of steps.

    Attributes:
        steps: Of Heun's solver.
        evaluations: Of the network, for one draw.
        error_ratio: Squared error of a draw over that of the mean.
        score: How the draws do.
    """

    steps: int
    evaluations: int
    error_ratio: float
    score: DrawScore


Aspect = Literal["mean", "draw", "mean detail", "draw detail", "smooth detail", "smooth neighbours"]


@final
@dataclass(frozen=True)
class FlowCriterion:
    """What phase 2 should bring, set beforehand.

    Attributes:
        aspect: What is compared.
        shape: Cells along each axis.
        reference: Of the autoencoder alone, or the limit.
        measured: With phase 2.
        passed: Whether it is as was hoped.
    """

    aspect: Aspect
    shape: Shape
    reference: float
    measured: float
    passed: bool


@final
@dataclass(frozen=True)
class TheoryCheck:
    """A statement of theory beside what was measured.

    Attributes:
        shape: Cells along each axis of the means that can at best tie; None: the draws' error
            ratio.
        measured: Gain of the mean in dB, or the ratio.
        expected: At most `TIE`, or 2.
        passed: Whether theory held.
    """

    shape: Shape | None
    measured: float
    expected: float
    passed: bool


@final
@dataclass(frozen=True, eq=False)
class DiffusionResult:
    """Means and draws of flow matching.

    Attributes:
        scores: Of the means.
        means: Which of them are compared.
        drawn: Draws, one for each number of steps.
        panels: Pictures.
        facts: How it was done.
    """

    scores: Sequence[Score]
    means: Means
    drawn: Sequence[Drawn]
    panels: Sequence[ImageGrid] = ()
    facts: Mapping[str, str] | None = None

    @property
    def board(self) -> Scoreboard:
        """The scores by method and scale."""
        return Scoreboard(self.scores)

    @property
    def criteria(self) -> list[FlowCriterion]:
        """Whether phase 2 keeps what was hoped of it."""
        board, score = self.board, self.drawn[-1].score
        means = self.means.before, self.means.after
        before, after = (board.scores[mean, board.scales[-1]] for mean in means)
        finest = before.shape
        pairs = [(shape, *self._psnr(scale)) for scale, shape in board.shapes.items()]
        found = [FlowCriterion("mean", shape, a, b, b - a > TIE) for shape, a, b in pairs]
        a, b = before.psnr.mean, score.psnr.mean
        found.append(FlowCriterion("draw", finest, a, b, b - a > TIE))
        detail = before.high_frequency
        more_detail: tuple[tuple[Aspect, float], ...] = (
            ("mean detail", after.high_frequency),
            ("draw detail", score.high_frequency),
        )
        found += [FlowCriterion(what, finest, detail, x, x > detail) for what, x in more_detail]
        most = score.high_frequency <= MOST_DETAIL
        near = abs(score.draw_correlation - score.truth_correlation) <= CORRELATION_WITHIN
        correlations = score.truth_correlation, score.draw_correlation
        return [
            *found,
            FlowCriterion("smooth detail", finest, MOST_DETAIL, score.high_frequency, most),
            FlowCriterion("smooth neighbours", finest, *correlations, near),
        ]

    @property
    def theory(self) -> list[TheoryCheck]:
        """Whether theory held: a mean that at best ties, and a draw's squared error."""
        board, ratio = self.board, self.drawn[-1].error_ratio
        gains = board.gains(self.means.after, self.means.alone)
        pairs = zip(board.shapes.values(), gains, strict=True)
        ties = [TheoryCheck(shape, gain, TIE, gain <= TIE) for shape, gain in pairs]
        return [*ties, TheoryCheck(None, ratio, 2.0, TWICE[0] <= ratio <= TWICE[1])]

    def _psnr(self, scale: int) -> tuple[float, float]:
        """Before and after phase 2, in dB."""
        board = self.board
        return board.psnr(self.means.before, scale), board.psnr(self.means.after, scale)


def diffusion(request: Request, on_progress: OnProgress) -> DiffusionResult:
    """Train both phases, and phase 1 alone for the same time; score means and draws.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    setup, asked = SETUPS[request.scale]
    workbench = Workbench(request, setup, on_progress)
    both, alone = (Job(c, request.seed, setup.cost) for c in (ANCHORED, PHASE_1))
    before = replace(both, after="autoencoder")
    workbench.train([both, alone])
    jobs = (before, both, alone)
    networks = [score for job in jobs for score in workbench.scores(job, native_only=True)]
    drawn = [_drawn(workbench, both, steps, asked.count) for steps in asked.steps]
    return DiffusionResult(
        scores=networks,
        means=Means(*(job.method() for job in jobs)),
        drawn=drawn,
        panels=[_panel(workbench, both, asked.steps[-1])],
        facts={
            **workbench.facts([both, alone]),
            "draws": f"one of each of {drawn[0].score.count} fields, latent+points",
            "shares of the phases": ", ".join(f"{p} {s:.0%}" for p, s in PHASE_SHARES.items()),
        },
    )


def _drawn(workbench: Workbench, job: Job, steps: int, count: int) -> Drawn:
    """One draw of each field in so many steps, scored once."""
    scored, seed = workbench.test.distinct(count), workbench.request.seed

    def make() -> dict[str, Any]:
        unit, weights = scored.unit_interval, scored.weights()
        model, truth = workbench.model(job), unit(scored.values)
        prediction = model.predict(
            workbench.protocol.observe(scored), scored, n_draws=1, seed=seed, steps=steps
        )
        method = Method(job.network.key, job.label, "network")
        score = score_draws(method, prediction, scored, seed=seed)
        draw, mean = (
            float(np.average(np.square(unit(values) - truth), weights=weights))
            for values in (prediction.draws[0], prediction.mean)
        )
        workbench.tell(f"draws in {steps} steps")
        return {
            "evaluations": prediction.evaluations,
            "ratio": draw / mean,
            "score": score.to_dict(),
        }

    key = {"weights": workbench.weights(job), "fields": len(scored), "seed": seed}
    file = workbench.request.folder / "scores" / f"draws-in-{steps}-steps.json"
    found = cached_json(file, {**key, "source": workbench.source}, make)
    return Drawn(steps, found["evaluations"], found["ratio"], DrawScore.from_dict(found["score"]))


def _panel(workbench: Workbench, job: Job, steps: int) -> ImageGrid:
    """The mean, the spread and two draws."""
    shown = workbench.test.distinct(SHOWN)
    seen = workbench.protocol.observe(shown)
    prediction = workbench.model(job).predict(
        seen, shown, n_draws=2, seed=workbench.request.seed, steps=steps
    )
    return draws_grid(prediction, shown, seen)
