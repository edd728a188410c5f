"""What several processes go through together; accelerate launch … side_by_side.py FOLDER.

FOLDER holds fields.npz, and `begun alone`, a run that one process began. What each process was told
is left in told-RANK.json.
"""

import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import toy

from mamba_diffae.fields import FieldData, Geometry, Grid, Variable
from mamba_diffae.models import ARCHITECTURES
from mamba_diffae.training import Processes, Run, TrainingInterrupted
from mamba_diffae.training.loop import trainer
from mamba_diffae.training.loop.learner import Learner
from mamba_diffae.training.session import TrainingSession
from mamba_diffae.training.settings import settings_for

PHASES = ("autoencoder", "ensemble", "flow", "latent")
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
    "model": {"d_model": 16, "prior": "analogue"},
    "data": {"encodings": 1, "p_noise": 0.3},
    **dict.fromkeys(PHASES, PHASE),
}


def fields(file: Path, shift: float = 0.0) -> FieldData:
    """Inside a model; one value may be off by a shift."""
    kept = np.load(file)
    values = kept["values"].copy()
    values[0, 3, 3] += shift
    return FieldData([Variable("v")], Grid.default((16, 16)), values, splits=kept["splits"])


def fit(data: FieldData, run: Path, *, resume: bool = False, **autoencoder: object) -> None:
    """All phases."""
    architecture = ARCHITECTURES.get("autoencoder")
    changes = {**CHANGES, "autoencoder": {**PHASE, **autoencoder}}
    settings = settings_for(architecture, data, Geometry.unit(2), "tiny", changes)
    session = TrainingSession(architecture, "tiny", 0, "cpu", settings, data)
    for _ in session.train(run, PHASES, resume=resume):
        pass


def interrupted_fit(data: FieldData, run: Path, here: bool = True) -> None:
    """Ctrl-C, in this process or not, in the fourth step of phase 1."""
    learn, steps = Learner.learn, itertools.count()

    def interrupting(learner: Learner, *given: Any) -> float:
        if next(steps) == 3 and here:
            toy.interrupt()
        return learn(learner, *given)

    with patch.object(Learner, "learn", interrupting):
        try:
            fit(data, run)
        except TrainingInterrupted:
            return
    raise AssertionError("the interrupt did not reach this process")


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
        toy.fit(run, config, objective=toy.Eventful(slow))


def told(action: Callable[[], object]) -> str:
    """What an error said."""
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main(folder: Path) -> None:
    processes, file = Processes("cpu"), folder / "fields.npz"
    data = fields(file)

    def new(name: str) -> Run:
        return processes.run_on_main(lambda: Run.create(folder / name, {}))

    fit(data, folder / "together")
    fit(data, folder / "begun alone", resume=True)
    interrupted_fit(data, folder / "begun together", here=processes.rank == 1)
    on_two_clocks(new("two clocks"), processes.main)
    unheard, other = folder / "unheard", fields(file, shift=0.25 * processes.rank)
    said = {
        "count": processes.count,
        "data": told(lambda: fit(other, unheard)),
        "settings": told(lambda: fit(data, unheard, steps=7 + processes.rank)),
        "batch": told(lambda: fit(data, unheard, batch_size=5)),
        "toy batch": told(
            lambda: toy.fit(new("odd"), toy.CONFIG.model_copy(update={"batch_size": 5}))
        ),
        "standing run": told(lambda: fit(data, folder / "begun together")),
        "standing folder": told(lambda: new("together")),
        "loss": told(lambda: toy.fit(new("spoiled"), batches=spoiled_for_one)),
    }
    (folder / f"told-{processes.rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
