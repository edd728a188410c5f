"""Tables and sentences of the study of one latent at every resolution."""

from __future__ import annotations

from mamba_diffae.benchmark import Page
from mamba_diffae.benchmark.wording import in_short
from studies.common.report import (
    best_findings,
    criteria_findings,
    criteria_table,
    detail_table,
    signed,
)
from studies.common.scoreboard import Scoreboard
from studies.multiscale.study import MultiscaleResult

QUESTION = (
    "The latent is encoded once, from a share of the 32² cells, and decoded at every resolution: "
    "from the latent alone, and with the points beside it. The autoencoder has learned phase 1 "
    "only. Does it meet the criteria set beforehand against a baseline trained for the same time?"
)


def page(result: MultiscaleResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="One latent, every resolution",
        question=QUESTION,
        findings=[
            *criteria_findings(result.criteria),
            *_latent_findings(result),
            *best_findings(result.best),
        ],
        scores=result.scores,
        tables=[
            criteria_table(result.criteria, result.baseline),
            detail_table(Scoreboard(result.scores)),
        ],
        panels=result.panels,
        facts=result.facts,
    )


def _latent_findings(result: MultiscaleResult) -> list[str]:
    """What the points add to the latent, and what the latent adds to the prior."""
    scales = " / ".join(map(in_short, result.points_gain))
    points = " / ".join(map(signed, result.points_gain.values()))
    prior = " / ".join(map(signed, result.prior_gain.values()))
    return [
        f"The points beside the latent change the PSNR by {points} dB at {scales}.",
        f"The latent alone stands {prior} dB from the estimate of the prior by itself, which it "
        f"holds in principal coordinates, at {scales}.",
    ]
