"""Training throughput of the `small` preset with the fast scan and with the reference scan.

    python benchmarks/training_speed.py

Steps of the two alternate on the same batches, so that a busy machine slows both; the medians of
wall and processor time and their ratios are printed.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time

import torch

from mamba_diffae.models import MambaDiffusionAutoencoder
from mamba_diffae.nn import mamba
from mamba_diffae.scan import selective_scan
from mamba_diffae.sources import open_field
from mamba_diffae.training import hardware
from mamba_diffae.training.batches import FieldBatches
from mamba_diffae.training.phases import PHASES
from mamba_diffae.training.settings import settings_for


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10, help="steps of each")
    options = parser.parse_args()
    truth = open_field("emoji").split("train")
    settings = settings_for(MambaDiffusionAutoencoder, truth, "small")
    torch.manual_seed(0)
    net = MambaDiffusionAutoencoder.from_preset("small", **settings.model.model_dump())
    size = settings.training["autoencoder"].batch_size
    batches = FieldBatches(
        truth, settings.data, seed=0, batch_size=size, anchors=net.config.anchors
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    spent: dict[str, list[tuple[float, float]]] = {"auto": [], "reference": []}
    for step in range(options.steps + 1):
        batch = batches(step)
        for backend, times in spent.items():
            mamba.selective_scan = functools.partial(selective_scan, backend=backend)
            wall, processor = time.perf_counter(), time.process_time()
            PHASES["autoencoder"].loss(net, batch).backward()
            optimizer.step()
            optimizer.zero_grad()
            if step:  # the first one compiles
                times.append((time.perf_counter() - wall, time.process_time() - processor))
    print(hardware())
    rates = {
        name: [size / statistics.median(t) for t in zip(*times, strict=True)]
        for name, times in spent.items()
    }
    for name, (wall, processor) in rates.items():
        print(f"{name:>10}: {wall:7.1f} pictures a second, {processor:7.1f} a processor second")
    ratios = [fast / slow for fast, slow in zip(*rates.values(), strict=True)]
    print(f"     ratio: {ratios[0]:.1f} in wall time, {ratios[1]:.1f} in processor time")


if __name__ == "__main__":
    main()
