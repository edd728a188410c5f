"""Where to put the next sensors: eight thermometers over Europe, each where it tells most.

    python examples/placement.py placement.png

Two stations exist; new ones keep 300 km apart. The law of the field is learned from four days of
the embedded reanalysis (ERA5). One sees the expected deviation before and after, the places in
their order, and the expected error against their number beside random places and QR with pivoting;
the crosses are measured on other days. Needs the extra `fields`. About 20 s on one core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
from shared import draw_maps, small_model

import mamba_diffae as mda
from mamba_diffae.sources import weather_dataset

EXISTING = [[50.0, 10.0], [41.0, 2.0]]


def main(out: str = "placement.png", sensors: int = 8, steps: int = 60) -> dict[str, float]:
    """Place sensors and draw what they are expected to tell."""
    europe = weather_dataset()[["t2m"]].sel(lat=slice(36, 60), lon=slice(0, 30))
    data = mda.open_field(europe, snapshot_dim="time")
    model = small_model(steps).fit(data, phases=["autoencoder"])
    found = mda.place_sensors(
        model, sensors, existing=EXISTING, min_distance=300, truth=data.split("test")
    )
    print(found.describe())

    figure, axes = plt.subplots(
        1, 3, figsize=(14, 4), layout="constrained", width_ratios=(1, 1, 0.9)
    )
    maps = {
        "two stations": found.before[..., 0],
        f"and {sensors} more, in their order": found.greedy.std[..., 0],
    }
    draw_maps(axes[:2], maps, found.grid, "expected deviation [K]", cmap="magma")
    for ax in axes[:2]:
        ax.plot(found.existing[:, 1], found.existing[:, 0], "w^", mec="k")
    for k, (lat, lon) in enumerate(found.coords, start=1):
        axes[1].text(lon, lat, str(k), color="w", weight="bold", ha="center", va="center")
    draw_curves(axes[2], found)
    figure.savefig(out, dpi=150)
    last = {"greedy": found.greedy, "random": found.random[0], "QR": found.qr}
    measured = {f"{name} measured": float(each.actual[sensors][0]) for name, each in last.items()}
    return {"expected": float(found.expected[-1, 0])} | measured


def draw_curves(ax: plt.Axes, found: mda.placement.Placement) -> None:
    """Expected RMSE by the number of new sensors, and what was measured."""
    random, numbers = found.random_curves(), range(len(found) + 1)
    ax.fill_between(numbers, random.min(axis=0), random.max(axis=0), color="0.85")
    ax.plot(numbers, random.mean(axis=0), color="0.5", label=f"random, {len(random)} placements")
    ax.plot(numbers, found.curve(found.qr), "C1--", label="QR with pivoting")
    ax.plot(numbers, found.curve(found.greedy), "C0o-", ms=4, label="greedy (the maps)")
    for arm, colour in ((found.greedy, "C0"), (found.qr, "C1"), (found.random[0], "0.5")):
        ax.plot(list(arm.actual), [v[0] for v in arm.actual.values()], "x", color=colour, ms=8)
    ax.set_xlabel("new sensors")
    ax.set_ylabel("RMSE [K]: expected, and measured (×)")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(*sys.argv[1:2])
