"""Sentences on uncertainty: for honest, narrow and wide intervals, and for what is missing."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.assessment import assessed_method
from mamba_diffae.benchmark.honesty import (
    CLOSE,
    coverage_finding,
    honesty,
    sample_words,
    spread_over_error,
)
from mamba_diffae.evaluation import Interval, Method
from mamba_diffae.fields import Affine, FieldData, Grid, Prediction, Variable, observe

OURS, KRIGING = Method("ours", kind="network"), Method("kriging")
UNIT = Affine(-5.0, 5.0)
TRUTH = FieldData(
    [Variable("v", "m", UNIT), Variable("w", "", UNIT)],
    Grid.default((12, 16)),
    np.random.default_rng(0).normal(size=(12, 12, 16, 2)),
)
SEEN = observe(TRUTH, 0.1, seed=0)


@cache
def drawn(spread: float, count: int = 16) -> AssessedMethod:
    """Draws around 0, the mean of the truth, whose deviation is 1."""
    draws = spread * np.random.default_rng(1).normal(size=(count, *TRUTH.values.shape))
    prediction = Prediction(np.zeros(TRUTH.values.shape), draws, evaluations=1, grid=TRUTH.grid)
    return assessed_method(OURS, "ensemble", prediction, TRUTH, SEEN)


@cache
def stated(spread: float) -> AssessedMethod:
    mean = np.zeros(TRUTH.values.shape)
    prediction = Prediction.of_mean(mean, np.full(mean.shape, spread), TRUTH.grid)
    return assessed_method(KRIGING, "stated", prediction, TRUTH, SEEN)


def plain(sentences: list[str]) -> str:
    return " ".join(sentences).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("spread", "said", "covered"),
    [
        (1.0, "as wide as they should be, as far as 12 fields can tell", 0.9),
        (0.5, "too narrow: the truth lies outside", 0.589),
        (2.0, "too wide: the truth lies inside", 0.999),
    ],
)
def test_honest_narrow_and_wide_intervals_are_told_apart(spread, said, covered):
    for first in (drawn(spread, count=40), stated(spread)):
        text = plain(honesty([first]))
        assert said in text
        found = re.search(r"touched, (\d+\.?\d*) % lie within", text)
        assert found
        assert float(found[1]) / 100 == pytest.approx(covered, abs=0.03)
        ratio = spread_over_error(first.uncertainty)
        assert ratio == pytest.approx(spread, rel=0.05)
        assert f"deviation is {ratio:.2f} times the error" in text


def test_kriging_stands_beside_in_the_same_order():
    ours, theirs = drawn(0.5), stated(1.0)
    (text,) = coverage_finding([ours, theirs])
    numbers = re.findall(r"(\d+)\xa0%", text)
    expected = [
        round(100 * share)
        for i in (2, 0)
        for share in (
            ours.uncertainty.coverage[i].mean,
            ours.uncertainty.levels[i],
            theirs.uncertainty.coverage[i].mean,
        )
    ]
    assert list(map(int, numbers)) == expected
    assert "(kriging: " in text


def test_draws_are_compared_with_the_truth_at_the_finest_scale():
    text = plain(honesty([drawn(0.5), stated(1.0)]))
    assert re.search(r"At scales of 2 to 4 cells draws hold 2\d % of the truth's energy", text)
    assert "their mean 0 % and kriging's mean 0 %" in text
    assert "scales of" not in plain(honesty([stated(1.0)]))


@given(st.floats(0.02, 0.98), st.floats(0.0, 0.2), st.floats(0.0, 0.2), st.floats(0.02, 0.98))
def test_a_verdict_agrees_with_its_numbers(mean, below, above, other):
    first = stated(1.0)
    found = Interval(mean, mean - below - 1e-3, mean + above + 1e-3)
    beside = Interval(other, other - 1e-3, other + 1e-3)
    uncertainty = replace(first.uncertainty, levels=(0.5, 0.9), coverage=(beside, found))
    text = plain(honesty([replace(first, uncertainty=uncertainty)]))
    widths = []
    for level, coverage in ((0.5, beside), (0.9, found)):
        right = coverage.low <= level <= coverage.high or abs(coverage.mean - level) < CLOSE
        narrow = "too narrow" if coverage.mean < level else "too wide"
        widths.append("as wide as" if right else narrow)
    if widths[0] == widths[1]:
        assert f"The intervals are {widths[0]}" in text
    else:
        assert f"The 50 % interval is {widths[0]}" in text
        assert f"the 90 % interval is {widths[1]}" in text
    assert ("as far as 12 fields can tell" in text) == ("as wide as" in widths)


def test_one_field_gives_no_verdict():
    first = stated(0.5)
    points = tuple(Interval(0.1, 0.1, 0.1) for _ in first.uncertainty.levels)
    lone = replace(first, uncertainty=replace(first.uncertainty, coverage=points, count=1))
    assert "1 field cannot tell whether" in plain(honesty([lone]))


def test_a_model_that_cannot_draw_is_named_and_nothing_gives_nothing():
    text = plain(honesty([stated(1.0)]))
    assert text.startswith("The model states no uncertainty")
    assert "within kriging's 90 % interval" in text
    assert "no uncertainty" not in plain(honesty([drawn(1.0), stated(1.0)]))
    assert honesty([]) == coverage_finding([]) == []


def test_on_what_it_was_measured_is_told():
    prior = replace(drawn(1.0), origin="prior", evaluations=1)
    text = plain([sample_words([prior, stated(1.0)])])
    assert "12 fields at 12 × 16" in text
    assert "16 draws of each field, 1 evaluation each, of its prior" in text
    assert "has not learned to draw" in text
    assert "kriging: the deviation that it states" in text


def test_it_becomes_json_and_comes_back():
    for method in (drawn(0.7), stated(1.0)):
        assert AssessedMethod.from_dict(json.loads(json.dumps(method.to_dict()))) == method


def test_no_error_has_no_ratio():
    mean = TRUTH.values
    exact = Prediction.of_mean(mean, np.ones(mean.shape), TRUTH.grid)
    found = assessed_method(KRIGING, "stated", exact, TRUTH, SEEN)
    assert spread_over_error(found.uncertainty) is None
    assert "deviation is" not in plain(honesty([found]))
