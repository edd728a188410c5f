"""The study of the scan: whole at the quick scale, its plan, and its words on made numbers."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae.benchmark import Page, Request
from mamba_diffae.models.encoders import ENCODERS
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.common.candidates import Cost
from studies.common.side_by_side import train_side_by_side
from studies.scan.arms import ATTENTION, CONVOLUTION, NO_SCAN, ONE_DIRECTION, SWEEPS, Arm
from studies.scan.cases import BARE, CASES, MANY, SERIES, STATION, Case
from studies.scan.comparison import (
    Comparison,
    answers,
    equal_fields,
    holm,
    over_seeds,
    read_curve,
)
from studies.scan.fields import STATIONS, Stations, latitude_circles
from studies.scan.measuring import Measured, measure, train_and_measure
from studies.scan.plan import FURTHER, PLANS, CaseFolder, Plan, Planned, confirmation, screen
from studies.scan.report import findings, verdict
from studies.scan.study import CaseResult, ScanResult, ScanStudy
from studies.scan.worker import named

STANDARD = PLANS["standard"]


@pytest.fixture(scope="module")
def request_(quick: Callable[[str], Request]) -> Request:
    return quick("scan")


@pytest.fixture(scope="module")
def process(request_: Request) -> Run:
    """A training of the study by a process of its own."""
    folder, planned = named(f"B-no-scan-{request_.seed}", request_)
    training = folder.training(planned)
    train_side_by_side([training], 1, lambda done: None)
    assert training.finished()
    return Run.open(training.folder)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(request_: Request, process: Run, told: list[str]) -> Page:
    return page_of("scan", request_, told.append)


def test_what_a_process_has_trained_and_scored_is_not_trained_again(result, told, process):
    assert not [t for t in told if t == "training B: no scan, seed 1"]
    assert len(told) == len(set(told)) == 15
    assert process.facts["settings"]["model"]["encoder"] == "pointwise"
    assert process.facts["settings"]["model"]["prior"] == "none"
    assert process.facts["command"].startswith("python -m studies.scan.worker B-no-scan-1 --run ")


def test_every_question_has_a_table_with_three_seeds_of_what_is_confirmed(result):
    questions = [f"{c.title}: {m.name}" for c in (BARE, SERIES) for m in c.measures]
    assert [t.title for t in result.tables[1:-2]] == questions
    assert [row[0] for row in result.tables[0].rows] == questions
    for table in result.tables[1:-2]:
        (confirmed,) = [row for row in table.rows if row[4] == "3 seeds"]
        label, gain, low, high, _, p, _ = confirmed
        assert label in {"four sweeps", "both ways, exponential-trapezoidal"}
        assert low < gain < high
        assert (p < 0.05) == (low > 0 or high < 0)
    for table in result.tables[-2:]:
        assert {row[3] for row in table.rows} == {32}


def test_the_result_is_found_again_without_training(result, request_, monkeypatch):
    monkeypatch.setattr("studies.scan.measuring._errors", None)
    again = ScanStudy(request_).result()
    assert [len(case.measured) for case in again.cases] == [8, 8]
    assert not [name for case in again.cases for name in case.missing]


def test_what_is_not_trained_is_left_out_and_said(quick):
    empty = ScanStudy(replace(quick("scan"), seed=7)).result()
    assert not [m for case in empty.cases for m in case.measured]
    said = findings(empty, [a for case in empty.cases for a in answers(case, 0)])
    assert said[-1].startswith(
        "Not trained yet, and left out: B-no-scan-7, B-sweeps-7, B-no-scan-8"
    )


def test_what_is_confirmed_has_seeds_of_its_own_and_no_scan_beside_it():
    first, further = screen(STANDARD, 3), confirmation(STANDARD, 3)
    assert len(first) == len(further) == 27
    names = [p.name for p in (*first, *further)]
    assert len(names) == len(set(names))
    for case in CASES:
        seeds = {
            arm: {p.seed for p in further if (p.case, p.arm) == (case, arm)} for arm in case.arms
        }
        expected = {NO_SCAN, *case.confirmed} if case.confirmed else set()
        assert {arm for arm, found in seeds.items() if found} == expected
        assert all(found == {3 + n for n in FURTHER} for found in seeds.values() if found)


def test_the_seed_of_the_screen_does_not_count_among_those_of_the_confirmation():
    def case_result(seeds: Sequence[int]) -> CaseResult:
        levels = {0: 9.0, 1: 1.0, 2: 1.1, 3: 0.9}
        trained = [made(NO_SCAN, s, 0.0) for s in seeds]
        trained += [made(ATTENTION, s, levels[s]) for s in seeds]
        return CaseResult(SERIES, trained, [])

    (all_, *_), (without, *_) = (answers(case_result(s), 0) for s in ((0, 1, 2, 3), (1, 2, 3)))
    assert all_.compared[0].seeds == 3
    assert all_.compared[0].gain == pytest.approx(without.compared[0].gain)


def test_encoders_are_registered_and_all_cases_have_the_cheapest():
    for case in CASES:
        assert case.arms[0] == NO_SCAN
        assert len({arm.key for arm in case.arms}) == len(case.arms)
        for arm in case.arms:
            for setting in arm.settings:
                path, _, value = setting.partition("=")
                assert path != "model.encoder" or value in ENCODERS.names()


def test_a_training_is_found_by_its_name(request_):
    asked = replace(request_, scale="standard")
    for planned in screen(STANDARD, 0):
        assert named(planned.name, asked)[1] == planned
    with pytest.raises(ValueError, match="such as A-no-scan-1"):
        named("A-lstm-0", asked)


def test_points_are_counted_and_observed_in_the_lattice_of_the_case():
    data = open_field("gaussian:smooth:6")
    for m in STATION.measures:
        assert m.observe(data, None, 0).counts.unique().tolist() == [m.points]
    few = replace(MANY.main, points=100)
    assert few.observe(data, (32, 32), 0).counts.unique().tolist() == [100]


def test_circles_of_latitude_share_no_day_between_splits():
    data, weather = latitude_circles(), open_field("weather")
    assert data.shape == (360,)
    assert data.grid.periodic == (True,)
    assert len(data) == 80 * len(weather)
    groups = [set(data.groups[data.splits == s]) for s in ("train", "val", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert len(groups[2]) == 20
    name, lat = data.names[-1].split(" lat ")
    row = weather.grid.axes[0].centres.tolist().index(float(lat))
    assert (data.values[-1] == weather.values[weather.names.index(name), row]).all()


def test_stations_say_nothing_of_test_fields():
    data = open_field("gaussian:smooth:12")
    seen = Stations(data, 0).observations()
    assert len(seen) == (data.splits != "test").sum()
    assert seen.counts.unique().tolist() == [STATIONS]
    changed = data.values.copy()
    changed[data.splits == "test"] += 5
    other = Stations(replace_values(data, changed), 0).observations()
    assert (other.values == seen.values).all()


def replace_values(data, values):
    return type(data)(data.variables, data.grid, values, splits=data.splits)


def test_stations_alone_are_learned_from_and_scored_on_whole_fields(tmp_path):
    few = {"source": "gaussian:smooth:12", "settings": ("data.exemplars=0",), "count": 2}
    case = replace(STATION, arms=(NO_SCAN,), **few)
    plan = Plan("tiny", Cost(steps=2), (case,), validate_every=1)
    (tmp_path / "scan").mkdir()
    asked = Request(tmp_path / "scan", open_field(case.source), case.source, "quick", device="cpu")
    folder, (planned,) = CaseFolder(asked, plan, case), screen(plan, 0)
    train_and_measure(folder, planned)
    found = measure(folder, planned)
    assert found.steps == 2
    assert found.curve.shape == (2, 2)
    for m in case.measures:
        assert found.squared[m].shape == (2,)
        assert np.isfinite(found.mse(m))
    most, few = (found.weight[m] for m in case.measures)
    assert (most < few).all()  # more stations leave fewer cells to score


# What is said of made numbers.

G = 24


def made(arm: Arm, seed: int, level: float, case: Case = SERIES, fields: int = 100) -> Measured:
    """A training whose errors are `level` dB below those of 1, with noise of the seed's own."""
    noise = np.random.default_rng((seed, len(arm.key))).normal(scale=0.02, size=G)
    base = np.exp(np.random.default_rng(0).normal(size=G))
    squared = base * 10 ** (-(level + noise) / 10)
    curve = np.array([[fields / 2, 20.0 + level], [fields, 21.0 + level]])
    return Measured(
        Planned(case, arm, seed),
        dict.fromkeys(case.measures, squared),
        dict.fromkeys(case.measures, np.ones(G)),
        np.arange(G),
        1000,
        10,
        fields,
        60.0,
        curve,
    )


