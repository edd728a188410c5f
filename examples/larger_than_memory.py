"""A field larger than memory: vorticity rendered row by row into a Zarr store.

    python examples/larger_than_memory.py vorticity.zarr

Five percent of the cells of a turbulent flow are read. `render` writes mean, deviation and 16
draws at 1,024 × 1,024 from one encoding of the readings; the store opens lazily. A first rendering,
at half the cells along each axis, shows that memory does not grow with the field. The training,
which needs more, has a process of its own. Beside the store a picture is written: mean, draw,
deviation. Needs the extra `fields`. About 85 s on one core.
"""

from __future__ import annotations

import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import xarray as xr
from shared import PHASES, draw_maps, small_model

import mamba_diffae as mda

FLOW, DRAWS, VALUES = "turbulence:64", 16, 2**20
"""The source, draws that are written, and values that are made at once."""


def train(folder: str, steps: int) -> None:
    """A model of the flow, saved."""
    model = small_model(steps).fit(mda.open_field(FLOW), phases=PHASES)
    model.save_pretrained(folder)


def peak() -> float:
    """Largest memory of this process so far in MB; macOS counts bytes, Linux KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def main(out: str = "vorticity.zarr", cells: int = 1024, steps: int = 60) -> dict[str, float]:
    """Render twice, tell the memory, draw the larger field."""
    with TemporaryDirectory() as folder:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(train, folder, steps).result()
        model = mda.FieldAutoencoder.from_pretrained(folder, device="cpu")
    test = mda.open_field(FLOW).split("test").take([0])
    seen = mda.observe(test, 0.05, shape=test.shape, seed=0)
    found = {"peak before": peak()}
    for size in (cells // 2, cells):
        about = {"n_draws": DRAWS, "values": VALUES, "overwrite": True, "show_progress": False}
        mda.render(model, seen, size, out, **about)
        field = xr.open_zarr(out)
        found[f"written {size}"] = sum(field[name].nbytes for name in field.data_vars) / 2**20
        found[f"peak {size}"] = peak()
    print(", ".join(f"{name}: {value:.0f} MB" for name, value in found.items()))
    draw(Path(out).with_suffix(".png"), field, test, seen)
    return found


def draw(path: Path, field: xr.Dataset, test: mda.FieldData, seen: mda.Observations) -> None:
    """Truth, mean, a draw and deviation, every so many cells."""
    thin = {name: slice(None, None, max(1, field.sizes[name] // 512)) for name in "yx"}
    shown = field.isel(thin | {"snapshot": 0}, missing_dims="ignore").load()
    figure, axes = plt.subplots(1, 4, figsize=(17, 4.2), layout="constrained")
    maps = {
        f"truth, {test.grid.describe_shape()}, and what was read": test.values[0, ..., 0],
        f"mean, {field.sizes['y']} × {field.sizes['x']}": shown["vorticity"].values,
        "a draw": shown["vorticity_draws"].isel(realization=0).values,
    }
    top = abs(test.values).max()
    draw_maps(axes[:3], maps, test.grid, "vorticity [s$^{-1}$]", (-top, top), cmap="RdBu_r")
    axes[0].plot(seen.coords[0, :, 1], seen.coords[0, :, 0], "k.", ms=2)
    std = {"stated deviation": shown["vorticity_std"].values}
    draw_maps(axes[3:], std, test.grid, "deviation [s$^{-1}$]", cmap="magma")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:2])
