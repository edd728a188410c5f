"""Work in a process of its own, which is killed at a moment of one's choice."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

_CHANGES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.utime"}
"""Python's audit events of the file system."""


@final
@dataclass(frozen=True)
class Outcome:
    """How a process ended.

    Attributes:
        code: Its exit code, or minus the signal that ended it.
        said: What it printed, and the traceback if it failed.
        seconds: That it took.
        calls: To the file system, below the watched folder; 0 if it was killed.
    """

    code: int
    said: str
    seconds: float
    calls: int

    @property
    def killed(self) -> bool:
        """Whether it was killed before its work was done."""
        return self.code == -signal.SIGKILL

    @property
    def error(self) -> str:
        """The last line of what it said, such as "ValueError: ..."."""
        lines = self.said.strip().splitlines()
        return lines[-1] if lines else f"ended with code {self.code}"


def run(
    work: Callable[[], object],
    watched: Path,
    *,
    seconds: float | None = None,
    call: int | None = None,
) -> Outcome:
    """Do some work in a fork of this process, which starts without importing anything.

    Args:
        work: What is done; what it returns is printed, if it is a text.
        watched: The folder below which calls to the file system count.
        seconds: After which it is killed; None: never.
        call: Before which it is killed, from 1; None: never.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as counted:
        pid = os.fork()
        if pid == 0:
            _work(work, watched, call, said.fileno(), counted.fileno())
        status = _waited(pid, None if seconds is None else started + seconds)
        said.seek(0)
        counted.seek(0)
        code, calls = os.waitstatus_to_exitcode(status), int(counted.read() or 0)
        return Outcome(code, said.read(), time.monotonic() - started, calls)


def _waited(pid: int, end: float | None) -> int:
    """Wait for a child, and kill it at the end."""
    if end is None:
        return os.waitpid(pid, 0)[1]
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _work(
    work: Callable[[], object], watched: Path, call: int | None, said: int, counted: int
) -> None:
    """What the child does; it never returns."""
    code, calls, folder = 1, 0, str(watched.resolve())

    def count(event: str, given: tuple[object, ...]) -> None:
        nonlocal calls
        if event in _CHANGES and isinstance(given[0], str | os.PathLike):
            if not os.fspath(given[0]).startswith(folder):
                return
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.addaudithook(count)
        told = work()
        if isinstance(told, str):
            os.write(said, told.encode())
        code = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os.write(counted, str(calls).encode())
        os._exit(code)
