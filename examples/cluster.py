"""
One field by several processes
==============================

Each worker loads the model once and answers for blocks of the grid.

The blocks fit together, draws as well, whoever answers for them. On a cluster, give the address of
its scheduler to ``Client`` in place of ``LocalCluster``; the model must then lie where every worker
can read it. Beside the field a picture is written. Needs the extra ``fields``. About 30 s on one
core, for 384 × 384 cells:

.. code-block:: shell

    python examples/cluster.py field.nc
"""

# sphinx_gallery_parallel = False
import dask.array
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from dask.distributed import Client, LocalCluster, get_worker
from shared import cells_read, draw_pictures, output, save, size

import mamba_diffae as mda
from mamba_diffae.fields.cf import write_dataset

CELLS, ROWS = size(384, gallery=192, test=128), size(96, gallery=48, test=32)
NAME = "emoji-96"

# %%
# What a worker does
# ------------------
#
# It keeps the model, and gives mean and deviation of a block.


def answer(block: xr.Dataset, model: str, observations: mda.Observations) -> xr.Dataset:
    """Mean and deviation of a block. The draws of all blocks, of one seed, fit together."""
    worker = get_worker()
    if not hasattr(worker, "model"):
        worker.model = mda.FieldAutoencoder.from_pretrained(model, device="cpu")
    told = worker.model.predict(observations, targets=block[["y", "x"]], n_draws=4, seed=0)
    return told[[name for name in told if name in block]]


# %%
# An empty answer
# ---------------
#
# ``xarray.map_blocks`` wants to know beforehand what comes out: the variables, on the fine grid, in
# blocks of so many rows.


def layout(model: mda.FieldAutoencoder, cells: int, rows: int) -> xr.Dataset:
    """An empty answer on a fine grid, in blocks of so many rows."""
    grid = model.grid.regrid(model.grid.scaled_shape(cells))
    empty = dask.array.full(grid.shape, np.nan, np.float32, chunks=(rows, grid.shape[1]))
    names = [name + end for name in (v.name for v in model.variables) for end in ("", "_std")]
    centres = {axis.name: axis.centres for axis in grid.axes}
    return xr.Dataset(dict.fromkeys(names, (grid.names, empty)), centres)


# %%
# Two processes
# -------------
#
# One unseen picture is asked for, from a fifth of its cells. Workers import a script that starts
# them, so what they must not repeat stands behind a condition.

if __name__ == "__main__":
    truth = mda.open_field("emoji").split("test").take([242])
    seen = mda.observe(truth, fraction=0.2, seed=0)
    model = mda.FieldAutoencoder.from_pretrained(NAME, device="cpu")
    template = layout(model, CELLS, ROWS)
    about = {"model": NAME, "observations": seen}
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="ERROR"
        ) as cluster,
        Client(cluster),
    ):
        field = xr.map_blocks(answer, template, kwargs=about, template=template).compute()
    with output("field.nc") as path:
        write_dataset(field, path, overwrite=True)

# %%
# The field
# ---------
#
# Lines are the borders of the blocks.

if __name__ == "__main__":
    names = [v.name for v in model.variables]
    mean = np.stack([field[name] for name in names], axis=-1)
    deviation = np.mean([field[f"{name}_std"] for name in names], axis=0)
    figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    draw_pictures(axes[:2], [cells_read(seen), mean], ["what was read", "mean, by two processes"])
    for row in range(ROWS, CELLS, ROWS):
        axes[1].axhline(row - 0.5, color="0.5", lw=0.8, ls="--")
    image = axes[2].imshow(deviation, cmap="magma")
    axes[2].set_title("deviation", fontsize=10)
    axes[2].set_axis_off()
    figure.colorbar(image, ax=axes[2], label="of 255", shrink=0.8)
    save(figure, ".png")
