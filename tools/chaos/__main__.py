"""Trainings, renders and files under every disturbance: nothing may be lost, or wrong unsaid.

    python -m tools.chaos [--count 100] [--seed 0] [--only kill] [--folder chaos]

On Linux; the small disk needs the right to mount one. Prints a table, and what was found below it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
for name in ONE_THREAD:  # before any of them is read: a process of one thread may fork
    os.environ[name] = "1"
# What trainings and renders import on the way, so that children find it there.
_IMPORTED = ("accelerate", "dask.array", "sklearn.cluster", "sklearn.linear_model", "torch._dynamo")
_IMPORTED += ("zarr", "netCDF4", "mamba_diffae.scan.cpu_kernels")

from tools.chaos import surroundings  # noqa: E402
from tools.chaos.children import run  # noqa: E402
from tools.chaos.kills import Row, kill_often  # noqa: E402
from tools.chaos.tasks import Rendering, Training, estimator, fields  # noqa: E402

Disturbance = Callable[[], Row]


def disturbances(folder: Path, count: int, seed: int) -> Mapping[str, Disturbance]:
    """All of them by name, each with a folder of its own.

    Args:
        folder: With a finished training in `finished`, and one of the first phase in `first`.
        count: Kills of each task; twice as many damages, a fifth as many full disks and a twentieth
            as many second processes.
        seed: Of all that is random.
    """
    finished, first, fifth = folder / "finished", folder / "first/run", max(1, count // 5)
    tasks = {
        "fit": Training(),
        "latents": Training(first),
        "zarr": Rendering(finished / "run", ".zarr"),
        "netcdf": Rendering(finished / "run", ".nc"),
    }
    kills = {
        f"kill-{name}": partial(kill_often, task, folder / f"kill-{name}", count, seed + number)
        for number, (name, task) in enumerate(tasks.items())
    }
    full = {
        f"full-{name}": partial(
            surroundings.full_disk, tasks[name], folder / f"full-{name}", fifth, seed
        )
        for name in ("fit", "zarr")
    }
    damage = finished, folder / "damage", 2 * count, seed
    return {
        **kills,
        **full,
        "two-processes": partial(
            surroundings.two_processes, folder / "two", max(1, count // 20), seed
        ),
        "damage-model": partial(surroundings.damaged_model, *damage),
        "damage-checkpoints": partial(surroundings.damaged_checkpoints, *damage),
        "clock": partial(surroundings.clock_set_back, folder / "clock"),
        "home": partial(surroundings.no_home, folder / "home"),
    }


def prepare(folder: Path) -> None:
    """What the disturbances begin from.

    Raises:
        RuntimeError: If a training fails undisturbed.
    """
    for name in _IMPORTED:
        importlib.import_module(name)

    def trained() -> None:
        estimator().fit(fields(), run=folder / "first/run", phases=["autoencoder"])
        shutil.copytree(folder / "first", folder / "finished")
        Training().go_on(folder / "finished")

    outcome = run(trained, folder)
    if outcome.code:
        raise RuntimeError(f"A training fails undisturbed: {outcome.said}")


def main() -> int:
    """Disturb, and print the table; 1 if something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100, help="kills of each task; more of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="disturbances whose name holds this")
    parser.add_argument("--folder", type=Path, help="an empty one, to keep; else a temporary one")
    given = parser.parse_args()
    found = 0
    with tempfile.TemporaryDirectory() as nowhere:
        folder = (given.folder or Path(nowhere)).resolve()
        prepare(folder)
        print("| disturbance | times | found | seconds | |\n| --- | --- | --- | --- | --- |")
        for name, disturb in disturbances(folder, given.count, given.seed).items():
            if given.only not in name:
                continue
            started = time.monotonic()
            row = disturb()
            found += len(row.found)
            seconds = f"{time.monotonic() - started:.0f}"
            cells = [row.disturbance, str(row.times), str(len(row.found)), seconds, row.note]
            print(f"| {' | '.join(cells)} |", flush=True)
            for words in row.found:
                print(f"  {words}", file=sys.stderr, flush=True)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
