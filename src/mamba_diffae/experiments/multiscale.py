"""One latent, three resolutions: does the autoencoder alone beat the baseline at each of them?

Command:  mamba-diffae experiment multiscale --run runs/multiscale --scale standard
Hardware: one core of an Intel Xeon (AVX-512), other work on the other one.
Time: two trainings of ten minutes, which other experiments share, and four minutes of judging.
Measured: from the latent alone it meets 4 of 5 criteria (32 / 64 / 96: 23.55 / 22.55 / 21.81 dB,
the baseline 21.07 / 20.40 / 19.87), with the points the same (24.05 / 22.94 / 22.14). The prior by
itself stands at 23.81 / 22.64 / 21.85.
"""

from __future__ import annotations

from collections.abc import Mapping

from mamba_diffae.experiments.bench import Bench, Setup
from mamba_diffae.experiments.contenders import BASELINE, PHASE_1, Cost, Entry
from mamba_diffae.experiments.local_estimate import LOCAL_ESTIMATE
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Sheet
from mamba_diffae.experiments.sheets import methods_sheet
from mamba_diffae.experiments.verdicts import (
    Scoreboard,
    criteria_findings,
    criteria_table,
    detail_table,
    signed,
    winners,
)

SHOWN = 6
"""Fields in the sheets of pictures."""
QUESTION = (
    "The latent is encoded once, from a share of the 32² cells, and decoded at every resolution: "
    "from the latent alone, and with the points beside it. The autoencoder has learned phase 1 "
    "only. Does it meet the criteria set beforehand against a baseline trained for the same time?"
)
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4),
    "standard": Setup("small", Cost(minutes=10), count=128),
    "full": Setup("paper", Cost(minutes=120)),
}
LATENT, POINTS = f"{PHASE_1.name}, latent", f"{PHASE_1.name}, latent+points"


def multiscale(request: Request, on_progress: OnProgress) -> Result:
    """Train the autoencoder's first phase and the baseline, and judge both at every scale.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every judgement.

    Raises:
        ValueError: If a training fails.
    """
    bench = Bench(request, SETUPS[request.scale], on_progress)
    baseline, ours = (Entry(c, request.seed, bench.setup.cost) for c in (BASELINE, PHASE_1))
    bench.train([baseline, ours])
    networks = [*bench.scores(baseline, briefly=True), *bench.scores(ours)]
    board = Scoreboard([*bench.scores_without_network(ours), *networks])
    criteria = criteria_table(board, baseline.name, [LATENT, POINTS])
    return Result(
        title="One latent, every resolution",
        question=QUESTION,
        findings=[
            *criteria_findings(criteria),
            *_latent_findings(board),
            *winners(board, {score.method for score in networks}),
        ],
        scores=list(board.scores.values()),
        tables=[criteria, detail_table(board)],
        sheets=_sheets(bench, baseline, ours),
        facts=bench.facts([baseline, ours]),
    )


def _latent_findings(board: Scoreboard) -> list[str]:
    """What the points add to the latent, and what the latent adds to the prior."""
    scales = " / ".join(f"{scale}²" for scale in board.scales)
    points = " / ".join(map(signed, board.gains(POINTS, LATENT)))
    prior = " / ".join(map(signed, board.gains(LATENT, LOCAL_ESTIMATE)))
    return [
        f"The points beside the latent change the PSNR by {points} dB at {scales}.",
        f"The latent alone stands {prior} dB from the estimate of the prior by itself, which it "
        f"holds in principal coordinates, at {scales}.",
    ]


def _sheets(bench: Bench, baseline: Entry, ours: Entry) -> list[Sheet]:
    """Pictures of both networks beside the best known methods."""
    shown = bench.test.distinct(SHOWN)
    seen = bench.protocol.observe(shown)
    others = bench.without_network(ours)
    methods = {name: others[name] for name in ("thin-plate spline", "gappy POD")}
    methods |= {**bench.any_fields(baseline), **bench.any_fields(ours)}
    return [methods_sheet(methods, shown, seen, scale) for scale in bench.scales]
