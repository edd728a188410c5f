"""The networks of the study: one trained on each family, and one of another family for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from mamba_diffae.benchmark import OnProgress, Request
from mamba_diffae.benchmark.suite import Candidate, Family, foreign_candidate, own_candidate
from mamba_diffae.fields import FieldData
from studies.common.cache import fields_digest
from studies.common.candidates import ANCHORED, Cost, Job
from studies.common.model_store import ModelStore
from studies.common.side_by_side import train_here, train_side_by_side
from studies.common.training_job import TrainingJob
from studies.common.workbench import AT_ONCE

PACKAGED, LEARNED_FROM = "emoji-96", "emoji"
"""The model that comes with the package, and the family that it has learned from."""


@final
@dataclass(frozen=True)
class FamilyTraining:
    """The training of a model on the fields of a family.

    Attributes:
        family: Its name.
        data: Its fields.
        job: Folder and command.
    """

    family: str
    data: FieldData
    job: TrainingJob


def training_on(request: Request, family: Family, preset: str, cost: Cost) -> FamilyTraining:
    """What trains a model on the fields of a family as the suite observes them.

    Args:
        request: What is asked; models lie beside its folder, where other studies find them.
        family: With a source that has a name.
        preset: Sizes.
        cost: Of both phases together.
    """
    data = family.open()
    size = max(data.shape)
    named = replace(
        ANCHORED,
        key=f"{ANCHORED.key}-at-{size}",
        label=f"{ANCHORED.label} on {family.name}",
        native_size=size,
    )
    store = ModelStore(request, str(family.source), data, preset)
    return FamilyTraining(family.name, data, store.training(Job(named, request.seed, cost)))


def train(request: Request, trainings: Sequence[FamilyTraining], on_progress: OnProgress) -> None:
    """Train what is not trained yet, side by side; at the quick scale in this process.

    Raises:
        ValueError: If a training fails.
    """
    if request.scale != "quick":
        train_side_by_side([t.job for t in trainings], AT_ONCE, on_progress)
        return
    for training in trainings:
        train_here([training.job], training.data, on_progress)


def own_networks(key: str, trainings: Sequence[FamilyTraining], device: str) -> Candidate:
    """On each family the model that was trained on it.

    Args:
        key: Tells them from all other methods.
        trainings: Done.
        device: "auto", "cpu" or "cuda".
    """
    folders = {_known(training.data): training.job.folder for training in trainings}

    def folder_for(data: FieldData) -> Path | None:
        return folders.get(_known(data))

    return own_candidate(key, folder_for, device=device)


def foreign_network(key: str, training: FamilyTraining, device: str) -> Candidate:
    """A model of one family, asked about all others.

    Args:
        key: Tells it from all other methods.
        training: Done.
        device: "auto", "cpu" or "cuda".
    """
    return foreign_candidate(key, training.job.folder, {training.family}, device=device)


def packaged_network(device: str) -> Candidate:
    """The model that comes with the package, asked about all families but its own."""
    return foreign_candidate(PACKAGED, PACKAGED, {LEARNED_FROM}, device=device)


def _known(data: FieldData) -> str:
    """What tells fields that may be learned from, from others."""
    return fields_digest(data.take(data.splits != "test"))
