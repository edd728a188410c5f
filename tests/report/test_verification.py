"""Drawings of a verification, from numbers alone."""

from dataclasses import replace

import pytest

from mamba_diffae.benchmark.verification import Verification, verification_page
from mamba_diffae.benchmark.verified import DistanceBin, Scatter, Scores, WithheldScore
from mamba_diffae.evaluation import Interval, Method
from mamba_diffae.report.html import render
from mamba_diffae.report.verification_figures import verification_pictures

EVIL = "<b>$v$</b>"
OURS, KRIGING, NEAREST = (
    Method("model", "the model", "network"),
    Method("kriging"),
    Method("nearest"),
)


def scores(rmse: float, coverage: float | None = None) -> Scores:
    return Scores(rmse, -0.1, rmse / 2, coverage, 1 - rmse**2)


@pytest.fixture
def result() -> Verification:
    parts = {
        OURS: (scores(0.4, 0.88), scores(0.2, 0.9), scores(0.6, 0.86)),
        KRIGING: (scores(0.5, 0.91), scores(0.3, 0.95), scores(0.7, 0.87)),
        NEAREST: (scores(0.9), scores(0.8), scores(1.0)),
    }
    return Verification(
        by="station",
        folds=5,
        units=20,
        snapshots=8,
        readings=160,
        n_draws=40,
        variables=(EVIL,),
        variable_units=("K",),
        distance_unit="km",
        bins=((DistanceBin(1.0, 5.0, 80), DistanceBin(6.0, 20.0, 80)),),
        scores=tuple(WithheldScore(m, EVIL, own[0], own[1:]) for m, own in parts.items()),
        excess=(Interval(-0.09, -0.2, -0.02),),
        notes=("A note.",),
        scatter=tuple(Scatter(m, EVIL, (0.0, 1.0), (0.1, 0.8)) for m in (OURS, KRIGING)),
    )


def test_three_drawings_tell_what_they_show(result):
    cloud, error, inside = verification_pictures(result)
    assert "2 withheld readings" in cloud.alt
    assert "the model error 0.400, coverage 88" in error.alt
    assert "kriging error 0.500" in error.alt
    assert "nearest" not in inside.alt  # it states no interval
    assert "km" in error.svg
    assert verification_pictures(None) == []


def test_a_single_bin_is_no_line(result):
    single = tuple(replace(s, by_distance=s.by_distance[:1]) for s in result.scores)
    few = replace(result, bins=(result.bins[0][:1],), scores=single)
    assert len(verification_pictures(few)) == 1


def test_the_page_holds_findings_tables_and_drawings(result):
    page = verification_page(result)
    assert page.findings[0] == (
        f"{EVIL}: better than kriging: RMSE 0.400 K against 0.500 K (−20.0 %)."
    )
    overall, rmse, coverage = page.tables
    assert overall.rows[0][1] == "0.4"
    assert overall.tones[0][1] == "best"
    assert rmse.columns[1:] == ["1 to 5 km", "6 to 20 km"]
    assert coverage.rows[2][1:] == ["–", "–"]
    text = render(page)
    assert "<h2>On withheld readings</h2>" in text
    assert EVIL not in text


def test_a_difference_by_chance_is_said(result):
    chance = replace(result, excess=(Interval(-0.09, -0.2, 0.02),))
    assert chance.findings()[0].endswith("the difference is not told from chance.")
    worse = replace(result, scores=tuple(
        replace(s, overall=scores(0.6, 0.5)) if s.method is OURS else s for s in result.scores
    ))  # fmt: skip
    assert worse.findings()[0] == (
        f"{EVIL}: not better than kriging: RMSE 0.600 K against 0.500 K (+20.0 %)."
    )
