"""What the user sees while training: step, loss, fields a second, time left."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Self, final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_MEMORY = 0.95
_LINES_APART = 10.0
"""Seconds between two lines where there is no terminal to draw a bar on."""


@final
class _Display:
    """A bar on a terminal's stderr, a line every ten seconds elsewhere, or nothing."""

    def __init__(self, name: str, now: float, *, show: bool) -> None:
        self._show = show
        self._console = Console(stderr=True, quiet=not show)
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not (show and self._console.is_terminal),
        )
        self._task = self._bar.add_task(name, total=1.0)
        self._last_line = now

    def start(self) -> None:
        self._bar.start()

    def stop(self) -> None:
        self._bar.stop()

    def update(self, progress: float, line: str, now: float) -> None:
        """Show a share in [0, 1] that is done, with a line on it."""
        if not self._bar.disable:
            self._bar.update(self._task, completed=progress, description=line)
        elif self._show and (now - self._last_line >= _LINES_APART or progress >= 1):
            self._last_line = now
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@final
class CountMeter:
    """What the user sees while many things of one kind are made, as `ProgressMeter` shows it.

    Args:
        work: What is done.
        count: Things in all.
        done: Things made before.
        show: Whether to show anything.
    """

    def __init__(self, work: str, count: int, done: int = 0, *, show: bool) -> None:
        self._work, self._count, self._before, self._done = work, count, done, done
        self._clock = time.monotonic()
        self._display = _Display(work, self._clock, show=show)

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.stop()

    def advance(self, things: int) -> None:
        """Take in so many more."""
        self._done += things
        now = time.monotonic()
        speed = (self._done - self._before) / max(now - self._clock, 1e-9)
        left = timedelta(seconds=round((self._count - self._done) / max(speed, 1e-9)))
        self._display.update(
            self._done / self._count,
            f"{self._work} {self._done:,}/{self._count:,} · {speed:,.1f} a second · {left} left",
            now,
        )


@final
class ProgressMeter:
    """A bar on a terminal's stderr, a line every ten seconds elsewhere, or nothing.

    Args:
        phase: What is being trained.
        steps: Steps in all.
        progress: Share that is done already.
        show: Whether to show anything; the speed is measured all the same.
    """

    def __init__(self, phase: str, steps: int, progress: float, *, show: bool) -> None:
        self._phase, self._steps, self._progress = phase, steps, progress
        self._clock = time.monotonic()
        self._display = _Display(phase, self._clock, show=show)
        # Running sums that forget at one rate, so that their ratios are averages without bias.
        self._count = self._loss = self._fields = self._gain = self._seconds = 0.0

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.stop()

    @property
    def fields_per_second(self) -> float:
        """Speed over the last steps, all work included."""
        return self._fields / max(self._seconds, 1e-9)

    def advance(self, step: int, loss: float, fields: int, progress: float) -> None:
        """Take in a step.

        Args:
            step: Steps made.
            loss: Its loss.
            fields: Fields in it.
            progress: Share of the training that is done, in [0, 1].
        """
        now = time.monotonic()
        self._count = _MEMORY * self._count + 1
        self._loss = _MEMORY * self._loss + loss
        self._fields = _MEMORY * self._fields + fields
        self._gain = _MEMORY * self._gain + progress - self._progress
        self._seconds = _MEMORY * self._seconds + now - self._clock
        self._clock, self._progress = now, progress
        self._display.update(progress, self._line(step), now)

    def _line(self, step: int) -> str:
        left = (1 - self._progress) * self._seconds / max(self._gain, 1e-9)
        return (
            f"{self._phase} step {step:,}/{self._steps:,} · loss {self._loss / self._count:.4f} · "
            f"{self.fields_per_second:,.1f} fields/s · {timedelta(seconds=round(left))} left"
        )
