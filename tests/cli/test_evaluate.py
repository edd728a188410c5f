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
    "oracle: true 32², bicubic",
]


def strict(path: Path) -> dict:
    """JSON without NaN, which other languages would not read."""
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_every_method_is_scored_at_every_scale(judged):
    numbers = strict(judged.parent / "scores.json")
    found = {(score["method"]["label"], score["scale"]) for score in numbers["scores"]}
    assert found == {(method, scale) for method in METHODS for scale in (8, 36)}
    assert all(score["psnr"]["low"] <= score["psnr"]["high"] for score in numbers["scores"])
    assert [draw["method"] for draw in numbers["draws"]] == ["autoencoder"]


def test_the_table_and_the_run_hold_the_same(judged):
    result = load_page(judged)
    numbers = strict(judged.parent / "scores.json")
    assert [score.to_dict() for score in result.scores] == numbers["scores"]
    table = (judged.parent / "table.txt").read_text()
    assert "8² 8² 36² 36²" in table
    assert all(method.split(",")[0] in table for method in METHODS)
    assert f"{result.scores[0].psnr.mean:.2f}" in table


def test_what_was_run_is_told(judged):
    facts = load_page(judged).facts
    assert facts["training"].startswith("mamba-diffae fit ")
    assert facts["this page"].startswith("mamba-diffae evaluate ")
    assert "pattern random, seed 0" in facts["judged on"]
    assert "20%" in facts["judged on"]
    assert {"time", "hardware", "versions", "model"} <= set(facts)


def test_default_scales_end_at_the_native_size():
    assert parse_scales(None, 96) == [32, 64, 96]
    assert parse_scales(None, 36) == [32, 36]
    assert parse_scales(None, 32) == [32]
    assert parse_scales(None, 20) == [20]
    assert parse_scales("64,32,64", 96) == [64, 32]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--scales 48", "Scale 48 was asked, but the native size is 36 × 36"),
        ("--scales 36,2048", "predict --size 2048"),
        ("--scales 0", "Scale 0"),
        ("--scales 8,wide", "--scales is '8,wide'"),
        ("--scales ''", "--scales is ''"),
        ("--fraction 0", "fraction is 0"),
        ("--fraction 1.5", "fraction is 1.5"),
        ("--count 0", "--count"),
        ("--pattern blok", "'block'"),
        ("--source no-such-folder", "'no-such-folder' is unknown"),
        ("--fractoin 0.1", "--fraction"),
    ],
)
def test_a_bad_option_is_named_and_nothing_written(shell, run, tmp_path, options, named):
    outcome = shell(f"evaluate --run {run} --json {tmp_path}/scores.json {options}")
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "scores.json").exists()
    assert not list(run.glob("result*"))


def test_what_exists_is_refused_before_any_work(shell, run, tmp_path):
    (tmp_path / "scores.json").write_text("precious")
    outcome = shell(f"evaluate --run {run} --json {tmp_path}/scores.json")
    assert outcome.code == 2
    assert "--overwrite" in outcome.err
    (run / "result.json").write_text("precious")
    assert "result.json exists already" in shell(f"evaluate --run {run}").err
    assert (tmp_path / "scores.json").read_text() == "precious"
    outcome = shell(f"evaluate --run {run} --overwrite --json {run}/run.json/scores.json")
    assert "is no folder" in outcome.err


def test_no_run_is_named(shell, pictures, tmp_path):
    for folder in (pictures, tmp_path / "nothing"):
        for command in ("evaluate", "report"):
            outcome = shell(f"{command} --run {folder}")
            assert outcome.code == 2
            assert f"{folder} is no run folder" in outcome.err


@pytest.mark.parametrize("command", ["evaluate", "report", "report --out page.html"])
def test_a_run_of_another_task_is_refused(shell, run, command):
    facts = run / "run.json"
    facts.write_text(facts.read_text().replace('"task": "fields"', '"task": "words"'))
    outcome = shell(f"{command} --run {run}")
    assert outcome.code == 2
    assert "of task 'words'" in outcome.err


