"""The shell as its users meet it: typed lines, real files, one finished run for all tests."""

import io
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.cli.commands import main

FEW = (
    "--preset tiny --set model.d_model=16 --set autoencoder.steps=4 --set ensemble.steps=4 "
    "--set flow.steps=4 --set autoencoder.batch_size=4 --set ensemble.batch_size=4 "
    "--set flow.batch_size=4 --set data.encodings=1"
)
"""What makes a training as short as can be."""


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Shell = Callable[[str], Outcome]


def type_in(line: str) -> Outcome:
    """Run the shell in this process; line breaks of narrow terminals are taken out."""
    out, err = io.StringIO(), io.StringIO()
    typed = ["mamba-diffae", *shlex.split(line)]
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", typed):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, *(" ".join(text.getvalue().split()) for text in (out, err)))


@pytest.fixture(scope="session")
def shell() -> Shell:
    return type_in


@pytest.fixture(scope="session")
def few() -> str:
    return FEW


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a dozen smooth pictures of 36 × 40 pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:36, 0:40] / 40
    for i in range(12):
        waves = [np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in rng.uniform(0.5, 2, (3, 3))]
        Image.fromarray(np.uint8(127 + 120 * np.stack(waves, -1))).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="session")
def picture(pictures: Path) -> Path:
    return pictures / "00.png"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """A run with all phases done that are not optional; not to be written to."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    outcome = type_in(f"fit {pictures} --run {run} {FEW}")
    assert outcome.code == 0, outcome.err
    return run


@pytest.fixture(scope="session")
def flowing(finished: Path, tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """The same with phase flow; not to be written to."""
    run = Path(shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "flowing"))
    outcome = type_in(f"fit {pictures} --run {run} {FEW} --phase flow")
    assert outcome.code == 0, outcome.err
    return run


@pytest.fixture(scope="session")
def baseline_few() -> str:
    """Settings of a baseline, which has phase flow alone."""
    return (
        "--preset tiny --set model.d_model=16 --set flow.steps=4 --set flow.batch_size=4 "
        "--set data.encodings=1"
    )


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of that run, to do with as one likes."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture(scope="session")
def scored(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that has been evaluated, its scores beside it in scores.json; not to be written to."""
    run = Path(shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "scored"))
    line = f"evaluate --model {run} --scales 10,40 --fraction 0.2 --json {run.parent}/scores.json"
    outcome = type_in(line)
    assert outcome.code == 0, outcome.err
    (run.parent / "table.txt").write_text(outcome.out)
    return run
