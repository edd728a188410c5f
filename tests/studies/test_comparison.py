"""The comparison at equal cost, whole, with trainings of a few steps."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae import FieldAutoencoder, FieldData, observe
from mamba_diffae.benchmark import Page, Request, load_page, save_page
from studies.common import workbench as scoring
from studies.common.candidates import (
    ANCHORED,
    BASELINE,
    FOUR_DIRECTIONS,
    NO_PRIOR,
    PHASE_SHARES,
    SCAN,
    Candidate,
    Cost,
    Job,
    at_coarse_only,
    fields_seen,
)
from studies.common.local_estimate import LOCAL_ESTIMATE, LocalEstimate
from studies.common.workbench import Setup, Workbench
from studies.comparison import study as module
from studies.comparison.study import SETUPS, train_all


@pytest.fixture(scope="module")
def request_(quick: Callable[[str], Request]) -> Request:
    return quick("comparison")


@pytest.fixture(scope="module")
def workbench(request_: Request) -> Workbench:
    return Workbench(request_, SETUPS["quick"], lambda done: None)


@pytest.fixture(scope="module")
def model(workbench: Workbench) -> Callable[[Candidate], FieldAutoencoder]:
    return lambda candidate: workbench.model(Job(candidate, 1, workbench.setup.cost))


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(request_: Request, told: list[str]) -> Page:
    return page_of("comparison", request_, told.append)


def psnr(result: Page, method: str) -> list[float]:
    return [s.psnr.mean for s in result.scores if s.method.label == method]


def test_all_are_judged_at_all_scales(result):
    methods = dict.fromkeys(s.method.label for s in result.scores)
    for method in (
        "kriging", "gappy POD", str(LOCAL_ESTIMATE), "oracle: true 32², bicubic",
        "mamba-diffusion", "mamba-diffusion, asked at the scale",
        "mamba-diffusion in 4 directions", "minimal-latent",
        "autoencoder with scan decoder, latent+points",
        "autoencoder, latent+points", "autoencoder, latent", "autoencoder, asked at the scale",
        "autoencoder without prior, latent+points",
        "mamba-diffusion trained at 32²", "autoencoder trained at 32², latent",
    ):  # fmt: skip
        assert method in methods
        assert len(psnr(result, method)) == 2  # at 32 and at 40


def test_the_settings_reach_the_networks(result, model, workbench):
    def config(candidate: Candidate) -> dict:
        run = workbench.run(Job(candidate, 1, workbench.setup.cost))
        return run.facts["settings"]["model"]

    directions = ["row", "column", "diagonal", "antidiagonal"]
    assert config(FOUR_DIRECTIONS)["directions"] == directions
    assert config(BASELINE)["directions"] == ["none"]
    assert config(SCAN)["decoder"] == "scanning"
    assert config(ANCHORED)["exemplars"] > 0
    assert config(NO_PRIOR)["exemplars"] == 0
    assert model(at_coarse_only((32, 32))[1]).grid.shape == (32, 32)


def test_what_starts_from_nothing_learns_at_higher_rates(workbench):
    def rates(candidate: Candidate) -> dict[str, float]:
        run = workbench.run(Job(candidate, 1, workbench.setup.cost))
        training = run.facts["settings"]["training"]
        return {
            phase: training[phase]["learning_rate"] for phase in PHASE_SHARES if phase in training
        }

    usual = rates(ANCHORED)
    assert rates(NO_PRIOR) == {**usual, "autoencoder": pytest.approx(3 * usual["autoencoder"])}
    assert rates(BASELINE) == {"flow": pytest.approx(4 * usual["flow"])}


def test_a_coarse_training_is_asked_at_finer_pixels(result, model, workbench):
    test = workbench.test
    coarse = model(at_coarse_only((32, 32))[0])
    mean = test.unit_interval(coarse.predict(observe(test, seed=1), test.grid).mean)
    error = np.square(np.clip(mean, 0, 1) - test.unit_interval(test.values)).mean(axis=(1, 2, 3))
    expected = float((-10 * np.log10(error)).mean())
    assert psnr(result, "mamba-diffusion trained at 32²")[1] == pytest.approx(expected, abs=1e-3)


def test_the_local_estimate_is_the_priors_without_a_network(result, model, workbench):
    seen = observe(workbench.truth.split("test"), seed=1)
    ours = model(ANCHORED)
    estimate, grid = LocalEstimate(ours), workbench.truth.grid
    native = estimate.predict(seen, grid).mean
    coarse = estimate.predict(seen, grid.regrid((8, 8))).mean
    averages = FieldData(workbench.truth.variables, grid, native).at((8, 8)).values
    np.testing.assert_allclose(coarse, averages, atol=1e-5)
    for parameter in ours.fitted.network.parameters():
        parameter.data.zero_()
    np.testing.assert_array_equal(LocalEstimate(ours).predict(seen, grid).mean, native)
    with pytest.raises(ValueError, match="has no prior"):
        LocalEstimate(model(BASELINE))


def test_the_anchored_decoder_does_not_drift_and_the_scan_does(result):
    (table,) = [t for t in result.tables if t.title.startswith("Drift")]
    greatest = {(row[0], row[1]): row[3] for row in table.rows}
    kinds = list(dict.fromkeys(row[1] for row in table.rows))
    assert kinds == [
        "1024 other places asked as well", "half of the places left out", "the places shuffled",
        "the same draw at 32² and 96²",
    ]  # fmt: skip
    assert all(greatest["autoencoder", kind] < 10 for kind in kinds)  # 1e-5 of the range
    assert greatest["autoencoder with scan decoder", kinds[0]] > 10
    assert greatest["mamba-diffusion", kinds[0]] > 10


def test_tables_and_findings_are_those_of_the_scores(result):
    titles = [t.title for t in result.tables]
    assert titles[0] == "Criteria set beforehand"
    assert "Spread over seeds" not in titles  # one seed
    choices = {row[0]: row[1:] for row in result.tables[1].rows}
    ours, base = (psnr(result, m) for m in ("autoencoder, latent+points", "mamba-diffusion"))
    assert choices["The autoencoder in place of the baseline"] == [
        a - b for a, b in zip(ours, base, strict=True)
    ]
    assert result.findings[0].startswith("At 32 × 32 the best network (")
    (cost,) = [t for t in result.tables if t.title == "What every training used"]
    assert {row[3] for row in cost.rows} == {"4", "3 + 1"}
    assert {row[4] for row in cost.rows} == {32}


def test_every_command_is_told(result):
    commands = [fact for name, fact in result.facts.items() if name.startswith("training of")]
    assert len(commands) == 8
    assert all(command.startswith("mamba-diffae fit ") for command in commands)


def test_it_is_shown_kept_and_opened_again(result, tmp_path):
    assert [sheet.title for sheet in result.panels] == [
        "Every method at 32 × 32", "Every method at 40 × 40",
    ]  # fmt: skip
    assert "autoencoder with scan decoder, latent+points" in result.panels[0].columns
    save_page(result, tmp_path)
    assert load_page(tmp_path).tables[0].rows == [[*row] for row in result.tables[0].rows]


def test_resumed_it_trains_and_judges_nothing_again(result, request_, told, monkeypatch):
    def never(*args: object, **options: object) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr(scoring, "score", never)
    monkeypatch.setattr(module, "measure_drift", never)
    before = len(told)
    again = page_of("comparison", request_, told.append)
    assert not [done for done in told[before:] if done.startswith("training")]
    assert [s.to_dict() for s in again.scores] == [s.to_dict() for s in result.scores]
    # Weights that have changed are judged anew.
    file = request_.folder / "scores" / "minimal-latent-1.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "key": {**kept["key"], "weights": "others"}}))
    with pytest.raises(AssertionError, match="done before"):
        page_of("comparison", request_, told.append)
    file.write_text(json.dumps(kept))


def test_the_best_get_more_seeds_and_all_equally_many_fields(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CANDIDATES", (BASELINE, ANCHORED))
    setup = Setup("tiny", Cost(minutes=0.005), count=2, seeds=2)
    asked = replace(request_, folder=tmp_path / "best", equal_pictures=True)
    workbench = Workbench(asked, setup, lambda done: None)
    jobs = train_all(workbench)
    assert {(e.candidate, e.seed) for e in jobs.more} == {(BASELINE, 2), (ANCHORED, 2)}
    seen = {e.candidate: fields_seen(workbench.run(e)) for e in jobs.first}
    least = min(seen.values())
    equal = {e.candidate: fields_seen(workbench.run(e)) for e in jobs.equal}
    assert set(equal) == {c for c, count in seen.items() if count > 1.02 * least}
    assert all(abs(count - least) <= 16 for count in equal.values())
    assert all(e.label.endswith(", equal fields") for e in jobs.equal)
