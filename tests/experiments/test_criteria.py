"""Criteria of the experiments on made scores, whose verdict is known: wins, ties, losses."""

from collections.abc import Sequence

import pytest

from mamba_diffae.evaluation import DrawScore, Interval, Score
from mamba_diffae.experiments.ablation_verdicts import Outcome, findings, levels_table
from mamba_diffae.experiments.contenders import BASELINE, MINIMAL
from mamba_diffae.experiments.diffusion_verdicts import (
    Drawn,
    Means,
    criteria_table,
    draws_table,
    phases_table,
    theory_table,
)
from mamba_diffae.experiments.diffusion_verdicts import findings as diffusion_findings
from mamba_diffae.experiments.minimal import rise_table, verdict
from mamba_diffae.experiments.verdicts import Scoreboard, detail_table

SCALES = (32, 64, 96)


def scores(method: str, psnr: Sequence[float], high_frequency: float = 0.3) -> list[Score]:
    interval = Interval(0.5, 0.4, 0.6)
    return [
        Score(method, scale, 5, Interval(p, p - 1, p + 1), interval, 0.8, high_frequency)
        for scale, p in zip(SCALES, psnr, strict=True)
    ]


def boards(name: str, *psnr: Sequence[float]) -> list[Scoreboard]:
    return [Scoreboard(scores(name, p)) for p in psnr]


BASE = [(18.0, 17.0, 16.0), (18.2, 17.2, 16.2), (18.1, 17.1, 16.1)]


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((0.0, 0.5, 0.5), "Promising: "),
        ((-5.0, 0.5, 0.5), "Promising: "),  # what happens at 32 does not count
        ((0.5, 0.5, 0.15), "Not promising: "),  # within the spread at 96
        ((0.5, 0.1, 0.5), "Not promising: "),
        ((-1.0, -1.0, -1.0), "Not promising: "),
    ],
)
def test_a_bottleneck_is_promising_if_64_and_96_rise_by_more_than_the_spread(gains, said):
    ours = [tuple(p + g for p, g in zip(seed, gains, strict=True)) for seed in BASE]
    rise = rise_table(
        {BASELINE.name: boards(BASELINE.name, *BASE), MINIMAL.name: boards(MINIMAL.name, *ours)}
    )
    assert [row[3] for row in rise.rows] == pytest.approx(list(gains))
    assert [row[4] for row in rise.rows] == pytest.approx([0.2] * 3)
    assert verdict(rise).startswith(said)
    assert ("cause is elsewhere" in verdict(rise)) == said.startswith("Not")


def test_the_wider_spread_counts_and_one_seed_has_none():
    ours = [(18.0, 18.0, 17.0), (18.0, 18.0, 17.0), (18.0, 20.0, 17.0)]
    rise = rise_table(
        {BASELINE.name: boards(BASELINE.name, *BASE), MINIMAL.name: boards(MINIMAL.name, *ours)}
    )
    assert rise.rows[1][4] == pytest.approx(2.0)
    assert verdict(rise).startswith("Not promising")
    one = {
        BASELINE.name: boards(BASELINE.name, BASE[0]),
        MINIMAL.name: boards(MINIMAL.name, ours[0]),
    }
    assert rise_table(one).rows[0][4] is None
    assert verdict(rise_table(one)) == (
        "One seed has no spread, so there is no verdict: +1.00 dB at 64², +1.00 dB at 96²."
    )


MEANS = Means("before", "after", "alone")


def drawn(
    *, ratio: float = 2.0, detail: float = 1.0, correlation: float = 0.8, psnr: float = 15.0
) -> Drawn:
    interval = Interval(psnr, psnr - 1, psnr + 1)
    score = DrawScore("ours", 96, 5, 1, interval, 1.1, detail, correlation, 0.82)
    return Drawn(50, 100, ratio, score)


def means(
    before: Sequence[float], after: Sequence[float], alone: Sequence[float], detail: float = 0.3
) -> Scoreboard:
    return Scoreboard(
        [*scores("before", before), *scores("after", after, detail), *scores("alone", alone)]
    )


def held(table) -> list[bool]:
    return [row[-1] == "held" for row in table.rows]


def test_criteria_of_flow_matching_are_decided():
    board = means((20, 19, 18), (20.2, 19.05, 17.9), (20.2, 19.1, 18.1), detail=0.4)
    table = criteria_table(board, MEANS, drawn())
    # PSNR better, a tie, worse; a draw's; sharper mean and draw; detail and neighbours of a draw
    assert held(table) == [True, False, False, False, True, True, True, True]
    grainy = criteria_table(board, MEANS, drawn(detail=1.3, correlation=0.7))
    assert held(grainy)[-2:] == [False, False]
    assert table.rows[0][1:3] == [20, 20.2]
    assert held(criteria_table(board, MEANS, drawn(psnr=18.5)))[3]


