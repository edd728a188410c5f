"""What several processes go through together; accelerate launch … side_by_side.py FOLDER.

FOLDER holds fields.npy, and `begun alone`, a run that one process began. What each process was told
is left in told-RANK.json.
"""

import itertools
import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import toy

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.training import Processes, Run, TrainingInterrupted, trainer
from mamba_diffae.training.learner import Learner

PHASE = {
    "steps": 6,
    "batch_size": 4,
    "accumulation": 2,
    "learning_rate": 0.003,
    "warmup_steps": 2,
    "log_every": 1,
    "validate_every": 3,
    "checkpoint_every": 2,
    "show_progress": False,
}
CHANGES = {
    "model": {"d_model": 16},
    "data": {"encodings": 1},
    **dict.fromkeys(("autoencoder", "diffusion", "latent"), PHASE),
}


def estimator(**autoencoder: object) -> FieldAutoencoder:
    changes = {**CHANGES, "autoencoder": {**PHASE, **autoencoder}}
    return FieldAutoencoder("tiny", device="cpu", changes=changes)


def interrupted_fit(fields: Path, run: Path, here: bool = True) -> None:
    """Ctrl-C, in this process or not, in the fourth step of phase 1."""
    learn, steps = Learner.learn, itertools.count()

    def interrupting(learner: Learner, *given: Any) -> float:
        if next(steps) == 3 and here:
            toy.interrupt()
        return learn(learner, *given)

    with patch.object(Learner, "learn", interrupting):
        try:
            estimator().fit(fields, run=run)
        except TrainingInterrupted:
            return
    raise AssertionError("the interrupt did not reach this process")


def typed(fields: Path, run: Path) -> None:
    """The whole training as `-m mamba_diffae fit` runs it."""
    settings = [
        f"--set={section}.{name}={value}"
        for section, changes in CHANGES.items()
        for name, value in changes.items()
    ]
    line = ["mamba-diffae", "fit", str(fields), f"--run={run}", "--preset=tiny", "--device=cpu"]
    with patch.object(sys, "argv", line + settings):
        try:
            runpy.run_module("mamba_diffae", run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise


def differing(fields: Path, run: Path, rank: int) -> None:
    values = np.load(fields)
    values[0, 3, 3] += 0.25 * rank
    estimator().fit(values, run=run)


def spoiled_for_one(index: int) -> toy.ToyBatch:
    """The last sample is not finite: it is in the share of the last process."""
    batch = toy.batches(index)
    y = batch.y.clone()
    y[-1] = float("nan") if index == 2 else y[-1]
    return replace(batch, y=y)


def on_two_clocks(run: Run, main: bool) -> None:
    """A budget of one minute; a step takes ten seconds, but the second process's clock stands."""
    clock = SimpleNamespace(now=0.0)

    def slow(index: int) -> None:
        clock.now += 10 if main else 0

    config = toy.CONFIG.model_copy(update={"steps": 1000, "minutes": 1})
    with patch.object(
        trainer, "time", SimpleNamespace(monotonic=lambda: clock.now, process_time=None)
    ):
        toy.fit(run, config, phase=toy.Eventful(slow))


def told(action: Callable[[], object]) -> str:
    """What an error said."""
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main(folder: Path) -> None:
    processes, fields = Processes("cpu"), folder / "fields.npy"

    def new(name: str) -> Run:
        return processes.once(lambda: Run.create(folder / name, {}))

    typed(fields, folder / "together")
    estimator().fit(fields, run=folder / "begun alone", resume=True)
    interrupted_fit(fields, folder / "begun together", here=processes.rank == 1)
    on_two_clocks(new("two clocks"), processes.main)
    unheard = folder / "unheard"
    said = {
        "count": processes.count,
        "data": told(lambda: differing(fields, unheard, processes.rank)),
        "settings": told(lambda: estimator(steps=7 + processes.rank).fit(fields, run=unheard)),
        "batch": told(lambda: estimator(batch_size=5).fit(fields, run=unheard)),
        "toy batch": told(
            lambda: toy.fit(new("odd"), toy.CONFIG.model_copy(update={"batch_size": 5}))
        ),
        "standing run": told(lambda: estimator().fit(fields, run=folder / "begun together")),
        "standing folder": told(lambda: new("together")),
        "loss": told(lambda: toy.fit(new("spoiled"), batches=spoiled_for_one)),
    }
    (folder / f"told-{processes.rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
