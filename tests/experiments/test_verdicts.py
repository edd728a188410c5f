"""What is said of scores: made ones, whose answer is known."""

import pytest

from mamba_diffae.evaluation import Interval, Score
from mamba_diffae.experiments.verdicts import (
    Scoreboard,
    criteria_table,
    differences_table,
    seeds_table,
    smoothness_table,
    verdict_findings,
    winners,
)

SCALES = (32, 64, 96)


def scores(method: str, psnr: tuple[float, ...], variation: float = 1.0) -> list[Score]:
    return [
        Score(method, scale, 5, Interval(p, p - 1, p + 1), Interval(0.5, 0.4, 0.6), variation, 0.3)
        for scale, p in zip(SCALES, psnr, strict=True)
    ]


@pytest.fixture
def board() -> Scoreboard:
    return Scoreboard(
        [
            *scores("kriging", (20.0, 20.0, 20.0)),
            *scores("oracle: truth", (99.0, 99.0, 99.0)),
            *scores("baseline", (18.0, 18.0, 18.0), variation=2.0),
            *scores("ours", (18.0, 21.0, 20.5), variation=0.9),
        ]
    )


def test_criteria_hold_from_their_least_on(board):
    table = criteria_table(board, "baseline", ["ours"])
    verdicts = {row[1]: row[-1] for row in table.rows}
    assert verdicts == {
        "PSNR at 32²: the baseline's or better": "held",
        "PSNR at 64²: +2 to +4 dB": "held",
        "PSNR at 96²: +3 to +5 dB": "did not hold",  # 2.5 dB
        "smoother at 96²: total variation": "held",
        "smoother at 96²: high frequencies": "did not hold",  # equal is not smoother
    }
    assert table.rows[1][2:5] == [18.0, 21.0, 3.0]


def test_the_winner_is_named_also_when_it_is_classical(board):
    found = winners(board, {"baseline", "ours"})
    assert "At 32 × 32 the best network (baseline) reaches 18.00 dB, 2.00 dB below" in found[0]
    assert "At 64 × 64 the best network (ours) reaches 21.00 dB, 1.00 dB above" in found[1]
    assert all("(kriging, 20.00 dB)" in sentence for sentence in found)


def test_a_choice_helps_everywhere_in_part_or_not(board):
    pairs = {"A": ("kriging", "baseline"), "B": ("ours", "kriging"), "C": ("baseline", "kriging")}
    table = differences_table(board, pairs)
    assert table.rows[1] == ["B", -2.0, 1.0, 0.5]
    criteria = criteria_table(board, "baseline", ["ours"])
    found = verdict_findings(criteria, table, None)
    assert found == [
        "Of the 5 criteria set beforehand, ours meets 3.",
        "A: helps, +2.00 / +2.00 / +2.00 dB at 32² / 64² / 96².",
        "B: helps in part, −2.00 / +1.00 / +0.50 dB at 32² / 64² / 96².",
        "C: does not help, −2.00 / −2.00 / −2.00 dB at 32² / 64² / 96².",
    ]


def test_a_difference_within_the_deviation_over_seeds_is_none(board):
    others = [Scoreboard(scores("ours", (p, p, p))) for p in (15.0, 20.0)]
    seeds = seeds_table({"ours": [board, *others]})  # 2.5 dB at 32
    criteria = criteria_table(board, "baseline", ["ours"])
    pairs = {"A": ("kriging", "baseline"), "B": ("ours", "baseline")}
    found = verdict_findings(criteria, differences_table(board, pairs), seeds)
    spread = max(row[4] for row in seeds.rows)
    assert found[1].startswith(f"A: no difference beyond the deviation over seeds ({spread:.2f} dB")
    assert "B: " in found[2]


def test_seeds_are_spread(board):
    others = [Scoreboard(scores("ours", (p, p, p))) for p in (19.0, 20.0)]
    table = seeds_table({"ours": [board, *others]})
    assert table.rows[0] == ["ours", 32, 3, 19.0, 1.0, 18.0, 20.0]
    assert [row[1] for row in table.rows] == [32, 64, 96]


def test_smoothness_is_that_of_the_finest_scale(board):
    table = smoothness_table(board)
    assert table.title == "Smoothness at 96 × 96"
    assert [row[:2] for row in table.rows[2:]] == [["baseline", 2.0], ["ours", 0.9]]