def case_result(measured: Sequence[Measured], case: Case = SERIES) -> CaseResult:
    return CaseResult(case, measured, [])


def test_holm_corrects_from_the_least_and_never_falls():
    p = [0.01, 0.04, 0.03, 0.5]
    found = holm([Comparison(NO_SCAN, 1.0, 0.0, 2.0, x, "seeds", 3) for x in p])
    assert [c.adjusted for c in found] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert [c.wins for c in found] == [True, False, False, False]


def test_seeds_are_compared_by_students_t():
    gains = [0.3, 0.5, 0.1]
    found, known = over_seeds(SWEEPS, gains), ttest_1samp(gains, 0.0)
    interval = known.confidence_interval()
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_what_has_three_seeds_is_compared_over_them_and_the_rest_over_fields():
    trained = [made(NO_SCAN, s, 0.0) for s in range(4)]
    trained += [made(CONVOLUTION, s, 1.0) for s in range(1, 4)]
    trained += [made(ATTENTION, 0, -1.0), made(ONE_DIRECTION, 0, 0.0)]
    answer = answers(case_result(trained), 0)[0]
    found = {c.arm.key: c for c in answer.compared}
    assert (found["convolution"].basis, found["attention"].basis) == ("seeds", "fields")
    assert found["convolution"].gain == pytest.approx(1, abs=0.05)
    assert found["convolution"].wins
    assert not found["attention"].loses  # one seed decides nothing
    assert found["attention"].adjusted < 0.05
    assert not found["attention"].leads
    assert not found["one-direction"].wins
    assert not found["one-direction"].loses
    assert verdict(answer).startswith("convolution +")


