"""Tables and sentences of the study of the scan."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark import Page, Table
from studies.common.report import Row, signed
from studies.scan.comparison import Answer, Comparison, answers, equal_fields
from studies.scan.study import CaseResult, ScanResult

QUESTION = (
    "The project is named after a scan over the observations. Encoders with a scan, with "
    "attention, with a convolution and with none of them are trained for the same processor time. "
    "Which one pays where?"
)
_SCANS = ("sweeps", "hilbert", "trapezoidal", "one-direction")
"""Encoders that scan."""


def page(result: ScanResult) -> Page:
    """All that is shown of the result."""
    found = [answer for case in result.cases for answer in answers(case, result.seed)]
    return Page(
        title="Where the scan pays",
        question=QUESTION,
        findings=findings(result, found),
        scores=[],
        tables=[
            verdicts_table(found),
            *(answer_table(answer) for answer in found),
            *(fields_table(case) for case in result.cases),
        ],
        facts=result.facts,
    )


def findings(result: ScanResult, found: Sequence[Answer]) -> list[str]:
    """Where a scan wins, the verdict of each case by its main measure, and what is not done."""
    scans = [(a, c) for a in found for c in a.winners if c.arm.key in _SCANS]
    count = len({_question(a) for a, _ in scans})
    said = [
        "An encoder that scans is better than none, beyond the corrected 95 % interval, in "
        f"{count} of {len(found)} questions"
        + (f": {'; '.join(f'{_question(a)}, {_words(c)}' for a, c in scans)}." if scans else ".")
    ]
    leads = {_question(a) for a in found for c in a.leaders if c.arm.key in _SCANS}
    if leads:
        said.append(
            f"With one seed, which decides nothing, a scan is ahead in {len(leads)} more: "
            f"{'; '.join(sorted(leads))}."
        )
    said += [
        f"{a.case.title} ({a.measure.name}): {verdict(a)}."
        for a in found
        if a.measure == a.case.main
    ]
    missing = [name for case in result.cases for name in case.missing]
    if missing:
        said.append(f"Not trained yet, and left out: {', '.join(missing)}.")
    return said


def verdict(answer: Answer) -> str:
    """Who wins a question."""
    if not answer.compared:
        return "no other encoder is trained"
    if answer.winners:
        return ", ".join(_words(c) for c in answer.winners)
    if answer.leaders:
        return f"not decided; ahead with one seed: {', '.join(_words(c) for c in answer.leaders)}"
    return "tie: no scan, the cheapest"


def verdicts_table(found: Sequence[Answer]) -> Table:
    """One row for each question."""

    def row(answer: Answer) -> Row:
        best = max(answer.compared, key=lambda c: c.gain, default=None)
        name = None if best is None else best.arm.label
        return [_question(answer), answer.cheapest, name, best and best.gain, verdict(answer)]

    return Table(
        "Which encoder pays where",
        "Error of no scan, in dB below the variance of the fields; of the others, that with the "
        "least error and how far it is ahead; which are better by the corrected 95 % interval.",
        ["question", "no scan", "least error", "gain", "verdict"],
        [row(answer) for answer in found],
    )


def answer_table(answer: Answer) -> Table:
    """All encoders beside no scan in one question."""

    def row(c: Comparison) -> Row:
        basis = f"{c.seeds} seeds" if c.basis == "seeds" else "fields, one seed"
        word = "better" if c.wins else "worse" if c.loses else "ahead" if c.leads else "not decided"
        return [c.arm.label, c.gain, c.low, c.high, basis, c.adjusted, word]

    return Table(
        _question(answer),
        f"Mean squared error below that of no scan ({answer.cheapest:.2f} dB below the variance), "
        "in dB, with its 95 % interval by itself: over seeds by Student's t where there are three, "
        "else over groups of fields by bootstrap, which does not hold what another seed changes. "
        "p and the verdict are corrected for the comparisons of this table (Holm), over seeds and "
        "over fields apart; only seeds decide.",
        ["encoder", "gain", "low", "high", "interval over", "p, corrected", "against no scan"],
        [row(c) for c in answer.compared],
        digits=[0, 2, 2, 2, 0, 3, 0],
    )


def fields_table(result: CaseResult) -> Table:
    """What every encoder saw in the same time, and how good it was at equally many fields."""
    least, rows = equal_fields(result)
    return Table(
        f"{result.case.title}: equal time and equally many fields",
        f"Validation PSNR in dB at the end, and at {least:,.0f} fields, which the slowest training "
        "saw; fields count each time they come.",
        [
            "encoder",
            "seeds",
            "parameters",
            "fields",
            "fields/s",
            "at equal time",
            "at equal fields",
        ],
        [
            [r.arm.label, r.seeds, r.parameters, r.fields, r.speed, r.at_end, r.at_equal]
            for r in rows
        ],
        digits=[0, 0, 0, 0, 1, 2, 2],
    )


def _question(answer: Answer) -> str:
    return f"{answer.case.title}: {answer.measure.name}"


def _words(c: Comparison) -> str:
    basis = f"{c.seeds} seeds" if c.basis == "seeds" else "one seed"
    return f"{c.arm.label} {signed(c.gain)} dB ({signed(c.low)} to {signed(c.high)}, {basis})"
