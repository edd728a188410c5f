"""Tables and sentences of the study of contract 10; every sentence is computed from the rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from mamba_diffae.benchmark import Page
from mamba_diffae.benchmark.suite import SuiteRow
from mamba_diffae.benchmark.suite.result import MOST_CRPS
from studies.common.report import signed
from studies.never_worse.study import NeverWorseResult
from studies.never_worse.tables import method_tables, missed_table

QUESTION = (
    "Is the answer anywhere worse than that of the best simple method: on fields of any kind, "
    "observed in any way, and on fields unlike those of the training? The best simple method is "
    "chosen on validation fields, and the difference has to hold on others."
)
NAMED = 6
"""Missed rows that a sentence names, at most."""


def page(result: NeverWorseResult) -> Page:
    """All that is shown of the result."""
    suite = result.suite
    tables = [
        table
        for method in _methods(suite.rows)
        for table in method_tables(method, suite.of(method))
    ]
    return Page(
        title="Never worse than the simple method",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[*tables, *([missed_table(suite.rows)] if suite.failed else [])],
        facts=result.facts,
    )


def findings(result: NeverWorseResult) -> list[str]:
    """The verdict of each method, how far it is ahead, its CRPS, and how sure that is."""
    found = []
    for method in _methods(result.suite.rows):
        rows = result.suite.of(method)
        found += [_verdict(method, rows), _average(method, rows), *_crps(method, rows)]
    return [*found, *_precision(result), *_groups(result)]


def _methods(rows: Sequence[SuiteRow]) -> list[str]:
    return list(dict.fromkeys(row.method for row in rows))


def _verdict(method: str, rows: Sequence[SuiteRow]) -> str:
    missed = sorted((row for row in rows if not row.passed), key=lambda row: row.estimate)
    against = "kriging, foreign training" if rows[0].training == "foreign" else "the best of each"
    head = f"Contract 10, {method}, against {against}: "
    if not missed:
        return f"{head}met in all {len(rows)} rows."
    named = "; ".join(_row(row) for row in missed[:NAMED])
    more = f"; and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
    return f"{head}missed in {len(missed)} of {len(rows)} rows: {named}{more}."


def _row(row: SuiteRow) -> str:
    """Such as "fronts, block: −0.52 dB to kriging"."""
    variable = f", {row.variable}" if row.variable != "value" else ""
    return f"{row.family}, {row.cell}{variable}: {signed(row.estimate)} dB to {row.rival}"


def _average(method: str, rows: Sequence[SuiteRow]) -> str:
    estimates = [row.estimate for row in rows]
    least, most = min(rows, key=lambda r: r.estimate), max(rows, key=lambda r: r.estimate)
    rival, count = Counter(row.rival for row in rows).most_common(1)[0]
    return (
        f"{method}: {signed(sum(estimates) / len(rows))} dB to the rival on average over the rows, "
        f"from {signed(least.estimate)} ({least.family}, {least.cell}) to {signed(most.estimate)} "
        f"({most.family}, {most.cell}); the rival is {rival} in {count} of {len(rows)}."
    )


def _crps(method: str, rows: Sequence[SuiteRow]) -> list[str]:
    stated = [row for row in rows if math.isfinite(row.crps)]
    if not stated:
        return []
    most, over = max(stated, key=lambda row: row.crps), sum(row.crps > MOST_CRPS for row in stated)
    return [
        f"{method}: the CRPS is above {MOST_CRPS} times kriging's in {over} of {len(stated)} rows; "
        f"the greatest ratio is {most.crps:.3f} ({most.family}, {most.cell})."
    ]


def _precision(result: NeverWorseResult) -> list[str]:
    """How many rows stayed wider than wanted."""
    rows, wanted = result.suite.rows, result.half_width
    if math.isinf(wanted):
        half = sorted(row.half_width for row in rows)[len(rows) // 2]
        return [
            f"Few fields were scored: the median half-width of a row by itself is {half:.2f} dB."
        ]
    wide = [row for row in rows if row.passed and not row.half_width < wanted]
    families = ", ".join(dict.fromkeys(row.family for row in wide))
    return [
        f"{len(wide)} of {len(rows)} rows that were not missed have an interval of their own wider "
        f"than ±{wanted:g} dB: there are no more test fields{f' ({families})' if wide else ''}."
    ]


def _groups(result: NeverWorseResult) -> list[str]:
    """Families that are resampled by groups, and how many there are."""
    counts = {row.family: row.groups for row in result.suite.rows}
    named = [
        f"{family} by {group} ({counts[family]})"
        for family, group in result.grouped_by.items()
        if family in counts
    ]
    return [f"Resampled by groups: {'; '.join(named)}."] if named else []
