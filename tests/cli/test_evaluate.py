"""`evaluate` and `report`: judging a run, and the page that tells of it."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.benchmark import load_page
from mamba_diffae.cli.options import parse_scales
from mamba_diffae.sources import open_field

METHODS = [
    "nearest",
    "inverse distance",
    "linear",
    "thin-plate spline",
    "kriging",
    "gappy POD",
    "autoencoder, latent+points",
    "autoencoder, asked at the scale",
    "autoencoder, latent",
    "oracle: true 30×33, bicubic",
]


def strict(path: Path) -> dict:
    """JSON without NaN, which other languages would not read."""
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_every_method_is_scored_at_every_scale(scored):
    numbers = strict(scored.parent / "scores.json")
    found = {(score["method"]["label"], score["scale"]) for score in numbers["scores"]}
    assert found == {(method, scale) for method in METHODS for scale in (10, 40)}
    assert all(score["psnr"]["low"] <= score["psnr"]["high"] for score in numbers["scores"])
    assert [draw["method"]["label"] for draw in numbers["draws"]] == ["autoencoder"]
    assert all("uncertainty" in method for method in numbers["uncertainty"])


def test_the_table_and_the_run_hold_the_same(scored):
    result = load_page(scored)
    numbers = strict(scored.parent / "scores.json")
    assert [score.to_dict() for score in result.scores] == numbers["scores"]
    table = (scored.parent / "table.txt").read_text()
    assert "9×10 9×10 36×40 36×40" in table
    assert all(method.split(",")[0] in table for method in METHODS)
    assert f"{result.scores[0].psnr.mean:.2f}" in table


def test_what_was_run_is_told(scored):
    facts = load_page(scored).facts
    assert facts["training"].startswith("mamba-diffae fit ")
    assert facts["this page"].startswith("mamba-diffae evaluate ")
    assert "pattern random, seed 0" in facts["scored on"]
    assert "20%" in facts["scored on"]
    assert {"time", "hardware", "versions", "model"} <= set(facts)


def test_scales_are_read_once_each():
    assert parse_scales(None) is None
    assert parse_scales("64,32,64") == [64, 32]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--scales 48", "Scale 48 was asked, but the native grid has 36 × 40"),
        ("--scales 40,2048", "predict --size 2048"),
        ("--scales 0", "Scale 0"),
        ("--scales 8,wide", "--scales is '8,wide'"),
        ("--scales ''", "--scales is ''"),
        ("--fraction 0", "fraction is 0"),
        ("--fraction 1.5", "fraction is 1.5"),
        ("--count 0", "--count"),
        ("--pattern blok", "'block'"),
        ("--source no-such-folder", "'no-such-folder' is unknown"),
        ("--fractoin 0.1", "--fraction"),
        ("--method krigging", "did you mean 'kriging'?"),
        ("--method no_such:Thing", "cannot be imported"),
        ("--method math:sqrt", "Baseline"),
    ],
)
def test_a_bad_option_is_named_and_nothing_written(shell, run, tmp_path, options, named):
    outcome = shell(f"evaluate --model {run} --json {tmp_path}/scores.json {options}")
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "scores.json").exists()
    assert not list(run.glob("result*"))


def test_what_exists_is_refused_before_any_work(shell, run, tmp_path):
    (tmp_path / "scores.json").write_text("precious")
    outcome = shell(f"evaluate --model {run} --json {tmp_path}/scores.json")
    assert outcome.code == 2
    assert "--overwrite" in outcome.err
    (run / "result.json").write_text("precious")
    assert "result.json exists already" in shell(f"evaluate --model {run}").err
    assert (tmp_path / "scores.json").read_text() == "precious"
    outcome = shell(f"evaluate --model {run} --overwrite --json {run}/run.json/scores.json")
    assert "is no folder" in outcome.err


def test_no_run_is_named(shell, pictures, tmp_path):
    for folder in (pictures, tmp_path / "nothing"):
        outcome = shell(f"report --run {folder}")
        assert outcome.code == 2
        assert f"{folder} is no run folder" in outcome.err
        outcome = shell(f"evaluate --model {folder}")
        assert outcome.code == 2
        assert str(folder) in outcome.err


@pytest.mark.parametrize(
    "command",
    ["evaluate --model", "report --run", "report --model", "report --out page.html --run"],
)
def test_a_run_of_another_task_is_refused(shell, run, command):
    facts = run / "run.json"
    facts.write_text(facts.read_text().replace('"task": "fields"', '"task": "words"'))
    outcome = shell(f"{command} {run}")
    assert outcome.code == 2
    assert "of task 'words'" in outcome.err


def test_another_source_is_scored_at_the_native_size(shell, run, tmp_path):
    """Its fields are finer: they are averaged to what the model knows."""
    (tmp_path / "other").mkdir()
    for i in range(6):
        noise = np.random.default_rng(i).integers(0, 256, (72, 80, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"other/{i}.png")
    (tmp_path / "other/cut.png").write_bytes((tmp_path / "other/0.png").read_bytes()[:99])
    line = f"evaluate --model {run} --source {tmp_path}/other --count 1 --scales"
    assert "cut.png cannot be decoded" in shell(f"{line} 40").err
    assert "native grid has 36 × 40" in shell(f"{line} 72 --skip-broken").err
    outcome = shell(f"{line} 40 --skip-broken")
    assert outcome.code == 0, outcome.err
    assert "Note: 1 of 7 pictures" in outcome.err
    assert {score.count for score in load_page(run).scores} == {1}


def test_another_source_of_other_channels_is_refused(shell, run, tmp_path):
    fields = np.random.default_rng(0).integers(0, 256, (6, 36, 40), np.uint8)
    np.save(tmp_path / "grey.npy", fields)
    outcome = shell(f"evaluate --model {run} --source {tmp_path}/grey.npy --scales 40")
    assert outcome.code == 2
    assert "1 variables, but this model was fitted on 3 (red, green, blue)" in outcome.err
    assert not list(run.glob("result*"))


def test_a_source_without_a_test_split_is_refused(shell, run, tmp_path):
    np.save(tmp_path / "two.npy", np.zeros((2, 36, 40, 3), np.uint8))
    outcome = shell(f"evaluate --model {run} --source {tmp_path}/two.npy --scales 40")
    assert outcome.code == 2
    assert "split 'test'" in outcome.err


def test_a_run_is_scored_from_any_folder(shell, few, pictures, run, tmp_path, monkeypatch):
    """Its source is kept as a whole path, not as it was typed."""
    monkeypatch.chdir(pictures.parent)
    line = f"fit {pictures.name} --run {tmp_path}/new {few} --phase autoencoder"
    assert shell(line).code == 0
    monkeypatch.chdir(tmp_path)
    outcome = shell(f"evaluate --model {tmp_path}/new --scales 99")
    assert "native grid has 36 × 40" in outcome.err  # so the pictures were found


def test_a_run_without_a_source_asks_for_one(shell, run):
    facts = json.loads((run / "run.json").read_text())
    del facts["source"], facts["command"]
    (run / "run.json").write_text(json.dumps(facts))
    outcome = shell(f"evaluate --model {run}")
    assert outcome.code == 2
    assert "--source" in outcome.err


def test_a_run_that_has_finished_no_phase_is_named(shell, run):
    shutil.rmtree(run / "model")
    outcome = shell(f"evaluate --model {run} --scales 40")
    assert outcome.code == 2
    assert "finished no phase" in outcome.err
    assert "--resume" in outcome.err


def test_a_report_wants_an_evaluation(shell, run):
    outcome = shell(f"report --run {run}")
    assert outcome.code == 2
    assert f"mamba-diffae evaluate --model {run}" in outcome.err
    assert not (run / "report.html").exists()


def test_the_report_is_one_page_by_itself(shell, scored, tmp_path):
    run = Path(shutil.copytree(scored, tmp_path / "run"))
    outcome = shell(f"report --run {run}")
    assert outcome.code == 0, outcome.err
    page = (run / "report.html").read_text()
    assert "autoencoder, latent+points" in page
    assert "data:image/png;base64," in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "--overwrite" in shell(f"report --run {run}").err
    assert shell(f"report --run {run} --overwrite").code == 0
    assert shell(f"report --run {run} --out {tmp_path}/new/page.html").code == 0
    assert (tmp_path / "new/page.html").is_file()
    assert "is a folder" in shell(f"report --run {run} --out {tmp_path}").err


def test_a_result_of_two_halves_is_refused(shell, scored, tmp_path):
    run = Path(shutil.copytree(scored, tmp_path / "run"))
    pictures = run / "result.npz"
    pictures.write_bytes(pictures.read_bytes()[:-10])
    outcome = shell(f"report --run {run}")
    assert outcome.code == 2
    assert "evaluate" in outcome.err
    assert "--overwrite" in outcome.err
    assert not (run / "report.html").exists()


def test_the_result_of_a_model_is_reported_by_its_name(shell, scored, tmp_path):
    run = Path(shutil.copytree(scored, tmp_path / "run"))
    outcome = shell(f"report --model {run}")
    assert outcome.code == 0, outcome.err
    assert (run / "report.html").is_file()
    for options in ("", f"--model {run} --run {run}"):
        outcome = shell(f"report {options}")
        assert outcome.code == 2
        assert "Name either a model" in outcome.err
    outcome = shell("report --model emoji-95")
    assert outcome.code == 2
    assert "mamba-diffae evaluate --model emoji-95" in outcome.err


def test_a_saved_folder_is_scored_into_a_run_of_its_own(
    shell, run, pictures, tmp_path, monkeypatch
):
    saved = Path(shutil.copytree(run / "model", tmp_path / "saved"))
    monkeypatch.chdir(tmp_path)
    line = "evaluate --model saved --scales 40 --count 1"
    outcome = shell(line)
    assert outcome.code == 2
    assert "does not say on what it was trained" in outcome.err
    assert not (tmp_path / "runs").exists()
    outcome = shell(f"{line} --source {pictures}")
    assert outcome.code == 0, outcome.err
    assert "report --model saved" in outcome.err
    facts = load_page(tmp_path / "runs/saved").facts
    assert facts["model"] == "saved"
    assert {"this page", "scored on", "hardware", "versions"} <= set(facts)
    assert shell("report --model saved").code == 0
    assert (tmp_path / "runs/saved/report.html").is_file()
    assert "exists already" in shell(f"{line} --source {pictures}").err
    outcome = shell(f"{line} --source {pictures} --run {tmp_path}/elsewhere --overwrite")
    assert outcome.code == 0, outcome.err
    assert f"report --run {tmp_path}/elsewhere" in outcome.err
    outcome = shell(f"{line} --source {pictures} --run {run}")
    assert outcome.code == 2
    assert "something else than an evaluation of saved" in outcome.err
    assert saved.is_dir()


def test_the_packaged_model_is_scored_in_one_command(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = open_field("emoji").distinct(120)
    monkeypatch.setattr("mamba_diffae.benchmark.opened_model.open_field", lambda *a, **k: few)
    outcome = shell("evaluate --model emoji-96 --count 1 --scales 32")
    assert outcome.code == 0, outcome.err
    assert "autoencoder, latent+points" in outcome.out
    facts = load_page(tmp_path / "runs/emoji-96").facts
    assert facts["model"] == "emoji-96, as it comes with the package"


def test_a_source_that_was_moved_is_named_anew(shell, few, pictures, tmp_path):
    folder = Path(shutil.copytree(pictures, tmp_path / "pictures"))
    line = f"fit {folder} --run {tmp_path}/run {few} --phase autoencoder"
    assert shell(line).code == 0
    moved = folder.rename(tmp_path / "moved")
    line = f"evaluate --model {tmp_path}/run --scales 40 --count 1"
    outcome = shell(line)
    assert outcome.code == 2
    assert "If it was moved, name it with --source" in outcome.err
    outcome = shell(f"{line} --source {moved}")
    assert outcome.code == 0, outcome.err
    assert "the source that was given stands for it" in outcome.err


def test_a_method_of_ones_own_is_scored(shell, run, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from mamba_diffae.evaluation.baselines import Interpolator\n"
        "class Mine(Interpolator):\n"
        "    name = 'my own'\n"
        "    def interpolate(self, samples, targets):\n"
        "        return samples.values.mean(0) + 0 * targets.embedded[:, :1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    line = f"evaluate --model {run} --scales 40 --count 1 --method mine:Mine --method kriging"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "my own" in outcome.out
    assert "my own" in {s.method.label for s in load_page(run).scores}
