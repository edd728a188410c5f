"""A training that goes on from another's first phase."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mamba_diffae.training import Run
from studies.common.training_job import TrainingJob

_KEPT = ("architecture", "preset", "seed", "source", "processes")
"""Facts of a run that its continuation shares."""


def begin_from(start: TrainingJob, training: TrainingJob) -> None:
    """Make the run folder of a training that holds the result of a finished first phase.

    Files of checkpoints are never written to again, so they are linked where that can be done. What
    stands already is left alone.

    Args:
        start: The training of the first phase; done.
        training: Of the same network on the same fields; its recipe holds the settings of `start`.
    """
    if (training.folder / "run.json").is_file():
        return
    (first,), before = start.recipe.phases, Run.open(start.folder)
    facts = {name: before.facts[name] for name in _KEPT if name in before.facts}
    settings, changes = before.facts["settings"], training.recipe.changes()
    phases = {
        phase: {**config, **changes.get(phase, {})}
        for phase, config in settings["training"].items()
    }
    facts["settings"] = {**settings, "training": phases}
    partial = training.folder.with_name(f"{training.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    Run.create(partial, facts)
    shutil.copytree(before.path / first, partial / first, copy_function=_linked)
    partial.rename(training.folder)


def _linked(source: str, target: str) -> Path:
    """A second name of a file; a copy where the disk has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return Path(target)
