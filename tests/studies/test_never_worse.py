"""The study of contract 10: small families whole, resumed, and its words on made rows."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.benchmark.suite import FAMILIES, Family, SuiteResult, SuiteRow
from mamba_diffae.fields import FieldData
from mamba_diffae.priors import PRIORS
from studies.common.candidates import Cost
from studies.never_worse.report import findings
from studies.never_worse.study import PLANS, NeverWorseResult, Plan, chosen_prior
from studies.never_worse.tables import missed_table, places, worst_row

PRIOR, OWN = "kriging prior", "network, 4 steps on its family"
FOREIGN = ("kriging prior from colours", "network, 5 steps on colours", "emoji-96")


@pytest.fixture(scope="module")
def plan(smooth_fields: Callable[..., FieldData], tmp_path_factory) -> Plan:
    """Two families, of three variables and of one, and few steps."""
    folder, families = tmp_path_factory.mktemp("families"), []
    for name, variables in (("colours", 3), ("greys", 1)):
        np.save(
            folder / f"{name}.npy",
            smooth_fields(count=80, shape=(12, 12), variables=variables).values,
        )
        families.append(Family(name, str(folder / f"{name}.npy")))
    own, foreign, home = Cost(steps=4), Cost(steps=5), families[0]
    return Plan(tuple(families), ("20 %",), 3, float("inf"), "tiny", own, foreign, home)


@pytest.fixture(scope="module")
def request_(quick: Callable[[str], Request]) -> Request:
    return replace(quick("never-worse"), prior="kriging", source="emoji")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> None:
    monkeypatch.setattr("studies.never_worse.study.PLANS", {"quick": plan})


@pytest.fixture(scope="module")
def result(request_: Request, plan: Plan) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.never_worse.study.PLANS", {"quick": plan})
        return page_of("never-worse", request_)


def tables(page: Page) -> dict[str, list]:
    return {table.title: [[*row] for row in table.rows] for table in page.tables}


@pytest.mark.slow  # it trains
def test_own_methods_are_tried_on_all_families_foreign_ones_elsewhere(result):
    found = tables(result)
    for method in (PRIOR, OWN):
        rows = found[f"{method}: difference to the rival"]
        assert [row[0] for row in rows] == ["colours", "greys"]
        for simple in ("kriging", "gappy POD"):
            assert np.isfinite([r[1] for r in found[f"{method}: difference to {simple}"]]).all()
    for method in FOREIGN[:2]:
        (row,) = found[f"{method}: difference to the rival"]
        assert row[0] == "greys"
        assert row[1].split("\n")[1] == "kriging"
        assert f"{method}: difference to kriging" not in found
    assert [r[0] for r in found["emoji-96: difference to the rival"]] == ["colours", "greys"]
    assert len(found[f"{PRIOR}: CRPS as a ratio to kriging's"]) == 2
    assert f"{OWN}: CRPS as a ratio to kriging's" not in found  # it states no deviation


@pytest.mark.slow  # it trains
def test_a_page_is_kept_with_its_colours_and_says_how_it_was_trained(result, tmp_path):
    save_page(result, tmp_path)
    kept = load_page(tmp_path)
    assert [t.tones for t in kept.tables] == [[[*row] for row in t.tones] for t in result.tables]
    commands = [fact for name, fact in result.facts.items() if name.startswith("training on")]
    assert len(commands) == 3
    assert all("--native-size 12" in command for command in commands)
    assert result.facts["scored on"].startswith("2 families, 1 ways to observe, 3 test fields")


@pytest.mark.slow  # it trains
def test_what_is_done_is_found_again(result, request_, monkeypatch):
    def never(*args: object, **options: object) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr("studies.common.training_job.TrainingJob.here", never)
    monkeypatch.setattr("mamba_diffae.benchmark.suite.measuring.field_errors", never)
    assert tables(page_of("never-worse", request_)) == tables(result)


def test_a_source_of_ones_own_is_one_more_family(request_, plan, smooth_fields, tmp_path):
    np.save(tmp_path / "mine.npy", smooth_fields(count=80, shape=(12, 12), variables=1).values)
    mine = replace(request_, source=str(tmp_path / "mine.npy"))
    with pytest.MonkeyPatch.context() as patch:
        alone = replace(plan, own=None, foreign=None)
        patch.setattr("studies.never_worse.study.PLANS", {"quick": alone})
        found = tables(page_of("never-worse", mine))
    assert [row[0] for row in found[f"{PRIOR}: difference to the rival"]][-1] == "mine"


def test_the_prior_is_that_of_the_request(request_):
    assert chosen_prior(request_) == "kriging"
    default = "mixture" if "mixture" in PRIORS.names() else "kriging"
    assert chosen_prior(replace(request_, prior=None)) == default


def test_the_standard_scale_is_the_whole_suite():
    plan = PLANS["standard"]
    assert plan.families == tuple(FAMILIES.values())
    assert len(plan.cells) == 9
    assert plan.fields == 48
    assert plan.half_width == 0.25
    assert (plan.own, plan.foreign) == (Cost(minutes=10), Cost(minutes=30))
    assert PLANS["quick"].own is None


def made(estimate: float, high: float, **other) -> SuiteRow:
    """A row of one method."""
    facts = {
        "family": "fronts", "cell": "block", "variable": "value", "method": "ours",
        "training": "own", "rival": "kriging", "fields": 48, "groups": 48, "skill": 10.0,
        "half_width": 0.2, "low": estimate - 0.4, "worst": -3.0, "against": {}, "crps": 0.99,
    }  # fmt: skip
    return SuiteRow(**{**facts, **other}, estimate=estimate, high=high)


def said(*rows: SuiteRow) -> str:
    grouped = {"fronts": "run", "emoji": "emoji"}
    return "\n".join(findings(NeverWorseResult(SuiteResult(rows, {}), 0.25, grouped, {})))


def test_the_verdict_is_that_of_the_contract():
    text = said(made(0.4, 0.9), made(-0.35, 0.1, cell="5 %"), made(-0.2, -0.12, cell="track"))
    assert "missed in 2 of 3 rows: fronts, 5 %: −0.35 dB to kriging; fronts, track" in text
    assert "met in all 1 rows" in said(made(-0.25, -0.05))
    foreign = {"training": "foreign", "method": "theirs"}
    assert "met in all 1 rows" in said(made(-0.45, -0.2, **foreign))
    assert "missed in 1 of 1 rows" in said(made(-0.45, -0.35, **foreign))


def test_averages_crps_width_and_groups_are_told():
    rows = [made(0.4, 0.9), made(-0.2, 0.1, cell="5 %", crps=1.05, half_width=0.3)]
    text = said(*rows)
    assert "+0.10 dB to the rival on average over the rows, from −0.20 (fronts, 5 %)" in text
    assert "above 1.02 times kriging's in 1 of 2 rows; the greatest ratio is 1.050" in text
    assert "1 of 2 rows that were not missed have an interval of their own wider" in text
    assert "Resampled by groups: fronts by run (48)." in text
    assert "CRPS" not in said(made(0.4, 0.9, crps=float("nan")))


def test_a_missed_variable_stands_for_its_family_and_in_the_list():
    rows = [made(-0.25, 0.1, variable="rain"), made(-0.2, -0.15, variable="pressure")]
    assert worst_row(rows).variable == "pressure"
    assert list(places(rows)) == [("fronts", "block")]
    (row,) = missed_table(rows).rows
    assert row[:5] == ["ours", "fronts", "block", "pressure", "kriging"]
