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
    count = len(result.outcomes)
    gained = [o for o in result.outcomes if o.gain.low > 0]
    lost = [o for o in result.outcomes if o.gain.high < 0]
    behind = [o for o in result.outcomes if o.over_kriging[result.after.method].high < 0]
    return [
        *(_finding(outcome, result) for outcome in result.outcomes),
        f"Beyond the 95 % interval, training on the mixture gains on {_listed(gained, count)} and "
        f"loses on {_listed(lost, count)}.",
        f"Trained on the mixture, the network is behind kriging on {_listed(behind, count)}.",
    ]


def _finding(outcome: PatternOutcome, result: PatternsResult) -> str:
    before, after = (outcome.over_kriging[t.method] for t in (result.before, result.after))
    label = PATTERN_LABELS[outcome.pattern]
    return (
        f"{label[0].upper()}{label[1:]}, against kriging: {_figures(before)} if trained on random "
        f"cells, {_figures(after)} if trained on the mixture."
    )


def _figures(gap: Interval) -> str:
    return f"{signed(gap.mean)} dB ({signed(gap.low)} to {signed(gap.high)})"


def _listed(outcomes: Sequence[PatternOutcome], count: int) -> str:
    """Such as "2 of 6 patterns (tracks, stripes)"."""
    names = ", ".join(PATTERN_LABELS[outcome.pattern] for outcome in outcomes)
    return f"{len(outcomes)} of {count} patterns" + (f" ({names})" if names else "")


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
