"""How the parts of a run follow one another: which phases, from whose weights, in whose folder."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mamba_diffae.fields.atomic import standing_folder
from mamba_diffae.fields.one_owner import OneOwner
from mamba_diffae.fields.resolved import resolved
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.serialization import load_latent_flow
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.loop.checkpoint import LAST, Checkpoint
from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.phases import LATENT, chosen_phases
from mamba_diffae.training.run import Run

EXPORT = "model"
"""Folder of a run that holds its network as `save_network` writes it."""
_DIGITS = 1e-5
"""Numbers of the same fields, found on another machine, differ by less."""


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


@contextmanager
def only_training(folder: Path, processes: Processes) -> Iterator[None]:
    """Keep other trainings out of a run folder meanwhile; whoever reads it is never kept out.

    Args:
        folder: Of the run; it need not be there yet.
        processes: Those of this training, which the main one answers for.

    Raises:
        FieldError: In every process, if another training writes there.
    """
    with ExitStack() as owned:

        def own() -> None:
            # Beside the folder, which may be deleted, or must be empty.
            path = resolved(folder)
            owner = OneOwner(path.with_name(f".lock-{path.name}"), f"The run {path}")
            owned.callback(owner.release)

        processes.run_on_main(own)
        yield


def begin_run(
    folder: Path,
    known: Mapping[str, Any],
    data: Snapshots,
    processes: Processes,
    architecture: type[FieldFlow],
    phases: Sequence[str] | None,
    *,
    resume: bool,
    overwrite: bool,
) -> tuple[Run, Sequence[str]]:
    """The run to train in, a standing or a new one, and the phases to train, in their order.

    Args:
        folder: Of the run; of several processes the main one's counts.
        known: What is to be run, as `Run.create` takes it.
        data: What to learn from.
        processes: Those of this training.
        architecture: Class of the network.
        phases: Names of phases; None: all but optional ones.
        resume: Whether to go on where a run stands, even with `overwrite`.
        overwrite: Whether to delete a run that stands.

    Raises:
        ValueError: In every process, before anything is made or deleted: if the architecture has no
            phase of a given name, a new run would not begin with its first one, a phase would go on
            whose result a later one began from, the processes were given different things or cannot
            share a batch equally, or as `reopen` and `Run.create`.
    """
    order, every = chosen_phases(architecture, phases), architecture.phases
    _check_processes(processes, known, data)

    def standing_or_new() -> Run:
        if (folder / "run.json").is_file() and (resume or not overwrite):
            run = reopen(folder, known)
            _refuse_to_outdate(run, every, order, known["settings"]["training"])
            return run
        if order[0] != every[0]:
            raise ValueError(
                f"Phase {order[0]!r} starts from the result of phase {every[0]!r}, and "
                f"{folder} would begin anew; train all phases, or give a run that holds the former."
            )
        return Run.create(folder, known, overwrite=overwrite)

    return processes.run_on_main(standing_or_new), order


def _check_processes(processes: Processes, known: Mapping[str, Any], data: Snapshots) -> None:
    """Refuse processes that would not train one network together."""
    if processes.count == 1:
        return
    processes.check_alike({**_flat(known), **_flat({"fields": _marks(data)})})
    for phase, training in known["settings"]["training"].items():
        processes.check_batch(phase, training["batch_size"])


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts by dotted names."""
    flat: dict[str, Any] = {}
    for name, fact in facts.items():
        nested = isinstance(fact, Mapping)
        flat |= _flat(fact, f"{prefix}{name}.") if nested else {f"{prefix}{name}": fact}
    return flat


def _marks(data: Snapshots) -> dict[str, Any]:
    """What tells some snapshots from others."""
    digests = {name: hashlib.sha256(part).hexdigest() for name, part in data.contents()}
    return {"shape": list(data.values.shape), **digests}


