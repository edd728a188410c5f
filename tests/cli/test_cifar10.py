"""CIFAR-10 from the shell: trained, scored, shown above its native size; the example's commands."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.benchmark import load_page

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from published import cifar_files, pack

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "cifar10.md"


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """A folder with an archive in the published format, six pictures a batch."""
    folder = tmp_path_factory.mktemp("cifar10")
    pack(folder / "cifar-10-python.tar.gz", "cifar-10-batches-py", cifar_files()[0])
    return folder


@pytest.fixture(scope="module")
def fitted(shell, few, archive) -> Path:
    """A run on that archive, by a name relative to the folder above."""
    run = archive.parent / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(archive.parent)
        outcome = shell(f"fit cifar10:{archive.name} --run {run} {few}")
    assert outcome.code == 0, outcome.err
    assert (
        "36 snapshots of 32 × 32 cells (y, x) of red, green, blue: 27 train, 3 val, 6 test"
        in outcome.err
    )
    assert json.loads((run / "run.json").read_text())["source"] == f"cifar10:{archive}"
    return run


def test_above_32_pictures_are_shown_and_not_scored(shell, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the source is found from any folder
    outcome = shell(f"evaluate --model {fitted} --scales 32,64 --json {tmp_path}/scores.json")
    assert outcome.code == 0, outcome.err
    assert "At 64 × 64 there is no truth, since the fields have 32 × 32:" in outcome.out
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert {score["scale"] for score in scores} == {32}
    panels = {sheet.title: sheet for sheet in load_page(fitted).panels}
    shown = panels["Rendered at 64 × 64, above the native grid"]
    assert {picture.shape for row in shown.pictures for picture in row[2:]} == {(64, 64, 3)}
    assert any(re.fullmatch(r"\w+ 000\d\d", name) for name in shown.rows)
    assert shell(f"report --run {fitted} --out {tmp_path}/page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "Rendered at 64 × 64, above the native grid" in page
    assert page.count('width="64" height="64"') == 3 * len(shown.rows)


def test_without_scales_the_native_size_alone_is_scored(shell, fitted):
    outcome = shell(f"evaluate --model {fitted} --count 2 --overwrite")
    assert outcome.code == 0, outcome.err
    result = load_page(fitted)
    assert {score.scale for score in result.scores} == {32}
    assert not any("no truth" in finding for finding in result.findings)


def test_scales_that_have_no_truth_at_all_are_refused(shell, fitted):
    outcome = shell(f"evaluate --model {fitted} --scales 64,96 --overwrite")
    assert outcome.code == 2
    assert "native grid has 32 × 32" in outcome.err


def commands() -> list[list[str]]:
    """The commands of the example, in their order."""
    blocks = re.findall(r"```sh\n(.*?)```", EXAMPLE.read_text(), flags=re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    assert all(line.startswith("mamba-diffae ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def test_the_commands_of_the_example_run(shell, few, baseline_few, archive, tmp_path, monkeypatch):
    """Each as it is written, then cut short by what follows it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cifar10").symlink_to(archive)
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save("picture.png")
    for words in commands():
        short = {"fit": few, "evaluate": "--count 1 --scales 32,64"}.get(words[0], "")
        if "mamba-diffusion" in words:
            short = baseline_few if short == few else short
        outcome = shell(f"{shlex.join(words)} {short}")
        assert outcome.code == 0, (words, outcome.err)
    assert Image.open("picture-96.png").size == (96, 96)
    settings = json.loads((tmp_path / "runs/cifar-scanning/run.json").read_text())["settings"]
    assert settings["model"]["decoder"] == "scanning"
