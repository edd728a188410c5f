"""The study of draws: of a model that is given, and of what is trained at equal cost."""

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae import FieldAutoencoder, FieldData, evaluate
from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.evaluation import Interval, Kriging, assess, gaussian_coverage
from mamba_diffae.fields import Prediction, observe
from mamba_diffae.training import Run
from mamba_diffae.training.objectives import phase_objective
from studies.common.ratios import paired_ratio
from studies.draws import worker
from studies.draws.arms import ARMS, FLOW, NO_TOKEN_NOISE, PIXELS, PRIOR_FLOW, SCORE
from studies.draws.cases import CASES, PICTURES
from studies.draws.equal_cost import CaseResult, EqualCostResult, EqualCostStudy
from studies.draws.equal_cost_report import case_table, findings
from studies.draws.measures import DrawsProtocol
from studies.draws.measuring import Measured
from studies.draws.objective import AblatedEnergyScore
from studies.draws.plan import PLANS, CaseFolder, Planned, planned
from studies.draws.scoring import DrawQuality, field_crps, quality
from studies.draws.study import PROTOCOLS
from studies.draws.ways import KRIGING, Drawn, Way, by_flow
from studies.draws.worker import named

SIZE = 24
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "ensemble": FEW, "flow": FEW}
PROTOCOL = DrawsProtocol(
    count=3,
    steps=(1, 2),
    ensemble=4,
    ensemble_fields=3,
    ensemble_steps=3,
    inverted=2,
    inversion_steps=3,
    seed=1,
)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=18, shape=(SIZE, SIZE), variables=3)


@pytest.fixture(scope="module")
def model(truth: FieldData) -> FieldAutoencoder:
    phases = ("autoencoder", "ensemble", "flow")
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=phases)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def given(truth: FieldData) -> FieldData:
    """A third to learn from, the rest to judge on."""
    return replace(truth, splits=np.array(["train"] * 6 + ["test"] * 12))


@pytest.fixture(scope="module")
def judged(model: FieldAutoencoder, given: FieldData) -> Callable[..., Page]:
    """The page of the draws, by folder and protocol."""

    def make(folder: Path, protocol: DrawsProtocol = PROTOCOL, tell=str) -> Page:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(PROTOCOLS, "quick", protocol)  # pyright: ignore[reportArgumentType]
            return page_of("draws", Request(folder, given, "x", "quick", 1, model=model), tell)

    return make


