"""Tables and sentences that several studies share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.wording import in_short, in_words
from mamba_diffae.evaluation import Method
from studies.common.scoreboard import Best, Criterion, Scoreboard, SeedSpread

Row = list[str | float | None]
_GOALS: Mapping[int, str] = {32: "the baseline's or better", 64: "+2 to +4 dB", 96: "+3 to +5 dB"}
_DETAIL = ("PSNR", "TV", "HF")


def verdict(passed: bool) -> str:
    """The word for a criterion that is met or not."""
    return "passed" if passed else "failed"


def signed(value: float) -> str:
    """A difference with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def criteria_table(criteria: Sequence[Criterion], baseline: Method) -> Table:
    """The criteria that were set beforehand, and what was measured.

    Args:
        criteria: Of all methods.
        baseline: The method to beat.
    """
    rows = [
        [
            str(c.method),
            _words(c),
            c.baseline,
            c.measured,
            c.measured - c.baseline,
            verdict(c.passed),
        ]
        for c in criteria
    ]
    return Table(
        "Criteria set beforehand",
        f"Against {baseline}, both trained at equal cost. Smoother: a lower ratio to the truth, of "
        "the total variation and of the energy above half the Nyquist frequency.",
        ["method", "criterion", "baseline", "method's", "difference", "verdict"],
        rows,
        digits=[0, 0, 2, 2, 2, 0],
    )


def _words(criterion: Criterion) -> str:
    at = in_short(criterion.shape)
    if criterion.measure == "PSNR":
        return f"PSNR at {at}: {_GOALS[max(criterion.shape)]}"
    return f"smoother at {at}: {criterion.measure}"


def criteria_findings(criteria: Sequence[Criterion]) -> list[str]:
    """How many criteria every method meets."""
    found = []
    for method in dict.fromkeys(c.method for c in criteria):
        passed = [c.passed for c in criteria if c.method == method]
        found.append(f"Of the {len(passed)} criteria set beforehand, {method} meets {sum(passed)}.")
    return found


def best_findings(best: Sequence[Best]) -> list[str]:
    """For every scale, the best network beside the best of all else."""
    found = []
    for b in best:
        ours, theirs = b.network.psnr.mean, b.rival.psnr.mean
        side = "above" if ours >= theirs else "below"
        found.append(
            f"At {in_words(b.network.shape)} the best network ({b.network.method}) reaches "
            f"{ours:.2f} dB, {abs(ours - theirs):.2f} dB {side} the best method without one "
            f"({b.rival.method}, {theirs:.2f} dB)."
        )
    return found


def detail_table(board: Scoreboard) -> Table:
    """PSNR, total variation and high-frequency energy of every method at every scale."""

    def cells(method: Method, scale: int) -> Row:
        score = board.scores[method, scale]
        return [score.psnr.mean, score.total_variation, score.high_frequency]

    labels = [in_short(shape) for shape in board.shapes.values()]
    return Table(
        "Accuracy and smoothness at every scale",
        "PSNR in dB; TV: total variation, HF: energy above half the Nyquist frequency of that "
        "scale, both as ratios to the truth's.",
        ["method", *(f"{name} {at}" for at in labels for name in _DETAIL)],
        [[str(m), *(cell for s in board.scales for cell in cells(m, s))] for m in board.methods],
    )


def seeds_table(spreads: Sequence[SeedSpread]) -> Table:
    """How far trainings with other seeds lie apart."""
    return Table(
        "Spread over seeds",
        "PSNR in dB of trainings that differ in their seed only.",
        ["method", "scale", "seeds", "mean", "standard deviation", "least", "greatest"],
        [
            [
                str(s.method),
                in_short(s.shape),
                len(s.psnr),
                float(np.mean(s.psnr)),
                s.deviation,
                min(s.psnr),
                max(s.psnr),
            ]
            for s in spreads
        ],
    )
