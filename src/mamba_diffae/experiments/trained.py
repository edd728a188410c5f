"""The trained models that all experiments share: RUN/../trained, one folder for each recipe.

A recipe is found by a digest of its fields, its command and the sections of its preset. So what one
experiment trained, another with the same cost does not train again, and other fields, settings,
seeds or costs never meet in one folder. What the code has become since is not in the digest: after
a change of the networks delete the folder.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, final

from mamba_diffae.experiments.contenders import Entry
from mamba_diffae.experiments.request import Request
from mamba_diffae.experiments.training import Recipe, Training, without_folder
from mamba_diffae.fields import GridField
from mamba_diffae.models.presets import preset
from mamba_diffae.sources import lasting_name

_DIGITS = 12
"""Of the digest, in the name of a folder."""


@final
class Trained:
    """Where the trainings of a request are, or will be.

    Args:
        request: What is asked; its folder lies beside the shared one.
        source: Of the fields, as `mamba-diffae fit` takes it.
        truth: What that source holds.
        preset: Sizes of the networks.
    """

    def __init__(self, request: Request, source: str, truth: GridField, preset: str) -> None:
        self.request, self.truth, self.preset = request, truth, preset
        self.source = lasting_name(source)
        self.folder = shared_folder(request)

    def training(self, entry: Entry) -> Training:
        """Folder and command of a training."""
        recipe = entry.recipe(self.source, self.preset, self.request.device)
        name = f"{recipe.model}-{recipe.seed}-{_digest(self._key(recipe))}"
        training = Training(f"{entry.name}, seed {entry.seed}", self.folder / name, recipe)
        _take_over(self.request.folder / entry.slug, training)
        return training

    def _key(self, recipe: Recipe) -> dict[str, Any]:
        """All that tells its result from others'."""
        sections = preset(recipe.preset)
        phases = {phase: sections["training"].get(phase) for phase in recipe.phases}
        sizes = {name: sections.get(name) for name in (recipe.model, "data")}
        words = without_folder(recipe.words(Path()))
        return {"fields": self._fields, "words": words, "sizes": sizes, "phases": phases}

    @cached_property
    def _fields(self) -> str:
        return fields_digest(self.truth)


def shared_folder(request: Request) -> Path:
    """The folder of trained models beside that of an experiment."""
    return request.folder.parent / "trained"


def fields_digest(truth: GridField) -> str:
    """What tells one stack of fields from another."""
    digest = hashlib.sha256()
    for array in (truth.values, truth.groups):
        digest.update(array.tobytes())
    limits = [truth.scaling.low, truth.scaling.high]
    about = [truth.values.shape, limits, list(truth.names), truth.splits.tolist()]
    digest.update(json.dumps(about).encode())
    return digest.hexdigest()[:_DIGITS]


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _take_over(former: Path, training: Training) -> None:
    """Move here what an earlier version trained in the folder of the experiment."""
    if not training.folder.exists() and training.is_of(former):
        training.folder.parent.mkdir(parents=True, exist_ok=True)
        former.rename(training.folder)
