"""Trained models that experiments share: who finds whose, what is told apart, or taken over."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mamba_diffae.experiments import Request
from mamba_diffae.experiments.contenders import ANCHORED, BASELINE, PHASE_1, Cost, Entry
from mamba_diffae.experiments.side_by_side import train_here
from mamba_diffae.experiments.trained import Trained, fields_digest, shared_folder
from mamba_diffae.experiments.training import Training, without_folder
from mamba_diffae.fields import GridField
from mamba_diffae.training import Run

COST = Cost(steps=2)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., GridField]) -> GridField:
    return smooth_fields(count=10, size=16)


@pytest.fixture
def find(truth: GridField, tmp_path: Path) -> Callable[..., Training]:
    """The training of an entry, for an experiment by its name."""

    def training(
        entry: Entry, name: str = "one", fields: GridField = truth, preset: str = "tiny"
    ) -> Training:
        request = Request(tmp_path / name, fields, "waves.npy", device="cpu")
        return Trained(request, request.source, fields, preset).training(entry)

    return training


def test_two_experiments_find_one_training(find, tmp_path):
    entry = Entry(BASELINE, 0, COST)
    assert find(entry, "one") == find(entry, "another")
    assert find(entry).folder.parent == tmp_path / "trained"
    # A name is not part of it, nor is the phase after which a network is judged.
    renamed = replace(entry, label=", by another name", after="diffusion")
    assert find(renamed).folder == find(entry).folder


def test_another_configuration_is_another_training(find, truth):
    entry = Entry(ANCHORED, 0, COST)
    others = [
        replace(entry, seed=1),
        replace(entry, cost=Cost(steps=30)),
        replace(entry, cost=Cost(minutes=2)),
        replace(entry, contender=PHASE_1),
        replace(entry, contender=replace(ANCHORED, size=8)),
        replace(entry, contender=replace(ANCHORED, settings=("data.exemplars=0",))),
    ]
    fields = [replace(truth, values=truth.values + 1), replace(truth, splits=truth.splits[::-1])]
    folders = [find(e).folder for e in (entry, *others)]
    folders += [find(entry, fields=changed).folder for changed in fields]
    folders += [find(entry, preset="small").folder]
    assert len(set(folders)) == len(folders)


def test_a_changed_preset_is_another_training_unless_it_is_another_section(find, monkeypatch):
    from mamba_diffae.models import presets

    baseline, ours = (find(Entry(c, 0, COST)).folder for c in (BASELINE, ANCHORED))
    known = presets.preset("tiny")
    changed = {**known, "autoencoder": {**known["autoencoder"], "d_model": 16}}
    monkeypatch.setattr("mamba_diffae.experiments.trained.preset", lambda name: changed)
    assert find(Entry(BASELINE, 0, COST)).folder == baseline
    assert find(Entry(ANCHORED, 0, COST)).folder != ours


def test_digests_tell_fields_apart(truth):
    assert fields_digest(truth) == fields_digest(truth.take(slice(None)))
    assert fields_digest(truth) != fields_digest(truth.take(slice(1, None)))


def test_what_an_earlier_version_trained_is_taken_over(find, truth, tmp_path, monkeypatch):
    entry = Entry(BASELINE, 0, COST)
    former = tmp_path / "comparison" / "mamba-diffusion-0"
    asked = find(entry, "another")
    train_here([replace(asked, folder=former)], truth, lambda done: None)
    words = Run.open(former).facts["trained"].replace(" --phase diffusion", "")
    Run.open(former).update(trained=words, command=words)  # as it was said then
    assert not find(entry, "another").finished()  # only the experiment that made it looks there
    assert find(entry, "comparison").finished()
    assert not former.exists()
    assert find(entry, "another").finished()


def test_a_folder_of_another_training_stays(find, truth, tmp_path):
    entry = Entry(BASELINE, 0, COST)
    former = tmp_path / "comparison" / "mamba-diffusion-0"
    train_here([replace(find(replace(entry, seed=1)), folder=former)], truth, lambda done: None)
    assert not find(entry, "comparison").finished()
    assert former.is_dir()


def test_the_folder_and_the_phases_are_left_out_of_a_command():
    words = ["fit", "emoji", "--run", "runs/a", "--phase", "diffusion", "--seed", "1"]
    assert without_folder(words) == ["fit", "emoji", "--seed", "1"]


def test_the_shared_folder_lies_beside_the_experiment(truth):
    request = Request(Path("runs/multiscale"), truth, "emoji")
    assert shared_folder(request) == Path("runs/trained")
