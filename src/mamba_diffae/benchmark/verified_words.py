"""A verification in words: tables as text, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark.verified import KRIGING, LEVEL, MODEL, Scores, Verification
from mamba_diffae.benchmark.wording import percent, significant
from mamba_diffae.evaluation import Interval

_NONE = "–"


def findings(result: Verification) -> list[str]:
    """What was found: of each variable the model beside kriging, coverage, climatology."""
    about = zip(result.variables, result.variable_units, result.excess, strict=True)
    return [sentence for given in about for sentence in _of_variable(result, *given)]


def described(result: Verification) -> str:
    """Tables of all scores, then findings and notes."""
    parts = [
        f"Withheld by {result.by}: {result.folds} folds of {result.units} units, "
        f"{result.readings:,} readings of {result.snapshots} snapshots."
    ]
    for variable, unit in zip(result.variables, result.variable_units, strict=True):
        parts.append("\n".join(_overall_rows(result, variable, unit)))
        parts.append("\n".join(_distance_rows(result, variable, unit)))
    lines = [*findings(result), *result.notes]
    return "\n\n".join([*parts, "\n".join(f"• {line}" for line in lines)]).rstrip()


def _of_variable(
    result: Verification, variable: str, unit: str, excess: Interval | None
) -> list[str]:
    ours, found = result.score(MODEL, variable).overall, []
    if any(s.method.key == KRIGING for s in result.scores if s.variable == variable):
        theirs = result.score(KRIGING, variable).overall
        found.append(_against_kriging(variable, unit, ours, theirs, excess))
    if ours.coverage is not None:
        found.append(
            f"{variable}: {percent(ours.coverage)} of the withheld readings lie in the model's "
            f"{percent(LEVEL)} intervals."
        )
    if ours.skill is not None and ours.skill <= 0:
        found.append(
            f"{variable}: not better than the climatology of the training data: skill "
            f"{ours.skill:.2f}."
        )
    return found


def _against_kriging(
    variable: str, unit: str, ours: Scores, theirs: Scores, excess: Interval | None
) -> str:
    """Whether the model is better than kriging, with the figures."""
    if ours.rmse is None or theirs.rmse is None:
        return f"{variable}: the model cannot be compared with kriging."
    unit = unit and f" {unit}"
    numbers = f"RMSE {significant(ours.rmse)}{unit} against {significant(theirs.rmse)}{unit}"
    if ours.rmse >= theirs.rmse:
        return f"{variable}: not better than kriging: {numbers}{_change(ours, theirs)}."
    found = f"{variable}: better than kriging: {numbers}{_change(ours, theirs)}"
    if excess is not None and excess.high >= 0:
        return f"{found}, but over snapshots the difference is not told from chance."
    return f"{found}."


def _change(ours: Scores, theirs: Scores) -> str:
    if not ours.rmse or not theirs.rmse:
        return ""
    return f" ({100 * (ours.rmse / theirs.rmse - 1):+.1f} %)".replace("-", "−")


def _overall_rows(result: Verification, variable: str, unit: str) -> list[str]:
    """Lines of the table of one variable."""
    scores = [score for score in result.scores if score.variable == variable]
    rows = []
    for score in scores:
        told = score.overall
        numbers = [_number(x) for x in (told.rmse, told.bias, told.crps)]
        skill = _NONE if told.skill is None else f"{round(told.skill, 3) + 0.0:.3f}"
        rows.append([str(score.method), *numbers, _share(told.coverage), skill])
    heads = ["", "RMSE", "bias", "CRPS", "coverage", "skill"]
    return [f"{variable}{unit and f' in {unit}'}", *_aligned([heads, *rows])]


def _distance_rows(result: Verification, variable: str, unit: str) -> list[str]:
    """Lines of the table of RMSE by distance."""
    bins = result.bins[result.variables.index(variable)]
    heads = ["", *(f"{b.low:.3g} to {b.high:.3g}" for b in bins)]
    rows = [
        [str(score.method), *(_number(part.rmse) for part in score.by_distance)]
        for score in result.scores
        if score.variable == variable
    ]
    distance = result.distance_unit and f" in {result.distance_unit}"
    title = f"RMSE of {variable} by the distance{distance} to the nearest given reading"
    return [title, *_aligned([heads, *rows])]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column at the left, numbers at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3g}"


def _share(value: float | None) -> str:
    return _NONE if value is None else percent(value).replace("\xa0", " ")
