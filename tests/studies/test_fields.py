"""The study of fields: small fields and stations whole, resumed, and its words on made scores."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.benchmark.suite.errors import FieldErrors, deviations
from mamba_diffae.evaluation import Interval, Kriging, Method, assess
from mamba_diffae.fields import FieldData, Prediction, observe
from studies.common.candidates import Cost
from studies.fields import rendering
from studies.fields.cases import CASES, DENSITIES, STATIONS, WEATHER, Case, Stations
from studies.fields.measuring import MODEL
from studies.fields.peers import PEERS, Peer
from studies.fields.plan import PLANS, SHARES, CaseFolder, Plan, RenderingPlan
from studies.fields.rendering import Rendered, RenderingResult
from studies.fields.rendering_report import rendering_findings, rendering_table
from studies.fields.report import case_table, findings
from studies.fields.scoring import LEVELS, Scored, scored
from studies.fields.study import CaseResult, FieldsResult
from studies.fields.worker import named

NAMES = [
    "the model",
    "nearest",
    "inverse distance",
    "linear",
    "thin-plate spline",
    "kriging",
    "gappy POD",
]


PEER = [peer for peer in PEERS if peer.name == "GSTools" and peer.installed]


@final
class Absent(Peer):
    """A package that nobody has."""

    name: ClassVar[str] = "absent"
    package: ClassVar[str] = "a_package_that_nobody_has"
    about: ClassVar[str] = "nothing"

    def variable(self, coords, values, axes):
        raise AssertionError("it is not installed")


@pytest.fixture(scope="module")
def plan(smooth_fields: Callable[..., FieldData], tmp_path_factory) -> Plan:
    """Fields and stations of 10 × 10 cells, and few steps."""
    file = tmp_path_factory.mktemp("measured") / "fields.npy"
    np.save(file, smooth_fields(count=16, shape=(10, 10), variables=1).values)
    cases = (
        Case("whole", "Whole fields", str(file), None, "field"),
        Case("stations", "Stations", str(file), None, "field", stations=True),
    )
    sizes = RenderingPlan((12,), (16,), seconds=100, n_draws=2, count=2)
    return Plan("tiny", Cost(steps=4, shares=SHARES), sizes, cases, count=4, n_draws=4)


@pytest.fixture(scope="module")
def request_(quick: Callable[[str], Request]) -> Request:
    return replace(quick("fields"), source="emoji")


def test_fields_of_ones_own_are_refused_and_not_ignored(quick):
    with pytest.raises(ValueError, match=r"fields of its own; leave --source out.*verify"):
        page_of("fields", quick("fields"))


def run(request: Request, plan: Plan, told: list[str]) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.fields.study.PLANS", {"quick": plan})
        patch.setattr("studies.fields.plan._QUICK_CELLS", 10)
        patch.setattr("studies.fields.rendering.PEERS", [*PEER, Absent()])
        return page_of("fields", request, told.append)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(request_: Request, plan: Plan, told: list[str]) -> Page:
    return run(request_, plan, told)


def rows(page: Page) -> Mapping[str, list[list]]:
    return {table.title: [[*row] for row in table.rows] for table in page.tables}


@pytest.mark.slow  # it trains
def test_every_method_answers_every_density_of_whole_fields_and_of_stations(result):
    found = rows(result)
    for title in ("Whole fields", "Stations"):
        for density in ("1", "5", "20"):
            table = found[f"{title}, {density}\xa0% of the cells"]
            assert [row[0] for row in table] == NAMES
            assert np.isfinite([row[1:4] for row in table]).all()
            stated = [row[0] for row in table if row[4] is not None]
            assert stated == ["the model", "kriging", "gappy POD"]
            assert [row[-1] is None for row in table] == [True, *[False] * 6]
    assert len(result.findings) > 6


@pytest.mark.slow  # it trains
def test_what_is_rendered_is_told_with_time_and_memory_beside_other_packages(result):
    found = rows(result)
    rendered = found["Speed and memory of a large field"]
    there = [peer.name for peer in PEER]
    ours = ["render, to a Zarr store", "predict, in memory"]
    assert [row[0] for row in rendered] == [*ours, *there, ours[0]]
    assert rendered[-1][:3] == [ours[0], "16²", "the mean"]
    for row in rendered:
        assert row[3] > 0, row
        assert 0 < row[5] <= row[6] < 4096
    beside = found["Whole fields, 20\xa0%: beside other packages"]
    assert [row[0] for row in beside] == ["the model", *there]
    assert np.isfinite([row[2:4] for row in beside]).all()
    assert result.findings[-1] == "Not installed, and left out: absent."


@pytest.mark.slow  # it trains
def test_what_is_done_is_found_again_and_kept(result, request_, plan, told, tmp_path, monkeypatch):
    def never(*args: object, **options: object) -> None:
        raise AssertionError("this was done before")

    assert any(said.startswith("training Whole fields") for said in told)
    monkeypatch.setattr("studies.common.training_job.TrainingJob.fit", never)
    monkeypatch.setattr("studies.fields.measuring.scored", never)
    monkeypatch.setattr(rendering.subprocess, "run", never)
    again = run(request_, plan, [])
    assert rows(again) == rows(result)
    save_page(result, tmp_path)
    assert rows(load_page(tmp_path)) == rows(result)


@pytest.mark.slow  # it trains
def test_a_rendering_that_takes_too_long_or_fails_is_named(request_, plan, result, monkeypatch):
    monkeypatch.setattr("studies.fields.plan._QUICK_CELLS", 10)
    asked = rendering.AskedField(CaseFolder(request_, plan, plan.cases[0]))

    def late(*args: object, timeout: float, **options: object) -> None:
        raise subprocess.TimeoutExpired("render", timeout)

    def broken(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess("render", 1, "", "Traceback\nOSError: no space left")

    for size, run, said in ((8, late, "not done after 100 s"), (9, broken, "OSError: no space")):
        monkeypatch.setattr(rendering.subprocess, "run", run)
        found = asked.rendered("render", size, 0)
        assert found.failed.startswith(said)
        assert found.speed is None


def test_stations_are_all_that_is_known(smooth_fields):
    data = smooth_fields(count=10, shape=(12, 12), variables=1)
    data = replace(data, splits=np.array(["train"] * 6 + ["val"] * 2 + ["test"] * 2))
    stations = Stations(data, seed=3)
    seen, binned = stations.observations, stations.binned()
    assert len(seen) == len(binned) == 8
    assert seen.support is None or not seen.support.any()
    assert not binned.complete
    assert binned.splits.tolist() == ["train"] * 6 + ["val"] * 2
    share = binned.valid_mask().mean()
    assert 0.1 < share <= 0.2
    again = Stations(replace(data, values=data.values + 1), seed=3).observations
    np.testing.assert_allclose(again.coords, seen.coords)
    case = replace(STATIONS, source="unused")
    assert case.observe(data, 0.05, 1).counts.tolist() == [7] * 10


def test_scores_of_draws_of_a_deviation_and_of_a_mean_alone(smooth_fields):
    data = smooth_fields(count=6, shape=(8, 8), variables=2)
    seen, about = observe(data, 0.2, seed=1), deviations(data)
    mean = data.values + np.random.default_rng(2).normal(scale=0.1, size=data.values.shape)
    noise = np.random.default_rng(3).normal(scale=0.1, size=(40, *mean.shape))
    drawn = replace(Prediction.of_mean(mean, grid=data.grid), draws=mean + noise)
    stated = Prediction.of_mean(mean, np.full(mean.shape, 0.1), data.grid)
    found = {
        name: scored(MODEL, told, data, seen, about, 0)
        for name, told in {
            "drawn": drawn,
            "stated": stated,
            "alone": Prediction.of_mean(mean, grid=data.grid),
        }.items()
    }
    assert found["drawn"].rmse == found["alone"].rmse
    np.testing.assert_allclose(
        found["drawn"].errors.mean_crps * about, assess(drawn, data, seen).crps, rtol=1e-6
    )
    assert found["drawn"].crps == pytest.approx(found["stated"].crps, rel=0.05)
    assert found["drawn"].crps < 0.8 * found["alone"].crps
    assert found["alone"].coverage == ()
    assert found["stated"].coverage[1].mean == pytest.approx(0.9, abs=0.05)
    again = Scored.of_arrays(MODEL, found["drawn"].arrays())
    assert again.coverage == found["drawn"].coverage
    np.testing.assert_array_equal(again.errors.crps, found["drawn"].errors.crps)


def test_the_scales():
    assert [case.key for case in CASES] == ["weather", "turbulence", "stations"]
    standard, full = PLANS["standard"], PLANS["full"]
    assert standard.cost.settings(SHARES)[2] == "autoencoder.minutes=6"
    assert standard.cost.settings(SHARES)[-2] == "ensemble.minutes=4"
    assert full.rendering.sizes[-1] == 4096
    assert full.rendering.mean_sizes == (16_384,)
    assert DENSITIES == (0.01, 0.05, 0.2)


def test_a_worker_is_named_by_its_case(request_):
    assert named("weather", request_).case == WEATHER
    with pytest.raises(ValueError, match="no case 'wether'; give one of weather, turbulence"):
        named("wether", request_)


def made(level: float, method: Method, covered: float | None = None) -> Scored:
    """Errors of 8 fields of one variable."""
    each = level * np.exp(np.linspace(-0.5, 0.5, 8))[:, None]
    coverage = () if covered is None else (Interval(0.5, 0.4, 0.6), Interval(covered, 0.8, 0.95))
    return Scored(method, FieldErrors(each**2, each, np.ones((8, 1))), coverage)


def made_result(ours: float) -> FieldsResult:
    levels = {MODEL: ours, Method("nearest"): 1.5, Method.of(Kriging()): 1.0}
    scores = {
        method: {d: made(level, method, 0.9 if method == MODEL else None) for d in DENSITIES}
        for method, level in levels.items()
    }
    case = CaseResult(WEATHER, [("t2m", "K")], np.array([2.0]), np.arange(8), scores, 0)
    rendered = [
        Rendered("render", 512, 4, 2.0, 400, 900),
        Rendered("render", 2048, 0, 4.0, 400, 1000),
        Rendered("PyKrige", 256, 0, 1.0, 400, 800),
        Rendered("PyKrige", 512, 0, failed="out of 4 GB"),
    ]
    beside = [made(1.0, MODEL, 0.9), made(2.0, Method("pykrige", "PyKrige"))]
    told = RenderingResult(rendered, beside, 205, ["verde"])
    return FieldsResult(PLANS["quick"], [case], told, {})


def test_findings_say_when_the_simple_method_wins():
    ahead, behind = ("\n".join(findings(made_result(level))) for level in (0.8, 1.2))
    assert "its RMSE is 0.800 (0.800 to 0.800) times that of kriging; its CRPS" in ahead
    assert "ahead of every simple method in all 6 comparisons" in ahead
    assert "interval of 90\xa0% holds 90\xa0% (80\xa0% to 95\xa0%)" in ahead
    assert "times that of kriging: the simple method wins" in behind
    assert "as good or better in 6 of 6: Weather, 1\xa0%, RMSE: kriging (1.200)" in behind


def test_tables_are_in_deviations_and_in_units():
    table = case_table(made_result(0.8).cases[0], 0.05)
    assert table.columns[:4] == ["method", "RMSE", "t2m, K", "CRPS"]
    model, nearest, kriging = table.rows
    assert model[2] == pytest.approx(2 * model[1])
    assert model[-2:] == [None, None]
    assert nearest[-2] == f"{0.8 / 1.5:.3f}\n0.533 to 0.533"
    assert kriging[4:6] == [None] * len(LEVELS)


def test_renderings_are_told_with_what_was_not_done():
    result = made_result(1.0).rendering
    text = "\n".join(rendering_findings(result))
    assert "render, to a Zarr store, mean, deviation, 4 draws: 131,072 points a second" in text
    assert "1,048,576 points a second at 2048²" in text
    assert "Not done: PyKrige at 512² (out of 4 GB)." in text
    assert "stays below 4 GB: 1000 MB at most" in text
    assert "that of the model: the model" in text
    assert "Not installed, and left out: verde." in text
    assert [row[3] for row in rendering_table(result).rows][-1] == "out of 4 GB"
    errors = [scored.rmse for scored in result.accuracy]
    assert [row[-1] for row in rendering_table(result).rows] == [errors[0]] * 2 + [errors[1]] * 2
    assert json.dumps([[*row] for row in rendering_table(result).rows])