@pytest.mark.parametrize(
    ("after", "ratio", "expected"),
    [
        ((20.0, 19.0, 18.0), 2.0, [True] * 4),
        ((20.09, 19.2, 18.0), 1.4, [True, False, True, False]),  # a tie holds, a gain does not
        ((19.0, 18.0, 17.0), 2.6, [True, True, True, False]),
    ],
)
def test_theory_is_held_against_a_phase_1_of_the_whole_time(after, ratio, expected):
    board = means((19, 18, 17), after, (20.0, 19.0, 18.0))
    assert held(theory_table(board, MEANS, drawn(ratio=ratio))) == expected


@pytest.mark.parametrize(
    ("after", "alone", "said"),
    [(18.0, 18.5, "to phase 1:"), (18.5, 18.0, "to phase 2:"), (18.0, 18.05, "to either phase")],
)
def test_which_phase_matters_more_is_said_in_figures(after, alone, said):
    board = means((19, 18, 17.5), (19, 18, after), (19, 18, alone))
    tables = criteria_table(board, MEANS, drawn()), theory_table(board, MEANS, drawn())
    last = diffusion_findings(board, MEANS, *tables)[-1]
    assert said in last
    assert f"{alone - 17.5:+.2f} dB by more of phase 1" in last
    assert phases_table(board, MEANS).rows[2][-1] == pytest.approx(after - alone)


def test_missed_criteria_are_named_and_draws_are_listed():
    board = means((20, 19, 18), (19, 18, 17), (20, 19, 18))
    tables = criteria_table(board, MEANS, drawn()), theory_table(board, MEANS, drawn(ratio=3))
    first, *_, ratio, _ = diffusion_findings(board, MEANS, *tables)
    assert "it misses: better PSNR of the mean at 32²" in first
    assert ratio.endswith("3.00: did not hold.")
    assert draws_table([drawn()]).rows == [[50, 100, 15.0, 2.0, 1.0, 1.1, 0.8]]


def outcome(factor: str, level: str, **psnr: Sequence[float]) -> Outcome:
    return Outcome(factor, level, psnr)


DEFAULT = outcome("default", "as it is", fine=(20.0, 20.1, 20.2), few=(15.0, 15.0, 15.3))


@pytest.mark.parametrize(
    ("psnr", "said"),
    [
        (
            {"fine": (20.1, 20.2, 20.2), "few": (15.2, 15.1, 15.1)},
            "Step (without the prior): count: no difference beyond the spread "
            "(at most +0.07 ± 0.20 dB, fine).",
        ),
        (
            {"fine": (21.1, 21.1, 21.1), "few": (15.1, 15.1, 15.1)},
            "Step (without the prior): count: better, +1.00 ± 0.20 dB (fine); elsewhere no "
            "difference beyond the spread.",
        ),
        (
            {"fine": (19.1, 19.1, 19.1), "few": (16.1, 16.1, 16.1)},
            "Step (without the prior): count: better and worse, −1.00 ± 0.20 dB (fine), "
            "+1.00 ± 0.30 dB (few).",
        ),
        (
            {"fine": (19.1, 19.1, 19.1), "few": (14.1, 14.1, 14.1)},
            "Step (without the prior): count: worse, −1.00 ± 0.20 dB (fine), "
            "−1.00 ± 0.30 dB (few).",
        ),
    ],
)
def test_a_factor_matters_beyond_the_spread(psnr, said):
    (found,) = findings([DEFAULT, outcome("step", "count", **psnr)], prior=False)
    assert found == said


def test_levels_are_set_beside_the_default_and_factors_get_a_sentence_each():
    others = [
        outcome("orders", "one", fine=(19.0,) * 3, few=(15.0,) * 3),
        outcome("orders", "none", fine=(20.0,) * 3, few=(15.0,) * 3),
        outcome("state", "one", fine=(20.0,) * 3, few=(15.0,) * 3),
    ]
    table = levels_table([DEFAULT, *others], prior=True)
    assert table.columns == ["factor", "level", "fine", "few", "Δ fine", "Δ few"]
    assert table.rows[0][-2:] == [None, None]
    assert table.rows[1][2:] == [19.0, 15.0, "−1.10 ± 0.20", "−0.10 ± 0.30"]
    found = findings([DEFAULT, *others], prior=True)
    assert [sentence.split(" ")[0] for sentence in found] == ["Orders", "State"]
    assert "one: worse" in found[0]
    assert "; none: no difference" in found[0]


def test_one_seed_gives_no_verdict_on_a_factor():
    default, other = (
        outcome(factor, "x", fine=(psnr,)) for factor, psnr in (("default", 20.0), ("step", 25.0))
    )
    assert findings([default, other], prior=False) == [
        "Step (without the prior): x: one seed, so no verdict, +5.00 dB (fine)."
    ]


def test_detail_is_told_of_every_method_and_scale():
    table = detail_table(Scoreboard([*scores("a", (1, 2, 3)), *scores("b", (4, 5, 6), 0.9)]))
    assert table.columns[:4] == ["method", "PSNR 32²", "TV 32²", "HF 32²"]
    assert table.rows[1] == ["b", 4, 0.8, 0.9, 5, 0.8, 0.9, 6, 0.8, 0.9]
