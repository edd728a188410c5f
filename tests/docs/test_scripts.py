"""What examples/cluster.py tells its workers holds also where one of them is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from dask.distributed import Client, LocalCluster

from mamba_diffae import FieldAutoencoder, observe, open_field

EXAMPLES = str(Path(__file__).resolve().parents[2] / "examples")

pytestmark = pytest.mark.slow


def test_two_processes_give_the_same_field_as_one_also_if_one_is_killed(monkeypatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("PYTHONPATH", EXAMPLES)  # workers import the script by its name
    import cluster

    model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    seen = observe(open_field("emoji").split("test").take([0]), fraction=0.2, seed=0)
    template = cluster.layout(model, 128, 16)
    about = {"model": "emoji-96", "observations": seen}
    lazy = xr.map_blocks(cluster.answer, template, kwargs=about, template=template)
    right = model.predict(seen, targets=template[["y", "x"]], n_draws=4, seed=0)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as many,
        Client(many) as client,
    ):
        processes = client.run(os.getpid)
        work, until = client.compute(lazy), time.monotonic() + 120
        while not any(client.has_what().values()) and time.monotonic() < until:
            time.sleep(0.1)  # until one of the blocks is done
        os.kill(next(iter(processes.values())), signal.SIGKILL)
        told = work.result(timeout=300)
    for name in lazy:
        np.testing.assert_allclose(told[name], right[name], rtol=0, atol=2e-3)  # of 255
