"""Trainings as processes side by side, each on a core of its own: what equal cost means here."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mamba_diffae.training import Run

_DONE = "trained"
"""Fact of a run: the command that ended well."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
_PATIENCE = 0.1
"""Seconds between two looks at the processes."""
_GRACE = 20
"""Seconds that a process has to save and stop."""


@final
@dataclass(frozen=True)
class Training:
    """One run of `mamba-diffae fit`.

    Attributes:
        folder: The run folder.
        words: What follows `mamba-diffae`, but for --resume.
    """

    folder: Path
    words: Sequence[str]

    @property
    def command(self) -> str:
        """As it is typed."""
        return shlex.join(["mamba-diffae", *self.words])

    @property
    def log(self) -> Path:
        """Where the process writes what it says."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def finished(self) -> bool:
        """Whether this very command has ended well."""
        standing = (self.folder / "run.json").is_file()
        return standing and Run.open(self.folder).facts.get(_DONE) == self.command


def train_side_by_side(
    trainings: Sequence[Training], at_once: int, on_progress: Callable[[str], None]
) -> None:
    """Train what is not trained yet, some at a time, each with one thread on one core.

    Args:
        trainings: Runs that were stopped go on, finished ones are left as they are.
        at_once: Processes side by side, at most one a core.
        on_progress: Told of every training that has ended.

    Raises:
        ValueError: If one fails, with its own message. Like an interrupt, that stops the others
            after their step, saved.
    """
    waiting = [training for training in trainings if not training.finished()]
    cores = _cores()
    free = cores[: max(1, min(at_once, len(cores)))]
    running: dict[int, tuple[Training, subprocess.Popen[bytes]]] = {}
    try:
        while waiting or running:
            while waiting and free:
                core, training = free.pop(), waiting.pop(0)
                running[core] = training, _start(training, core)
            for core, (training, process) in list(running.items()):
                if process.poll() is not None:
                    del running[core]
                    free.append(core)
                    _conclude(training, process.returncode)
                    on_progress(f"training {training.folder.name}")
            time.sleep(_PATIENCE)
    finally:
        _stop([process for _, process in running.values()])


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each to save and stop; one that did not hear is asked again, and then made to."""
    for request in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        for process in processes:
            process.send_signal(request)  # to one that has ended it does nothing
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)


def _start(training: Training, core: int) -> subprocess.Popen[bytes]:
    """Begin a training, or go on with it, apart from the terminal: it is stopped by us, once."""
    training.folder.parent.mkdir(parents=True, exist_ok=True)
    with training.log.open("wb") as log, _pinned(core):
        return subprocess.Popen(
            [sys.executable, "-m", "mamba_diffae", *training.words, "--resume"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )


def _conclude(training: Training, code: int) -> None:
    if code == 0:
        Run.open(training.folder).update(**{_DONE: training.command})
        return
    said = training.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise ValueError(
        f"The training in {training.folder} ended with code {code}: "
        f"{said[-1] if said else 'it said nothing'} (all it said is in {training.log}). Mend that, "
        "then go on with --resume."
    )


def _cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """Children begun here stay on one core, where the system can see to it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
