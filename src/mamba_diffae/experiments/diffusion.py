"""What does flow matching bring on top of the autoencoder, and which phase matters more?

Command:  mamba-diffae experiment diffusion --run runs/diffusion --scale standard
Hardware: one core of an Intel Xeon (AVX-512), other work on the other one.
Time: two trainings of ten minutes, which other experiments share, and five minutes of draws.
Measured: the mean with phase 2 lies 0.05 to 0.09 dB below that with all the time for phase 1; a
draw has 1.76 times the mean's squared error, 1.01 of the truth's high-frequency energy, and
neighbours correlated as they should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from mamba_diffae.evaluation import DrawScore, judge_draws
from mamba_diffae.experiments.bench import Bench, Setup
from mamba_diffae.experiments.contenders import ANCHORED, PHASE_1, PHASE_SHARES, Cost, Entry
from mamba_diffae.experiments.diffusion_verdicts import (
    Drawn,
    Means,
    criteria_table,
    draws_table,
    findings,
    phases_table,
    theory_table,
)
from mamba_diffae.experiments.kept import kept
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Sheet
from mamba_diffae.experiments.sheets import draws_sheet
from mamba_diffae.experiments.verdicts import Scoreboard, detail_table

SHOWN = 6
"""Fields in the sheet of pictures."""
QUESTION = (
    "The same model after phase 1 (the mean) and after phase 2 (flow matching, the encoder "
    "frozen). Set beforehand: a better PSNR than the autoencoder alone, sharper edges, and still "
    "smooth at the finest scale. Theory says that the mean can at best tie, and that a single draw "
    "has about twice its squared error. And is the time of phase 2 better spent on phase 1?"
)


@final
@dataclass(frozen=True)
class DrawsSetup:
    """How many draws are judged.

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


def diffusion(request: Request, on_progress: OnProgress) -> Result:
    """Train both phases, and phase 1 alone for the same time; judge means and draws.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every judgement.

    Raises:
        ValueError: If a training fails.
    """
    setup, asked = SETUPS[request.scale]
    bench = Bench(request, setup, on_progress)
    both, alone = (Entry(c, request.seed, setup.cost) for c in (ANCHORED, PHASE_1))
    before = replace(both, label=" after phase 1", after="autoencoder")
    bench.train([both, alone])
    networks = [s for e in (before, both, alone) for s in bench.scores(e, briefly=True)]
    board = Scoreboard(networks)
    means = Means(*(f"{e.name}, latent+points" for e in (before, both, alone)))
    drawn = [_drawn(bench, both, steps, asked.count) for steps in asked.steps]
    criteria = criteria_table(board, means, drawn[-1])
    theory = theory_table(board, means, drawn[-1])
    return Result(
        title="Flow matching on top of the autoencoder",
        question=QUESTION,
        findings=findings(board, means, criteria, theory),
        scores=networks,
        draws=[drawn[-1].score],
        tables=[
            criteria,
            theory,
            draws_table(drawn),
            phases_table(board, means),
            detail_table(board),
        ],
        sheets=[_sheet(bench, both, asked.steps[-1])],
        facts={
            **bench.facts([both, alone]),
            "draws": f"one of each of {drawn[0].score.count} fields, latent+points",
            "shares of the phases": ", ".join(f"{p} {s:.0%}" for p, s in PHASE_SHARES.items()),
        },
    )


def _drawn(bench: Bench, entry: Entry, steps: int, count: int) -> Drawn:
    """One draw of each field in so many steps, judged once."""
    judged, seed = bench.test.distinct(count), bench.request.seed

    def make() -> dict[str, Any]:
        model, truth = bench.model(entry), judged.scaling.unit(judged.at(judged.size))
        prediction = model.predict(
            bench.protocol.observe(judged), judged, n_samples=1, seed=seed, steps=steps
        )
        score = judge_draws(entry.name, prediction.sample, prediction.mean, judged, seed=seed)
        draw, mean = (
            float(np.square(judged.scaling.unit(values) - truth).mean())
            for values in (prediction.sample[0], prediction.mean)
        )
        bench.tell(f"draws in {steps} steps")
        return {
            "evaluations": prediction.evaluations,
            "ratio": draw / mean,
            "score": score.to_dict(),
        }

    key = {"weights": bench.weights(entry), "fields": len(judged), "seed": seed}
    file = bench.request.folder / "scores" / f"draws-in-{steps}-steps.json"
    found = kept(file, {**key, "source": bench.source}, make)
    return Drawn(steps, found["evaluations"], found["ratio"], DrawScore.from_dict(found["score"]))


def _sheet(bench: Bench, entry: Entry, steps: int) -> Sheet:
    """The mean, the spread and two draws."""
    shown = bench.test.distinct(SHOWN)
    seen = bench.protocol.observe(shown)
    prediction = bench.model(entry).predict(
        seen, shown, n_samples=2, seed=bench.request.seed, steps=steps
    )
    return draws_sheet(prediction, shown, seen)
