"""Training throughput of a preset: where the time goes, and what the fast scan saves.

    python benchmarks/training_speed.py

Steps with the fast and with the reference scan alternate on the same batches, so that a busy
machine slows both. Printed are medians of processor time for each part of a step, and the fields a
second that training makes when batches are prefetched.
"""

from __future__ import annotations

import argparse
import copy
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.nn import mamba
from mamba_diffae.scan import selective_scan
from mamba_diffae.sources import open_field
from mamba_diffae.training import TrainingConfig, hardware
from mamba_diffae.training.data.batches import FieldBatches, TrainingBatch
from mamba_diffae.training.loop.learner import Learner
from mamba_diffae.training.loop.prefetch import prefetch
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.settings import settings_for

PARTS = ("batch", "forward", "backward", "update")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--steps", type=int, default=20, help="steps of each")
    options = parser.parse_args()
    batches, learner, config = prepared(options.preset)
    size = config.batch_size
    print(hardware())
    spent = parts(batches, learner, options.steps)
    for name, times in spent.items():
        each = {part: 1e3 * statistics.median(times[part]) / size for part in PARTS}
        listed = ", ".join(f"{part} {ms:.2f}" for part, ms in each.items())
        print(f"{name:>10}: {sum(each.values()):.2f} ms of processor time a field ({listed})")
    rate = steps_a_second(batches, learner, options.steps) * size
    print(f"   trained: {rate:.1f} fields a second, batches prefetched")


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


def parts(batches: FieldBatches, learner: Learner, steps: int) -> dict[str, dict[str, list[float]]]:
    """Processor time of each part of a step, with either scan."""
    found = {name: {part: [] for part in PARTS} for name in ("auto", "reference")}
    for step in range(steps + 1):
        lap = laps()
        batch = batches(step)
        made = lap()
        for name, times in found.items():
            with scanned_by(name):
                timed = {"batch": made, **one_step(learner, batch)}
            for part in PARTS if step else ():  # the first one compiles
                times[part].append(timed[part])
    return found


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


def steps_a_second(batches: FieldBatches, learner: Learner, steps: int) -> float:
    """Steps a second, as `train` makes them."""
    with prefetch(batches) as ready:
        learner.learn([ready(0)], 1e-4)
        start = time.perf_counter()
        for step in range(1, steps + 1):
            learner.learn([ready(step)], 1e-4)
    return steps / (time.perf_counter() - start)


def laps() -> Callable[[], float]:
    """A stopwatch of processor time: each call tells the time since the last one."""
    last = [time.process_time()]

    def lap() -> float:
        before, last[0] = last[0], time.process_time()
        return last[0] - before

    return lap


@contextmanager
def scanned_by(backend: str) -> Iterator[None]:
    """Let every scan be made by a backend."""
    former = mamba.selective_scan
    mamba.selective_scan = functools.partial(selective_scan, backend=backend)
    try:
        yield
    finally:
        mamba.selective_scan = former


if __name__ == "__main__":
    main()
