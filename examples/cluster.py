"""One field by several processes: each loads the model once and answers for blocks of the grid.

    python examples/cluster.py field.nc

Needs the extra `fields`. On a cluster, give the address of its scheduler to `Client` in place of
`LocalCluster`; the model must then lie where every worker can read it.
"""

from __future__ import annotations

import functools
import sys

import dask.array
import numpy as np
import xarray as xr
from dask.distributed import Client, LocalCluster

import mamba_diffae as mda
from mamba_diffae.fields.cf import write_dataset


@functools.lru_cache(maxsize=1)
def loaded(model: str) -> mda.FieldAutoencoder:
    """The model, read once in each process."""
    return mda.FieldAutoencoder.from_pretrained(model, device="cpu")


def answer(block: xr.Dataset, model: str, observations: mda.Observations) -> xr.Dataset:
    """What a worker says of a block: mean and deviation. The draws of all blocks fit together."""
    told = loaded(model).predict(observations, targets=block[["y", "x"]], n_draws=4, seed=0)
    return told[[name for name in told if name in block]]


def layout(model: mda.FieldAutoencoder, cells: int, rows: int) -> xr.Dataset:
    """An empty answer on a fine grid, in blocks of so many rows."""
    grid = model.grid.regrid(model.grid.scaled_shape(cells))
    empty = dask.array.full(grid.shape, np.nan, np.float32, chunks=(rows, grid.shape[1]))
    names = [name + end for name in (v.name for v in model.variables) for end in ("", "_std")]
    centres = {axis.name: axis.centres for axis in grid.axes}
    return xr.Dataset(dict.fromkeys(names, (grid.names, empty)), centres)


def main(out: str, model: str = "emoji-96", cells: int = 384, rows: int = 96) -> None:
    """Write one unseen picture, from a fifth of its cells, on a grid of 384 × 384."""
    truth = mda.open_field("emoji").split("test").take([0])
    seen = mda.observe(truth, fraction=0.2, seed=0)
    template = layout(loaded(model), cells, rows)
    about = {"model": model, "observations": seen}
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster):
        field = xr.map_blocks(answer, template, kwargs=about, template=template).compute()
    write_dataset(field, out, overwrite=True)


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["field.nc"])
