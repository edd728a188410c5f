"""Scores of uncertainties as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.honesty import spread_over_error
from mamba_diffae.benchmark.page import Table
from mamba_diffae.benchmark.wording import percent, significant
from mamba_diffae.evaluation import Interval
from mamba_diffae.report.tables import interval, number

_PARTS = {1: "halves", 2: "quarters", 3: "eighths"}
_CAPTION = (
    "Scores are on the scale [0, 1], lower is better; below each number "
    "its 95 % interval over fields. Deviation over error: 1 is right."
)


def honesty_tables(methods: Sequence[AssessedMethod]) -> list[Table]:
    """Scores of every method, and of every variable if there are several; none without methods."""
    if not methods:
        return []
    several = len(methods[0].uncertainty.variables) > 1
    return [_scores(methods), *([_by_variable(methods)] if several else [])]


def _scores(methods: Sequence[AssessedMethod]) -> Table:
    first, caption = methods[0].uncertainty, _CAPTION
    parts, last = _PARTS[len(methods[0].shape)], percent(first.levels[-1])
    known = any(m.uncertainty.regional_coverage is not None for m in methods)
    if known:
        caption += (
            " Error of a draw: its square over that of the mean, 2 is right. Last: the share of "
            f"means over {parts} of a field in their {last} interval. A Gaussian in every cell "
            "says nothing of cells together."
        )
    columns = [
        "method",
        "CRPS",
        *(f"in {percent(level)}" for level in first.levels),
        "deviation / error",
        *(["error of a draw", "energy score", "variogram score", parts] if known else []),
    ]
    rows = [_row(m, known) for m in methods]
    return Table("Scores of uncertainty", caption, columns, rows)


def _row(method: AssessedMethod, together: bool) -> list[str | float | None]:
    own = method.uncertainty
    regional = None if own.regional_coverage is None else own.regional_coverage[-1]
    return [
        str(method.method),
        _scored(own.mean_crps),
        *map(_share, own.coverage),
        spread_over_error(own),
        *(
            [
                own.draw_error,
                _scored(own.energy_score),
                _scored(own.variogram_score),
                _share(regional),
            ]
            if together
            else []
        ),
    ]


def _by_variable(methods: Sequence[AssessedMethod]) -> Table:
    """Error, CRPS and coverage of each variable in its unit."""
    first = methods[0].uncertainty
    level = percent(first.levels[-1])
    names = [name for m in methods for name in (f"RMSE, {m.method}", "CRPS", f"in {level}")]
    rows: list[list[str | float | None]] = []
    for c, (variable, unit) in enumerate(zip(first.variables, first.units, strict=True)):
        cells: list[str | None] = []
        for own in (m.uncertainty for m in methods):
            covered = own.coverage_by_variable[-1][c]
            cells += [*map(_measured, (own.rmse[c], own.crps[c]))]
            cells += [None if covered is None else percent(covered)]
        rows.append([f"{variable}, {unit}" if unit else variable, *cells])
    return Table("By variable", "In the unit of each.", ["variable", *names], rows)


def _scored(value: Interval | None) -> str | None:
    """A score with its interval below."""
    if value is None or not math.isfinite(value.mean):
        return None
    digits = 4 if not value.mean else min(6, max(0, 2 - math.floor(math.log10(abs(value.mean)))))
    return f"{number(value.mean, digits)}\n{interval(value, digits)}"


def _share(value: Interval | None) -> str | None:
    """A share with its interval below, in percent."""
    if value is None:
        return None
    low, high = 100 * value.low, 100 * value.high
    return f"{percent(value.mean)}\n{low:.0f} – {high:.0f}"


def _measured(value: float | None) -> str | None:
    return None if value is None else significant(value)
