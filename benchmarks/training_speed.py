"""Training throughput of phase 1: where the time goes, beside another edition of this package.

    git worktree add ../before df85b04
    python benchmarks/training_speed.py --before ../before/src

CPU time of one thread for a field of a batch; each turn is a new process, and editions alternate.
Prints a table of medians, and writes the numbers with `--json`. What the prior makes of a set of
observations counts by the steps that it serves.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.sources import open_field
from mamba_diffae.training import TrainingConfig, hardware
from mamba_diffae.training.data.batches import FieldBatches, TrainingBatch
from mamba_diffae.training.loop.learner import Learner
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.settings import settings_for

PARTS = ("observing", "asking", "forward", "backward", "update")


def main() -> None:
    """Measure, and print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--steps", type=int, default=16, help="steps of a turn, each observed anew")
    parser.add_argument("--before", type=Path, help="src of the other edition")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--turn", action="store_true", help="one turn, as JSON: for this program")
    options = parser.parse_args()
    if options.turn:
        torch.set_num_threads(1)
        print(json.dumps(turn(options.preset, options.steps)))
        return
    editions = {"now": None} | ({"before": options.before} if options.before else {})
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in editions}
    for _ in range(options.repeats):
        for name, source in editions.items():
            turns[name].append(measured(options, source))
    table = {
        name: {part: statistics.median(t[part] for t in found) for part in found[0]}
        for name, found in turns.items()
    }
    print(hardware())
    _show(table)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


def measured(options: argparse.Namespace, source: Path | None) -> dict[str, float]:
    """Milliseconds of a field by part, in a process of its own."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if source is not None:
        environment["PYTHONPATH"] = str(source.resolve())
    words = [sys.executable, __file__, "--turn", "--preset", options.preset]
    done = subprocess.run(
        [*words, "--steps", str(options.steps)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def turn(preset: str, steps: int) -> dict[str, float]:
    """Milliseconds of processor time of a field, by part."""
    batches, learner, config = prepared(preset)
    times: dict[str, list[float]] = {part: [] for part in PARTS}
    for step in range(steps + 1):
        lap = laps()
        batches(step)
        first = lap()
        batch = batches(step)  # what is observed is kept: this only asks
        asking = lap()
        observing = (first - asking) / batches.config.reuse
        timed = {"observing": observing, "asking": asking, **one_step(learner, batch)}
        for part in PARTS if step else ():  # the first one compiles
            times[part].append(timed[part])
    found = {part: 1e3 * statistics.mean(times[part]) / config.batch_size for part in PARTS}
    return found | {"sum": sum(found.values())}


def prepared(preset: str) -> tuple[FieldBatches, Learner, TrainingConfig]:
    """What phase 1 trains with."""
    data = open_field("emoji").split("train")
    scaler = FieldScaler.of(data)
    inside = scaler.data(data)
    settings = settings_for(MambaDiffusionAutoencoder, inside, scaler.geometry, preset)
    config = settings.training["autoencoder"]
    torch.manual_seed(0)
    net = MambaDiffusionAutoencoder.from_preset(preset, **settings.model.model_dump())
    net.fit_prior(inside)
    batches = FieldBatches(
        inside,
        settings.data,
        copy.deepcopy(net.prior),
        seed=0,
        batch_size=config.batch_size,
        anchor_shape=net.anchor_shape,
    )
    objective = phase_objective("autoencoder")
    return batches, Learner(net, objective, config, Processes("cpu")), config


def one_step(learner: Learner, batch: TrainingBatch) -> dict[str, float]:
    """Processor time of the parts of one step: `update` is all but loss and gradient."""
    lap = laps()
    loss = learner.loss(batch)
    forward = lap()
    loss.backward()
    backward = lap()
    learner.optimizer.zero_grad()
    lap()
    learner.learn([batch], 1e-4)
    update = max(0.0, lap() - forward - backward)
    return {"forward": forward, "backward": backward, "update": update}


def laps() -> Callable[[], float]:
    """A stopwatch of processor time: each call tells the time since the last one."""
    last = [time.process_time()]

    def lap() -> float:
        before, last[0] = last[0], time.process_time()
        return last[0] - before

    return lap


def _show(table: dict[str, dict[str, float]]) -> None:
    """A row for each part, and how many times slower it was before."""
    for part, ms in table["now"].items():
        before = table.get("before", {}).get(part)
        beside = "" if before is None else f"  before {before:7.2f}  {before / ms:5.2f} ×"
        print(f"{part:>10}: {ms:7.2f} ms a field{beside}")


if __name__ == "__main__":
    main()
