"""Tables and sentences of the comparison of draws at equal cost."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import percent
from mamba_diffae.evaluation import Uncertainty
from studies.common.ratios import Ratio, paired_ratio
from studies.common.report import Row
from studies.draws.arms import SCORE
from studies.draws.coverage import coverage_findings, coverage_table, covered
from studies.draws.equal_cost import CaseResult, EqualCostResult
from studies.draws.measuring import Measured
from studies.draws.ways import Way

QUESTION = (
    "One network is trained to the posterior mean. From it draws are learned in several ways, each "
    "for the same processor time: by flow matching, and by the energy score with its parts and "
    "without them. Which draws are best, and which parts matter?"
)
_SCORE = Way(SCORE.key, SCORE.label)
BANDS = 4
"""Bands that are shown, from the finest."""
_COLUMNS = {
    "draws": 0,
    "observed": 0,
    "updates": 0,
    "evaluations": 0,
    "ms": 1,
    "CRPS": 4,
    "to flow": 0,
    "to score": 0,
    "50 %": 3,
    "90 %": 3,
    "50 % after": 3,
    "90 % after": 3,
    "energy": 4,
    "variogram": 4,
    "draw / mean": 2,
    "TV": 2,
    "bands": 0,
}
"""Heading and decimals of each column."""


def page(result: EqualCostResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Which draws are best at equal cost",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[
            coverage_table(result),
            *(case_table(result, case) for case in result.cases if _compared(case)),
        ],
        panels=result.panels,
        facts=result.facts,
    )


def _compared(case: CaseResult) -> bool:
    """Whether more than the energy score is trained."""
    return len(case.case.arms) > 1


def case_table(result: EqualCostResult, case: CaseResult) -> Table:
    """All that makes draws of one kind of fields."""
    plan = result.plan
    return Table(
        case.case.title,
        f"{len(case.groups)} test fields, {plan.n_draws} draws of each, on cells that no "
        "observation touched. Kriging: the Gaussian that it states; prior alone: its draws on its "
        "lattice; untrained: those through the decoder of the mean. Updates of the weights in the "
        "time that all have; evaluations of the network and milliseconds of processor time for a "
        "draw. CRPS (fair), energy and variogram score on the scale [0, 1], lower is better. CRPS "
        f"over that of the flow with {plan.reference} steps and over that of the energy score, "
        "paired over fields, with the 95 % interval over groups. Share of true values in the "
        "central intervals of 50 and 90 %, of draws as they come and after calibration. Draw / "
        "mean: their squared errors, 2 if calibrated. TV: total variation; bands: energy, from the "
        f"finest band of scales to the {BANDS}th; both over the truth's.",
        list(_COLUMNS),
        [_row(result, case, m) for m in case.measured],
        digits=list(_COLUMNS.values()),
    )


def _row(result: EqualCostResult, case: CaseResult, m: Measured) -> Row:
    q, raw, calibrated = m.quality, m.quality.raw, m.quality.calibrated
    ratios = [_ratio(result, case, m, way) for way in (result.reference, _SCORE)]
    return [
        m.way.label,
        percent(m.fraction),
        m.updates,
        q.evaluations,
        None if q.seconds is None else 1000 * q.seconds,
        raw.mean_crps.mean,
        *(None if r is None else f"{r.value:.3f}\n{r.interval}" for r in ratios),
        *covered(raw),
        *((None, None) if calibrated is None else covered(calibrated)),
        None if raw.energy_score is None else raw.energy_score.mean,
        None if raw.variogram_score is None else raw.variogram_score.mean,
        raw.draw_error,
        q.total_variation,
        bands(raw),
    ]


def findings(result: EqualCostResult) -> list[str]:
    """The energy score beside the flow, its parts, and what is missing."""
    said = [
        sentence
        for case in filter(_compared, result.cases)
        for fraction in case.case.fractions
        for sentence in _fraction_findings(result, case, fraction)
    ]
    if said:
        said.append(
            "Each arm was trained once: the intervals are over groups of test fields and hold "
            "nothing of what another seed changes; each is at 95 % by itself."
        )
    said += coverage_findings(result)
    missing = [name for case in result.cases for name in case.missing]
    if missing:
        said.append(f"Not trained yet, and left out: {', '.join(missing)}.")
    return said


def _fraction_findings(result: EqualCostResult, case: CaseResult, fraction: float) -> list[str]:
    here = [m for m in case.measured if m.fraction == fraction]
    where = f"{case.case.title}, {percent(fraction)} observed"
    score, flow = case.of(_SCORE, fraction), case.of(result.reference, fraction)
    said = []
    if score is not None and flow is not None:
        said.append(
            f"{where}: the CRPS of the energy score is {_ratio(result, case, score, flow.way)} "
            f"times that of the flow with {result.plan.reference} steps, in "
            f"{score.quality.evaluations} evaluation of the network a draw, not "
            f"{flow.quality.evaluations}. Its 90 % interval holds {_contained(score)} of the true "
            f"values, the flow's {_contained(flow)}."
        )
    if score is not None and (parts := _parts(result, case, here)):
        said.append(f"{where}, CRPS over that of the energy score: {parts}.")
    if here:
        best = min(here, key=lambda m: m.quality.raw.mean_crps.mean)
        least = best.quality.raw.mean_crps.mean
        said.append(f"{where}: the lowest CRPS is {least:.4f}, of {best.way.label}.")
    return said


def _parts(result: EqualCostResult, case: CaseResult, here: Sequence[Measured]) -> str:
    """The energy score in other forms: better, worse, or not told apart."""
    keys = {arm.key for arm in case.case.arms if arm.phase == SCORE.phase}
    others = [m for m in here if m.way.key in keys and m.way != _SCORE]
    told: dict[str, list[str]] = {"better": [], "worse": [], "not told apart": []}
    for m in others:
        ratio = _ratio(result, case, m, _SCORE)
        assert ratio is not None
        word = "better" if ratio.better else "worse" if ratio.worse else "not told apart"
        told[word].append(f"{m.way.label} {ratio}")
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in told.items() if names)


def _ratio(result: EqualCostResult, case: CaseResult, m: Measured, rival: Way) -> Ratio | None:
    """Of draws to a rival's at the same fraction; None if those are not there, or the same."""
    other = case.of(rival, m.fraction)
    if other is None or m.way == rival:
        return None
    return paired_ratio(m.quality.crps, other.quality.crps, case.groups, result.seed)


def _contained(m: Measured) -> str:
    """Share of the truth in the interval of 90 %, and with calibration."""
    calibrated = m.quality.calibrated
    more = "" if calibrated is None else f" (calibrated {percent(covered(calibrated)[1])})"
    return f"{percent(covered(m.quality.raw)[1])}{more}"


def bands(of: Uncertainty) -> str | None:
    """Energy of draws over the truth's in the finest bands, in words; None without draws."""
    if of.bands is None:
        return None
    return " ".join("–" if band is None else f"{band:.2f}" for band in of.bands[:BANDS])