@pytest.fixture(scope="module")
def result(judged, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return judged(tmp_path_factory.mktemp("draws"), tell=told.append)


def test_every_number_of_steps_has_a_row(result):
    rows = result.tables[0].rows
    assert [row[:2] for row in rows] == [[1, 2], [2, 4]]
    assert all(np.isfinite(row).all() for row in rows)


def test_calibration_is_that_of_evaluate_and_of_kriging(result, model, given):
    judged = given.split("test").distinct(3)
    seen = PROTOCOL.observe(judged)
    drawn = model.predict(seen, judged, n_draws=4, seed=1, solver="heun", steps=3)
    scores = evaluate(drawn, judged)
    ours, theirs = result.tables[1].rows
    assert (ours[0], theirs[0]) == ("autoencoder", "kriging")
    assert ours[1] == pytest.approx(scores["coverage"], abs=1e-3)
    crps = np.mean(list(scores["crps"].values()))
    assert ours[2] == pytest.approx(crps / 6, rel=1e-3)  # the values span 6
    found = Kriging().fit(given.split("train")).predict(seen, judged.grid)
    covered = gaussian_coverage(found.mean, found.std, judged.values)
    assert theirs[1] == pytest.approx(covered, abs=1e-3)
    assert theirs[3] > 0


def test_the_inversion_is_measured(result):
    ((count, mean, least, rms),) = result.tables[2].rows
    assert count == 2
    assert 10 < least <= mean
    assert 0.01 < rms < 30


def test_mean_deviation_and_four_draws_are_shown(result):
    (grid,) = result.panels
    assert grid.columns[2:] == ["mean", "standard deviation", *(f"draw {i}" for i in range(1, 5))]
    assert len(grid.rows) == 3 * 6  # a row for each variable
    assert "4 draws, 6 evaluations each" in grid.caption
    first = grid.pictures[0][4:]
    assert all(abs(a - b).max() > 1e-3 for a, b in itertools.pairwise(first))


def test_findings_say_what_the_tables_hold(result):
    text = "\n".join(result.findings)
    assert "A draw of 2 steps" in text
    assert f"{result.tables[1].rows[1][2]:.4f}" in text
    assert f"{result.tables[2].rows[0][1]:.1f} dB" in text


def test_it_is_told_kept_and_opened_again(result, told, tmp_path):
    assert {"draws in 2 steps", "ensembles: 3 of 3 fields", "inversion"} <= set(told)
    save_page(result, tmp_path)
    stored = load_page(tmp_path)
    assert [[*t.rows] for t in stored.tables] == [[*t.rows] for t in result.tables]


def test_what_is_done_is_found_again(judged, result, tmp_path):
    tables = [judged(tmp_path).tables for _ in range(2)]
    assert [t.rows for t in tables[0]] == [t.rows for t in tables[1]]  # times too
    for ours, fresh in zip(tables[0][1:], result.tables[1:], strict=True):
        assert ours.rows == fresh.rows
    other = replace(PROTOCOL, steps=(3,))
    assert judged(tmp_path, other).tables[0].rows[0][0] == 3


@pytest.fixture(scope="module")
def started(quick: Callable[[str], Request]) -> CaseFolder:
    """Phase 1, trained and scored as a process of its own does it."""
    folder, _ = named("pictures-phase-1", quick("draws"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", folder.start.process[1:])
        worker.main()
    folder.start.conclude()
    return folder


@pytest.fixture(scope="module")
def compared(started: CaseFolder) -> tuple[Page, list[str]]:
    """The page, and what was told on the way."""
    said: list[str] = []
    return page_of("draws", started.request, said.append), said


def test_every_way_to_draw_has_a_row_at_every_fraction(compared):
    page, said = compared
    arms = (SCORE, FLOW, PRIOR_FLOW, NO_TOKEN_NOISE)
    assert said == [f"training Pictures: {arm.label}, seed 1" for arm in arms]  # not phase 1 again
    without, flows = ["kriging", "prior alone", "untrained"], ["flow, 2 steps", "flow, 4 steps"]
    begun = [f"flow from the prior's draw, {steps} steps" for steps in (2, 4)]
    here, elsewhere = (
        [*without, *flows[k:], *begun[k:], "energy score", "no noise of tokens"] for k in (0, 1)
    )
    assert [row[0] for row in page.tables[1].rows] == [*here, *elsewhere, *elsewhere]
    for name, *row in page.tables[1].rows:
        told = dict(zip(page.tables[1].columns[1:], row, strict=True))
        assert told["CRPS"] > 0
        assert (told["to flow"] is None) == (name == flows[1])
        assert (told["energy"] is None) == (told["ms"] is None) == (name == "kriging")
        known = {"kriging": 0, "prior alone": 0, flows[0]: 4, flows[1]: 8}
        known |= {begun[0]: 2, begun[1]: 4}
        assert told["evaluations"] == known.get(name, 1)
        assert told["updates"] == (None if name in without else 4)
    shown = [without[2], flows[1], "energy score"]
    drawn = [f"{way}: {what}" for way in shown for what in ("mean", "draw 1", "draw 2")]
    assert page.panels[0].columns == ["truth", "observed", *drawn]


def test_all_begin_from_one_and_the_same_network(compared, started):
    weights, settings = "autoencoder/last/ema.safetensors", {}
    for arm in (FLOW, PRIOR_FLOW, SCORE, NO_TOKEN_NOISE):
        training = started.training(Planned(PICTURES, arm))
        mine, first = (t.folder / weights for t in (training, started.start))
        assert mine.read_bytes() == first.read_bytes()
        settings[arm] = Run.open(training.folder).facts["settings"]["training"]
    assert settings[NO_TOKEN_NOISE]["ensemble"]["objective_options"] == {"frozen": ["of_token"]}
    (case,) = EqualCostStudy(started.request).result().cases
    errors = {m.way.key: m.quality.raw.rmse for m in case.measured if m.fraction == 0.2}
    # The energy score leaves the mean as it was, the flow does not.
    assert errors["energy-score"] == errors["no-token-noise"] == errors["untrained"]
    assert errors["flow-2"] == errors["flow-4"] != errors["untrained"]
    # Noise that is left out stays without effect.
    for arm, left_out in ((SCORE, False), (NO_TOKEN_NOISE, True)):
        folder = started.training(Planned(PICTURES, arm)).folder
        network = FieldAutoencoder.from_pretrained(folder, device="cpu").fitted.autoencoder
        assert bool((network.ensemble.of_token.weight == 0).all()) == left_out
        assert not (network.ensemble.of_field.weight == 0).all()


def test_scores_are_found_again(compared, started, monkeypatch):
    monkeypatch.setattr("studies.draws.measuring.quality", None)
    again = EqualCostStudy(started.request).result()
    assert case_table(again, again.cases[0]).rows == compared[0].tables[1].rows
    missing = EqualCostStudy(replace(started.request, seed=7)).result()
    assert findings(missing)[-1].startswith("Not trained yet, and left out: pictures-phase-1, ")


def test_settings_of_all_arms_are_those_of_their_objectives(started):
    names = [p.name for p in planned(PLANS["standard"])]
    assert len(names) == len(set(names)) == sum(1 + len(case.arms) for case in CASES)
    made, rates = {}, {}
    for arm in (a for a in ARMS if a.phase == "ensemble"):
        changes = started.training(Planned(PICTURES, arm)).recipe.changes()["ensemble"]
        name, options = changes.get("objective"), changes.get("objective_options", {})
        made[arm.key] = phase_objective("ensemble", name, **options)
        rates[arm.key] = changes.get("learning_rate")
    assert rates["rate-twice"] == 4 * rates["rate-half"]
    assert made["no-bands"].weights == {**made["energy-score"].weights, "bands": 0}
    assert {k for k, w in made[PIXELS.key].weights.items() if w} == {"pixels"}
    for progress, risen in ((0.0, 0.9), (0.25, 0.95), (1.0, 1.0)):
        for objective in made.values():
            objective.begin_step(progress)
        assert made["no-noise"].score.alpha == made["energy-score"].alpha == pytest.approx(risen)
        assert (made["alpha-1"].alpha, made["alpha-0.9"].score.alpha) == (1, 0.9)
    with pytest.raises(ValueError, match="did you mean 'of_token'"):
        AblatedEnergyScore(frozen=["of_tokens"])
    with pytest.raises(ValueError, match="pictures-energy-score"):
        named("pictures-energy", started.request)


def made_draws(truth: FieldData) -> Drawn:
    """Draws around a mean that errs by more than they spread, and wider ones."""
    rng, shape = np.random.default_rng(0), truth.values.shape
    mean, apart = truth.values + rng.normal(size=shape), rng.normal(size=(4, *shape))
    return Drawn(Prediction(mean, mean + apart / 3), Prediction(mean, mean + apart), 0.1)


def test_crps_of_each_field_averages_to_that_of_all(truth):
    drawn, seen = made_draws(truth), observe(truth, 0.2)
    for found in (drawn.raw, Prediction.of_mean(drawn.raw.mean, drawn.raw.std)):
        each = field_crps(found, truth, seen)
        assert each.mean() == pytest.approx(assess(found, truth, seen).mean_crps.mean)
    told = quality(drawn, truth, seen, 0)
    assert told.calibrated
    assert told.calibrated.coverage[0].mean > told.raw.coverage[0].mean
    assert DrawQuality.from_dict(told.to_dict()) == told


def test_a_ratio_is_paired_by_field_and_the_inverse_of_its_inverse():
    rng, groups = np.random.default_rng(1), np.arange(20) // 2
    rival = np.exp(rng.normal(size=20))
    same = paired_ratio(0.8 * rival, rival, groups, 0)
    assert (same.value, same.low, same.high) == pytest.approx((0.8, 0.8, 0.8))
    ours = rival * np.exp(rng.normal(scale=0.1, size=20))
    one, other = paired_ratio(ours, rival, groups, 0), paired_ratio(rival, ours, groups, 0)
    assert one.value == pytest.approx(ours.sum() / rival.sum())
    inverse = [1 / end for end in (other.high, other.value, other.low)]
    assert [one.low, one.value, one.high] == pytest.approx(inverse)
    alone = paired_ratio(0.5 * rival, rival, np.zeros(20), 0)
    assert not alone.better
    assert str(alone) == "0.500 (one group: no interval)"


def test_findings_tell_what_helps_and_what_does_not(truth):
    base, n = quality(made_draws(truth), truth, observe(truth, 0.2), 0), len(truth)

    def made(way: Way, level: float) -> Measured:
        noise = np.random.default_rng(len(way.key)).normal(scale=0.01, size=n)
        each = level * np.exp(np.linspace(-1, 1, n) + noise)
        raw = replace(base.raw, mean_crps=Interval(float(each.mean()), 0.0, 1.0))
        return Measured(way, 0.2, replace(base, raw=raw, crps=tuple(each)), 5)

    levels = {"energy-score": 1, "no-bands": 1.2, "no-patches": 0.9, "no-neighbours": 1}
    arms = [made(Way(a.key, a.label), levels[a.key]) for a in ARMS if a.key in levels]
    measured = [made(KRIGING, 2), made(by_flow(20), 1.25), *arms]
    one = replace(PICTURES, fractions=(0.2,))
    case = CaseResult(one, measured, np.arange(n), ["pictures-rate-half"])
    result = EqualCostResult(PLANS["standard"], [case], 0, [], {})
    first, second, third, once, covered, missing = findings(result)
    assert "CRPS of the energy score is 0.8" in first
    better, worse, unknown = second.partition("energy score: ")[2].split("; ")
    assert better.startswith("better: without patches 0.")
    assert worse.startswith("worse: without bands 1.2")
    assert unknown.startswith("not told apart: without neighbours")
    assert third.endswith("of without patches.")
    assert "another seed" in once
    assert "in 1 of 1 kinds" in covered
    assert missing == "Not trained yet, and left out: pictures-rate-half."
