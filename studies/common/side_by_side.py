"""Trainings as processes side by side, each on a core of its own: what equal cost means here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mamba_diffae.fields import FieldData
from studies.common.folder_lock import FolderLock
from studies.common.training_job import TrainingJob

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
_PATIENCE = 0.1
"""Seconds between two looks at the processes."""
_GRACE = 20
"""Seconds that a process has to save and stop."""


def train_side_by_side(
    trainings: Sequence[TrainingJob], at_once: int, on_progress: Callable[[str], None]
) -> None:
    """Train what is not trained yet, some at a time, each with one thread on one core.

    A training that another process is at is waited for, while others are trained.

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
    running: dict[int, tuple[TrainingJob, FolderLock, subprocess.Popen[bytes]]] = {}
    try:
        while waiting or running:
            while free and (locked := _next(waiting)) is not None:
                core = free.pop()
                running[core] = *locked, _start(*locked, core)
            for core, (training, lock, process) in list(running.items()):
                if process.poll() is not None:
                    _conclude(training, process.returncode)
                    del running[core]
                    free.append(core)
                    lock.release()
                    on_progress(f"training {training.name}")
            time.sleep(_PATIENCE)
    finally:
        _stop([process for *_, process in running.values()])
        for _, lock, _ in running.values():
            lock.release()


def train_here(
    trainings: Sequence[TrainingJob], data: FieldData, on_progress: Callable[[str], None]
) -> None:
    """Train what is not trained yet in this process: to try things out, not at equal cost.

    Args:
        trainings: As for `train_side_by_side`.
        data: The fields of their source.
        on_progress: Told of every training that has ended.
    """
    work_here(trainings, lambda training: training.here(data), on_progress)


def work_here(
    trainings: Sequence[TrainingJob],
    work: Callable[[TrainingJob], None],
    on_progress: Callable[[str], None],
) -> None:
    """The same, with what else a study does with each of its trainings.

    Args:
        trainings: As for `train_side_by_side`.
        work: Trains one and concludes it.
        on_progress: Told of every training that has ended.
    """
    waiting = [training for training in trainings if not training.finished()]
    while waiting:
        if (locked := _next(waiting)) is None:
            time.sleep(_PATIENCE)
            continue
        training, lock = locked
        try:
            work(training)
        finally:
            lock.release()
        on_progress(f"training {training.name}")


def _next(waiting: list[TrainingJob]) -> tuple[TrainingJob, FolderLock] | None:
    """Take out the first that is neither done nor locked, and lock it."""
    for training in list(waiting):
        lock = FolderLock.acquire(training.folder)
        if lock is None:
            continue
        waiting.remove(training)
        if not training.finished():  # another process may have ended it by now
            return training, lock
        lock.release()
    return None


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each to save and stop; one that did not hear is asked again, and then made to."""
    for request in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        for process in processes:
            process.send_signal(request)  # to one that has ended it does nothing
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)


def _start(training: TrainingJob, lock: FolderLock, core: int) -> subprocess.Popen[bytes]:
    """Begin a training, or go on with it, apart from the terminal: it is stopped by us, once."""
    with training.log.open("wb") as log, _pinned(core):
        return subprocess.Popen(
            [sys.executable, *training.process],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            start_new_session=True,
            # If this process is killed, the folder stays locked until that one ends.
            pass_fds=() if os.name == "nt" else (lock.handle,),
        )


def child_environment() -> dict[str, str]:
    """Of a process with one thread, which finds the studies from any working folder."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}


def _conclude(training: TrainingJob, code: int) -> None:
    if code == 0:
        training.conclude()
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
