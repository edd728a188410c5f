"""How the parts of a run follow one another: which phases, from whose weights, in whose folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.presets import unknown
from mamba_diffae.training.checkpoint import LAST, Checkpoint
from mamba_diffae.training.config import TrainingConfig
from mamba_diffae.training.run import Run


def wanted(model: type[FieldFlow], phases: Sequence[str] | None) -> Sequence[str]:
    """The phases to train, in the model's own order.

    Raises:
        ValueError: If the model has no phase of a given name.
    """
    for phase in phases or ():
        if phase not in model.phases:
            raise unknown(f"phase of {model.kind}", phase, model.phases)
    return [phase for phase in model.phases if phases is None or phase in phases]


def begin(phase: str, net: FieldFlow, run: Run) -> None:
    """Give a network the averaged weights with which the phase before ended.

    Raises:
        ValueError: If that phase was not trained, or not to its end.
    """
    place = net.phases.index(phase)
    if place == 0:
        return
    before = net.phases[place - 1]
    if not (run.path / before).is_dir():
        raise ValueError(
            f"Phase {phase!r} starts from the result of phase {before!r}, which {run.path} does "
            f"not hold; "
            f"train {before!r} there first, or all phases."
        )
    checkpoint = Checkpoint(run.path / before / LAST)
    state = checkpoint.state
    if TrainingConfig(**state.config).progress(state.step, state.seconds) < 1:
        raise ValueError(
            f"Phase {before!r} of {run.path} stopped at step {state.step}; finish it first: resume "
            f"(--resume) with phase {before!r} or all phases."
        )
    checkpoint.load_ema(net)


def reopen(folder: Path, known: Mapping[str, Any]) -> Run:
    """A run that stands, if it is of the same network, data and seed.

    Args:
        folder: The run.
        known: What is to be run now, as `Run.create` takes it.

    Raises:
        ValueError: If it is of another task, or a setting differs (the first that does is named).
    """
    run = Run.open(folder)
    theirs = _identity(run.facts)
    for name, ours in _identity(known).items():
        if theirs.get(name) != ours:
            raise ValueError(
                f"{folder} is a run with {name} = {theirs.get(name)}, and {ours} was asked; use "
                f"the settings "
                "in its run.json, start it again with overwrite (--overwrite), or give another "
                "folder."
            )
    return run


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What must not change between the parts of a run."""
    settings = facts["settings"]
    named = {name: facts.get(name) for name in ("model", "seed", "source")}
    return {**named, **settings["model"], **{f"data.{k}": v for k, v in settings["data"].items()}}