def test_another_source_is_judged_at_the_native_size(shell, run, tmp_path):
    """Its fields are finer: they are averaged to what the model knows."""
    (tmp_path / "other").mkdir()
    for i in range(6):
        noise = np.random.default_rng(i).integers(0, 256, (72, 80, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"other/{i}.png")
    (tmp_path / "other/cut.png").write_bytes((tmp_path / "other/0.png").read_bytes()[:99])
    line = f"evaluate --run {run} --source {tmp_path}/other --count 1 --scales"
    assert "cut.png cannot be decoded" in shell(f"{line} 36").err
    assert "native size is 36 × 36" in shell(f"{line} 72 --skip-broken").err
    outcome = shell(f"{line} 36 --skip-broken")
    assert outcome.code == 0, outcome.err
    assert "Note: 1 of 7 pictures" in outcome.err
    assert {score.count for score in load_page(run).scores} == {1}


def test_another_source_of_other_channels_is_refused(shell, run, tmp_path):
    fields = np.random.default_rng(0).integers(0, 256, (6, 36, 36), np.uint8)
    np.save(tmp_path / "grey.npy", fields)
    outcome = shell(f"evaluate --run {run} --source {tmp_path}/grey.npy --scales 36")
    assert outcome.code == 2
    assert "1 channels, but this model was fitted on fields of 3" in outcome.err
    assert not list(run.glob("result*"))


def test_a_source_without_a_test_split_is_refused(shell, run, tmp_path):
    np.save(tmp_path / "two.npy", np.zeros((2, 36, 36, 3), np.uint8))
    outcome = shell(f"evaluate --run {run} --source {tmp_path}/two.npy --scales 36")
    assert outcome.code == 2
    assert "split 'test'" in outcome.err


def test_a_run_is_judged_from_any_folder(shell, few, pictures, run, tmp_path, monkeypatch):
    """Its source is kept as a whole path, not as it was typed."""
    monkeypatch.chdir(pictures.parent)
    line = f"fit {pictures.name} --run {tmp_path}/new {few} --phase autoencoder"
    assert shell(line).code == 0
    monkeypatch.chdir(tmp_path)
    outcome = shell(f"evaluate --run {tmp_path}/new --scales 99")
    assert "native size is 36 × 36" in outcome.err  # so the pictures were found


def test_a_run_without_a_source_asks_for_one(shell, run):
    facts = json.loads((run / "run.json").read_text())
    del facts["source"], facts["command"]
    (run / "run.json").write_text(json.dumps(facts))
    outcome = shell(f"evaluate --run {run}")
    assert outcome.code == 2
    assert "--source" in outcome.err


def test_a_run_that_has_finished_no_phase_is_named(shell, run):
    shutil.rmtree(run / "model")
    outcome = shell(f"evaluate --run {run} --scales 36")
    assert outcome.code == 2
    assert "finished no phase" in outcome.err
    assert "--resume" in outcome.err


def test_a_report_wants_an_evaluation(shell, run):
    outcome = shell(f"report --run {run}")
    assert outcome.code == 2
    assert f"mamba-diffae evaluate --run {run}" in outcome.err
    assert not (run / "report.html").exists()


def test_the_report_is_one_page_by_itself(shell, judged, tmp_path):
    run = Path(shutil.copytree(judged, tmp_path / "run"))
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


def test_a_result_of_two_halves_is_refused(shell, judged, tmp_path):
    run = Path(shutil.copytree(judged, tmp_path / "run"))
    pictures = run / "result.npz"
    pictures.write_bytes(pictures.read_bytes()[:-10])
    outcome = shell(f"report --run {run}")
    assert outcome.code == 2
    assert "evaluate" in outcome.err
    assert "--overwrite" in outcome.err
    assert not (run / "report.html").exists()
