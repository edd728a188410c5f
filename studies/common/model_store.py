"""The trained models that all studies share: RUN/../trained, one folder for each recipe.

A recipe is found by a digest of its fields, its command and the sections of its preset. So what one
study trained, another with the same cost does not train again, and other fields, settings,
seeds or costs never meet in one folder. What the code has become since is not in the digest: after
a change of the networks delete the folder.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, final

from mamba_diffae.benchmark import Request
from mamba_diffae.fields import FieldData
from mamba_diffae.models.presets import preset
from mamba_diffae.sources import canonical_source
from studies.common.cache import DIGITS, fields_digest
from studies.common.candidates import Job
from studies.common.training_job import Recipe, TrainingJob, without_folder


@final
class ModelStore:
    """Where the trainings of a request are, or will be.

    Args:
        request: What is asked; its folder lies beside the shared one.
        source: Of the fields, as `mamba-diffae fit` takes it.
        data: What that source holds.
        preset: Sizes of the networks.
    """

    def __init__(self, request: Request, source: str, data: FieldData, preset: str) -> None:
        self.request, self.data, self.preset = request, data, preset
        self.source = canonical_source(source)
        self.folder = shared_folder(request)

    def training(self, job: Job) -> TrainingJob:
        """Folder and command of a training."""
        recipe = job.recipe(self.source, self.preset, self.request.device)
        name = f"{recipe.architecture}-{recipe.seed}-{_digest(self._key(recipe))}"
        return TrainingJob(f"{job.label}, seed {job.seed}", self.folder / name, recipe)

    def _key(self, recipe: Recipe) -> dict[str, Any]:
        """All that tells its result from others'."""
        sections = preset(recipe.preset)
        phases = {phase: sections["training"].get(phase) for phase in recipe.phases}
        sizes = {name: sections.get(name) for name in (recipe.architecture, "data")}
        words = without_folder(recipe.words(Path()))
        return {"fields": self._fields, "words": words, "sizes": sizes, "phases": phases}

    @cached_property
    def _fields(self) -> str:
        return fields_digest(self.data)


def shared_folder(request: Request) -> Path:
    """The folder of trained models beside that of a study."""
    return request.folder.parent / "trained"


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:DIGITS]
