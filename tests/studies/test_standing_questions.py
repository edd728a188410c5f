"""The studies that train their own models, whole, at the quick scale; and on the shell."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.cli.commands import app
from studies.ablation.study import DEFAULT, PLANS
from studies.common import workbench
from studies.common.model_store import shared_folder
from studies.diffusion.study import SETUPS

NAMES = ("multiscale", "diffusion", "minimal", "ablation")


@pytest.fixture(scope="module")
def results(quick: Callable[[str], Request]) -> dict[str, Page]:
    return {name: page_of(name, quick(name)) for name in NAMES}


def table(result: Page, beginning: str) -> list:
    (found,) = [t.rows for t in result.tables if t.title.startswith(beginning)]
    return found


def test_each_model_is_trained_once_for_all_studies(results, quick):
    folders = [f for f in shared_folder(quick("minimal")).iterdir() if f.is_dir()]
    commands = {name: result.facts for name, result in results.items()}
    told = [
        fact for facts in commands.values() for n, fact in facts.items() if n.startswith("training")
    ]
    trained = {fact for fact in told if fact.startswith("mamba-diffae fit")}
    assert len(trained) < len([fact for fact in told if fact.startswith("mamba-diffae fit")])
    assert {fact.split("--run ")[1].split(" ")[0] for fact in trained} <= {str(f) for f in folders}


def test_multiscale_judges_latent_and_points_at_every_scale_beside_the_classical(results):
    result = results["multiscale"]
    judged = {(s.method.label, s.scale) for s in result.scores}
    for method in ("kriging", "gappy POD", "mamba-diffusion", "autoencoder, phase 1 alone, latent"):
        assert {(method, 32), (method, 40)} <= judged
    assert {row[0] for row in table(result, "Criteria")} == {
        "autoencoder, phase 1 alone, latent", "autoencoder, phase 1 alone, latent+points",
    }  # fmt: skip
    assert len(table(result, "Accuracy")) == len({s.method.label for s in result.scores})


def test_diffusion_judges_the_phases_of_one_model_and_its_draws(results):
    result = results["diffusion"]
    rows = table(result, "One draw")
    assert [row[0] for row in rows] == [*SETUPS["quick"][1].steps]
    assert rows[0][1] == 2 * rows[0][0]
    assert np.isfinite([row[2:] for row in rows]).all()
    methods = dict.fromkeys(s.method.label for s in result.scores)
    assert {"autoencoder after phase 1, latent", "autoencoder, latent"} <= set(methods)
    psnr = {s.method.label: s.psnr.mean for s in result.scores if s.scale == 40}
    # Phase 2 has moved the decoder, and phase 1 alone has made another step.
    names = ("autoencoder after phase 1", "autoencoder", "autoencoder, phase 1 alone")
    assert len({psnr[f"{name}, latent+points"] for name in names}) == 3


def test_minimal_gives_no_verdict_on_one_seed(results):
    assert "no verdict" in results["minimal"].findings[0]
    assert table(results["minimal"], "What the bottleneck")[0][-1] is None


def test_ablation_sets_every_level_beside_the_default(results):
    rows = table(results["ablation"], "One factor")
    levels = (DEFAULT, *PLANS["quick"].levels)
    assert [row[:2] for row in rows] == [[level.factor, level.name] for level in levels]
    assert len({row[0] for row in rows}) == 6
    assert all(np.isfinite(row[2:6]).all() for row in rows)
    assert len({row[4] for row in rows}) > 4  # the settings reached the networks


def test_plans_have_five_factors_of_two_or_three_levels():
    for plan in PLANS.values():
        factors = [level.factor for level in plan.levels]
        assert len(set(factors)) == 5
    standard = [level.factor for level in PLANS["standard"].levels]
    assert all(1 <= standard.count(factor) <= 2 for factor in standard)


def test_results_are_kept_and_found_again(results, quick, monkeypatch, tmp_path):
    def never(*args: object, **options: object) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr(workbench, "score", never)
    monkeypatch.setattr("studies.common.training_job.TrainingJob.here", never)
    monkeypatch.setattr("studies.diffusion.study.score_draws", never)
    for name, result in results.items():
        again = page_of(name, quick(name))
        assert [*again.findings] == [*result.findings]
        save_page(again, tmp_path)
        assert [t.rows for t in load_page(tmp_path).tables] == [
            [[*row] for row in t.rows] for t in result.tables
        ]


def test_a_stopped_study_goes_on_on_the_shell(forty, tmp_path, monkeypatch, capsys):
    words = ["experiment", "minimal", "--source", forty, "--scale", "quick", "--device", "cpu"]
    words += ["--run", str(tmp_path / "minimal"), "--resume"]

    def stopped(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(workbench, "score", stopped)
        app(words, standalone_mode=False)  # the shell says that it was stopped
    assert not (tmp_path / "minimal" / "report.html").exists()
    monkeypatch.setattr("studies.common.training_job.TrainingJob.here", stopped)
    app(words, standalone_mode=False)
    assert (tmp_path / "minimal" / "report.html").is_file()
    assert load_page(tmp_path / "minimal").title == "A bottleneck in the baseline"
    assert "no verdict" in capsys.readouterr().out.replace("\n", " ")
