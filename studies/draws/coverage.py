"""Whether intervals hold as much of the truth as they say, on every kind of fields."""

from __future__ import annotations

import numpy as np

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.wording import percent
from mamba_diffae.evaluation import Uncertainty
from studies.draws.arms import SCORE
from studies.draws.equal_cost import CaseResult, EqualCostResult
from studies.draws.ways import KRIGING, Way

_SCORE = Way(SCORE.key, SCORE.label)
_WITHIN = (0.85, 0.95)
"""Share of true values that an interval of 90 % shall hold."""


def coverage_table(result: EqualCostResult) -> Table:
    """Coverage of the energy score's draws on all kinds of fields."""
    rows = [
        [
            case.case.title,
            len(np.unique(case.groups)),
            percent(f),
            *_coverage(case, f),
        ]
        for case in result.cases
        for f in case.case.fractions
    ]
    return Table(
        "Coverage on every kind of fields",
        "Share of true values, on cells that no observation touched, in central intervals of the "
        "draws that the energy score has trained, as they come and calibrated on validation "
        "fields, with the 95 % interval over groups of test fields; and of kriging's Gaussian. "
        "Where there are fewer than eight groups for validation nothing is calibrated.",
        ["fields", "groups", "observed", *_OF_COVERAGE],
        rows,
    )


_OF_COVERAGE = ("50 %", "50 % calibrated", "90 %", "90 % calibrated", "90 % kriging")


def _coverage(case: CaseResult, fraction: float) -> list[str | None]:
    """Cells of `coverage_table`, None for what is not measured."""
    score, kriging = case.of(_SCORE, fraction), case.of(KRIGING, fraction)
    raw = None if score is None else score.quality.raw
    calibrated = None if score is None else score.quality.calibrated
    asked = ((raw, 0.5), (calibrated, 0.5), (raw, 0.9), (calibrated, 0.9))
    other = None if kriging is None else kriging.quality.raw
    return [_said(of, level) for of, level in (*asked, (other, 0.9))]


def _said(of: Uncertainty | None, level: float) -> str | None:
    if of is None:
        return None
    share = dict(zip(of.levels, of.coverage, strict=True))[level]
    return f"{share.mean:.3f}\n{share.low:.3f} to {share.high:.3f}"


def coverage_findings(result: EqualCostResult) -> list[str]:
    """Which 90 % intervals, calibrated where they can be, hold too little or too much."""
    inside, outside = 0, []
    for case in result.cases:
        for fraction in case.case.fractions:
            score = case.of(_SCORE, fraction)
            if score is None:
                continue
            share = covered(score.quality.calibrated or score.quality.raw)[1]
            if _WITHIN[0] <= share <= _WITHIN[1]:
                inside += 1
            else:
                outside.append(f"{case.case.title}, {percent(fraction)}: {percent(share)}")
    if not inside + len(outside):
        return []
    low, high = map(percent, _WITHIN)
    which = f"; not so: {', '.join(outside)}" if outside else ""
    return [
        f"The 90 % interval of the energy score's draws, calibrated where that could be fitted, "
        f"holds {low} to {high} of the true values in {inside} of {inside + len(outside)} kinds of "
        f"fields and fractions{which}."
    ]


def covered(of: Uncertainty) -> tuple[float, float]:
    """Share of the truth in the central intervals of 50 and 90 %."""
    at = {level: interval.mean for level, interval in zip(of.levels, of.coverage, strict=True)}
    return at[0.5], at[0.9]
