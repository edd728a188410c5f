"""What is said of how honest uncertainties are, from their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mamba_diffae.benchmark.assessed import AssessedMethod, Origin
from mamba_diffae.benchmark.wording import in_words, percent
from mamba_diffae.evaluation import Interval, Uncertainty

CLOSE = 0.02
"""Distance of a coverage from its level below which an interval counts as right."""
_MADE: dict[Origin, str] = {
    "ensemble": "by its decoder of draws",
    "flow": "by integrating its flow",
    "prior": "of its prior, through the decoder of the mean, since it has not learned to draw",
}
_EACH = {
    "right": ("interval is as wide as it should be", "intervals are as wide as they should be"),
    "narrow": ("interval is too narrow", "intervals are too narrow"),
    "wide": ("interval is too wide", "intervals are too wide"),
}
_WHOLE = {
    "right": "The intervals are as wide as they should be",
    "narrow": "The intervals are too narrow: the truth lies outside them more often than they say",
    "wide": "The intervals are too wide: the truth lies inside them more often than they say",
}


def honesty(methods: Sequence[AssessedMethod]) -> list[str]:
    """How honest uncertainties are, a sentence each, true whatever the numbers are.

    Args:
        methods: The model, unless it cannot draw, and what it is compared with.
    """
    if not methods:
        return []
    first, *others = methods
    return [
        *_missing(first),
        *coverage_finding(methods),
        _verdict(first.uncertainty),
        *_spread_finding(first, others),
        *_band_finding(first, others),
    ]


def coverage_finding(methods: Sequence[AssessedMethod]) -> list[str]:
    """How often the truth lies in the stated intervals, a sentence; none without methods."""
    if not methods:
        return []
    first, *others = methods
    levels = first.uncertainty.levels
    wide, narrow = levels.index(max(levels)), levels.index(min(levels))
    whose = "the stated" if first.method.kind == "network" else f"{first.method}'s"
    said = (
        f"Of the cells that no observation touched, {_covered(first, wide)} lie within {whose} "
        f"{percent(levels[wide])} interval{_beside([(str(m.method), m) for m in others], wide)}"
    )
    if wide != narrow:
        said += (
            f", and {_covered(first, narrow)} within the {percent(levels[narrow])} interval"
            f"{_beside([('', m) for m in others], narrow)}"
        )
    return [f"{said}."]


def sample_words(methods: Sequence[AssessedMethod]) -> str:
    """On what it was measured, and what the uncertainties are made of."""
    own = methods[0].uncertainty
    made = (
        f"{m.method}: {m.uncertainty.n_draws} draws of each field, "
        f"{_counted(m.evaluations, 'evaluation')} each, {_MADE[m.origin]}."
        if m.uncertainty.n_draws
        else f"{m.method}: the deviation that it states, as that of a Gaussian."
        for m in methods
    )
    return (
        f"Measured on {_counted(own.count, 'field')} at {in_words(methods[0].shape)}, on the "
        f"{percent(own.unseen)} of their values that no observation touched. {' '.join(made)}"
    )


def spread_over_error(uncertainty: Uncertainty) -> float | None:
    """Root mean square deviation over the root mean square error; None without an error."""
    bins = uncertainty.spread_skill
    spread, error = (
        sum(w * x * x for w, x in zip(bins.share, side, strict=True))
        for side in (bins.spread, bins.error)
    )
    return math.sqrt(spread / error) if error > 0 else None


def band_scale(band: int, shape: Sequence[int]) -> int:
    """The shortest wave of a band of scales in cells, at most the longest axis.

    >>> [band_scale(band, (96, 48)) for band in range(7)]
    [2, 4, 8, 16, 32, 64, 96]
    """
    return min(2 ** (band + 1), max(shape))


def _missing(first: AssessedMethod) -> list[str]:
    if first.method.kind == "network":
        return []
    return [
        "The model states no uncertainty: it has not learned to draw, and has no prior that can. "
        f"What follows is of {first.method}."
    ]


def _covered(method: AssessedMethod, i: int) -> str:
    return percent(method.uncertainty.coverage[i].mean)


def _beside(others: Sequence[tuple[str, AssessedMethod]], i: int) -> str:
    """The same of other methods, in brackets, by name where one is given."""
    told = ", ".join(f"{f'{name}: ' if name else ''}{_covered(m, i)}" for name, m in others)
    return f" ({told})" if told else ""


def _verdict(own: Uncertainty) -> str:
    """Whether the intervals are as wide as they should be."""
    if all(coverage.low == coverage.high for coverage in own.coverage):
        return f"{_counted(own.count, 'field')} cannot tell whether that is as it should be."
    by_width: dict[str, list[str]] = {}
    for level, coverage in zip(own.levels, own.coverage, strict=True):
        by_width.setdefault(_width(level, coverage), []).append(percent(level))
    limits = {"right": f", as far as {_counted(own.count, 'field')} can tell"}
    if len(by_width) == 1:
        (width,) = by_width
        return f"{_WHOLE[width]}{limits.get(width, '')}."
    told = "; ".join(
        f"the {_listed(levels)} {_EACH[width][len(levels) > 1]}{limits.get(width, '')}"
        for width, levels in by_width.items()
    )
    return f"{told[0].upper()}{told[1:]}."


def _width(level: float, coverage: Interval) -> str:
    """Whether an interval is narrow, wide, or right as far as its fields can tell."""
    if coverage.low <= level <= coverage.high or abs(coverage.mean - level) < CLOSE:
        return "right"
    return "narrow" if coverage.mean < level else "wide"


def _spread_finding(first: AssessedMethod, others: Sequence[AssessedMethod]) -> list[str]:
    own = spread_over_error(first.uncertainty)
    if own is None:
        return []
    known = [(m.method, spread_over_error(m.uncertainty)) for m in others]
    told = ", ".join(f"{name}: {ratio:.2f}" for name, ratio in known if ratio is not None)
    return [
        f"The stated deviation is {own:.2f} times the error of the mean"
        f"{f' ({told})' if told else ''}; 1 would be right."
    ]


def _band_finding(first: AssessedMethod, others: Sequence[AssessedMethod]) -> list[str]:
    """Energy in the finest band that the truth has."""
    bands = enumerate(first.uncertainty.bands or ())
    finest, drawn = next(((i, ratio) for i, ratio in bands if ratio is not None), (0, None))
    if drawn is None:
        return []
    means = {"their mean": first, **{f"{m.method}'s mean": m for m in others}}
    told = [f"{name} {percent(m.mean_bands[finest] or 0)}" for name, m in means.items()]
    low, high = (band_scale(band, first.shape) for band in (finest, finest + 1))
    whole = [f"draws hold {percent(drawn)} of the truth's energy", *told]
    return [f"At scales of {low} to {high} cells {_listed(whole)}."]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
