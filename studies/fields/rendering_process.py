"""One rendering in a process of its own: its time, and the memory that it takes.

    python -m studies.fields.rendering_process render --asked FILE --size 256 --draws 4 --model DIR

The study starts these one after the other. The answer is a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from mamba_diffae.estimator import FieldAutoencoder, render
from mamba_diffae.fields import Axis, Grid, Observations
from studies.fields.peers import PEERS

RENDER, PREDICT = "render", "predict"
MEMORY = 4096
"""MB that a rendering may take beyond what the process holds before it."""
_WARM = 16
"""Cells along each axis of a first rendering, which is not measured: it compiles and imports."""
Work = Callable[[int], object]
"""Makes the field at so many cells along each axis."""


def main() -> None:
    """Render, and tell what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("method", choices=(RENDER, PREDICT, *(peer.name for peer in PEERS)))
    parser.add_argument("--asked", type=Path, required=True, help="what is observed, .npz")
    parser.add_argument("--size", type=int, required=True, help="cells along each axis")
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--model", type=Path, help="a run folder")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    with np.load(given.asked, allow_pickle=False) as file:
        asked = dict(file)
    with TemporaryDirectory(dir=given.asked.parent) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(measured(_work(given, asked, folder), given.size)))  # noqa: T201


def measured(work: Work, size: int) -> dict[str, Any]:
    """Time in s and memory in MB of a rendering, or why it failed.

    Args:
        work: What renders.
        size: Cells along each axis.
    """
    work(_WARM)
    before = peak()
    _limit()
    begun, spent = time.perf_counter(), time.process_time()
    try:
        work(size)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        return {"failed": f"out of {MEMORY / 1024:g} GB"}
    took, spent = time.perf_counter() - begun, time.process_time() - spent
    return {"seconds": took, "processor": spent, "before": before, "peak": peak()}


def peak() -> float:
    """Largest memory of this process so far, in MB.

    What getrusage tells on Linux is at least what the process held that started this one, so /proc
    is asked where there is one.
    """
    try:
        return _status("VmHWM")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 2**10


def _status(name: str) -> float:
    """A line of the state of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (found,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) / 1024


def _limit() -> None:
    """Let what asks for more fail, before the machine does; without /proc there is no limit."""
    try:
        most = int((_status("VmSize") + MEMORY) * 2**20)
    except OSError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _work(given: argparse.Namespace, asked: dict[str, np.ndarray], folder: str) -> Work:
    edges = asked["edges"]
    if given.method not in (RENDER, PREDICT):
        (peer,) = (peer for peer in PEERS if peer.name == given.method)

        def by_peer(size: int) -> object:
            axes = [Axis.regular("", low, high, size).centres for low, high in edges]
            return peer.field(asked["coords"], asked["values"], axes)

        return by_peer
    model = FieldAutoencoder.from_pretrained(given.model, device=given.device)
    coords, values, support = (
        torch.from_numpy(asked[name])[None] for name in ("coords", "values", "support")
    )
    known = torch.ones_like(values, dtype=torch.bool)
    seen = Observations(coords, values, known, support=support)
    if given.method == PREDICT:
        return lambda size: model.predict(seen, _grid(model, size), given.draws)
    out = Path(folder) / "field.zarr"
    options = {"n_draws": given.draws, "overwrite": True, "show_progress": False}
    return lambda size: render(model, seen, _grid(model, size), out, **options)


def _grid(model: FieldAutoencoder, size: int) -> Grid:
    return model.grid.regrid((size, size))


if __name__ == "__main__":
    main()
