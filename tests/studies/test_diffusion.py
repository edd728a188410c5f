"""Criteria of flow matching on made scores, whose verdict is known: wins, ties, losses."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import made_scores

from mamba_diffae.evaluation import DrawScore, Interval, Method
from studies.diffusion.report import draws_table, findings, phases_table
from studies.diffusion.study import DiffusionResult, Drawn, Means

BEFORE, AFTER, ALONE = (Method(name, kind="network") for name in ("before", "after", "alone"))


def drawn(
    *, ratio: float = 2.0, detail: float = 1.0, correlation: float = 0.8, psnr: float = 15.0
) -> Drawn:
    interval = Interval(psnr, psnr - 1, psnr + 1)
    score = DrawScore(Method("ours"), 96, (96, 96), 5, 1, interval, 1.1, detail, correlation, 0.82)
    return Drawn(50, 100, ratio, score)


def result(
    before: Sequence[float],
    after: Sequence[float],
    alone: Sequence[float],
    detail: float = 0.3,
    draws: Drawn | None = None,
) -> DiffusionResult:
    scores = [
        *made_scores(BEFORE, before),
        *made_scores(AFTER, after, high_frequency=detail),
        *made_scores(ALONE, alone),
    ]
    return DiffusionResult(scores, Means(BEFORE, AFTER, ALONE), [draws or drawn()])


def test_criteria_of_flow_matching_are_decided():
    means = (20, 19, 18), (20.2, 19.05, 17.9), (20.2, 19.1, 18.1), 0.4
    found = result(*means).criteria
    assert [c.passed for c in found] == [True, False, False, False, True, True, True, True]
    grainy = result(*means, drawn(detail=1.3, correlation=0.7)).criteria
    assert [c.passed for c in grainy[-2:]] == [False, False]
    assert (found[0].reference, found[0].measured) == (20, 20.2)
    assert result(*means, drawn(psnr=18.5)).criteria[3].passed


@pytest.mark.parametrize(
    ("after", "ratio", "expected"),
    [
        ((20.0, 19.0, 18.0), 2.0, [True] * 4),
        ((20.09, 19.2, 18.0), 1.4, [True, False, True, False]),  # a tie holds, a gain does not
        ((19.0, 18.0, 17.0), 2.6, [True, True, True, False]),
    ],
)
def test_theory_is_checked_against_a_phase_1_of_the_whole_time(after, ratio, expected):
    found = result((19, 18, 17), after, (20.0, 19.0, 18.0), draws=drawn(ratio=ratio))
    assert [check.passed for check in found.theory] == expected


@pytest.mark.parametrize(
    ("after", "alone", "said"),
    [(18.0, 18.5, "to phase 1:"), (18.5, 18.0, "to phase 2:"), (18.0, 18.05, "to either phase")],
)
def test_which_phase_matters_more_is_said_in_figures(after, alone, said):
    found = result((19, 18, 17.5), (19, 18, after), (19, 18, alone))
    last = findings(found)[-1]
    assert said in last
    assert f"{alone - 17.5:+.2f} dB by more of phase 1" in last
    assert phases_table(found).rows[2][-1] == pytest.approx(after - alone)


def test_missed_criteria_are_named_and_draws_are_listed():
    found = result((20, 19, 18), (19, 18, 17), (20, 19, 18), draws=drawn(ratio=3))
    first, *_, ratio, _ = findings(found)
    assert "it misses: better PSNR of the mean at 32²" in first
    assert ratio.endswith("3.00: failed.")
    assert draws_table([drawn()]).rows == [[50, 100, 15.0, 2.0, 1.0, 1.1, 0.8]]
