"""Trainings in this process: what the processes of the real thing do is tested beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae.cli.commands import app
from mamba_diffae.experiments.side_by_side import Training
from mamba_diffae.fields import GridField
from mamba_diffae.training import Run


def train_here(
    trainings: Sequence[Training], at_once: int, on_progress: Callable[[str], None]
) -> None:
    for training in trainings:
        if not training.finished():
            app([*training.words, "--resume"], standalone_mode=False)
            Run.open(training.folder).update(trained=training.command)
            on_progress(f"training {training.folder.name}")


@pytest.fixture(scope="module")
def in_this_process() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mamba_diffae.experiments.bench.train_side_by_side", train_here)
        yield


@pytest.fixture(scope="session")
def forty(smooth_fields: Callable[..., GridField], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of two dozen fields of 40 × 40."""
    file: Path = tmp_path_factory.mktemp("fields") / "fields.npy"
    np.save(file, smooth_fields(count=24, size=40, channels=3).values)
    return str(file)
