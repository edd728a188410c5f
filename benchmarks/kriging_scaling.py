"""Time and peak memory of kriging one field against the number of stations.

    python benchmarks/kriging_scaling.py --out docs/images/kriging_scaling.svg \\
        --json benchmarks/kriging_scaling.json

The field is a sum of 1000 random waves, whose covariance is a Matérn kernel of order 3/2 (below
the shortest of them it is smoother: many stations resolve it to rounding). It is observed without
error at random places of the unit square, and asked on 64 × 64 cells with its deviation. Beside
ours, the prior and the classical method, stand scikit-learn's exact Gaussian process and, where it
is installed, PyKrige's ordinary kriging, of all stations and of the 80 nearest; these are given
the true kernel, while ours choose it. Each runs in a process of its own, on one thread; memory is
the peak above what the process holds before.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

COUNTS = (1000, 2000, 4000, 8000, 20_000, 100_000)
LENGTH = 0.2
NEAREST = 80
TOLERANCE = 1.02
"""Error beside the exact process, of the same stations, that counts as the same."""
MEMORY = 2048
"""Target, in MB."""
Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Results = Sequence[Mapping[str, Any]]


def waves(coords: np.ndarray, seed: int = 0, count: int = 1000) -> np.ndarray:
    """The field at places (N, 2): frequencies of a Matérn 3/2 kernel have Student's law."""
    rng = np.random.default_rng(seed)
    k = rng.normal(size=(count, 2)) / np.sqrt(rng.chisquare(3, (count, 1)) / 3) / LENGTH
    phase = rng.uniform(0, 2 * np.pi, count)
    parts = np.array_split(coords, 1 + len(coords) // 5000)
    return np.concatenate([np.cos(p @ k.T + phase).sum(1) for p in parts]) * np.sqrt(2 / count)


def kriging_prior(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    import torch

    from mamba_diffae.fields import Geometry, Observations
    from mamba_diffae.priors import PriorConfig
    from mamba_diffae.priors.kriging.prior import KrigingPrior

    config = PriorConfig(geometry=Geometry(extent=(1.0, 1.0)), shape=(64, 64), value_dim=1)
    observations = Observations.from_points(coords, values)
    mean, _ = KrigingPrior(config).at(observations, torch.from_numpy(asked))
    return mean[0, :, 0].numpy()


def kriging(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from mamba_diffae.evaluation import Kriging
    from mamba_diffae.fields import Observations

    return Kriging().predict(Observations.from_points(coords, values), asked).mean[0, :, 0]


def scikit_learn(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    kernel = Matern(LENGTH, nu=1.5)
    none: Any = None  # no search: its stubs know only the default
    process = GaussianProcessRegressor(kernel, alpha=1e-8, optimizer=none)
    return process.fit(coords, values).predict(asked, return_std=True)[0]


def pykrige(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.asarray(_pykrige(coords, values).execute("points", *asked.T)[0])


def pykrige_nearest(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    few = {"backend": "loop", "n_closest_points": min(NEAREST, len(coords))}
    return np.asarray(_pykrige(coords, values).execute("points", *asked.T, **few)[0])


def _pykrige(coords: np.ndarray, values: np.ndarray) -> Any:
    from pykrige.ok import OrdinaryKriging

    x, y = coords.T
    return OrdinaryKriging(x, y, values, "custom", [LENGTH], variogram_function=matern_variogram)


def matern_variogram(parameters: list[float], distance: np.ndarray) -> np.ndarray:
    """Of order 3/2 and sill 1, as PyKrige wants it."""
    scaled = np.sqrt(3) * distance / parameters[0]
    return 1 - (1 + scaled) * np.exp(-scaled)


METHODS: dict[str, tuple[Answer, int]] = {
    "kriging prior": (kriging_prior, 100_000),
    "kriging": (kriging, 100_000),
    "scikit-learn": (scikit_learn, 8000),
    "PyKrige": (pykrige, 4000),
    f"PyKrige, {NEAREST} nearest": (pykrige_nearest, 8000),
}
"""Each with the most stations it is tried with: one system of all, or all distances, of more take
minutes and gigabytes."""
EXACT = "scikit-learn"


def measure(name: str, count: int) -> dict[str, float]:
    """One method at one number of stations, in this process."""
    import torch

    torch.set_num_threads(1)
    answer, _ = METHODS[name]
    coords = np.random.default_rng(1).uniform(size=(count, 2))
    centres = (np.arange(64) + 0.5) / 64
    asked = np.stack(np.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 2)
    values, truth = waves(coords), waves(asked)
    answer(coords[:200], values[:200], asked[:9])  # what is imported late
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    found = answer(coords, values, asked)
    wall, spent = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    rmse = float(np.sqrt(np.square(found - truth).mean()))
    return {"seconds": wall, "cpu_seconds": spent, "megabytes": peak / 1024, "rmse": rmse}


def run(counts: Sequence[int]) -> list[dict[str, Any]]:
    """All methods, each number of stations in a process of its own."""
    results = []
    for name, (_, most) in METHODS.items():
        if name.startswith("PyKrige") and find_spec("pykrige") is None:
            print(f"{name} is not installed: left out")
            continue
        for count in counts:
            if count > most:
                continue
            command = [sys.executable, str(Path(__file__)), "--one", name, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results.append({"method": name, "stations": count, **json.loads(done.stdout)})
            shown = "  ".join(f"{k} {v:.3g}" for k, v in list(results[-1].items())[2:])
            print(f"{name:>19} {count:>7}  {shown}", flush=True)
    return results


def draw(results: Results, path: Path) -> None:
    """Time and memory side by side; filled where the error is that of the exact process."""
    from matplotlib.figure import Figure

    exact = {row["stations"]: row["rmse"] for row in results if row["method"] == EXACT}
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = figure.subplots(1, 2)
    colours = ("#0f6b78", "#7a4fa3", "#b4552d", "#808080", "#c9a227")
    for axes, key, label in zip(
        panels, ("cpu_seconds", "megabytes"), ("processor time, s", "peak memory, MB"), strict=True
    ):
        for name, colour in zip(METHODS, colours, strict=True):
            rows = [row for row in results if row["method"] == name]
            x, y = ([row[part] for row in rows] for part in ("stations", key))
            axes.loglog(x, np.maximum(y, 1e-3), "-", color=colour, label=name)
            for row, at, height in zip(rows, x, y, strict=True):
                limit = TOLERANCE * exact.get(at, 0)
                face = colour if row["rmse"] <= limit else "white"
                marker = "o" if at in exact else "d"
                axes.plot(at, max(height, 1e-3), marker, color=colour, markerfacecolor=face)
        axes.set(xlabel="stations", ylabel=label)
        axes.grid(alpha=0.2)
    panels[1].axhline(MEMORY, linestyle=":", color="0.4")
    panels[0].plot([], [], "ko", label="error within 2 % of the exact one")
    panels[0].plot([], [], "kd", markerfacecolor="white", label="no exact one to compare with")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle("Kriging one field at 64 × 64 cells, with its deviation")
    figure.savefig(path)


def main() -> None:
    from mamba_diffae.training import hardware

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--json", type=Path, help="figures to write")
    parser.add_argument("--out", type=Path, help="figure to write (.svg or .png)")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    results = run(options.counts)
    if options.json:
        numbers = {"hardware": hardware(), "results": results}
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")
    if options.out:
        draw(results, options.out)


if __name__ == "__main__":
    main()
