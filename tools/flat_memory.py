"""Does memory grow with use? Predictions, training steps, and chunks of renders by the thousand.

    python tools/flat_memory.py predictions 1000 --keep runs/flat
    python tools/flat_memory.py training 10000 --keep runs/flat
    python tools/flat_memory.py chunks 1000 --keep runs/flat
    python tools/flat_memory.py draw --keep runs/flat --out docs/images/flat_memory.svg

Resident memory is read after each hundredth of the work. What is measured is the median of the last
tenth over that of the second tenth, and the slope by least squares behind the first tenth, in which
caches fill and kernels are compiled.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, final
from unittest.mock import patch

import numpy as np

from mamba_diffae import FieldAutoencoder, FieldData, Grid, Variable, observe, render
from mamba_diffae.fields.cf.store import RegionStore
from mamba_diffae.training.data.batches import FieldBatches

FEW = {"steps": 2, "batch_size": 2, "show_progress": False}
CHANGES = {"model": {"d_model": 16, "prior": "analogue"}, "data": {"encodings": 1}}
PATTERNS = ("random", "regular", "block", "stripes", "track", "clusters", "scattered")
PARTS = 100


def resident() -> float:
    """Memory of this process that is in use, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def fields(count: int = 8) -> FieldData:
    """Smooth fields of one variable."""
    y, x = np.mgrid[0:12, 0:16] / 16
    turns = np.random.default_rng(0).uniform(0, 2, (3, count, 1, 1))
    values = np.sin(2 * np.pi * (turns[0] * y + turns[1] * x + turns[2]))
    return FieldData([Variable("v")], Grid.default((12, 16)), values[..., None])


def fitted(steps: int = 2) -> FieldAutoencoder:
    """A tiny model."""
    phases = {"autoencoder": {**FEW, "steps": steps}, "ensemble": FEW}
    model = FieldAutoencoder("tiny", changes={**CHANGES, **phases}, device="cpu")
    return model.fit(fields(), phases=["autoencoder", "ensemble"])


@final
class Marks:
    """Resident memory after each hundredth of some work.

    Args:
        count: Units of work in all.
    """

    def __init__(self, count: int) -> None:
        self.count, self.done, self.megabytes = count, 0, []

    def tick(self) -> None:
        """One unit is done."""
        self.done += 1
        if self.done * PARTS >= (len(self.megabytes) + 1) * self.count:
            self.megabytes.append(resident())

    @contextmanager
    def ticking(self, owner: type, name: str) -> Iterator[None]:
        """Count the calls of a method."""
        method = getattr(owner, name)

        def counted(*given: Any, **options: Any) -> Any:
            answer = method(*given, **options)
            self.tick()
            return answer

        with patch.object(owner, name, counted):
            yield

    def measured(self) -> dict[str, float]:
        """Slope in kB for each unit behind the first tenth, and medians of two tenths."""
        skip = max(1, len(self.megabytes) // 10)
        late = np.array(self.megabytes[skip:])
        units = np.arange(len(late)) * max(1, self.count / PARTS)
        slope = float(np.polyfit(units, late, 1)[0]) * 1000
        second, last = np.median(late[:skip]), np.median(late[-skip:])
        return {"slope_kB": slope, "second_MB": float(second), "last_MB": float(last)}


def predictions(marks: Marks) -> None:
    """Predictions of other shapes, patterns, numbers of points and of draws each time."""
    model, rng, data = fitted(), np.random.default_rng(0), fields()
    for i in range(marks.count):
        few = data.take(np.array([rng.integers(8)]))
        pattern = PATTERNS[i % len(PATTERNS)]
        seen = observe(few, float(rng.uniform(0.05, 0.9)), pattern=pattern, seed=i)
        shape = tuple(int(n) for n in rng.integers(2, 28, 2))
        model.predict(seen, shape if i % 3 else None, n_draws=i % 3, seed=i)
        marks.tick()


def training(marks: Marks) -> None:
    """Steps of the first phase of a tiny model, in one training."""
    with marks.ticking(FieldBatches, "__call__"):
        fitted(marks.count)


def chunks(marks: Marks) -> None:
    """Chunks of one render, a row of twelve values each."""
    model = fitted()
    target = Grid.regular([(0, 0.75), (0, 1)], (12, marks.count))
    with tempfile.TemporaryDirectory() as folder, marks.ticking(RegionStore, "write"):
        out = Path(folder, "out.zarr")
        render(model, observe(fields(1), 0.3), target, out, values=8, show_progress=False)


def draw(keep: Path, out: Path) -> None:
    """The curves of all works that were kept, as a figure."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3))
    for work in WORKS:
        file = keep / f"{work}.json"
        if file.is_file():
            found = json.loads(file.read_text())
            curve = found["megabytes"]
            label = f"{found['count']:,} {_NAMES[work]}"
            axes.plot(np.linspace(1, 100, len(curve)), curve, label=label)
    axes.set(xlabel="share of the work, %", ylabel="resident memory, MB")
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.axvspan(0, 10, color="0.9")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


_NAMES = {
    "predictions": "predictions",
    "training": "steps of a training",
    "chunks": "chunks of a render",
}
WORKS = {"predictions": predictions, "training": training, "chunks": chunks}


def main() -> None:
    """Do one work, or draw what was kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", choices=[*WORKS, "draw"])
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--keep", type=Path, default=Path("runs/flat"), help="folder of the curves")
    parser.add_argument("--out", type=Path, default=Path("docs/images/flat_memory.svg"))
    given = parser.parse_args()
    if given.work == "draw":
        draw(given.keep, given.out)
        return
    marks, begun = Marks(given.count), time.monotonic()
    # Stopped by Ctrl-C, what was seen so far is told.
    with warnings.catch_warnings(), suppress(KeyboardInterrupt):
        warnings.simplefilter("ignore")
        WORKS[given.work](marks)
    found = {"count": marks.done, "seconds": time.monotonic() - begun, **marks.measured()}
    print(f"{given.work}: {found}")
    given.keep.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**found, "megabytes": marks.megabytes})
    (given.keep / f"{given.work}.json").write_text(text)


if __name__ == "__main__":
    main()
