"""Tables and sentences of the comparison of the draws of fitted models."""

from __future__ import annotations

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import percent, significant
from mamba_diffae.evaluation import Interval
from studies.common.ratios import Ratio, paired_ratio
from studies.common.report import Row
from studies.draws.coverage import covered
from studies.draws.equal_cost_report import BANDS, bands
from studies.draws.models_study import MAIN, QUARTER_DRAWS, RAW, ModelsResult, ScoredDraws
from studies.draws.quarters import QuarterCoverage

QUESTION = (
    "Fitted models draw the same test fields from the same observations, each by its own way. "
    "Whose draws have the lower CRPS, do they spread as far as they err, and are they as rough as "
    "the truth?"
)
_COLUMNS = {
    "draws": 0,
    "evaluations": 0,
    "ms": 1,
    "CRPS": 4,
    "to the last": 0,
    "50 %": 3,
    "90 %": 3,
    "quarters 90 %": 3,
    "draw / mean": 2,
    "PSNR mean": 2,
    "PSNR mean of draws": 2,
    "TV": 2,
    "bands": 0,
}
"""Heading and decimals of each column."""


def page(result: ModelsResult) -> Page:
    """All that is shown of the result."""
    tables = [fraction_table(result, fraction) for fraction in result.protocol.fractions]
    return Page(
        title="Draws of fitted models on the same fields",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[*tables, quarters_table(result)],
        panels=result.panels,
        facts=result.facts,
    )


def fraction_table(result: ModelsResult, fraction: float) -> Table:
    """All draws at a fraction."""
    last, fields = result.reference(fraction), len(result.groups)
    return Table(
        f"{percent(fraction)} of the lattice observed",
        f"{fields} test fields of {len(np.unique(result.groups))} groups, "
        f"{result.protocol.n_draws} draws of each, on cells that no observation touched; draws as "
        "they come and with the calibration of a model. Evaluations of the network and "
        "milliseconds of processor time for a draw of a field. CRPS (fair) on the scale [0, 1], "
        f"and over that of the last model ({last.name}) as it comes, paired over fields, with the "
        "95 % interval over groups. Share of true values in the central intervals of 50 and 90 %, "
        "and of true means over quarters of a field. Draw / mean: their squared errors, 2 if "
        "calibrated. PSNR in dB, of the posterior mean and of the mean of the draws. TV: total "
        "variation of a draw, all cells; bands: energy, from the finest band of scales to the "
        f"{BANDS}th; both over the truth's.",
        list(_COLUMNS),
        [_row(result, draws) for draws in result.at(fraction)],
        digits=list(_COLUMNS.values()),
    )


def _row(result: ModelsResult, draws: ScoredDraws) -> Row:
    q, ratio = draws.quality, ratio_to_last(result, draws)
    regions = q.raw.regional_coverage
    return [
        f"{draws.name}\n{draws.made}",
        q.evaluations,
        None if q.seconds is None else 1000 * q.seconds,
        q.raw.mean_crps.mean,
        None if ratio is None else f"{ratio.value:.3f}\n{ratio.interval}",
        *covered(q.raw),
        None if regions is None else regions[q.raw.levels.index(0.9)].mean,
        q.raw.draw_error,
        q.mean_psnr,
        q.draws_psnr,
        q.total_variation,
        bands(q.raw),
    ]


def ratio_to_last(result: ModelsResult, draws: ScoredDraws) -> Ratio | None:
    """CRPS over that of the last model as it comes; None of that itself."""
    last = result.reference(draws.fraction)
    if draws is last:
        return None
    crps = draws.quality.crps, last.quality.crps
    return paired_ratio(*crps, result.groups, result.protocol.seed)


def quarters_table(result: ModelsResult) -> Table:
    """Intervals of means over quarters."""
    return Table(
        f"Means over quarters of a field, {percent(MAIN)} of the lattice observed",
        f"How often the central interval of {QUARTER_DRAWS} draws holds the true mean over a "
        "quarter (halves of every axis; observed cells included), each variable by itself; mean "
        "over test fields, with the 95 % interval over groups.",
        ["draws", "fields", "50 %", "of 50 %", "90 %", "of 90 %"],
        [
            [f"{q.name}\n{q.state}", q.fields, *(part for i in q.coverage for part in _cells(i))]
            for q in result.quarters
        ],
        digits=[0, 0, 3, 0, 3, 0],
    )


def findings(result: ModelsResult) -> list[str]:
    """All draws at each fraction, then means over quarters, and time."""
    said = [_finding(result, draws) for draws in result.draws]
    return [*said, *map(_quarters_finding, result.quarters), *_times(result)]


def _finding(result: ModelsResult, draws: ScoredDraws) -> str:
    """CRPS, coverage, and what single draws and their mean are like."""
    q, ratio, last = draws.quality, ratio_to_last(result, draws), result.reference(draws.fraction)
    half, most = map(percent, covered(q.raw))
    beside = "" if ratio is None else f", {ratio} times that of {last.name}"
    said = [
        f"{percent(draws.fraction)} observed, {draws.name}, {draws.made}: the CRPS is "
        f"{q.raw.mean_crps.mean:.4f}{beside}. The intervals of 50 and 90\xa0% hold {half} and "
        f"{most} of the true values."
    ]
    known = [band for band in q.raw.bands or () if band is not None][:BANDS]
    if q.raw.draw_error is not None and q.total_variation is not None and known:
        said.append(
            f"The squared error of a draw is {q.raw.draw_error:.2f} times that of the mean, its "
            f"total variation {q.total_variation:.2f} and its energy in bands {min(known):.2f} to "
            f"{max(known):.2f} times the truth's."
        )
    if q.draws_psnr is not None:
        said.append(
            f"The mean of {q.raw.n_draws} draws has {q.draws_psnr:.2f} dB, the posterior mean "
            f"{q.mean_psnr:.2f} dB."
        )
    return " ".join(said)


def _quarters_finding(quarters: QuarterCoverage) -> str:
    half, most = (f"{percent(i.mean)} ({_limits(i)})" for i in quarters.coverage)
    return (
        f"{percent(MAIN)} observed, {quarters.name}, draws {quarters.state}: of the true means "
        f"over quarters of {quarters.fields} fields the interval of 50\xa0% holds {half}, that of "
        f"90\xa0% {most}."
    )


def _times(result: ModelsResult) -> list[str]:
    """All draws of each model in draws of the last one, over all fractions."""
    by_fraction = [result.at(fraction, RAW) for fraction in result.protocol.fractions]
    spent: list[tuple[str, float]] = []
    for same in zip(*by_fraction, strict=True):
        seconds = [d.quality.seconds for d in same if d.quality.seconds is not None]
        if seconds:
            spent.append((same[0].name, float(np.mean(seconds))))
    *others, (last, theirs) = spent
    if not theirs:
        return []
    n = result.protocol.n_draws
    return [
        f"{n} draws of {name} take the processor time of {significant(n * ours / theirs, 2)} of "
        f"{last}."
        for name, ours in others
    ]


def _cells(interval: Interval) -> tuple[float, str]:
    return interval.mean, _limits(interval)


def _limits(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"
