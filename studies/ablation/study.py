"""Train every level of every factor with every seed, and set it beside the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from mamba_diffae.benchmark import OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import Method, Predictor, Score
from mamba_diffae.fields import observe
from studies.ablation.outcome import Arm, Measure, Outcome
from studies.common.candidates import NO_PRIOR, PHASE_1, Candidate, Cost, Job
from studies.common.scoreboard import Scoreboard
from studies.common.workbench import Setup, Workbench

FEW = 0.05
"""Share of the cells in the sparse measure: where a scan over the points may pay."""


@final
@dataclass(frozen=True)
class Level:
    """A factor set otherwise than by default.

    Attributes:
        key: Tells it from all others.
        factor: What is changed.
        name: To what.
        settings: As --set takes them.
    """

    key: str
    factor: str
    name: str
    settings: tuple[str, ...] = ()

    def candidate(self, prior: bool) -> Candidate:
        """What is trained: phase 1 of the autoencoder, with its prior or without."""
        usual = PHASE_1 if prior else replace(NO_PRIOR, phases=PHASE_1.phases)
        arm = "with" if prior else "without"
        return replace(
            usual,
            key=f"{self.key}-{arm}-prior",
            label=f"{self.factor}, {self.name}, {arm} prior",
            settings=("model.encoder=mamba", *self.settings, *usual.settings),
        )


DEFAULT = Level("default", "default", "as the preset says")
_FIRST = (
    Level("no-scan", "orders", "no scan in the encoder", ("model.encoder=pointwise",)),
    Level("step-count", "step", "1/N", ("model.step=count",)),
    Level("scan-decoder", "decoder", "scan over the queries", ("model.decoder=scanning",)),
    Level("state-1", "state", "1 number", ("model.d_state=1",)),
    Level("pooling-mean", "pooling", "mean", ("model.pooling=mean",)),
)
_SECOND = (
    Level("one-direction", "orders", "one direction", ("model.directions=[row]",)),
    Level("step-learned", "step", "learned", ("model.step=learned",)),
)
_HILBERT = "model.directions=[hilbert,hilbert_reversed]"
_THIRD = (
    Level("hilbert", "orders", "Hilbert, both ways", (_HILBERT,)),
    Level("as-given", "orders", "as given", ("model.directions=[none]",)),
    Level("state-64", "state", "64 numbers", ("model.d_state=64",)),
)


@final
@dataclass(frozen=True)
class Plan:
    """What is ablated.

    Attributes:
        setup: Preset, cost of a training, fields that are scored, seeds.
        levels: Beside the default, without the prior.
        with_prior: The same with the prior.
    """

    setup: Setup
    levels: Sequence[Level]
    with_prior: Sequence[Level] = ()

    def arms(self) -> dict[bool, Sequence[Level]]:
        """Without the prior and with it: the default first."""
        arms = {False: self.levels, True: self.with_prior}
        return {prior: (DEFAULT, *levels) for prior, levels in arms.items() if levels}


_ALL = (*_FIRST, *_SECOND, *_THIRD)
PLANS: Mapping[Scale, Plan] = {
    "quick": Plan(Setup("tiny", Cost(steps=4), count=4, seeds=1), _FIRST),
    "standard": Plan(Setup("small", Cost(minutes=2), count=64), (*_FIRST, *_SECOND)),
    "full": Plan(Setup("paper", Cost(minutes=60)), _ALL, _ALL),
}


@final
@dataclass(frozen=True, eq=False)
class AblationResult:
    """What every level brings.

    Attributes:
        arms: Without the prior, and with it where that was asked.
        facts: How it was done.
    """

    arms: Sequence[Arm]
    facts: Mapping[str, str]


def ablation(request: Request, on_progress: OnProgress) -> AblationResult:
    """Train every level with every seed, and set it beside the default.

    Args:
        request: Folder, fields, scale and first seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    plan = PLANS[request.scale]
    workbench = Workbench(request, plan.setup, on_progress)
    jobs = {
        prior: {level: _jobs(workbench, level, prior) for level in levels}
        for prior, levels in plan.arms().items()
    }
    trained = [j for levels in jobs.values() for of_level in levels.values() for j in of_level]
    workbench.train(trained)
    arms = []
    for prior, levels in jobs.items():
        default, *others = (_outcome(workbench, level, js) for level, js in levels.items())
        arms.append(Arm(prior, default, others))
    few = f"the same fields, {FEW:.0%} of the cells"
    return AblationResult(arms, {**workbench.facts(trained), "few cells": few})


def _jobs(workbench: Workbench, level: Level, prior: bool) -> list[Job]:
    """A training for each seed."""
    seeds = range(workbench.request.seed, workbench.request.seed + workbench.setup.seeds)
    return [Job(level.candidate(prior), seed, workbench.setup.cost) for seed in seeds]


def _outcome(workbench: Workbench, level: Level, jobs: Sequence[Job]) -> Outcome:
    """PSNR by where it is measured, for each seed."""
    by_seed = [_measured(workbench, job) for job in jobs]
    psnr = {measure: [found[measure] for found in by_seed] for measure in by_seed[0]}
    return Outcome(level.factor, level.name, psnr)


def _measured(workbench: Workbench, job: Job) -> dict[Measure, float]:
    """PSNR of one training, in dB: at each scale, from few cells, and from the latent alone."""
    points = job.method("latent+points")
    board = Scoreboard(workbench.scores(job, native_only=True))
    few = Scoreboard(_from_few_cells(workbench, job, points))
    finest = board.scales[-1]
    native = board.shapes[finest]
    return {
        **{Measure(shape): board.psnr(points, scale) for scale, shape in board.shapes.items()},
        Measure(native, "few cells"): few.psnr(points, finest),
        Measure(native, "latent alone"): board.psnr(job.method("latent"), finest),
    }


def _from_few_cells(workbench: Workbench, job: Job, method: Method) -> list[Score]:
    seen = observe(workbench.test, FEW, seed=workbench.request.seed)

    def predictors() -> dict[Method, Predictor]:
        return {method: workbench.any_fields(job)[method]}

    key = {"weights": workbench.weights(job), "fraction": FEW}
    return workbench.cached_scores(f"{job.file_stem}-few-cells", key, predictors, seen)
