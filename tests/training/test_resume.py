"""What a run may go on with: nothing that would leave a later phase on a former result."""

import shutil
from pathlib import Path

import pytest
from field_cases import geometry
from safetensors.torch import load_file

from mamba_diffae.fields import FieldData
from mamba_diffae.models import ARCHITECTURES
from mamba_diffae.training import Objective, Run
from mamba_diffae.training.objectives.flow import FlowMatching
from mamba_diffae.training.objectives.reconstruction import Reconstruction
from mamba_diffae.training.session import PhaseResult, TrainingSession
from mamba_diffae.training.settings import settings_for

QUIET = {"steps": 3, "batch_size": 4, "log_every": 1, "show_progress": False}
BOTH_PHASES = ["autoencoder", "flow"]


def fit(
    data: FieldData,
    run: Path,
    phases: list[str] | None = None,
    encodings: int = 1,
    objectives: dict[str, Objective] | None = None,
    **steps: int,
) -> list[PhaseResult]:
    architecture = ARCHITECTURES.get("autoencoder")
    changes = {
        name: {**QUIET, "steps": steps.get(name, 3)} for name in ("autoencoder", "flow", "latent")
    }
    changes |= {"model": {"d_model": 16}, "data": {"encodings": encodings}}
    settings = settings_for(architecture, data, geometry(data), "tiny", changes)
    session = TrainingSession(architecture, "tiny", 0, "cpu", settings, data, objectives or {})
    return list(session.train(run, phases or BOTH_PHASES, resume=True))


def steps(run: Path) -> list[tuple[str, int]]:
    return [(row["phase"], row["step"]) for row in Run.open(run).metrics() if "loss" in row]


BOTH = [(phase, step) for phase in BOTH_PHASES for step in (1, 2, 3)]


@pytest.fixture(scope="module")
def data(inside) -> FieldData:
    return inside(count=12, shape=(16, 16))


@pytest.fixture(scope="module")
def finished(data: FieldData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "finished"
    fit(data, folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize("phases", [None, ["autoencoder"]])
def test_phase_1_does_not_go_on_under_phase_2(data, folder: Path, phases) -> None:
    message = (
        r"'autoencoder' of .*run would go on from step 3 to 5, but phase 'flow' has begun "
        r"from its result .*delete the folder .*run.flow to train that phase anew"
    )
    with pytest.raises(ValueError, match=message):
        fit(data, folder, phases, autoencoder=5)
    assert steps(folder) == BOTH
    shutil.rmtree(folder / "autoencoder" / "last")
    with pytest.raises(ValueError, match="from step 0 to 3, but phase 'flow'"):
        fit(data, folder, phases)


def test_phase_2_begins_anew_once_its_folder_is_deleted(data, folder: Path) -> None:
    shutil.rmtree(folder / "flow")
    fit(data, folder, autoencoder=5)
    assert steps(folder) == [
        *BOTH[:3],
        ("autoencoder", 4),
        ("autoencoder", 5),
        *BOTH[3:],
    ]
    first, second = (
        load_file(folder / phase / "last" / "ema.safetensors") for phase in ("autoencoder", "flow")
    )
    encoder = [name for name in first if name.startswith("encoder.")]
    assert len(encoder) > 5
    assert all(first[name].equal(second[name]) for name in encoder)


def test_phase_2_itself_may_go_on(data, folder: Path) -> None:
    fit(data, folder, flow=5)
    assert steps(folder) == [*BOTH, ("flow", 4), ("flow", 5)]
    fit(data, folder, ["flow"], autoencoder=9, flow=5)  # phase 1 is not asked to go on
    assert len(steps(folder)) == 8


def test_all_phases_go_on_as_one_run(data, folder: Path) -> None:
    (result,) = fit(data, folder, ["latent"])
    assert result.latent_flow is not None
    assert steps(folder) == [*BOTH, ("latent", 1), ("latent", 2), ("latent", 3)]
    # A finished phase is not trained again, nor is it the newest result.
    (result,) = fit(data, folder, ["autoencoder"])
    assert not result.newest
    fit(data, folder, ["latent"], latent=5)
    assert steps(folder)[-2:] == [("latent", 4), ("latent", 5)]
    with pytest.raises(ValueError, match=r"'flow' .*but phase 'latent' has begun from"):
        fit(data, folder, flow=5)
    shutil.rmtree(folder / "latent")
    assert [result.newest for result in fit(data, folder, flow=5)] == [False, True]


def test_how_often_fields_are_encoded_may_change(data, folder: Path) -> None:
    fit(data, folder, ["latent"], encodings=2)
    assert ("latent", 3) in steps(folder)


def test_the_literature_s_name_of_a_phase_is_understood(data, folder: Path) -> None:
    fit(data, folder, ["diffusion"], flow=4)
    assert steps(folder) == [*BOTH, ("flow", 4)]
    with pytest.raises(
        ValueError, match="Unknown phase of autoencoder 'flaw'; did you mean 'flow'"
    ):
        fit(data, folder, ["flaw"])


def test_objectives_are_given_by_phase(data, folder: Path) -> None:
    class Counted(Objective):
        name = "counted"
        calls = 0

        def prepare(self, model):
            FlowMatching().prepare(model)

        def loss(self, model, batch):
            self.calls += 1
            return FlowMatching().loss(model, batch)

    counted = Counted()
    fit(data, folder, ["flow"], objectives={"diffusion": counted}, flow=5)
    assert counted.calls == 2  # the two steps that were missing
    with pytest.raises(ValueError, match=r"In .*last other weights learned than .* the objective"):
        fit(data, folder, ["flow"], objectives={"flow": Reconstruction()}, flow=7)
    with pytest.raises(
        ValueError, match="Unknown phase of autoencoder 'flaw'; did you mean 'flow'"
    ):
        fit(data, folder, objectives={"flaw": counted})
