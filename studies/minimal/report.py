"""Tables and the verdict of the study of a bottleneck in the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short
from studies.common.report import detail_table, seeds_table, signed
from studies.common.scoreboard import Scoreboard
from studies.minimal.study import MinimalResult, Rise

QUESTION = (
    "The quick test of the idea: the baseline, and the same with a bottleneck before its head. It "
    "was set beforehand that the idea is promising if PSNR rises by more than the trainings of one "
    "network differ between their seeds, at 64² and at 96²; else the cause is elsewhere."
)


def page(result: MinimalResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="A bottleneck in the baseline",
        question=QUESTION,
        findings=[finding(result)],
        scores=result.scores,
        tables=[
            _rises_table(result.rises),
            *([seeds_table(result.spreads)] if result.spreads else []),
            detail_table(Scoreboard(result.scores)),
        ],
        facts=result.facts,
    )


def _rises_table(rises: Sequence[Rise]) -> Table:
    """Mean PSNR over the seeds with and without the bottleneck, and how far the seeds spread."""
    return Table(
        "What the bottleneck brings",
        "PSNR in dB, mean over the seeds. Spread: the greatest minus the least PSNR of one "
        "network's seeds, of the network that spreads wider.",
        ["scale", "baseline", "with bottleneck", "rise", "spread"],
        [
            [
                in_short(r.shape),
                float(np.mean(r.baseline)),
                float(np.mean(r.bottleneck)),
                r.gain,
                r.spread,
            ]
            for r in rises
        ],
        digits=[0, 2, 2, 2, 2],
    )


def finding(result: MinimalResult) -> str:
    """Whether the idea is promising, by the criterion set beforehand."""
    figures = ", ".join(map(_figure, result.counted))
    if result.promising is None:
        return f"One seed has no spread, so there is no verdict: {figures}."
    if result.promising:
        return f"Promising: the bottleneck raises PSNR by more than the seeds spread: {figures}."
    return (
        f"Not promising: the bottleneck does not raise PSNR by more than the seeds spread at every "
        f"scale that counts ({figures}). A missing bottleneck is not what limits the baseline: the "
        "cause is elsewhere, in how the points are put into a sequence or in the training."
    )


def _figure(rise: Rise) -> str:
    beside = "" if rise.spread is None else f", spread {rise.spread:.2f} dB"
    return f"{signed(rise.gain)} dB at {in_short(rise.shape)}{beside}"