def _refuse_to_outdate(
    run: Run, phases: Sequence[str], order: Sequence[str], training: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse to train a phase further, once a later one has begun from its result."""
    for phase in order:
        step, progress = _standing(run, phase, TrainingConfig(**training[phase]))
        for later in _resting(phase, phases):
            if progress < 1 and standing_folder(run.path / later / LAST) is not None:
                if not (run.path / phase).is_dir():
                    raise ValueError(
                        f"Phase {phase!r} comes before phase {later!r}, which {run.path} has begun "
                        f"without it; delete the folder {run.path / later} and train {phase!r}, "
                        f"then {later!r} anew, or train both in another folder."
                    )
                raise ValueError(
                    f"Phase {phase!r} of {run.path} would go on from step {step} to "
                    f"{training[phase]['steps']}, but phase {later!r} has begun from its result as "
                    f"it stands; delete the folder {run.path / later} to train that phase anew "
                    f"afterwards, or leave steps and minutes of {phase!r} as in run.json."
                )


def _resting(phase: str, phases: Sequence[str]) -> Sequence[str]:
    """Phases that begin from the result of a given one.

    Latents are of the encoder, as the first phase leaves it.
    """
    later = phases[phases.index(phase) + 1 :]
    return later if phase == phases[0] else [name for name in later if name != LATENT]


def _standing(run: Run, phase: str, config: TrainingConfig) -> tuple[int, float]:
    """Steps made in a phase, and the share of so long a training that they are."""
    if standing_folder(run.path / phase / LAST) is None:
        return 0, 0.0
    state = Checkpoint(run.path / phase / LAST).state
    return state.step, config.progress(state.step, state.seconds)


def begin(phase: str, net: FieldFlow, run: Run) -> None:
    """Give a network the averaged weights with which the last phase before it ended.

    Only the first phase must have been trained: those after it may be left out.

    Raises:
        ValueError: If that was not trained, or the last one not to its end.
    """
    place = net.phases.index(phase)
    if place == 0:
        return
    standing = [name for name in net.phases[:place] if (run.path / name).is_dir()]
    before = standing[-1] if standing else net.phases[0]
    if not (run.path / before).is_dir():
        raise ValueError(
            f"Phase {phase!r} starts from the result of phase {before!r}, which {run.path} does "
            f"not hold; train {before!r} there first, or all phases."
        )
    checkpoint = Checkpoint(run.path / before / LAST)
    if not finished(run, before):
        raise ValueError(
            f"Phase {before!r} of {run.path} stopped at step {checkpoint.state.step}; finish it "
            f"first: resume (--resume) with phase {before!r} or all phases."
        )
    checkpoint.load_ema(net)


def finished(run: Run, phase: str) -> bool:
    """Whether a run holds a phase that was trained to its end."""
    if standing_folder(run.path / phase / LAST) is None:
        return False
    state = Checkpoint(run.path / phase / LAST).state
    return TrainingConfig(**state.config).progress(state.step, state.seconds) >= 1


def outdated(phase: str, net: FieldFlow, run: Run) -> bool:
    """Whether a run holds a phase that began from the result of a given one."""
    later = _resting(phase, net.phases)
    return any(standing_folder(run.path / name / LAST) is not None for name in later)


def standing_latent_flow(run: Run) -> LatentFlow | None:
    """What phase "latent" of a run has learned, as it is kept beside the network."""
    exported = run.path / EXPORT
    if not finished(run, LATENT) or standing_folder(exported) is None:
        return None
    return load_latent_flow(exported)


def reopen(folder: Path, known: Mapping[str, Any]) -> Run:
    """A run that stands, if it is of the same network, data and seed.

    Args:
        folder: The run.
        known: What is to be run now, as `Run.create` takes it.

    Raises:
        ValueError: If it is of another task, or a setting or something of the fields differs (the
            first that does is named).
    """
    run = Run.open(folder)
    # Before the settings, some of which come from the fields.
    _check_fields(folder, run.facts.get("fields", {}), known.get("fields", {}))
    theirs = _identity(run.facts)
    for name, ours in _identity(known).items():
        if theirs.get(name) != ours:
            raise ValueError(
                f"{folder} is a run with {name} = {theirs.get(name)}, and {ours} was asked; use "
                "the settings in its run.json, start it again with overwrite (--overwrite), or "
                "give another folder."
            )
    # Of these an interrupt names the command, as the one to repeat.
    now = {name: known[name] for name in ("command", "processes") if name in known}
    before = run.facts.get("command")
    if before is not None and now.get("command", before) != before:
        now["earlier_commands"] = [*run.facts.get("earlier_commands", []), before]
    run.update(**now)
    return run


def _check_fields(folder: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Refuse other fields than those that a run has learned from; older runs do not say theirs."""
    for name in ours:
        if name in theirs and not _alike(theirs[name], ours[name]):
            raise ValueError(
                f"{folder} is a run that learned from other fields: their {name} is "
                f"{theirs[name]}, of those given {ours[name]}; give the fields that it began with, "
                "start it again with overwrite (--overwrite), or give another folder."
            )


def _alike(theirs: Any, ours: Any) -> bool:
    """Whether JSON values are the same, but for the last digits of numbers."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        return theirs.keys() == ours.keys() and all(_alike(theirs[k], ours[k]) for k in theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(theirs) == len(ours) and all(map(_alike, theirs, ours))
    if isinstance(theirs, float) and isinstance(ours, int | float):
        return math.isclose(theirs, ours, rel_tol=_DIGITS, abs_tol=_DIGITS)
    return theirs == ours


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What must not change between the parts of a run."""
    settings = facts["settings"]
    named = {name: facts.get(name) for name in ("architecture", "seed", "source")}
    # How often a field is encoded concerns phase "latent" alone, whose cache then grows.
    data = {f"data.{k}": v for k, v in settings["data"].items() if k != "encodings"}
    return {**named, **settings["model"], **data}
