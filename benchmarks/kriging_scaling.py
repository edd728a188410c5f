"""Time and peak memory of kriging one field against the number of stations.

    python benchmarks/kriging_scaling.py --json benchmarks/kriging_scaling.json

The field is a sum of 1000 random waves, whose covariance is a Matérn kernel of order 3/2 (below
the shortest of them it is smoother: many stations resolve it to rounding). It is observed without
error at random places of the unit square, and asked on 64 × 64 cells with its deviation. Beside it
stand scikit-learn's exact Gaussian process and, where it is installed, PyKrige's ordinary kriging;
both are given the true kernel, while ours chooses it. Each runs in a process of its own, on one
thread; memory is the peak above what the process holds before.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

COUNTS = (1000, 2000, 4000, 20_000, 100_000)
DENSE = 4000
"""Stations up to which a method that solves one system of all is tried."""
LENGTH = 0.2
Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def waves(coords: np.ndarray, seed: int = 0, count: int = 1000) -> np.ndarray:
    """The field at places (N, 2): frequencies of a Matérn 3/2 kernel have Student's law."""
    rng = np.random.default_rng(seed)
    k = rng.normal(size=(count, 2)) / np.sqrt(rng.chisquare(3, (count, 1)) / 3) / LENGTH
    phase = rng.uniform(0, 2 * np.pi, count)
    parts = np.array_split(coords, 1 + len(coords) // 5000)
    return np.concatenate([np.cos(p @ k.T + phase).sum(1) for p in parts]) * np.sqrt(2 / count)


def ours(coords: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
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
    from pykrige.ok import OrdinaryKriging  # pyright: ignore[reportMissingImports]

    # Its exponential variogram, of range 3 lengths: it has none of Matérn's.
    model = OrdinaryKriging(*coords.T, values, "exponential", [1.0, 3 * LENGTH, 0.0])
    return np.asarray(model.execute("points", *asked.T)[0])


METHODS: dict[str, Answer] = {"ours": ours, "scikit-learn": scikit_learn, "PyKrige": pykrige}


def measure(name: str, count: int) -> dict[str, float]:
    """One method at one number of stations, in this process."""
    import torch

    torch.set_num_threads(1)
    coords = np.random.default_rng(1).uniform(size=(count, 2))
    centres = (np.arange(64) + 0.5) / 64
    asked = np.stack(np.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 2)
    values, truth = waves(coords), waves(asked)
    METHODS[name](coords[:200], values[:200], asked[:9])  # what is imported late
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    found = METHODS[name](coords, values, asked)
    wall, spent = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    rmse = float(np.sqrt(np.square(found - truth).mean()))
    return {"seconds": wall, "cpu_seconds": spent, "megabytes": peak / 1024, "rmse": rmse}


def main() -> None:
    from mamba_diffae.training import hardware

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--json", type=Path, help="figures to write")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    results = []
    for name in METHODS:
        if name == "PyKrige" and find_spec("pykrige") is None:
            print("PyKrige is not installed: left out")
            continue
        for count in options.counts:
            if name != "ours" and count > DENSE:
                continue
            command = [sys.executable, str(Path(__file__)), "--one", name, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results.append({"method": name, "stations": count, **json.loads(done.stdout)})
            shown = "  ".join(f"{k} {v:.3g}" for k, v in list(results[-1].items())[2:])
            print(f"{name:>12} {count:>7}  {shown}", flush=True)
    if options.json:
        numbers = {"hardware": hardware(), "results": results}
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
