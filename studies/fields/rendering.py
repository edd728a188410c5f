"""Points a second and peak memory of a rendering against its size, beside other packages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.evaluation import Method
from mamba_diffae.fields import Observations
from mamba_diffae.fields.atomic import atomic_file
from studies.common.cache import cached_json, fields_digest, weights_digest
from studies.common.side_by_side import child_environment
from studies.fields.cases import DENSITIES
from studies.fields.measuring import MODEL, trained_model
from studies.fields.peers import PEERS, Peer
from studies.fields.plan import CaseFolder
from studies.fields.rendering_process import PREDICT, RENDER
from studies.fields.scoring import Scored, scored

DENSITY = DENSITIES[-1]
"""Share of the cells that is observed of what is rendered."""
_PROCESS = "studies.fields.rendering_process"


@final
@dataclass(frozen=True)
class Rendered:
    """One rendering in a fresh process.

    Attributes:
        name: What rendered.
        size: Cells along each axis.
        n_draws: Draws that it made beside the mean.
        seconds: That it took, loading and compiling left out; None: it failed.
        before: Largest memory of the process before it, in MB.
        peak: Largest memory of the process, in MB.
        failed: Why, if it did.
    """

    name: str
    size: int
    n_draws: int
    seconds: float | None = None
    before: float | None = None
    peak: float | None = None
    failed: str = ""

    @property
    def speed(self) -> float | None:
        """Points of the grid a second, all variables and draws of each."""
        return None if self.seconds is None else self.size**2 / self.seconds


@final
@dataclass(frozen=True, eq=False)
class RenderingResult:
    """What was rendered, and how accurate it is on the native cells of test fields.

    Attributes:
        rendered: By method, then by size.
        accuracy: Of the model and of each package that is there.
        observed: Cells of the field that is rendered.
        left_out: Packages that are not installed.
    """

    rendered: Sequence[Rendered]
    accuracy: Sequence[Scored]
    observed: int
    left_out: Sequence[str]


def measure_rendering(folder: CaseFolder, tell: OnProgress) -> RenderingResult:
    """Render the first test field of a case at all sizes, and score what renders.

    Args:
        folder: Of the case; its training is done.
        tell: Told of every rendering.
    """
    peers = [peer for peer in PEERS if peer.installed]
    asked = AskedField(folder)
    plan, rendered = folder.plan.rendering, []
    for name in (RENDER, PREDICT, *(peer.name for peer in peers)):
        ours = name in (RENDER, PREDICT)
        for size in plan.sizes:
            rendered.append(asked.rendered(name, size, plan.n_draws if ours else 0))
            tell(f"{name} at {size}²")
            if rendered[-1].failed:
                break
    for size in plan.mean_sizes:
        rendered.append(asked.rendered(RENDER, size, 0))
        tell(f"{RENDER}, the mean at {size}²")
    accuracy = _accuracy(folder, peers)
    left_out = [peer.name for peer in PEERS if not peer.installed]
    return RenderingResult(rendered, accuracy, int(asked.seen.counts[0]), left_out)


@final
class AskedField:
    """What was observed of a field, in a file that processes read.

    Args:
        folder: Of the case; its training is done.
    """

    def __init__(self, folder: CaseFolder) -> None:
        self.folder, test = folder, folder.test.take(slice(0, 1))
        self.where, self.edges = folder.request.folder / "rendering", test.grid.axes
        self.seen = folder.case.observe(test, DENSITY, folder.request.seed)
        network = trained_model(folder).fitted.network
        self.key = {"weights": weights_digest(network), "fields": fields_digest(test)}
        self._write(self.seen)

    def _write(self, seen: Observations) -> None:
        assert seen.support is not None
        parts = {"coords": seen.coords, "values": seen.values, "support": seen.support}
        arrays = {name: part[0].double().numpy() for name, part in parts.items()}
        edges = np.array([(axis.low, axis.high) for axis in self.edges])
        with atomic_file(self.file) as temporary, temporary.open("wb") as file:
            np.savez(file, edges=edges, **arrays)  # pyright: ignore[reportArgumentType]

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.where / "observed.npz"

    def rendered(self, name: str, size: int, n_draws: int) -> Rendered:
        """One rendering, made or found."""
        seconds = self.folder.plan.rendering.seconds
        key = {**self.key, "draws": n_draws, "seconds": seconds}
        kind = "draws" if n_draws else "mean"
        path = self.where / f"{name}-{size}-{kind}.json"
        told = cached_json(path, key, partial(self._run, name, size, n_draws))
        found = {part: told.get(part) for part in ("seconds", "before", "peak")}
        return Rendered(name, size, n_draws, **found, failed=told.get("failed", ""))

    def _run(self, name: str, size: int, n_draws: int) -> dict[str, Any]:
        seconds, model = self.folder.plan.rendering.seconds, self.folder.training.folder
        words = [name, "--asked", str(self.file), "--size", str(size), "--draws", str(n_draws)]
        words += ["--model", str(model), "--device", self.folder.request.device]
        try:
            done = subprocess.run(
                [sys.executable, "-m", _PROCESS, *words],
                env=child_environment(),
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"not done after {seconds:g} s"}
        if done.returncode:
            said = done.stderr.strip().splitlines()
            return {"failed": said[-1] if said else f"ended with code {done.returncode}"}
        return json.loads(done.stdout.splitlines()[-1])


def _accuracy(folder: CaseFolder, peers: Sequence[Peer]) -> list[Scored]:
    """The model's mean and draws, and each package, on the same observations of the same fields."""
    count, seed = folder.plan.rendering.count, folder.request.seed
    test = folder.test.take(slice(0, count))
    seen, model = folder.case.observe(test, DENSITY, seed), trained_model(folder)
    told = {MODEL: model.predict(seen, test.grid, folder.plan.n_draws, seed=seed)}
    told |= {Method(peer.package, peer.name): peer.predict(seen, test.grid) for peer in peers}
    return [
        scored(method, found, test, seen, folder.deviation, seed) for method, found in told.items()
    ]
