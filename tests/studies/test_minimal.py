"""The verdict on a bottleneck, on made scores whose answer is known."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import made_scores

from mamba_diffae.evaluation import Method
from studies.common.scoreboard import Scoreboard
from studies.minimal.report import finding
from studies.minimal.study import MinimalResult, rises

BASE = [(18.0, 17.0, 16.0), (18.2, 17.2, 16.2), (18.1, 17.1, 16.1)]


def result(*ours: tuple[float, ...]) -> MinimalResult:
    """Of as many seeds as are given."""
    baseline, bottleneck = (
        [Scoreboard(made_scores(Method(name), psnr)) for psnr in by_seed]
        for name, by_seed in (("baseline", BASE[: len(ours)]), ("bottleneck", ours))
    )
    return MinimalResult(rises(baseline, bottleneck), [], [], {})


@pytest.mark.parametrize(
    ("gains", "promising"),
    [
        ((0.0, 0.5, 0.5), True),
        ((-5.0, 0.5, 0.5), True),  # what happens at 32 does not count
        ((0.5, 0.5, 0.15), False),  # within the spread at 96
        ((0.5, 0.1, 0.5), False),
        ((-1.0, -1.0, -1.0), False),
    ],
)
def test_a_bottleneck_is_promising_if_64_and_96_rise_by_more_than_the_spread(gains, promising):
    found = result(*(tuple(p + g for p, g in zip(seed, gains, strict=True)) for seed in BASE))
    assert [rise.gain for rise in found.rises] == pytest.approx(list(gains))
    assert [rise.spread for rise in found.rises] == pytest.approx([0.2] * 3)
    assert found.promising is promising
    assert finding(found).startswith("Promising: " if promising else "Not promising: ")
    assert ("cause is elsewhere" in finding(found)) != promising


def test_the_wider_spread_counts_and_one_seed_has_none():
    ours = [(18.0, 18.0, 17.0), (18.0, 18.0, 17.0), (18.0, 20.0, 17.0)]
    found = result(*ours)
    assert found.rises[1].spread == pytest.approx(2.0)
    assert not found.promising
    one = result(ours[0])
    assert one.rises[0].spread is None
    assert finding(one) == (
        "One seed has no spread, so there is no verdict: +1.00 dB at 64², +1.00 dB at 96²."
    )
