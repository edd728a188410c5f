"""Train the autoencoder's first phase and the baseline, and score both at every scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.panels import methods_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import GappyPOD, Method, Score, ThinPlateSpline
from mamba_diffae.fields import Shape
from studies.common.candidates import BASELINE, PHASE_1, Cost, Job
from studies.common.local_estimate import LOCAL_ESTIMATE
from studies.common.scoreboard import Best, Criterion, Scoreboard, best_at_each_scale, criteria
from studies.common.workbench import Setup, Workbench

SHOWN = 6
"""Fields in the panels."""
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4),
    "standard": Setup("small", Cost(minutes=10), count=128),
    "full": Setup("paper", Cost(minutes=120)),
}


@final
@dataclass(frozen=True, eq=False)
class MultiscaleResult:
    """The autoencoder after phase 1 beside the baseline and the methods without a network.

    Attributes:
        scores: Of all methods at every scale.
        baseline: The method to beat.
        criteria: That were set beforehand, from the latent alone and with the points.
        best: The best network and the best of all else at every scale.
        points_gain: PSNR of latent and points above the latent alone, by shape, in dB.
        prior_gain: PSNR of the latent alone above the prior by itself, by shape, in dB.
        panels: Pictures.
        facts: How it was done.
    """

    scores: Sequence[Score]
    baseline: Method
    criteria: Sequence[Criterion]
    best: Sequence[Best]
    points_gain: Mapping[Shape, float]
    prior_gain: Mapping[Shape, float]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def multiscale(request: Request, on_progress: OnProgress) -> MultiscaleResult:
    """Train the autoencoder's first phase and the baseline, and score both at every scale.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    workbench = Workbench(request, SETUPS[request.scale], on_progress)
    baseline, ours = (Job(c, request.seed, workbench.setup.cost) for c in (BASELINE, PHASE_1))
    workbench.train([baseline, ours])
    networks = [*workbench.scores(baseline, native_only=True), *workbench.scores(ours)]
    board = Scoreboard([*workbench.scores_without_network(ours), *networks])
    latent, points = ours.method("latent"), ours.method("latent+points")
    shapes = board.shapes.values()
    return MultiscaleResult(
        scores=list(board.scores.values()),
        baseline=baseline.method(),
        criteria=criteria(board, baseline.method(), [latent, points]),
        best=best_at_each_scale(board),
        points_gain=dict(zip(shapes, board.gains(points, latent), strict=True)),
        prior_gain=dict(zip(shapes, board.gains(latent, LOCAL_ESTIMATE), strict=True)),
        panels=_panels(workbench, baseline, ours),
        facts=workbench.facts([baseline, ours]),
    )


def _panels(workbench: Workbench, baseline: Job, ours: Job) -> list[ImageGrid]:
    """Pictures of both networks beside the best known methods."""
    shown = workbench.test.distinct(SHOWN)
    seen = workbench.protocol.observe(shown)
    others = workbench.without_network(ours)
    known = (Method.of(ThinPlateSpline()), Method.of(GappyPOD()))
    methods = {method: others[method] for method in known}
    methods |= {**workbench.any_fields(baseline), **workbench.any_fields(ours)}
    return [methods_grid(methods, shown, seen, scale) for scale in workbench.scales]
