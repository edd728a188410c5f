"""One axis and three: a temperature profile over depth, and a warm plume in a room.

    python examples/profile_and_volume.py profile_and_volume.png

A profile is read at seven depths, a volume at 40 places. One sees the profile with the interval of
90 % beside the truth and kriging, and three levels of the room: truth, mean, deviation. About
70 s on one core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from shared import ENDS, PHASES, draw_maps, print_scores, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

DEPTH = np.concatenate([np.arange(2.5, 100, 5), np.arange(105, 300, 10)])
ROOM = {"z": np.linspace(0, 2.4, 9), "y": np.linspace(0, 4, 9), "x": np.linspace(0, 4, 9)}
"""Edges of the cells in m."""
Scores = dict[str, float]


def profiles(count: int, rng: np.random.Generator) -> mda.FieldData:
    """Thermoclines of random depth, sharpness and strength, with internal waves; °C over depth."""
    centre, width = rng.uniform(30, 140, (count, 1)), rng.uniform(8, 30, (count, 1))
    warm, phase = rng.uniform(6, 14, (count, 1)), rng.uniform(0, 2 * np.pi, (count, 1))
    main = warm / (1 + np.exp((DEPTH - centre) / width))
    waves = 0.5 * np.sin(DEPTH / 15 + phase) * np.exp(-(((DEPTH - centre) / 60) ** 2))
    values = 6 - DEPTH / 100 + main + waves
    return from_array(values, variables="T", units=["degC", "m"], axes={"depth": DEPTH})


def plumes(count: int, rng: np.random.Generator) -> mda.FieldData:
    """Warm air that rises from a source on the floor and leans with a draught; K above the room."""
    centres = ((edges[:-1] + edges[1:]) / 2 for edges in ROOM.values())
    z, y, x = np.meshgrid(*centres, indexing="ij")
    source, lean = rng.uniform(1, 3, (2, count, 1, 1, 1)), rng.normal(0, 0.4, (2, count, 1, 1, 1))
    heat = rng.uniform(6, 12, (count, 1, 1, 1))
    width = 0.45 + 0.25 * z
    away = (y - source[0] - lean[0] * z) ** 2 + (x - source[1] - lean[1] * z) ** 2
    values = heat / (1 + z) * np.exp(-away / (2 * width**2)) + 0.8 * z
    return from_array(
        values, variables="dT", axes=ROOM, units=dict.fromkeys(ROOM, "m") | {"dT": "K"}
    )


def main(out: str = "profile_and_volume.png", count: int = 100, steps: int = 60) -> Scores:
    """Rebuild both from few readings and draw one of each."""
    rng, scores = np.random.default_rng(0), {}
    figure = plt.figure(figsize=(12, 6.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.9))
    for data, readings in ((profiles(count, rng), 7), (plumes(count, rng), 40)):
        model = small_model(steps).fit(data, phases=PHASES)
        test, axes = data.split("test"), ", ".join(data.grid.names)
        seen = mda.observe(test, readings / data.grid.cells, seed=1)
        told = {"model": model.predict(seen, n_draws=2, quantiles=ENDS)}
        told["kriging"] = Kriging().fit(data.split("train")).predict(seen, data.grid)
        print(f"{readings} readings along {axes}:")
        scores |= {f"{axes} {k}": score for k, score in print_scores(told, test, seen).items()}
        if data.grid.dim == 1:
            draw_profile(left.subplots(), told, test, seen[0])
        else:
            draw_volume(right.subplots(3, 3), told["model"], test)
    figure.savefig(out, dpi=150)
    return scores


def draw_profile(ax: Axes, told: dict, test: mda.FieldData, seen: mda.Observations) -> None:
    """Truth, readings, both means, and the interval of the first profile."""
    low, high = (end[0, :, 0] for end in told["model"].interval(0.9))
    ax.fill_betweenx(DEPTH, low, high, alpha=0.3, label="interval of 90 %")
    for (name, field), style in zip(told.items(), ("-", "--"), strict=True):
        ax.plot(field.mean[0, :, 0], DEPTH, style, label=f"mean, {name}")
    ax.plot(test.values[0, :, 0], DEPTH, "k", lw=1, label="truth")
    ax.plot(seen.values[0, :, 0], seen.coords[0, :, 0], "ko", label="read")
    ax.set(xlabel="temperature [°C]", ylabel="depth [m]")
    ax.invert_yaxis()
    ax.legend(frameon=False)


def draw_volume(axes: np.ndarray, told: mda.Prediction, test: mda.FieldData) -> None:
    """Three levels of the first volume, from the floor upwards: truth, mean, deviation."""
    plane, height = mda.Grid(test.grid.axes[1:]), test.grid.axes[0].centres
    limits = test.values[0].min(), test.values[0].max()
    about = {"truth": test.values, "mean": told.mean, "deviation": told.std}
    for row, (what, volumes) in zip(axes, about.items(), strict=True):
        maps = {f"{what}, z = {height[k]:.1f} m": volumes[0, k, ..., 0] for k in (1, 3, 6)}
        same = {} if what == "deviation" else {"limits": limits, "cmap": "inferno"}
        draw_maps(row, maps, plane, "ΔT [K]", **same)


if __name__ == "__main__":
    main(*sys.argv[1:2])
