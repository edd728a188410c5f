"""How honest a model's uncertainty is: which draws are measured, and what is left out."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.benchmark import Protocol, benchmark_page, run_benchmark
from mamba_diffae.benchmark.assessment import DRAWS, FIELDS, assess_methods, draw_origin
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.drawing import PriorDrawsWarning
from mamba_diffae.evaluation import assess
from mamba_diffae.fields import FieldData
from mamba_diffae.report.html import render

pytestmark = pytest.mark.slow
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "ensemble": FEW}
PROTOCOL = Protocol(scales=(12,), fraction=0.3, seed=1)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=48, shape=(12, 12))


@pytest.fixture(scope="module")
def undrawn(truth: FieldData) -> FieldAutoencoder:
    """Neither learned draws nor a prior."""
    model = FieldAutoencoder("tiny", parts={"prior": "none"}, changes=CHANGES)
    return model.fit(truth, phases=["autoencoder"])


def measured(model, unseen, train, protocol=PROTOCOL, told=None):
    progress = (lambda done: None) if told is None else told.append
    return assess_methods(model, unseen, train, protocol, None, progress)


def test_learned_draws_and_those_of_the_prior_are_measured_on_the_same_fields(truth):
    test, train, told = truth.split("test"), truth.split("train"), []
    model = FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=["autoencoder"])
    assert draw_origin(model) == "prior"
    with warnings.catch_warnings():
        warnings.simplefilter("error", PriorDrawsWarning)  # the page says it
        prior, _ = measured(model, test, train)
    assert prior.origin == "prior"
    model = FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=["autoencoder", "ensemble"])
    ours, kriging = measured(model, test, train, told=told)
    assert (ours.origin, ours.evaluations, kriging.origin) == ("ensemble", 1, "stated")
    assert (ours.uncertainty.n_draws, kriging.uncertainty.n_draws) == (DRAWS, 0)
    assert ours.uncertainty.count == kriging.uncertainty.count == len(test)
    seen = PROTOCOL.observe(test)
    drawn = model.predict(seen, test.grid, n_draws=DRAWS, seed=1)
    assert ours.uncertainty == assess(drawn, test, seen)
    assert ours.uncertainty.unseen == kriging.uncertainty.unseen == pytest.approx(0.7, abs=0.01)
    assert [told[0], told[-1]] == ["draws: 8 of 8 fields", "uncertainty of kriging"]


def test_a_model_that_cannot_draw_is_compared_without_draws(undrawn, truth):
    assert draw_origin(undrawn) is None
    result = run_benchmark(undrawn, truth.split("test"), truth.split("train"), PROTOCOL)
    assert result.draws is None
    assert [panel.title for panel in result.panels] == ["Every method at 12 × 12"]
    assert [str(m.method) for m in result.uncertainty] == ["kriging"]
    page = benchmark_page(result)
    text = render(page)
    assert "The model states no uncertainty" in text
    assert 'id="draws"' not in text
    assert "within kriging's" in page.findings[-1]


def test_where_all_is_observed_nothing_is_measured(undrawn, truth):
    everything = replace(PROTOCOL, fraction=1.0)
    assert measured(undrawn, truth.split("test"), truth.split("train"), everything) == []


def test_a_sample_of_many_fields_is_spread_over_their_groups(undrawn, truth):
    (alone,) = measured(undrawn, truth, truth)
    assert alone.uncertainty.count == FIELDS
    grouped = replace(truth, groups=np.arange(len(truth)) // 12)
    (few,) = measured(undrawn, grouped, truth)
    assert few.uncertainty.count == FIELDS
    assert few.uncertainty.coverage[0] != alone.uncertainty.coverage[0]  # its interval is by groups
