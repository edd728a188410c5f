"""Criteria, gains and the best of made scores, whose answer is known."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import made_scores

from mamba_diffae.evaluation import Method
from studies.common.report import (
    best_findings,
    criteria_findings,
    criteria_table,
    detail_table,
    seeds_table,
)
from studies.common.scoreboard import (
    Scoreboard,
    best_at_each_scale,
    criteria,
    seed_spreads,
)
from studies.comparison.report import choice_findings, choices_table, smoothness_table
from studies.comparison.study import Choice

KRIGING, ORACLE = Method("kriging"), Method("truth", "oracle: truth", "oracle")
BASELINE, OURS = (Method(name, kind="network") for name in ("baseline", "ours"))
SHAPES = ((32, 32), (64, 64), (96, 96))


@pytest.fixture
def board() -> Scoreboard:
    return Scoreboard(
        [
            *made_scores(KRIGING, (20.0, 20.0, 20.0)),
            *made_scores(ORACLE, (99.0, 99.0, 99.0)),
            *made_scores(BASELINE, (18.0, 18.0, 18.0), variation=2.0),
            *made_scores(OURS, (18.0, 21.0, 20.5), variation=0.9),
        ]
    )


def test_criteria_hold_from_their_least_on(board):
    found = criteria(board, BASELINE, [OURS])
    assert [(c.measure, max(c.shape), c.passed) for c in found] == [
        ("PSNR", 32, True),
        ("PSNR", 64, True),
        ("PSNR", 96, False),  # 2.5 dB
        ("total variation", 96, True),
        ("high frequencies", 96, False),  # equal is not smoother
    ]
    table = criteria_table(found, BASELINE)
    assert table.rows[1][1:] == ["PSNR at 64²: +2 to +4 dB", 18.0, 21.0, 3.0, "passed"]
    assert criteria_findings(found) == ["Of the 5 criteria set beforehand, ours meets 3."]


def test_the_best_is_named_also_when_it_is_classical(board):
    found = best_findings(best_at_each_scale(board))
    assert "At 32 × 32 the best network (baseline) reaches 18.00 dB, 2.00 dB below" in found[0]
    assert "At 64 × 64 the best network (ours) reaches 21.00 dB, 1.00 dB above" in found[1]
    assert all("(kriging, 20.00 dB)" in sentence for sentence in found)


def test_a_choice_helps_everywhere_in_part_or_not(board):
    pairs = {"A": (KRIGING, BASELINE), "B": (OURS, KRIGING), "C": (BASELINE, KRIGING)}
    choices = [Choice(words, board.gains(*pair)) for words, pair in pairs.items()]
    assert choices_table(choices, SHAPES).rows[1] == ["B", -2.0, 1.0, 0.5]
    assert choice_findings(choices, SHAPES, 0.0) == [
        "A: helps, +2.00 / +2.00 / +2.00 dB at 32² / 64² / 96².",
        "B: helps in part, −2.00 / +1.00 / +0.50 dB at 32² / 64² / 96².",
        "C: does not help, −2.00 / −2.00 / −2.00 dB at 32² / 64² / 96².",
    ]


def test_a_difference_within_the_deviation_over_seeds_is_none(board):
    found = choice_findings([Choice("A", [2.0, 2.0, 2.0]), Choice("B", [0, 3, 0])], SHAPES, 2.5)
    assert found[0].startswith("A: no difference beyond the deviation over seeds (2.50 dB")
    assert found[1].startswith("B: helps in part")


def test_seeds_are_spread(board):
    others = [Scoreboard(made_scores(OURS, (p, p, p))) for p in (19.0, 20.0)]
    spreads = seed_spreads({OURS: [board, *others]})
    assert [spread.shape for spread in spreads] == [*SHAPES]
    assert spreads[0].deviation == 1.0
    assert seeds_table(spreads).rows[0] == ["ours", "32²", 3, 19.0, 1.0, 18.0, 20.0]


def test_smoothness_is_that_of_the_finest_scale(board):
    table = smoothness_table(board)
    assert table.title == "Smoothness at 96 × 96"
    assert [row[:2] for row in table.rows[2:]] == [["baseline", 2.0], ["ours", 0.9]]


def test_detail_is_told_of_every_method_and_scale():
    a, b = made_scores(Method("a"), (1, 2, 3)), made_scores(Method("b"), (4, 5, 6), 0.8, 0.9)
    table = detail_table(Scoreboard([*a, *b]))
    assert table.columns[:4] == ["method", "PSNR 32²", "TV 32²", "HF 32²"]
    assert table.rows[1] == ["b", 4, 0.8, 0.9, 5, 0.8, 0.9, 6, 0.8, 0.9]
