"""What a run may go on with: nothing that would leave a later phase on a former result."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch
from field_cases import geometry
from safetensors.torch import load_file

from mamba_diffae.fields import FieldData, FieldError
from mamba_diffae.models import ARCHITECTURES, FieldFlow
from mamba_diffae.models.serialization import save_network
from mamba_diffae.training import Objective, Run
from mamba_diffae.training.objectives.flow import FlowMatching
from mamba_diffae.training.objectives.reconstruction import Reconstruction
from mamba_diffae.training.phases import chosen_phases
from mamba_diffae.training.resume import EXPORT
from mamba_diffae.training.session import PhaseResult, TrainingSession
from mamba_diffae.training.settings import settings_for

PHASES = ARCHITECTURES.get("autoencoder").phases
QUIET = {"steps": 3, "batch_size": 4, "log_every": 1, "show_progress": False}
BOTH_PHASES = ["autoencoder", "flow"]


def fit(*given: Any, **options: Any) -> list[PhaseResult]:
    return list(training(*given, **options))


def training(
    data: FieldData,
    run: Path,
    phases: list[str] | None = None,
    encodings: int = 1,
    objectives: dict[str, Objective] | None = None,
    model: dict[str, Any] | None = None,
    **steps: int,
) -> Generator[PhaseResult, None, None]:
    architecture = ARCHITECTURES.get("autoencoder")
    changes = {name: {**QUIET, "steps": steps.get(name, 3)} for name in PHASES}
    changes |= {"model": {"d_model": 16, **(model or {})}, "data": {"encodings": encodings}}
    settings = settings_for(architecture, data, geometry(data), "tiny", changes)
    session = TrainingSession(architecture, "tiny", 0, "cpu", settings, data, objectives or {})
    return session.train(run, phases or BOTH_PHASES, resume=True)


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
    with pytest.raises(ValueError, match=r"'autoencoder' .*but phase 'flow' has begun from"):
        fit(data, folder, ["autoencoder"], autoencoder=5)
    shutil.rmtree(folder / "flow")
    with pytest.raises(ValueError, match=r"'autoencoder' .*but phase 'latent' has begun from"):
        fit(data, folder, ["autoencoder"], autoencoder=5)


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


# Which phase begins from which


ORDERS = [
    ["autoencoder", "ensemble"],
    ["autoencoder", "flow"],
    ["autoencoder", "latent"],
    ["autoencoder", "ensemble", "latent"],
    ["autoencoder", "ensemble", "flow", "latent"],
]


def averaged(run: Path, phase: str) -> dict[str, torch.Tensor]:
    return load_file(run / phase / "last" / "ema.safetensors")


@pytest.mark.parametrize("phases", ORDERS, ids="-".join)
def test_a_phase_begins_from_the_last_one_that_stands(data, tmp_path, phases) -> None:
    together, one_by_one = tmp_path / "together", tmp_path / "one by one"
    *_, last = fit(data, together, phases)
    for phase in phases:
        *_, alone = fit(data, one_by_one, [phase])
    assert steps(one_by_one) == steps(together) == [(p, s) for p in phases for s in (1, 2, 3)]
    ours, theirs = (result.net.state_dict() for result in (last, alone))
    assert all(ours[name].equal(theirs[name]) for name in ours)
    assert (last.latent_flow is not None) == ("latent" in phases)
    assert last.net.writes_draws == ("ensemble" in phases)
    before = averaged(together, "autoencoder")
    for phase, part in (("ensemble", "ensemble."), ("flow", "decoder.")):
        changed = [n for n, w in ours.items() if n.startswith(part) and not w.equal(before[n])]
        assert bool(changed) == (phase in phases)
    assert all(w.equal(ours[n]) for n, w in before.items() if n.startswith("encoder."))


def test_all_phases_are_those_that_are_not_optional(data, tmp_path) -> None:
    *_, last = fit(data, tmp_path / "run", chosen_phases(ARCHITECTURES.get("autoencoder"), None))
    assert [p for p in PHASES if (tmp_path / "run" / p).is_dir()] == [
        "autoencoder",
        "ensemble",
        "latent",
    ]
    assert last.net.writes_draws


def test_an_ensemble_is_not_trained_once_a_flow_stands(data, folder: Path) -> None:
    message = (
        r"'ensemble' comes before phase 'flow', which .*run has begun without it; delete the "
        r"folder .*run.flow and train 'ensemble', then 'flow' anew, or .* another folder"
    )
    with pytest.raises(ValueError, match=message):
        fit(data, folder, ["ensemble"])
    assert steps(folder) == BOTH
    assert not (folder / "ensemble").exists()
    shutil.rmtree(folder / "flow")
    fit(data, folder, ["ensemble", "flow"])
    assert steps(folder)[3:] == [(p, s) for p in ("ensemble", "flow") for s in (1, 2, 3)]


def test_an_ensemble_does_not_go_on_once_a_flow_began_from_it(data, tmp_path) -> None:
    fit(data, tmp_path / "run", ["autoencoder", "ensemble", "flow"])
    with pytest.raises(ValueError, match=r"'ensemble' of .* from step 3 to 5, but phase 'flow'"):
        fit(data, tmp_path / "run", ["ensemble"], ensemble=5)


@pytest.mark.parametrize("phase", ["ensemble", "flow"])
def test_latents_do_not_depend_on_the_decoders(data, folder: Path, phase: str) -> None:
    shutil.rmtree(folder / "flow")
    (latent,) = fit(data, folder, ["latent"])
    save_network(latent.net, folder / EXPORT, latent_flow=latent.latent_flow)
    (result,) = fit(data, folder, [phase])
    assert result.newest
    assert result.latent_flow is not None
    ours, theirs = (flow.state_dict() for flow in (result.latent_flow, latent.latent_flow))
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    fit(data, folder, [phase], **{phase: 5})  # it may go on as well
    assert steps(folder)[-2:] == [(phase, 4), (phase, 5)]


def test_the_gate_that_a_phase_ends_with_is_there_for_the_next(data, tmp_path, monkeypatch) -> None:
    def gated(net: FieldFlow, *given: object) -> bool:
        net.gate.fitted.fill_(True)
        return True

    monkeypatch.setattr("mamba_diffae.training.fit.fit_gate", gated)
    results = fit(data, tmp_path / "run", ["autoencoder", "ensemble", "latent"])
    assert [bool(result.net.gate.fitted) for result in results] == [True] * 3
    for phase in ("autoencoder", "ensemble"):
        assert averaged(tmp_path / "run", phase)["gate.fitted"]
    resumed = fit(data, tmp_path / "run", ["ensemble"], ensemble=5)
    assert steps(tmp_path / "run")[-2:] == [("ensemble", 4), ("ensemble", 5)]
    assert bool(resumed[0].net.gate.fitted)


def test_a_network_without_noise_is_refused_before_any_work(data, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"noise_dim is 0; .*model.noise_dim=32 .*leave that"):
        fit(data, tmp_path / "run", ["autoencoder", "ensemble"], model={"noise_dim": 0})
    assert not (tmp_path / "run").exists()
    fit(data, tmp_path / "run", ["autoencoder", "flow"], model={"noise_dim": 0})


def test_one_training_at_a_time_writes_a_run(data, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()  # an empty folder stays one that may be taken
    first = training(data, run)
    next(first)
    for folder in (run, run / ".." / "run"):
        with pytest.raises(
            FieldError, match=rf"The run .*run is being written already, by process {os.getpid()};"
        ):
            fit(data, folder)
    assert steps(run) == BOTH[:3]  # reading is free
    first.close()
    fit(data, run)
    assert steps(run) == BOTH
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
