"""Which parts of the autoencoder matter? One factor at a time from the default.

Command:  mamba-diffae experiment ablation --run runs/ablation
Hardware: one core of an Intel Xeon (AVX-512), other work on the other one.
Time: 24 trainings of two minutes and the judging; 71 minutes.
Measured, two minutes of one core each, three seeds, PSNR at 96² from 20 % of the cells: no scan in
the encoder +0.08 dB, one direction +0.12, steps of 1/N -0.11, a decoder that scans +0.25 (but -0.20
from 5 %); learned steps -0.04, a state of one number +0.08 and mean pooling +0.03 lie within the
seeds' spread (0.08 to 0.19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from mamba_diffae.evaluation import Predictor
from mamba_diffae.experiments.ablation_verdicts import Outcome, findings, levels_table
from mamba_diffae.experiments.bench import Bench, Setup
from mamba_diffae.experiments.contenders import NO_PRIOR, PHASE_1, Contender, Cost, Entry
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result
from mamba_diffae.experiments.verdicts import Scoreboard
from mamba_diffae.fields import observe

FEW = 0.05
"""Share of the cells in the sparse measure: where a scan over the points may pay."""
QUESTION = (
    "Each row is the default with one factor changed, trained for the same time (phase 1, the "
    "mean). The prior from analogues says most of what can be known before any network does, and "
    "the latent begins as its code: beside it no factor could show much. So the factors "
    "are judged without the prior (at the scale full with it as well), and from few cells and from "
    "the latent alone too, where a scan over the points may pay."
)


@final
@dataclass(frozen=True)
class Level:
    """A factor set otherwise than by default.

    Attributes:
        factor: What is changed.
        name: To what.
        settings: As --set takes them.
    """

    factor: str
    name: str
    settings: tuple[str, ...] = ()

    def contender(self, prior: bool) -> Contender:
        """What is trained: phase 1 of the autoencoder, with its prior or without."""
        usual = PHASE_1 if prior else replace(NO_PRIOR, phases=PHASE_1.phases)
        name = f"{self.factor}, {self.name}, with{'' if prior else 'out'} prior"
        return replace(usual, name=name, settings=(*self.settings, *usual.settings))


DEFAULT = Level("default", "as the preset says")
_NO_SCAN = Level("orders", "no scan in the encoder", ("model.encoder_blocks=0",))
_SCAN_DECODER = Level("decoder", "scan over the queries", ("model.decoder=scan",))
_FIRST = (
    _NO_SCAN,
    Level("step", "1/N", ("model.step=count",)),
    _SCAN_DECODER,
    Level("state", "1 number", ("model.d_state=1",)),
    Level("pooling", "mean", ("model.pooling=mean",)),
)
_SECOND = (
    Level("orders", "one direction", ("model.directions=[row]",)),
    Level("step", "learned", ("model.step=learned",)),
)
_THIRD = (
    Level("orders", "Hilbert, both ways", ("model.directions=[hilbert,hilbert_reversed]",)),
    Level("orders", "as given", ("model.directions=[none]",)),
    Level("state", "64 numbers", ("model.d_state=64",)),
)


@final
@dataclass(frozen=True)
class Plan:
    """What is ablated.

    Attributes:
        setup: Preset, cost of a training, fields that are judged, seeds.
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


def ablation(request: Request, on_progress: OnProgress) -> Result:
    """Train every level with every seed, and set it beside the default.

    Args:
        request: Folder, fields, scale and first seed.
        on_progress: Told of every training and every judgement.

    Raises:
        ValueError: If a training fails.
    """
    plan = PLANS[request.scale]
    bench = Bench(request, plan.setup, on_progress)
    arms = {
        prior: {level: _entries(bench, level, prior) for level in levels}
        for prior, levels in plan.arms().items()
    }
    trained = [e for levels in arms.values() for entries in levels.values() for e in entries]
    bench.train(trained)
    outcomes = {
        prior: [_outcome(bench, level, entries) for level, entries in levels.items()]
        for prior, levels in arms.items()
    }
    return Result(
        title="One factor at a time",
        question=QUESTION,
        findings=[f for prior, arm in outcomes.items() for f in findings(arm, prior)],
        scores=[],
        tables=[levels_table(arm, prior) for prior, arm in outcomes.items()],
        facts={
            **bench.facts(trained),
            "few cells": f"the same fields, {FEW:.0%} of the cells",
        },
    )


def _entries(bench: Bench, level: Level, prior: bool) -> list[Entry]:
    """A training for each seed."""
    seeds = range(bench.request.seed, bench.request.seed + bench.setup.seeds)
    return [Entry(level.contender(prior), seed, bench.setup.cost) for seed in seeds]


def _outcome(bench: Bench, level: Level, entries: Sequence[Entry]) -> Outcome:
    """PSNR by what is measured, for each seed."""
    by_seed = [_measured(bench, entry) for entry in entries]
    measures = {name: [psnr[name] for psnr in by_seed] for name in by_seed[0]}
    return Outcome(level.factor, level.name, measures)


def _measured(bench: Bench, entry: Entry) -> dict[str, float]:
    """PSNR of one training, in dB: at each scale, from few cells, and from the latent alone."""
    points, finest = f"{entry.name}, latent+points", bench.scales[-1]
    board = Scoreboard(bench.scores(entry, briefly=True))
    few = Scoreboard(_from_few_cells(bench, entry, points))
    return {
        **{f"{scale}²": board.psnr(points, scale) for scale in board.scales},
        f"{finest}², {FEW:.0%} seen": few.psnr(points, finest),
        f"{finest}², latent alone": board.psnr(f"{entry.name}, latent", finest),
    }


def _from_few_cells(bench: Bench, entry: Entry, method: str) -> list:
    seen = observe(bench.test, FEW, seed=bench.request.seed)

    def predictors() -> dict[str, Predictor]:
        return {method: bench.any_fields(entry)[method]}

    key = {"weights": bench.weights(entry), "fraction": FEW}
    return bench.kept_scores(f"{entry.slug}-few-cells", key, predictors, seen)