def test_a_scan_that_wins_is_said_and_without_a_winner_the_cheapest_is_taken():
    sweeps = SERIES.arms[1]
    for level, said in ((1.0, "in 4 of 4 questions"), (0.0, "in 0 of 4 questions")):
        pairs = [(arm, s) for arm in (NO_SCAN, sweeps) for s in FURTHER]
        trained = [made(arm, s, level * (arm == sweeps)) for arm, s in pairs]
        result = ScanResult([case_result(trained)], 0, {})
        found = answers(result.cases[0], 0)
        first, second = findings(result, found)
        assert said in first
        assert ("tie: no scan, the cheapest" in second) == (level == 0)


def test_one_seed_leads_but_does_not_win():
    sweeps = SERIES.arms[1]
    trained = [made(NO_SCAN, 0, 0.0), made(sweeps, 0, 1.0)]
    result = ScanResult([case_result(trained)], 0, {})
    found = answers(result.cases[0], 0)
    assert not [a for a in found if a.winners]
    assert verdict(found[0]).startswith("not decided; ahead with one seed: both ways +")
    first, second, *_ = findings(result, found)
    assert "in 0 of 4 questions" in first
    assert "a scan is ahead in 4 more" in second


def test_equal_fields_are_those_of_the_slowest():
    trained = [made(NO_SCAN, 0, 0.0, fields=400), made(ATTENTION, 0, 0.0, fields=100)]
    least, rows = equal_fields(case_result(trained))
    assert least == 100
    assert [(r.arm, r.at_end, r.at_equal) for r in rows] == [
        (NO_SCAN, 21.0, None),  # validated first at 200
        (ATTENTION, 21.0, 21.0),
    ]
    assert read_curve(np.array([[50.0, 10.0], [150.0, 14.0]]), 100) == 12
