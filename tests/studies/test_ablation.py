"""Sentences on factors, on made outcomes whose answer is known."""

from collections.abc import Sequence

import pytest

from studies.ablation.outcome import Arm, Measure, Outcome
from studies.ablation.report import findings, levels_table

FINE, FEW = Measure((96, 96)), Measure((96, 96), "few cells")
BOTH = ("96²", "96², 5% seen")


def outcome(factor: str, level: str, **psnr: Sequence[float]) -> Outcome:
    """By PSNR at the finest scale, from the usual share of the cells and from few."""
    measures = {"fine": FINE, "few": FEW}
    return Outcome(factor, level, {measures[name]: values for name, values in psnr.items()})


DEFAULT = outcome("default", "as it is", fine=(20.0, 20.1, 20.2), few=(15.0, 15.0, 15.3))


@pytest.mark.parametrize(
    ("psnr", "said"),
    [
        (
            {"fine": (20.1, 20.2, 20.2), "few": (15.2, 15.1, 15.1)},
            "Step (without the prior): count: no difference beyond the spread "
            "(at most +0.07 ± 0.20 dB, 96²).",
        ),
        (
            {"fine": (21.1, 21.1, 21.1), "few": (15.1, 15.1, 15.1)},
            "Step (without the prior): count: better, +1.00 ± 0.20 dB (96²); elsewhere no "
            "difference beyond the spread.",
        ),
        (
            {"fine": (19.1, 19.1, 19.1), "few": (16.1, 16.1, 16.1)},
            "Step (without the prior): count: better and worse, −1.00 ± 0.20 dB (96²), "
            "+1.00 ± 0.30 dB (96², 5% seen).",
        ),
        (
            {"fine": (19.1, 19.1, 19.1), "few": (14.1, 14.1, 14.1)},
            "Step (without the prior): count: worse, −1.00 ± 0.20 dB (96²), "
            "−1.00 ± 0.30 dB (96², 5% seen).",
        ),
    ],
)
def test_a_factor_matters_beyond_the_spread(psnr, said):
    (found,) = findings(Arm(False, DEFAULT, [outcome("step", "count", **psnr)]))
    assert found == said


def test_levels_are_set_beside_the_default_and_factors_get_a_sentence_each():
    others = [
        outcome("orders", "one", fine=(19.0,) * 3, few=(15.0,) * 3),
        outcome("orders", "none", fine=(20.0,) * 3, few=(15.0,) * 3),
        outcome("state", "one", fine=(20.0,) * 3, few=(15.0,) * 3),
    ]
    table = levels_table(Arm(True, DEFAULT, others))
    assert table.columns == ["factor", "level", *BOTH, *(f"Δ {name}" for name in BOTH)]
    assert table.rows[0][-2:] == [None, None]
    assert table.rows[1][2:] == [19.0, 15.0, "−1.10 ± 0.20", "−0.10 ± 0.30"]
    found = findings(Arm(True, DEFAULT, others))
    assert [sentence.split(" ")[0] for sentence in found] == ["Orders", "State"]
    assert "one: worse" in found[0]
    assert "; none: no difference" in found[0]


def test_one_seed_gives_no_verdict_on_a_factor():
    default, other = (
        outcome(factor, "x", fine=(psnr,)) for factor, psnr in (("default", 20.0), ("step", 25.0))
    )
    assert findings(Arm(False, default, [other])) == [
        "Step (without the prior): x: one seed, so no verdict, +5.00 dB (96²)."
    ]
