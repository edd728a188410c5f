"""A full disk, a second process, damaged files, a clock set back, a home that is not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from torch import nn

from mamba_diffae import FieldAutoencoder
from mamba_diffae.training import Checkpoint
from tools.chaos.children import run
from tools.chaos.damage import accepted
from tools.chaos.kills import Row, Undisturbed, wrong
from tools.chaos.tasks import PHASES, Task, Training, fields

_DISK = 64 * 2**20
"""Bytes of the small disk."""


def full_disk(task: Task, folder: Path, count: int, seed: int) -> Row:
    """Let a small disk (tmpfs) be full at so many places of a task, then free it and go on."""
    row = Row(f"full disk (tmpfs): {task.name}", 0)
    disk = folder / "disk"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        row.note = "left out: no tmpfs can be mounted here"
        return row
    try:
        whole = Undisturbed.of(task, disk / "undisturbed")
        needed = sum(file.stat().st_size for file in disk.rglob("*") if file.is_file())
        shutil.rmtree(disk / "undisturbed")
        # A checkpoint stands beside the one that replaces it.
        for free in np.random.default_rng(seed).uniform(0, 1.2 * needed, count):
            row.times += 1
            row.found += _when_full(task, disk, int(free), whole)
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    row.note = f"{needed / 1e6:.1f} MB needed, from none to 1.2 times that free"
    return row


def _when_full(task: Task, disk: Path, free: int, whole: Undisturbed) -> list[str]:
    """What is wrong when so many bytes are free, and once all are."""
    place, filler = disk / f"free-{free}", disk / "filler"
    task.begin(place)
    room = shutil.disk_usage(disk).free - free
    filler.write_bytes(bytes(max(0, room)))
    found = []
    outcome = run(lambda: task.go_on(place), place)
    if outcome.code and "DiskFullError" not in outcome.error:
        found.append(f"{free} bytes free: {outcome.error}")
    now = run(lambda: repr(task.reached(place)), place)
    if now.code:
        found.append(f"{free} bytes free: {now.error}")
    filler.unlink()
    found += wrong(task, place, whole, run(lambda: task.go_on(place), place))
    shutil.rmtree(place)
    return found


def two_processes(folder: Path, count: int, seed: int) -> Row:
    """A second training into a run folder while the first one is stopped at a random call."""
    task, row = Training(), Row("two processes on one run folder", 0)
    whole = Undisturbed.of(task, folder / "undisturbed")
    rng = np.random.default_rng(seed)
    for number in range(count):
        place = folder / f"run-{number}"
        task.begin(place)
        seconds = float(rng.uniform(0.3, 0.8)) * whole.outcome.seconds
        first = os.fork()
        if first == 0:
            _begin_silently(task, place)
        time.sleep(seconds)
        os.kill(first, signal.SIGSTOP)
        locked = (place / ".lock-run").exists()
        second = run(lambda p=place: task.go_on(p), place)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        row.times += 1
        if locked and f"written already, by process {first};" not in second.error:
            row.found.append(f"{place.name}: the second one was not refused: {second.error}")
        row.found += wrong(task, place, whole, run(lambda p=place: task.go_on(p), place))
    row.note = "the first one is killed then, and the run gone on with"
    return row


def _begin_silently(task: Task, place: Path) -> None:
    """What the first of two processes does; it never returns."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        task.go_on(place)
    finally:
        os._exit(0)


def damaged_model(finished: Path, folder: Path, count: int, seed: int) -> Row:
    """Flip bits of a saved model and cut its files short: it must be refused."""
    saved = Path(shutil.copytree(finished / "run/model", folder / "model"))
    load = partial(FieldAutoencoder.from_pretrained, saved, device="cpu")
    return Row("bits flipped, files cut: saved model", count, accepted(saved, load, count, seed))


def damaged_checkpoints(finished: Path, folder: Path, count: int, seed: int) -> Row:
    """The same of checkpoints, each of the phases."""
    row = Row("bits flipped, files cut: checkpoints", 0)
    network = FieldAutoencoder.from_pretrained(finished / "run", device="cpu").fitted.network
    for number, phase in enumerate(PHASES[:3]):
        times = count * (number + 1) // 3 - row.times
        kept = Path(shutil.copytree(finished / "run" / phase / "last", folder / phase))
        row.found += accepted(kept, partial(_load, kept, network), times, seed + number)
        row.times += times
    return row


def _load(folder: Path, network: nn.Module) -> None:
    """Read all of a checkpoint."""
    checkpoint = Checkpoint(folder)
    checkpoint.load_ema(network)
    checkpoint.load_model(network)
    any_state: Any = SimpleNamespace(load_state_dict=lambda state: None)
    checkpoint.load_optimizer(any_state)


def clock_set_back(folder: Path) -> Row:
    """A training during which every question for the time is answered by an earlier one."""
    task, row = Training(), Row("clock set back an hour at every question", 1)
    whole, place = Undisturbed.of(task, folder / "undisturbed"), folder / "back"
    task.begin(place)

    def go_on() -> None:
        start, asked = time.time(), iter(range(10**9))
        time.time = lambda: start - 3600 * next(asked)
        task.go_on(place)

    row.found += wrong(task, place, whole, run(go_on, place))
    return row


def no_home(folder: Path) -> Row:
    """The shell from a home, and folders for caches, that cannot be made, even by root."""
    row = Row("no home, no folders for caches", 0)
    nowhere = "/proc/none"
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "HF_HOME", "TORCH_HOME")
    names += ("NUMBA_CACHE_DIR", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
    folder.mkdir(parents=True)
    np.save(folder / "waves.npy", fields())
    few = [f"--set={phase}.steps=2" for phase in ("autoencoder", "ensemble", "latent")]
    few += ["--preset=tiny", "--set=model.d_model=8", "--set=model.prior=analogue"]
    for line in (
        ["fit", f"{folder}/waves.npy", f"--run={folder}/run", *few],
        ["evaluate", f"--model={folder}/run", "--fraction=0.3"],
        ["report", f"--run={folder}/run"],
    ):
        row.times += 1
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "mamba_diffae", *line],
            env={**os.environ, **dict.fromkeys(names, nowhere)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            row.found.append(f"{line[0]}: {' '.join(done.stderr.split())[-300:]}")
    return row
