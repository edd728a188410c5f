"""Messages of the shell: mistakes in one line, and what is being done while that takes long."""

from __future__ import annotations

import errno
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

import typer
from rich.console import Console
from typer.core import TyperGroup

# A file has no width that a table would have to be squeezed into.
output = Console() if sys.stdout.isatty() else Console(width=160)
messages = Console(stderr=True)
_LINES_APART = 10.0
"""Seconds between two lines where there is no terminal to draw a spinner on."""


@final
class CommandGroup(TyperGroup):
    """The commands; a mistake of the user's is one line, not a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run a command; here, since beyond it Typer drops what an interrupt says."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _note
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            echo(str(stop) or "Stopped; nothing half-written is left.")
            raise typer.Exit(130) from stop
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
    if os.environ.get("RANK", "0") != "0" and style is None:
        return
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


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
    echo(f"Note: {message}", style="yellow")
