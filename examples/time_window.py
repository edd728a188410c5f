"""A space-time window: what gauges read before and after tells of now.

    python examples/time_window.py time_window.png

The level along a coast of 96 km changes within a day or two. Eight gauges report one hour in three,
with an error of 0.1 m. A model of windows of time reads sixteen hours of reports; a model of single
hours knows the two or three that report just now. Both are asked for later days than they learned
on. About 90 s on one core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from shared import PHASES, small_model

import mamba_diffae as mda

GAUGES = np.array([4, 15, 29, 40, 52, 63, 78, 91])
"""Cells in which gauges stand."""


def sea(hours: int, seed: int) -> np.ndarray:
    """Level over time and place in metres: shapes of 20 to 100 km that come and go in days."""
    rng = np.random.default_rng(seed)
    t, x = np.arange(hours)[:, None], np.arange(96.0)
    level = np.zeros((hours, 96))
    for _ in range(40):
        length, period = rng.uniform(20, 100), rng.uniform(30, 120)
        place, time = 2 * np.pi * x / length, 2 * np.pi * t / period
        level += 0.12 * np.sin(place + rng.uniform(0, 6.28)) * np.sin(time + rng.uniform(0, 6.28))
    return level


def main(out: str = "time_window.png", hours: int = 600, steps: int = 60) -> dict[str, float]:
    """Fit on the first days with and without windows of time, compare on the last ones."""
    (rng, later), levels = (np.random.default_rng(1), 48), sea(hours, 0)
    learned = levels[:-later]
    axes = mda.Axis.regular("time", 0, hours - later, hours - later, "h")
    coast = mda.Axis.regular("x", 0, 96, 96, "km")
    series = mda.FieldData(
        [mda.Variable("level", "m")], mda.Grid((axes, coast)), learned[None, ..., None]
    )
    model = small_model(steps).fit(series, window={"time": 16}, phases=PHASES)
    single = np.repeat(["train", "val"], [hours - later - 48, 48])
    snapshots = mda.FieldData(
        series.variables, mda.Grid((coast,)), learned[..., None], splits=single
    )
    now = small_model(steps).fit(snapshots, phases=PHASES)

    days = mda.Grid((mda.Axis.regular("time", hours - later, hours, later, "h"), coast))
    truth = levels[-later:]
    there = mda.on_grid(model, days)
    reports = rng.random((later, len(GAUGES))) < 1 / 3
    reports[:, 0] |= ~reports.any(axis=1)
    readings = truth[:, GAUGES] + 0.1 * rng.normal(size=reports.shape)
    hour, gauge = np.nonzero(reports)
    places = np.stack([hours - later + hour + 0.5, GAUGES[gauge] + 0.5], axis=1)
    read = mda.Observations.from_points(places, readings[hour, gauge, None], noise=0.1)
    told = there.predict(read, n_draws=40)
    each = [
        mda.Observations.from_points(GAUGES[here, None] + 0.5, row[here, None], noise=0.1)
        for row, here in zip(readings, reports, strict=True)
    ]
    alone = now.predict(each).mean[..., 0]
    mean, (low, high) = told.mean[0, ..., 0], (x[0, ..., 0] for x in told.interval(0.9))
    errors = {
        "windows of time": np.sqrt(np.square(mean - truth).mean()),
        "single hours": np.sqrt(np.square(alone - truth).mean()),
    }
    for name, error in errors.items():
        print(f"{name}: RMSE {error:.3f} m")
    coverage = ((truth >= low) & (truth <= high)).mean()
    print(f"the 90 % interval holds {coverage:.0%}")
    draw(out, {"truth": truth, "windows of time": mean, "single hours": alone})
    return {**{name: float(e) for name, e in errors.items()}, "coverage": float(coverage)}


def draw(out: str, maps: dict[str, np.ndarray]) -> None:
    """Level over time and place, one map for each."""
    figure, axes = plt.subplots(1, len(maps), figsize=(12, 4.2), layout="constrained", sharey=True)
    most = np.abs(maps["truth"]).max()
    for ax, (name, level) in zip(axes, maps.items(), strict=True):
        image = ax.imshow(
            level,
            origin="lower",
            aspect="auto",
            cmap="RdBu_r",
            vmin=-most,
            vmax=most,
            extent=(0, 96, 0, len(level)),
        )
        ax.vlines(GAUGES + 0.5, 0, len(level), colors="k", linewidths=0.5, linestyles="dotted")
        ax.set_title(name)
        ax.set_xlabel("place [km]")
    axes[0].set_ylabel("time [h]")
    figure.colorbar(image, ax=axes, label="level [m]")
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:2])
