"""Tables and sentences of the comparison at equal cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short, in_words
from mamba_diffae.fields import Shape
from studies.common.report import (
    best_findings,
    criteria_findings,
    criteria_table,
    seeds_table,
    signed,
)
from studies.common.scoreboard import Scoreboard
from studies.comparison.drift import STEPS, DriftKind
from studies.comparison.study import Choice, ComparisonResult, Spent

QUESTION = (
    "Networks of one family are trained for the same time, each on one core, and judged on the "
    "same observations of unseen fields, beside methods that need no network. Which is best, and "
    "what does each idea bring?"
)


def page(result: ComparisonResult) -> Page:
    """All that is shown of the result."""
    shapes = list(Scoreboard(result.scores).shapes.values())
    deviation = max((s.deviation for s in result.spreads), default=0.0)
    return Page(
        title="The comparison at equal cost",
        question=QUESTION,
        findings=[
            *best_findings(result.best),
            *criteria_findings(result.criteria),
            *choice_findings(result.choices, shapes, deviation),
        ],
        scores=result.scores,
        tables=[
            criteria_table(result.criteria, result.baseline),
            choices_table(result.choices, shapes),
            smoothness_table(Scoreboard(result.scores)),
            *([seeds_table(result.spreads)] if result.spreads else []),
            _drift_table(result),
            _spent_table(result.spent),
        ],
        panels=result.panels,
        facts=result.facts,
    )


def choices_table(choices: Sequence[Choice], shapes: Sequence[Shape]) -> Table:
    """What each choice brings at each scale."""
    return Table(
        "What each choice brings",
        "PSNR with it above PSNR without it, in dB; a negative number: it does not help here.",
        ["choice", *map(in_short, shapes)],
        [[choice.words, *choice.gains] for choice in choices],
    )


def choice_findings(
    choices: Sequence[Choice], shapes: Sequence[Shape], deviation: float
) -> list[str]:
    """Which choices help everywhere, in part, or not.

    Args:
        choices: What each brings.
        shapes: Cells along each axis, in the order of the gains.
        deviation: Over seeds, in dB: a difference within it counts as none.
    """
    at = " / ".join(map(in_short, shapes))
    found = []
    for choice in choices:
        gains = " / ".join(map(signed, choice.gains))
        found.append(f"{choice.words}: {_effect(choice.gains, deviation)}, {gains} dB at {at}.")
    return found


def _effect(gains: Sequence[float], deviation: float) -> str:
    better = sum(gain > deviation for gain in gains)
    if better:
        return "helps" if better == len(gains) else "helps in part"
    if min(gains) < -deviation:
        return "does not help"
    return f"no difference beyond the deviation over seeds ({deviation:.2f} dB)"


def smoothness_table(board: Scoreboard) -> Table:
    """Total variation and high-frequency energy at the finest scale."""
    finest = board.scales[-1]
    found = [board.scores[m, finest] for m in board.methods if (m, finest) in board.scores]
    return Table(
        f"Smoothness at {in_words(board.shapes[finest])}",
        "Total variation, and energy above half the Nyquist frequency, as ratios to the truth's.",
        ["method", "total variation", "high frequencies"],
        [[str(s.method), s.total_variation, s.high_frequency] for s in found],
    )


def _drift_table(result: ComparisonResult) -> Table:
    coarse = result.observed_shape
    at, fine = in_short(coarse), in_short(tuple(3 * n for n in coarse))
    kinds: dict[DriftKind, str] = {
        "added": f"{math.prod(coarse)} other places asked as well",
        "left out": "half of the places left out",
        "shuffled": "the places shuffled",
        "resolution": f"the same draw at {at} and {fine}",
    }
    return Table(
        "Drift: what else is asked should not matter",
        f"Change of the values at the centres of {at} cells, {result.n_drift_fields} fields, "
        "in millionths of the range of values: when other places are asked as well, fewer, or in "
        f"another order, and when one draw ({STEPS} Heun steps, the same seed) is rendered at two "
        "resolutions.",
        ["network", "what is changed", "rms", "greatest"],
        [[d.network, kinds[d.kind], d.rms, d.greatest] for d in result.drift],
        digits=[0, 0, 1, 1],
    )


def _spent_table(spent: Sequence[Spent]) -> Table:
    return Table(
        "What every training used",
        "Processor time, all phases together; fields count each time they come.",
        ["network", "seed", "million weights", "steps", "fields", "fields / s", "minutes"],
        [
            [
                s.network,
                s.seed,
                s.parameters / 1e6,
                " + ".join(map(str, s.steps)),
                s.fields,
                s.fields / s.seconds,
                s.seconds / 60,
            ]
            for s in spent
        ],
        digits=[0, 0, 2, 0, 0, 1, 1],
    )
