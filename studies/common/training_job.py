"""One training, written as a command: what it is, where it goes, and whether it is done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import yaml

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.training_input import TrainingInput
from mamba_diffae.fields import FieldData
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run

_DONE = "trained"
"""Fact of a run: the command that ended well."""
_BESIDE = ("--run", "--phase")
"""Options that tell no two trainings apart: the phases are those that have settings."""


@final
@dataclass(frozen=True)
class Recipe:
    """All that a training depends on.

    Attributes:
        source: Of the fields, as `mamba-diffae fit` takes it, by a name that lasts.
        architecture: Of the network.
        preset: Sizes.
        phases: Names, in their order; each has settings.
        settings: What is set otherwise than in the preset, as --set takes it.
        seed: Of the training.
        device: "auto", "cpu" or "cuda".
        native_size: Native cells along the longest axis; None: the source's own.
    """

    source: str
    architecture: str
    preset: str
    phases: Sequence[str]
    settings: Sequence[str]
    seed: int
    device: str
    native_size: int | None = None

    def words(self, folder: Path) -> list[str]:
        """What follows `mamba-diffae`, but for --resume."""
        words = ["fit", self.source, "--run", str(folder), "--architecture", self.architecture]
        words += ["--preset", self.preset, "--phase", ",".join(self.phases)]
        words += ["--seed", str(self.seed), "--device", self.device]
        words += [] if self.native_size is None else ["--native-size", str(self.native_size)]
        return [*words, *(word for setting in self.settings for word in ("--set", setting))]

    def changes(self) -> dict[str, dict[str, Any]]:
        """The settings by section and name."""
        changes: dict[str, dict[str, Any]] = {}
        for setting in self.settings:
            path, _, value = setting.partition("=")
            section, _, name = path.partition(".")
            changes.setdefault(section, {})[name] = yaml.safe_load(value)
        return changes


@final
@dataclass(frozen=True)
class TrainingJob:
    """A recipe and where it goes.

    Attributes:
        name: As the user is told.
        folder: The run folder.
        recipe: What is trained.
        program: What follows `python` where a process of a study trains it; none: `mamba-diffae`.
    """

    name: str
    folder: Path
    recipe: Recipe
    program: Sequence[str] = ()

    @property
    def words(self) -> list[str]:
        """What follows `mamba-diffae`, but for --resume."""
        return self.recipe.words(self.folder)

    @property
    def command(self) -> str:
        """As it is typed."""
        return shlex.join(self._typed)

    @property
    def process(self) -> list[str]:
        """What follows `python` where it is trained in a process of its own."""
        return [*(self.program or ("-m", "mamba_diffae", *self.words)), "--resume"]

    @property
    def _typed(self) -> list[str]:
        return ["python", *self.program] if self.program else ["mamba-diffae", *self.words]

    @property
    def log(self) -> Path:
        """Where a process of its own writes what it says."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def finished(self) -> bool:
        """Whether this very training has ended well, in whatever folder it was."""
        return self.is_of(self.folder, _DONE)

    def is_of(self, folder: Path, fact: str = "command") -> bool:
        """Whether a run is of the same recipe, by a command that it keeps."""
        facts = Run.open(folder).facts if (folder / "run.json").is_file() else {}
        return without_folder(shlex.split(facts.get(fact) or "")) == without_folder(self._typed)

    def conclude(self) -> None:
        """Note that it has ended well."""
        Run.open(self.folder).update(**{_DONE: self.command})

    def here(self, data: FieldData) -> None:
        """Train in this process.

        Args:
            data: What the source holds.
        """
        fields = open_field(data, size=self.recipe.native_size)
        self.fit(fields, {"native_shape": list(fields.shape)})
        self.conclude()

    def fit(self, data: TrainingInput, facts: Mapping[str, Any], **about: Any) -> None:
        """Train on fields or points in this process, or go on with that.

        Args:
            data: See `FieldAutoencoder.fit`.
            facts: What else to note of the run.
            about: Grid and variables of points.
        """
        recipe, changes = self.recipe, self.recipe.changes()
        for phase in recipe.phases:
            changes.setdefault(phase, {})["show_progress"] = False
        model = FieldAutoencoder(
            recipe.preset,
            architecture=recipe.architecture,
            seed=recipe.seed,
            device=recipe.device,
            changes=changes,
        )
        facts = {"command": self.command, "source": recipe.source, **facts}
        model.fit(data, run=self.folder, phases=recipe.phases, resume=True, facts=facts, **about)


def without_folder(words: Sequence[str]) -> list[str]:
    """The words of a command that say what is trained, not where."""
    before = ["", *words]
    return [w for w, b in zip(words, before, strict=False) if not {w, b} & set(_BESIDE)]
