"""What a run may go on with: nothing that would leave a later phase on a former result."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import GridField
from mamba_diffae.training import Run

QUIET = {"steps": 3, "batch_size": 4, "log_every": 1, "show_progress": False}


def fit(truth: GridField, run: Path, phases: list[str] | None = None, **steps: int) -> None:
    changes = {
        name: {**QUIET, "steps": steps.get(name, 3)} for name in ("autoencoder", "diffusion")
    }
    model = FieldAutoencoder("tiny", changes={**changes, "model": {"d_model": 16}}, device="cpu")
    model.fit(truth, run=run, phases=phases, resume=True)


def steps(run: Path) -> list[tuple[str, int]]:
    return [(row["phase"], row["step"]) for row in Run.open(run).metrics() if "loss" in row]


BOTH = [(phase, step) for phase in ("autoencoder", "diffusion") for step in (1, 2, 3)]


@pytest.fixture(scope="module")
def truth(smooth_fields) -> GridField:
    return smooth_fields(count=12, size=16)


@pytest.fixture(scope="module")
def finished(truth: GridField, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "finished"
    fit(truth, folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize("phases", [None, ["autoencoder"]])
def test_phase_1_does_not_go_on_under_phase_2(truth, folder: Path, phases) -> None:
    message = (
        r"'autoencoder' of .*run would go on from step 3 to 5, but phase 'diffusion' has begun "
        r"from its result .*delete the folder .*run.diffusion to train that phase anew"
    )
    with pytest.raises(ValueError, match=message):
        fit(truth, folder, phases, autoencoder=5)
    assert steps(folder) == BOTH
    shutil.rmtree(folder / "autoencoder" / "last")
    with pytest.raises(ValueError, match="from step 0 to 3, but phase 'diffusion'"):
        fit(truth, folder, phases)


def test_phase_2_begins_anew_once_its_folder_is_deleted(truth, folder: Path) -> None:
    shutil.rmtree(folder / "diffusion")
    fit(truth, folder, autoencoder=5)
    assert steps(folder) == [
        *BOTH[:3],
        ("autoencoder", 4),
        ("autoencoder", 5),
        *BOTH[3:],
    ]
    first, second = (
        load_file(folder / phase / "last" / "ema.safetensors")
        for phase in ("autoencoder", "diffusion")
    )
    encoder = [name for name in first if name.startswith("encoder.")]
    assert len(encoder) > 5
    assert all(first[name].equal(second[name]) for name in encoder)


def test_phase_2_itself_may_go_on(truth, folder: Path) -> None:
    fit(truth, folder, diffusion=5)
    assert steps(folder) == [*BOTH, ("diffusion", 4), ("diffusion", 5)]
    fit(truth, folder, ["diffusion"], autoencoder=9, diffusion=5)  # phase 1 is not asked to go on
    assert len(steps(folder)) == 8
