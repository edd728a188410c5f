"""Messages of the shell: mistakes in one line, and what is being done while that takes long."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, final

import typer
from rich.console import Console
from typer.core import TyperGroup

# A file has no width that a table would have to be squeezed into. Names and paths are written as
# they are: neither brackets nor colons in them mean anything.
_ON_TERMINAL = sys.stdout is not None and sys.stdout.isatty()  # None: it was closed
output = Console(width=None if _ON_TERMINAL else 160, markup=False, emoji=False)
messages = Console(stderr=True, markup=False, emoji=False)
_TRAINING = ("fit", "demo")
"""Commands that several processes may run together."""
_LINES_APART = 10.0
"""Seconds between two lines where there is no terminal to draw a spinner on."""


@final
class Terminated(KeyboardInterrupt):
    """The system or a cluster ends the program by SIGTERM: it stops as after Ctrl-C."""

    number = signal.SIGTERM


@final
class CommandGroup(TyperGroup):
    """The commands; a mistake of the user's is one line, not a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run a command; here, since beyond it Typer drops what an interrupt says."""
        try:
            with warnings.catch_warnings(), _termination_told():
                warnings.showwarning = _note
                _take_no_note_for_an_error()
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            echo(str(stop) or "Stopped; nothing half-written is left.")
            raise typer.Exit(128 + getattr(stop, "number", signal.SIGINT)) from stop
        except (ValueError, OSError, FloatingPointError, MemoryError, RuntimeError) as error:
            text = _message(error)
            if text is None:
                raise
            echo(f"Error: {text}", style="red")
            raise typer.Exit(2) from error


def echo(text: str, console: Console = messages, style: str | None = None) -> None:
    """Write to the user as it is: no markup, and no line breaks within a path.

    Of several processes that train together the first one speaks; all tell their errors.
    """
    if style is None and _among_others():
        return
    console.print(text, style=style, highlight=False, soft_wrap=True)


def accept_any_text() -> None:
    """Write a question mark for what a terminal or file of another encoding cannot hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def check_working_folder() -> None:
    """Refuse to begin in a folder that was removed: libraries then fail in ways of their own."""
    try:
        Path.cwd()
    except OSError as error:
        echo(f"Error: The working folder is gone ({error.strerror}); cd to one.", style="red")
        raise SystemExit(2) from error


@contextmanager
def _termination_told() -> Iterator[None]:
    """Let SIGTERM stop what runs as Ctrl-C does, so that it cleans up behind itself."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def status(work: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done: beside a spinner on a terminal, in a line now and then elsewhere.

    Args:
        work: What is begun.

    Yields:
        To be called with what is done now.
    """
    if messages.is_terminal:
        with messages.status(work) as bar:
            yield bar.update
        return
    last = time.monotonic()

    def line(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINES_APART:
            last = time.monotonic()
            echo(text)

    yield line


def _among_others() -> bool:
    """Whether this trains behind the first one of several processes.

    A number alone may be left from another program, and commands that do not train are alone.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if not {*sys.argv[1:2]} & {*_TRAINING}:
        return False
    return count.isdecimal() and int(count) > 1 and os.environ.get("RANK", "0") != "0"


def _take_no_note_for_an_error() -> None:
    """Tell notes as such where PYTHONWARNINGS makes errors of warnings, for programs in Python."""
    if any(option.startswith("e") for option in sys.warnoptions):
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)


def _message(error: Exception) -> str | None:
    """What to say of an error that has its cause outside of the program; None for any other."""
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error).lower()
    ):
        return (
            f"Not enough memory ({error}); ask for less: --size, --count, --set PHASE.batch_size=8."
        )
    if isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.EPIPE:
        return None
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}; check that place, or give another."
    return str(error)


def _note(message: Warning | str, *where: Any) -> None:
    # Some libraries put the traceback of what they overlooked into a warning.
    text = str(message).partition("Traceback")[0].strip()
    echo(f"Note: {text}", style="yellow")
