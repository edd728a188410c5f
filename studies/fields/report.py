"""Tables and sentences of the study of fields; every sentence is computed from the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import percent
from mamba_diffae.evaluation import Interval
from studies.common.ratios import Ratio
from studies.common.report import Row
from studies.fields.cases import DENSITIES
from studies.fields.rendering_report import accuracy_table, rendering_findings, rendering_table
from studies.fields.scoring import LEVELS, Scored
from studies.fields.study import CaseResult, FieldsResult

QUESTION = (
    "Weather and turbulence from few measurements, also where nothing but scattered stations was "
    "ever known: how near is one model for all densities, how honest are its intervals, and is it "
    "better than the best simple method? How fast is a large field, and how much memory does it "
    "take, beside other packages?"
)
_MEASURES = {"rmse": "RMSE", "crps": "CRPS"}


def page(result: FieldsResult) -> Page:
    """All that is shown of the result."""
    tables = [case_table(case, density) for case in result.cases for density in DENSITIES]
    return Page(
        title="Fields from measurements",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[
            *tables,
            rendering_table(result.rendering),
            accuracy_table(result.rendering, result.cases[0].case.title),
        ],
        facts=result.facts,
    )


def findings(result: FieldsResult) -> list[str]:
    """Each case and density, where a simple method wins, and what was rendered."""
    told = [_told(case, density) for case in result.cases for density in DENSITIES]
    return [*told, _behind(result.cases), *rendering_findings(result.rendering)]


def case_table(case: CaseResult, density: float) -> Table:
    """All methods on the same observations."""
    units = [f"{name}, {unit}" if unit else name for name, unit in case.variables]
    groups, fields = len(np.unique(case.groups)), len(case.groups)
    columns = ["method", "RMSE", *units, "CRPS", *(f"in {percent(level)}" for level in LEVELS)]
    rows = [_row(case, scored, density) for scored in case.at(density)]
    return Table(
        f"{_where(case, density)} of the cells",
        f"{fields} test fields, on cells without an observation. RMSE and CRPS over all variables, "
        "each in its deviation over training fields; then the RMSE of each variable in its unit. "
        "The CRPS of a method that states no uncertainty is its absolute error. In 50 and 90 %: "
        "share of true values in that central interval. Last: the model's error over the method's, "
        f"below 1 the model is better. Intervals of 95 % are over {groups} groups "
        f"({case.case.grouped_by}).",
        [*columns, "the model's RMSE / its", "the model's CRPS / its"],
        rows,
        digits=[0, 3, *(3 for _ in units), 3, 0, 0, 0, 0],
    )


def _row(case: CaseResult, scored: Scored, density: float) -> Row:
    each = np.sqrt(scored.errors.mse) * case.deviation
    covered = [_interval(c) for c in scored.coverage] or [None] * len(LEVELS)
    model = scored.method == case.at(density)[0].method
    ratios = [None if model else _ratio(case.ratio(scored, density, m)) for m in _MEASURES]
    return [str(scored.method), scored.rmse, *map(float, each), scored.crps, *covered, *ratios]


def _interval(share: Interval) -> str:
    return f"{percent(share.mean)}\n{percent(share.low)} to {percent(share.high)}"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.value:.3f}\n{ratio.interval}"


def _where(case: CaseResult, density: float) -> str:
    return f"{case.case.title}, {percent(density)}"


def _told(case: CaseResult, density: float) -> str:
    """The model beside the best simple method by both measures, and its coverage."""
    parts = []
    for measure, name in _MEASURES.items():
        rival = case.best_simple(density, measure)
        ratio = case.ratio(rival, density, measure)
        parts.append(f"its {name} is {ratio} times that of {rival.method}{_word(ratio)}")
    covered = case.at(density)[0].coverage[-1]
    return (
        f"{_where(case, density)}, beside the simple method that is best on these very fields: "
        f"{'; '.join(parts)}. The model's interval of {percent(LEVELS[-1])} holds "
        f"{percent(covered.mean)} ({percent(covered.low)} to {percent(covered.high)})."
    )


def _word(ratio: Ratio) -> str:
    if ratio.better:
        return ""
    if ratio.worse:
        return ": the simple method wins"
    return ", not told from chance"


def _behind(cases: Sequence[CaseResult]) -> str:
    """Where the model's estimate is not below the best simple method's."""
    lost = [
        f"{_where(case, density)}, {name}: {rival.method} ({ratio.value:.3f})"
        for case in cases
        for density in DENSITIES
        for measure, name in _MEASURES.items()
        if (
            ratio := case.ratio(rival := case.best_simple(density, measure), density, measure)
        ).value
        >= 1
    ]
    count = len(cases) * len(DENSITIES) * len(_MEASURES)
    if not lost:
        return f"The model is ahead of every simple method in all {count} comparisons."
    return f"A simple method is as good or better in {len(lost)} of {count}: {'; '.join(lost)}."
