"""
A field larger than memory
==========================

Vorticity rendered row by row into a Zarr store.

Five percent of the cells of a turbulent flow are read. `render` writes mean, deviation and 16
draws from one encoding of the readings; the store opens lazily. A first rendering, at half the
cells along each axis, shows that memory does not grow with the field. The training, which needs
more, has a process of its own. Beside the store a picture is written: mean, draw, deviation. Needs
the extra ``fields``. About 85 s on one core, for a field of 1,024 × 1,024:

.. code-block:: shell

    python examples/larger_than_memory.py vorticity.zarr
"""

import resource
import subprocess
import sys
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import xarray as xr
from shared import draw_maps, output, save, size

import mamba_diffae as mda

# %%
# A model, trained on the shell
# -----------------------------
#
# The command stands here as one would type it. A folder with a finished run is a model.

CELLS, STEPS = size(1024, gallery=256, test=128), size(60, gallery=20, test=2)
FLOW = "turbulence:64"

command = f"fit {FLOW} --preset tiny --phase autoencoder,ensemble --device cpu"
for phase in ("autoencoder", "ensemble"):
    command += f" --set {phase}.steps={STEPS} --set {phase}.show_progress=false"
with TemporaryDirectory() as folder:
    command += f" --run {folder}/run"
    subprocess.run(
        [sys.executable, "-m", "mamba_diffae", *command.split()], check=True, capture_output=True
    )
    model = mda.FieldAutoencoder.from_pretrained(f"{folder}/run", device="cpu")

# %%
# Five percent of the cells
# -------------------------

test = mda.open_field(FLOW).split("test").take([0])
seen = mda.observe(test, 0.05, shape=test.shape, seed=0)

# %%
# Two renderings
# --------------
#
# At most a million values are made at once. What is written grows four times from one to the other,
# the largest memory of this process hardly.


def peak() -> float:
    """Largest memory of this process so far in MB; macOS counts bytes, Linux KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


memory = {"peak before": peak()}
with output("vorticity.zarr") as store:
    for cells in (CELLS // 2, CELLS):
        mda.render(
            model,
            seen,
            cells,
            store,
            n_draws=16,
            values=2**20,
            overwrite=True,
            show_progress=False,
        )
        field = xr.open_zarr(store)
        written = sum(field[name].nbytes for name in field.data_vars)
        memory |= {f"written {cells}": written / 2**20, f"peak {cells}": peak()}
    thin = {name: slice(None, None, max(1, CELLS // 512)) for name in "yx"}
    shown = field.isel(thin | {"snapshot": 0}, missing_dims="ignore").load()
print(", ".join(f"{name}: {value:.0f} MB" for name, value in memory.items()))

# %%
# The larger one
# --------------
#
# A draw has the small eddies that five percent of the cells do not tell; the mean leaves them out,
# and the deviation says where they may be.

figure, axes = plt.subplots(1, 4, figsize=(17, 4.2), layout="constrained")
maps = {
    f"truth, {test.grid.describe_shape()}, and what was read": test.values[0, ..., 0],
    f"mean, {CELLS} × {CELLS}": shown["vorticity"].values,
    "a draw": shown["vorticity_draws"].isel(realization=0).values,
}
top = abs(test.values).max()
draw_maps(axes[:3], maps, test.grid, "vorticity [s$^{-1}$]", (-top, top), cmap="RdBu_r")
axes[0].plot(seen.coords[0, :, 1], seen.coords[0, :, 0], "k.", ms=2)
std = {"stated deviation": shown["vorticity_std"].values}
draw_maps(axes[3:], std, test.grid, "deviation [s$^{-1}$]", cmap="magma")
save(figure, ".png")
