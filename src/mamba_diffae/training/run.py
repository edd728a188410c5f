"""A Run: the folder that says what was run, on what, how it went, and holds its checkpoints."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, final

import torch

from mamba_diffae.fields.atomic import atomic_file, named_full_disk
from mamba_diffae.fields.clutter import entries
from mamba_diffae.fields.plain_json import plain_json, plain_line, read_numbers
from mamba_diffae.fields.resolved import resolved
from mamba_diffae.models.serialization import FORMAT as NETWORKS

TASK, FORMAT = "fields", 1
_FACTS, _METRICS = "run.json", "metrics.jsonl"


@final
@dataclass(eq=False)
class Run:
    """A run folder; make one with `create`, open one with `open`.

    Attributes:
        path: The folder.
        facts: What `run.json` says: the facts given to `create`, versions, hardware, when it
            started (UTC) and the seconds each phase took.
    """

    path: Path
    facts: dict[str, Any]

    @staticmethod
    def create(path: str | Path, facts: Mapping[str, Any], *, overwrite: bool = False) -> Run:
        """Make a run folder.

        Args:
            path: A folder that is new or empty, or with `overwrite` a former run's.
            facts: What is to be run, JSON values: command, model, preset, config, source, seed.
            overwrite: Whether a run that stands there is deleted, with all that is in its folder.

        Raises:
            ValueError: If something else stands there, or a run without `overwrite`.
        """
        path = resolved(path)
        if path.exists() and (not path.is_dir() or entries(path)):
            Run._refuse_to_replace(path, overwrite)
            shutil.rmtree(path)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"versions": _versions(), "hardware": hardware(), "started": started, "elapsed": {}}
        run = Run(path, {"task": TASK, "format": FORMAT, **facts, **about})
        run.write_json(_FACTS, run.facts)
        return run

    @staticmethod
    def _refuse_to_replace(path: Path, overwrite: bool) -> None:
        if not path.is_dir():
            raise ValueError(f"{path} is a file; give a folder for the run.")
        if not (path / _FACTS).is_file():
            raise ValueError(
                f"{path} holds files but is no run folder (it has no {_FACTS}), so it is left "
                "alone; give a new or empty folder for the run."
            )
        Run.open(path)
        if not overwrite:
            raise ValueError(
                f"{path} already holds a run; go on with it by resume (--resume), delete it and "
                "start again by overwrite (--overwrite), or give another folder."
            )

    @staticmethod
    def open(path: str | Path) -> Run:
        """Open a run folder.

        Raises:
            ValueError: If there is none, its `run.json` is damaged, or it is of another task or a
                newer format.
        """
        path = resolved(path)
        file = path / _FACTS
        if not file.is_file():
            raise ValueError(
                f"{path} is no run folder: expected {_FACTS} in it; give the folder of a finished "
                "or stopped training, or make one with `mamba-diffae fit`."
            )
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            task, written = facts["task"], facts["format"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{file} is damaged ({error}); expected a JSON object with task and format. "
                "Restore it from a copy, or train again into a new folder."
            ) from error
        if (task, written) != (TASK, FORMAT):
            raise ValueError(
                f"{file} is of task {task!r}, format {written!r}; expected task {TASK!r}, format "
                f"{FORMAT}. Give a run of this task, made by this version of the package."
            )
        return Run(path, facts)

    def update(self, **facts: Any) -> None:
        """Add facts to `run.json`, or replace those of the same name."""
        self.facts = {**self.facts, **facts}
        self.write_json(_FACTS, self.facts)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file into the folder, whole or not at all."""
        with atomic_file(self.path / name) as temporary:
            temporary.write_text(plain_json(content), encoding="utf-8")

    def log(self, row: Mapping[str, Any]) -> None:
        """Append a row to the metrics."""
        file = self.path / _METRICS
        with named_full_disk(file), file.open("a", encoding="utf-8") as metrics:
            metrics.write(plain_line(row))

    def metrics(self) -> list[dict[str, Any]]:
        """All rows of the metrics, oldest first; a last row that was cut short is left out.

        What is no number in a row, null in the file, is NaN.

        Raises:
            ValueError: If another row is damaged.
        """
        file = self.path / _METRICS
        lines = file.read_bytes().split(b"\n") if file.is_file() else [b""]
        rows = []
        for number, line in enumerate(lines[:-1], start=1):  # whole rows end in a line break
            try:
                rows.append(read_numbers(json.loads(line)))
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"{file}, line {number} is damaged ({error}); expected a JSON object. Delete "
                    "that line."
                ) from error
        return rows

    def forget_after(self, phase: str, step: int) -> None:
        """Drop the rows of a phase beyond a step.

        A killed process wrote them after its last checkpoint; the resumed one writes them again.
        """
        rows = [r for r in self.metrics() if r["phase"] != phase or r["step"] <= step]
        with atomic_file(self.path / _METRICS) as temporary:
            temporary.write_text("".join(map(plain_line, rows)), encoding="utf-8")


def hardware() -> dict[str, Any]:
    """The machine: processor, its cores, the threads in use, memory in GB, and the GPU or None."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
        if hasattr(os, "sysconf")
        else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    """The name of the processor's model, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    try:
        ours = version("mamba-diffae")
    except PackageNotFoundError:
        ours = "not installed"
    libraries = {name: version(name) for name in ("torch", "numpy")}
    known = {"mamba-diffae": ours, "network format": str(NETWORKS)}
    return {**known, "python": platform.python_version(), **libraries}
