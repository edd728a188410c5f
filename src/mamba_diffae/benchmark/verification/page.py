"""The page of a verification: findings, tables, maps; drawings are made by the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mamba_diffae.benchmark.page import ImageGrid, Page, Table, Tone
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Beside, Shown
from mamba_diffae.benchmark.verified import (
    LEVEL,
    DistanceBin,
    Scores,
    ShownFields,
    ShownSnapshot,
    Verification,
)
from mamba_diffae.benchmark.wording import percent

QUESTION = (
    "How near does the model come to readings that were withheld from it, and how much more does "
    "it know than simple methods that are given the same readings?"
)
_WITHHELD = {
    "station": "whole stations in all snapshots",
    "block": "blocks of space in all snapshots",
    "cloud": "what the gaps of another snapshot hide",
    "time": "a part of the stations of snapshots in blocks of time that nothing is learned from",
}


def verification_page(result: Verification, facts: Mapping[str, str] | None = None) -> Page:
    """A verification as a page that `mamba_diffae.report.write_report` writes.

    Args:
        result: From `verify`.
        facts: What was run.
    """
    tables = [
        table
        for variable, unit, bins in zip(
            result.variables, result.variable_units, result.bins, strict=True
        )
        for table in (
            _overall_table(result, variable, unit),
            _distance_table(result, f"{variable}: RMSE by distance", variable, bins, _rmse),
            _distance_table(result, f"{variable}: coverage by distance", variable, bins, _covered),
        )
    ]
    return Page(
        title="Verification on withheld data",
        question=f"{QUESTION} Withheld: {_WITHHELD[result.by]}, in {result.folds} folds.",
        findings=[*result.findings(), *result.notes],
        scores=[],
        panels=[] if result.shown is None else [_maps(result.shown)],
        tables=tables,
        withheld=result,
        facts=facts or {},
    )


def _overall_table(result: Verification, variable: str, unit: str) -> Table:
    scores = [score for score in result.scores if score.variable == variable]
    rows: list[list[str | float | None]] = []
    for score in scores:
        told = score.overall
        numbers = [_number(told.rmse), _number(told.bias), _number(told.crps)]
        rows.append([str(score.method), *numbers, _percent(told.coverage), _rounded(told.skill)])
    caption = (
        f"On {result.readings:,} withheld readings of {result.snapshots} snapshots. CRPS of a "
        "method that states no uncertainty is its mean absolute error. Skill: 1 − squared error "
        "over that of the climatology of the training data. Lower is better of RMSE and CRPS, "
        f"{percent(LEVEL)} of coverage is honest."
    )
    columns = ["Method", "RMSE", "Bias", "CRPS", f"In the {percent(LEVEL)} interval", "Skill"]
    tones = _tones([score.overall.rmse for score in scores], len(columns))
    return Table(
        f"{variable}{unit and f', {unit}'}", caption, columns, rows, [0, 0, 0, 0, 0, 3], tones
    )


def _distance_table(
    result: Verification,
    title: str,
    variable: str,
    bins: Sequence[DistanceBin],
    told: Callable[[Scores], str],
) -> Table:
    unit = result.distance_unit and f" {result.distance_unit}"
    heads = [f"{b.low:.3g} to {b.high:.3g}{unit}" for b in bins]
    rows: list[list[str | float | None]] = [
        [str(score.method), *map(told, score.by_distance)]
        for score in result.scores
        if score.variable == variable
    ]
    counts = ", ".join(f"{b.count:,}" for b in bins)
    caption = (
        f"By the distance to the nearest reading that was given of the snapshot; readings: {counts}"
    )
    return Table(title, f"{caption}.", ["Method", *heads], rows)


def _rmse(scores: Scores) -> str:
    return _number(scores.rmse)


def _covered(scores: Scores) -> str:
    return _percent(scores.coverage)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}".replace("-", "−")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3) + 0.0


def _percent(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _tones(values: Sequence[float | None], columns: int) -> list[list[Tone]]:
    """The least error is coloured."""
    known = [value for value in values if value is not None]
    best = min(known, default=None)
    tones: list[list[Tone]] = [[""] * columns for _ in values]
    for row, value in zip(tones, values, strict=True):
        if value is not None and value == best:
            row[1] = "best"
    return tones


def _maps(shown: ShownFields) -> ImageGrid:
    """What is known, what was given, what each method made of it, and how sure the model is."""
    painter, grid = painter_of(shown.variables, shown.grid), shown.grid
    methods = list(shown.snapshots[0].means)
    sure = all(snapshot.std is not None for snapshot in shown.snapshots)
    columns = ["known", "given", *map(str, methods), *(["standard deviation"] if sure else [])]

    def cells(snapshot: ShownSnapshot) -> list[list]:
        known = Shown(snapshot.values, grid, snapshot.known)
        beside = Beside(known)
        parts = [painter.paint(known)]
        parts.append(painter.paint(Shown(snapshot.given, grid, snapshot.given_known)))
        parts += [painter.paint(Shown(snapshot.means[m], grid), beside) for m in methods]
        if sure and snapshot.std is not None:
            parts.append(painter.spread(Shown(snapshot.std, grid)))
        return [list(row) for row in zip(*parts, strict=True)]

    rows = [row for snapshot in shown.snapshots for row in cells(snapshot)]
    caption = (
        "One fold of some snapshots: all that is known, what was given, and what each method made "
        f"of it; brightest deviation: half the range of values. {painter.legend}"
    )
    names = painter.headings([snapshot.name for snapshot in shown.snapshots])
    return ImageGrid("Withheld and predicted", caption.strip(), columns, names, rows)
