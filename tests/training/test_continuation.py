"""What a run may go on with: nothing that would leave a later phase on a former result."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import GridField
from mamba_diffae.training import Run

QUIET = {"steps": 3, "batch_size": 4, "log_every": 1, "show_progress": False}


BOTH_PHASES = ["autoencoder", "diffusion"]


def fit(truth: GridField, run: Path, phases: list[str] | None = None, **steps: int) -> None:
    changes = {
        name: {**QUIET, "steps": steps.get(name, 3)}
        for name in ("autoencoder", "diffusion", "latent")
    }
    changes |= {"model": {"d_model": 16}, "data": {"encodings": 1}}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    model.fit(truth, run=run, phases=phases or BOTH_PHASES, resume=True)


def steps(run: Path) -> list[tuple[str, int]]:
    return [(row["phase"], row["step"]) for row in Run.open(run).metrics() if "loss" in row]


BOTH = [(phase, step) for phase in BOTH_PHASES for step in (1, 2, 3)]


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


def test_all_phases_go_on_as_one_run(truth, folder: Path) -> None:
    fit(truth, folder, ["latent"])
    kept = {f.name: f.read_bytes() for f in (folder / "model").iterdir()}
    assert "latent_prior.safetensors" in kept
    assert steps(folder) == [*BOTH, ("latent", 1), ("latent", 2), ("latent", 3)]
    # A finished phase is not trained again, nor does it replace the whole model.
    fit(truth, folder, ["autoencoder"])
    assert {f.name: f.read_bytes() for f in (folder / "model").iterdir()} == kept
    fit(truth, folder, ["latent"], latent=5)
    assert steps(folder)[-2:] == [("latent", 4), ("latent", 5)]
    with pytest.raises(ValueError, match=r"'diffusion' .*but phase 'latent' has begun from"):
        fit(truth, folder, diffusion=5)
    shutil.rmtree(folder / "latent")
    fit(truth, folder, diffusion=5)
    assert "latent_prior.safetensors" not in {f.name for f in (folder / "model").iterdir()}


def test_how_often_fields_are_encoded_may_change(truth, folder: Path) -> None:
    run = Run.open(folder)
    settings = run.facts["settings"]
    former = {k: v for k, v in settings["data"].items() if k != "encodings"}
    run.update(settings={**settings, "data": former})  # as a run made before phase "latent" came
    fit(truth, folder, ["latent"])
    assert ("latent", 3) in steps(folder)
