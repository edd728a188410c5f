"""Coloured tables of the study: families × cells, for each method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.page import Tone
from mamba_diffae.benchmark.suite import SuiteRow
from mamba_diffae.benchmark.suite.result import LEAST_ESTIMATE, LEAST_HIGH, MOST_CRPS
from mamba_diffae.benchmark.suite.rows import KRIGING
from studies.common.report import signed

SIMPLE = {KRIGING: "kriging", "gappy-pod": "gappy POD"}
"""Simple methods that have a table of their own, by key."""
AHEAD = 1.0
"""In dB: differences above are coloured more deeply."""
MARK = "✗"
_PLAIN: Tone = ""
Shown = tuple[str | float | None, Tone]
Place = tuple[str, str]


def places(rows: Sequence[SuiteRow]) -> dict[Place, list[SuiteRow]]:
    """The rows of each family and cell: one for each variable."""
    found: dict[Place, list[SuiteRow]] = {}
    for row in rows:
        found.setdefault((row.family, row.cell), []).append(row)
    return found


def worst_row(rows: Sequence[SuiteRow]) -> SuiteRow:
    """Of the variables of one place the one that is furthest behind, missed ones first."""
    return min(rows, key=lambda row: (row.passed, row.estimate))


def method_tables(method: str, rows: Sequence[SuiteRow]) -> list[Table]:
    """All tables of one method.

    Args:
        method: Its name.
        rows: Its rows.
    """
    tables = [_differences(method, rows)]
    if rows[0].training == "own":
        tables += [_against(method, rows, *simple) for simple in SIMPLE.items()]
    if any(math.isfinite(row.crps) for row in rows):
        tables.append(_crps(method, rows))
    return tables


def missed_table(rows: Sequence[SuiteRow]) -> Table:
    """Every row that was missed, in full."""
    heads = ["method", "family", "cell", "variable", "rival", "difference", "± alone", "low"]
    heads += ["high", "worst 5 %", "fields", "groups"]
    return Table(
        "What was missed",
        "Difference in dB to the rival; low and high: ends of the interval that holds for all rows "
        "of the method together with 95 %; ± alone: half-width of the interval of the row by "
        "itself.",
        heads,
        [
            [
                *(row.method, row.family, row.cell, row.variable, row.rival),
                *(row.estimate, row.half_width, row.low, row.high, row.worst),
                *(row.fields, row.groups),
            ]
            for row in rows
            if not row.passed
        ],
    )


def _differences(method: str, rows: Sequence[SuiteRow]) -> Table:
    training = rows[0].training
    rival = "kriging" if training == "foreign" else "the best simple method on validation fields"
    return _table(
        f"{method}: difference to the rival",
        f"10 log10 of the ratio of mean squared errors, in dB, rival to ours, on cells that were "
        f"not observed; the rival is {rival}. Below: the rival, and the mean difference over the "
        f"worst 5 % of the fields; of several variables the one that is furthest behind, named. "
        f"{MARK}: missed, the estimate lies below {signed(LEAST_ESTIMATE[training])} dB or the "
        f"upper end of the interval of all rows together below {signed(LEAST_HIGH[training])} dB.",
        rows,
        _difference,
    )


def _difference(rows: Sequence[SuiteRow]) -> Shown:
    row = worst_row(rows)
    mark = "" if row.passed else f" {MARK}"
    lines = [f"{signed(row.estimate)}{mark}", row.rival, f"worst {signed(row.worst)}"]
    lines += [row.variable] if len(rows) > 1 else []
    return "\n".join(lines), "bad" if not row.passed else _tone(row.estimate)


def _against(method: str, rows: Sequence[SuiteRow], key: str, name: str) -> Table:
    def shown(variables: Sequence[SuiteRow]) -> Shown:
        least = min(row.against.get(key, math.nan) for row in variables)
        return least, _tone(least)

    return _table(
        f"{method}: difference to {name}",
        "In dB, above 0 ours is better; of several variables the least. It is not the rival "
        "everywhere, so nothing is missed here.",
        rows,
        shown,
    )


def _crps(method: str, rows: Sequence[SuiteRow]) -> Table:
    def shown(variables: Sequence[SuiteRow]) -> Shown:
        most = max(row.crps for row in variables)
        tone: Tone = "bad" if most > MOST_CRPS else "good" if most <= 1 else "poor"
        return f"{most:.3f}{f' {MARK}' if tone == 'bad' else ''}", tone

    return _table(
        f"{method}: CRPS as a ratio to kriging's",
        f"Below 1 ours is better; at most {MOST_CRPS} is aimed at, {MARK}: missed. Of several "
        "variables the greatest.",
        rows,
        shown,
    )


def _tone(difference: float) -> Tone:
    if math.isnan(difference):
        return ""
    return "best" if difference >= AHEAD else "good" if difference >= 0 else "poor"


def _table(
    title: str,
    caption: str,
    rows: Sequence[SuiteRow],
    shown: Callable[[Sequence[SuiteRow]], Shown],
) -> Table:
    """Families × cells, in the order in which they were tried."""
    known = places(rows)
    cells = list(dict.fromkeys(cell for _, cell in known))
    words: list[list[str | float | None]] = []
    tones: list[list[Tone]] = []
    for family in dict.fromkeys(family for family, _ in known):
        line = [shown(known[family, c]) if (family, c) in known else (None, _PLAIN) for c in cells]
        words.append([family, *(value for value, _ in line)])
        tones.append([tone for _, tone in [(family, _PLAIN), *line]])
    return Table(title, caption, ["family", *cells], words, tones=tones)
