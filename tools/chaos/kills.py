"""Kill -9 at many random moments, and what is gone on with afterwards."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np

from tools.chaos.children import Outcome, run
from tools.chaos.tasks import Task


@final
@dataclass
class Row:
    """A line of the table.

    Attributes:
        disturbance: What was done.
        times: How often.
        found: What was wrong, in words; nothing if all was right.
        note: What else there is to say.
    """

    disturbance: str
    times: int
    found: list[str] = field(default_factory=list)
    note: str = ""


@final
@dataclass(frozen=True)
class Undisturbed:
    """A task done once without any disturbance.

    Attributes:
        result: What tells its result from any other.
        outcome: How long it took, and how many calls.
    """

    result: str
    outcome: Outcome

    @staticmethod
    def of(task: Task, place: Path) -> Undisturbed:
        """Do it once.

        Raises:
            RuntimeError: If it fails all by itself.
        """
        task.begin(place)
        outcome = run(lambda: task.go_on(place), place)
        told = run(lambda: task.result(place), place)
        if outcome.code or told.code:
            raise RuntimeError(f"{task.name} fails undisturbed: {outcome.said}{told.said}")
        return Undisturbed(told.said, outcome)


def kill_often(task: Task, folder: Path, count: int, seed: int) -> Row:
    """Kill a task so often, going on each time, and anew once it is done.

    Every other time it is killed before a random call to the file system, else after a random time:
    any as likely that it needs when undisturbed. After each kill what stands under a final name
    must be whole, and no part less far than before; what is finished must be as if undisturbed.

    Args:
        task: What is killed.
        folder: An empty one.
        count: How often.
        seed: Of the moments.
    """
    rng, row = np.random.default_rng(seed), Row(f"kill -9: {task.name}", 0)
    whole = Undisturbed.of(task, folder / "undisturbed")
    runs = 0
    while row.times < count and len(row.found) < 10:
        runs += 1
        place = folder / f"run-{runs}"
        task.begin(place)
        _kill_until_done(task, place, whole, row, count, rng)
        if not row.found:
            shutil.rmtree(place)
    row.note = f"{runs} runs of {whole.outcome.seconds:.1f} s and {whole.outcome.calls} calls"
    return row


def _kill_until_done(
    task: Task, place: Path, whole: Undisturbed, row: Row, count: int, rng: np.random.Generator
) -> None:
    """One run, killed and gone on with until it is done."""
    reached: dict[str, int] = {}
    while True:
        call, seconds = None, None
        if row.times < count and row.times % 2 == 0:
            call = int(rng.integers(1, whole.outcome.calls + 1))
        elif row.times < count:
            seconds = float(rng.uniform(0, whole.outcome.seconds))
        outcome = run(lambda: task.go_on(place), place, call=call, seconds=seconds)
        if not outcome.killed:
            row.found += wrong(task, place, whole, outcome)
            return
        row.times += 1
        moment = f"call {call}" if call else f"{seconds:.2f} s"
        now = run(lambda: repr(task.reached(place)), place)
        if now.code:
            row.found.append(f"{place.name}, killed at {moment}: {now.error}")
            return
        before, reached = reached, dict(_pairs(now.said))
        for part, step in before.items():
            if reached.get(part, -1) < step:
                row.found.append(f"{place.name}, killed at {moment}: {part} was at {step} before")


def _pairs(said: str) -> list[tuple[str, int]]:
    """The last line of what a child said, a dictionary of numbers."""
    inside = said.strip().splitlines()[-1].strip("{}")
    pairs = [part.rsplit(": ", 1) for part in inside.split(", ") if part]
    return [(name.strip("'"), int(number)) for name, number in pairs]


def wrong(task: Task, place: Path, whole: Undisturbed, outcome: Outcome) -> list[str]:
    """What is wrong with a task that went on to its end."""
    if outcome.code:
        return [f"{place.name}: going on fails: {outcome.error}"]
    told = run(lambda: task.result(place), place)
    found = []
    if told.code or told.said != whole.result:
        why = told.error if told.code else "it is another than undisturbed"
        found.append(f"{place.name}: the result: {why}")
    return found + [f"{place.name}: {name} was left behind" for name in task.left(place)]
