"""What means and draws say of flow matching: criteria set beforehand, and what theory expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.evaluation import DrawScore
from mamba_diffae.experiments.result import Table
from mamba_diffae.experiments.verdicts import Row, Scoreboard, held, signed

TIE = 0.1
"""dB within which two means count as equal."""
TWICE = (1.5, 2.5)
"""What "about twice" means."""
MOST_DETAIL, CORRELATION_WITHIN = 1.25, 0.1
"""Smooth: high-frequency energy up to so many times the truth's, and a neighbour correlation within
so much of what it should be."""


@final
@dataclass(frozen=True)
class Means:
    """The methods whose means are compared.

    Attributes:
        before: After phase 1 of the model that has both.
        after: After its phase 2.
        alone: After a phase 1 that had the whole time.
    """

    before: str
    after: str
    alone: str


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


def criteria_table(board: Scoreboard, means: Means, drawn: Drawn) -> Table:
    """Whether phase 2 keeps what was hoped of it.

    Args:
        board: Holds the means.
        means: Their names.
        drawn: Draws of many steps.
    """
    rows: list[Row] = []
    for scale in board.scales:
        a, b = board.psnr(means.before, scale), board.psnr(means.after, scale)
        rows.append([f"better PSNR of the mean at {scale}²", a, b, held(b - a > TIE)])
    finest, score = board.scales[-1], drawn.score
    mean = board.scores[means.before, finest]
    a, b = mean.psnr.mean, score.psnr.mean
    rows.append([f"better PSNR of a single draw at {finest}²", a, b, held(b - a > TIE)])
    after = board.scores[means.after, finest]
    sharp = f"sharper edges at {finest}², high frequencies"
    for what, found in (("mean", after.high_frequency), ("single draw", score.high_frequency)):
        detail = mean.high_frequency
        rows.append([f"{sharp}: of the {what}", detail, found, held(found > detail)])
    smooth = f"still smooth at {finest}²"
    most = score.high_frequency <= MOST_DETAIL
    rows.append([f"{smooth}: detail of a draw", MOST_DETAIL, score.high_frequency, held(most)])
    near = abs(score.draw_correlation - score.truth_correlation) <= CORRELATION_WITHIN
    correlations = score.truth_correlation, score.draw_correlation
    rows.append([f"{smooth}: neighbours in a draw", *correlations, held(near)])
    return Table(
        "Criteria set beforehand",
        f"The autoencoder alone is the same model after phase 1. Better: by more than {TIE} dB. "
        f"High frequencies are ratios to the truth's; a smooth draw has at most {MOST_DETAIL} "
        f"times the truth's, and its neighbours (draw − mean) correlate within "
        f"{CORRELATION_WITHIN} of those of truth − mean.",
        ["criterion", "autoencoder alone, or limit", "with phase 2", "verdict"],
        rows,
        digits=[0, 2, 2, 0],
    )


def theory_table(board: Scoreboard, means: Means, drawn: Drawn) -> Table:
    """Whether theory held: a mean that at best ties, and a draw's squared error.

    Args:
        board: Holds the means.
        means: Their names.
        drawn: Draws of many steps.
    """
    rows: list[Row] = []
    for scale in board.scales:
        gain = board.psnr(means.after, scale) - board.psnr(means.alone, scale)
        rows.append([f"the mean can at best tie, at {scale}²: dB", gain, TIE, held(gain <= TIE)])
    ratio = drawn.error_ratio
    about = held(TWICE[0] <= ratio <= TWICE[1])
    rows.append(["a draw has about twice the mean's squared error: ratio", ratio, 2.0, about])
    return Table(
        "What theory says",
        "The mean after phase 2 against that of a phase 1 which had the whole time; up to "
        f"{TIE} dB is a tie. About twice is {TWICE[0]} to {TWICE[1]} times; draws of {drawn.steps} "
        "steps.",
        ["statement", "measured", "expected", "verdict"],
        rows,
        digits=[0, 2, 1, 0],
    )


def draws_table(drawn: Sequence[Drawn]) -> Table:
    """Single draws by the number of steps.

    Args:
        drawn: One for each number of steps.
    """
    score = drawn[-1].score
    rows: list[Row] = [
        [
            d.steps,
            d.evaluations,
            d.score.psnr.mean,
            d.error_ratio,
            d.score.high_frequency,
            d.score.total_variation,
            d.score.draw_correlation,
        ]
        for d in drawn
    ]
    return Table(
        f"One draw, by the number of Heun steps, at {score.scale} × {score.scale}",
        f"{score.count} fields. Error: squared, over the mean's. HF and TV are ratios to the "
        "truth's. The neighbour correlation of (draw − mean) should equal that of (truth − mean), "
        f"{score.truth_correlation:.2f}.",
        ["steps", "evaluations", "PSNR", "error", "HF", "TV", "correlation"],
        rows,
        digits=[0, 0, 2, 2, 2, 2, 2],
    )


def phases_table(board: Scoreboard, means: Means) -> Table:
    """What each phase brings to the mean, in dB.

    Args:
        board: Holds the means.
        means: Their names.
    """
    pairs = {
        "phase 2 on top of phase 1": (means.after, means.before),
        "the time of phase 2, given to phase 1": (means.alone, means.before),
        "phase 1 and 2 sharing the time, over phase 1 alone": (means.after, means.alone),
    }
    return Table(
        "Which phase matters more, for the mean",
        "PSNR of the posterior mean with it above that without it, in dB.",
        ["what", *(f"{scale}²" for scale in board.scales)],
        [[words, *board.gains(*pair)] for words, pair in pairs.items()],
    )


def findings(board: Scoreboard, means: Means, criteria: Table, theory: Table) -> list[str]:
    """In words: which criteria held, whether theory did, and which phase matters more.

    Args:
        board: Holds the means.
        means: Their names.
        criteria: From `criteria_table`.
        theory: From `theory_table`.
    """
    finest, met = board.scales[-1], sum(row[-1] == held(True) for row in criteria.rows)
    failed = [str(row[0]) for row in criteria.rows if row[-1] != held(True)]
    missed = f"; it misses: {'; '.join(failed)}" if failed else ""
    alone, flow = (
        board.psnr(mean, finest) - board.psnr(means.before, finest)
        for mean in (means.alone, means.after)
    )
    which = "phase 1" if alone > flow else "phase 2"
    if abs(alone - flow) <= TIE:
        which = "either phase, no matter which"
    return [
        f"Of the {len(criteria.rows)} criteria set beforehand, phase 2 meets {met}{missed}.",
        *(f"Theory, {row[0]} {row[1]:.2f}: {row[-1]}." for row in theory.rows),
        f"For the mean at {finest}² the last quarter of the time is best given to {which}: "
        f"{signed(alone)} dB by more of phase 1, {signed(flow)} dB by phase 2. Only phase 2 gives "
        "draws.",
    ]
