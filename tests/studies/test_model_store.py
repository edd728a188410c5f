"""Trained models that studies share: who finds whose, and what is told apart."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mamba_diffae.benchmark import Request
from mamba_diffae.fields import FieldData
from studies.common.cache import fields_digest
from studies.common.candidates import ANCHORED, BASELINE, PHASE_1, Cost, Job
from studies.common.model_store import ModelStore, shared_folder
from studies.common.training_job import TrainingJob, without_folder

COST = Cost(steps=2)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=10, shape=(16, 16))


@pytest.fixture
def find(truth: FieldData, tmp_path: Path) -> Callable[..., TrainingJob]:
    """The training of an job, for a study by its name."""

    def training(
        job: Job, name: str = "one", fields: FieldData = truth, preset: str = "tiny"
    ) -> TrainingJob:
        request = Request(tmp_path / name, fields, "waves.npy", device="cpu")
        return ModelStore(request, request.source, fields, preset).training(job)

    return training


def test_two_studies_find_one_training(find, tmp_path):
    job = Job(BASELINE, 0, COST)
    assert find(job, "one") == find(job, "another")
    assert find(job).folder.parent == tmp_path / "trained"
    # A name is not part of it, nor is the phase after which a network is judged.
    renamed = replace(job, equal_fields=True, after="flow")
    assert find(renamed).folder == find(job).folder


def test_another_configuration_is_another_training(find, truth):
    job = Job(ANCHORED, 0, COST)
    others = [
        replace(job, seed=1),
        replace(job, cost=Cost(steps=30)),
        replace(job, cost=Cost(minutes=2)),
        replace(job, candidate=PHASE_1),
        replace(job, candidate=replace(ANCHORED, native_size=8)),
        replace(job, candidate=replace(ANCHORED, settings=("data.exemplars=0",))),
    ]
    fields = [replace(truth, values=truth.values + 1), replace(truth, splits=truth.splits[::-1])]
    folders = [find(e).folder for e in (job, *others)]
    folders += [find(job, fields=changed).folder for changed in fields]
    folders += [find(job, preset="small").folder]
    assert len(set(folders)) == len(folders)


def test_a_changed_preset_is_another_training_unless_it_is_another_section(find, monkeypatch):
    from mamba_diffae.models import presets

    baseline, ours = (find(Job(c, 0, COST)).folder for c in (BASELINE, ANCHORED))
    known = presets.preset("tiny")
    changed = {**known, "autoencoder": {**known["autoencoder"], "d_model": 16}}
    monkeypatch.setattr("studies.common.model_store.preset", lambda name: changed)
    assert find(Job(BASELINE, 0, COST)).folder == baseline
    assert find(Job(ANCHORED, 0, COST)).folder != ours


def test_digests_tell_fields_apart(truth):
    assert fields_digest(truth) == fields_digest(truth.take(slice(None)))
    assert fields_digest(truth) != fields_digest(truth.take(slice(1, None)))


def test_the_folder_and_the_phases_are_left_out_of_a_command():
    words = ["fit", "emoji", "--run", "runs/a", "--phase", "flow", "--seed", "1"]
    assert without_folder(words) == ["fit", "emoji", "--seed", "1"]


def test_the_shared_folder_lies_beside_the_study(truth):
    request = Request(Path("runs/multiscale"), truth, "emoji")
    assert shared_folder(request) == Path("runs/trained")
