"""Tables and sentences of the study of how observations lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.evaluation import Interval
from mamba_diffae.fields import Pattern
from studies.common.report import signed
from studies.observation_patterns.study import PatternOutcome, PatternsResult, Trained

QUESTION = (
    "Users have stations off every lattice, tracks, clusters, stripes, and fields of which a whole "
    "block is missing. Two trainings of the same minutes differ only in how observations lay: at "
    "random in a lattice, or in the default mixture. How do both do beside kriging?"
)
PATTERN_LABELS: Mapping[Pattern, str] = {
    "random": "random cells",
    "scattered": "stations off the lattice",
    "track": "tracks",
    "clusters": "clusters",
    "stripes": "stripes",
    "block": "all but a block",
}


def page(result: PatternsResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Points as users have them",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[_differences_table(result), _methods_table(result), _trained_table(result)],
        panels=result.panels,
        facts=result.facts,
    )


def findings(result: PatternsResult) -> list[str]:
    """Both trainings against kriging on every pattern; the intervals decide."""
    found = [_finding(outcome, result) for outcome in result.outcomes]
    better, worse = (
        [PATTERN_LABELS[o.pattern] for o in result.outcomes if side(o.gain)]
        for side in (_is_above, _is_below)
    )
    return [
        *found,
        f"Training on the mixture gains on {len(better)} of {len(result.outcomes)} patterns "
        f"({', '.join(better) or 'none'}) and loses on {len(worse)} ({', '.join(worse) or 'none'}) "
        "beyond the 95 % interval.",
    ]


def _finding(outcome: PatternOutcome, result: PatternsResult) -> str:
    before, after = (outcome.over_kriging[t.method] for t in (result.before, result.after))
    label = PATTERN_LABELS[outcome.pattern]
    return (
        f"{label[0].upper()}{label[1:]}: trained on random cells {_beside(before)} kriging, on the "
        f"mixture {_beside(after)} it."
    )


def _beside(gap: Interval) -> str:
    """Such as "+0.31 dB above", or "level with" if the interval holds zero."""
    figures = f"{signed(gap.mean)} dB ({signed(gap.low)} to {signed(gap.high)})"
    if not (_is_above(gap) or _is_below(gap)):
        return f"{figures} level with"
    return f"{figures} {'above' if gap.mean > 0 else 'below'}"


def _is_above(gap: Interval) -> bool:
    return gap.low > 0


def _is_below(gap: Interval) -> bool:
    return gap.high < 0


def _differences_table(result: PatternsResult) -> Table:
    """Both networks minus kriging, and one minus the other."""

    def row(outcome: PatternOutcome) -> list[str | float | None]:
        gaps = [outcome.over_kriging[t.method] for t in (result.before, result.after)]
        numbers = [x for gap in (*gaps, outcome.gain) for x in (gap.mean, gap.low, gap.high)]
        return [PATTERN_LABELS[outcome.pattern], outcome.points, *numbers]

    three = [("before", "kriging"), ("after", "kriging"), ("after", "before")]
    heads = [head for a, b in three for head in (f"{a} − {b}", "low", "high")]
    return Table(
        "PSNR against kriging, by how observations lie",
        f"In dB at {in_words(result.native_shape)}, mean over {result.count} fields of the paired "
        "difference, with its 95 % interval by bootstrap over groups. Before: "
        f"{result.before.method}; after: {result.after.method}.",
        ["pattern", "points", *heads],
        [row(outcome) for outcome in result.outcomes],
        digits=[0, 0, *[2] * len(heads)],
    )


def _methods_table(result: PatternsResult) -> Table:
    """PSNR of all methods on every pattern."""
    methods = list(result.outcomes[0].psnr)
    return Table(
        "PSNR of every method, by how observations lie",
        f"In dB at {in_words(result.native_shape)}, mean over {result.count} fields that no "
        "network has learned from; every method has the same observations.",
        ["method", *(PATTERN_LABELS[o.pattern] for o in result.outcomes)],
        [[str(method), *(o.psnr[method].mean for o in result.outcomes)] for method in methods],
    )


def _trained_table(result: PatternsResult) -> Table:
    """What either training saw in the same time."""
    trained: Sequence[Trained] = (result.before, result.after)
    return Table(
        "What either training saw",
        "Processor time; fields count each time they come.",
        ["network", "steps", "fields", "minutes"],
        [[str(t.method), t.steps, t.fields, t.seconds / 60] for t in trained],
        digits=[0, 0, 0, 1],
    )
