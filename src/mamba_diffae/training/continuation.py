"""How the parts of a run follow one another: which phases, from whose weights, in whose folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mamba_diffae.fields.atomic import standing_folder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.presets import unknown
from mamba_diffae.training.checkpoint import LAST, Checkpoint
from mamba_diffae.training.config import TrainingConfig
from mamba_diffae.training.run import Run

EXPORT = "model"
"""Folder of a run that holds its network as `save_network` writes it."""


def network_folder(folder: Path) -> Path:
    """The folder of a saved network: the given one, or the one inside of a run.

    Raises:
        ValueError: If the run has no network yet, or as `Run.open`.
    """
    if not (folder / "run.json").is_file():
        return folder
    inside = Run.open(folder).path / EXPORT
    if standing_folder(inside) is None:
        raise ValueError(
            f"The run {folder} has finished no phase yet, so there is no model in it; go on with "
            "its training (--resume)."
        )
    return inside


def begin_run(
    folder: Path,
    known: Mapping[str, Any],
    model: type[FieldFlow],
    phases: Sequence[str] | None,
    *,
    resume: bool,
    overwrite: bool,
) -> tuple[Run, Sequence[str]]:
    """The run to train in, a standing or a new one, and the phases to train, in their order.

    Args:
        folder: Of the run.
        known: What is to be run, as `Run.create` takes it.
        model: Class of the network.
        phases: Names of phases; None: all that the model has.
        resume: Whether to go on where a run stands, even with `overwrite`.
        overwrite: Whether to delete a run that stands.

    Raises:
        ValueError: Before anything is made or deleted: if the model has no phase of a given name, a
            new run would not begin with the model's first, or as `reopen` and `Run.create`.
    """
    order = _wanted(model, phases)
    if (folder / "run.json").is_file() and (resume or not overwrite):
        return reopen(folder, known), order
    if order[0] != model.phases[0]:
        raise ValueError(
            f"Phase {order[0]!r} starts from the result of phase {model.phases[0]!r}, and "
            f"{folder} would begin anew; train all phases, or give a run that holds the former."
        )
    return Run.create(folder, known, overwrite=overwrite), order


def _wanted(model: type[FieldFlow], phases: Sequence[str] | None) -> Sequence[str]:
    """The phases to train, in the model's own order."""
    chosen = phases or model.phases
    for phase in chosen:
        if phase not in model.phases:
            raise unknown(f"phase of {model.kind}", phase, model.phases)
    return [phase for phase in model.phases if phase in chosen]


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
            f"not hold; train {before!r} there first, or all phases."
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
                "the settings in its run.json, start it again with overwrite (--overwrite), or "
                "give another folder."
            )
    if "command" in known:
        run.update(command=known["command"])  # which an interrupt names as the one to repeat
    return run


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What must not change between the parts of a run."""
    settings = facts["settings"]
    named = {name: facts.get(name) for name in ("model", "seed", "source")}
    return {**named, **settings["model"], **{f"data.{k}": v for k, v in settings["data"].items()}}
