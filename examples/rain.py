"""Rain from gauges: a variable that is never negative, and often exactly 0.

    python examples/rain.py rain.png

Forty gauges on 100 × 100 km read rain. With the transform "bounded" mean, draws and quantiles stay
at or above 0, which kriging does not know. One sees truth, kriging, mean, the quantiles of 5 and
95 %, and a cut through them. About 40 s on one core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from shared import ENDS, PHASES, draw_maps, print_scores, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

CELLS, SIDE = 28, 100.0
"""Cells and kilometres along each side."""


def showers(count: int, rng: np.random.Generator) -> mda.FieldData:
    """Rain in mm/h: a power of what a random field has above a threshold."""
    rough = gaussian_filter(rng.standard_normal((count, CELLS, CELLS)), (0, 3, 3))
    wet = np.maximum(rough / rough.std() - 0.3, 0) ** 1.5
    edges = np.linspace(0, SIDE, CELLS + 1)
    return from_array(
        5 * wet,
        variables="rain",
        axes={"y": edges, "x": edges},
        units={"rain": "mm h-1", "y": "km", "x": "km"},
        transforms={"rain": "bounded"},
    )


def main(out: str = "rain.png", count: int = 100, steps: int = 60) -> dict[str, float]:
    """Rebuild the test showers from forty gauges and draw one."""
    data = showers(count, np.random.default_rng(0))
    model = small_model(steps).fit(data, phases=PHASES)
    test = data.split("test")
    seen = mda.observe(test, 40 / CELLS**2, pattern="scattered", seed=0)
    field = model.predict(seen, n_draws=2, quantiles=ENDS)
    kriging = Kriging().fit(data.split("train")).predict(seen, data.grid)
    scores = print_scores({"model": field, "kriging": kriging}, test, seen)
    least = {"model": field.quantiles.min(), "kriging": kriging.mean.min()}
    told = ", ".join(f"{name} {value:.2f}" for name, value in least.items())
    print(f"least quantile of the model and least mean of kriging, mm h-1: {told}")

    b = int(test.values.mean(axis=(1, 2, 3)).argmax())
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    low, high = field.quantiles[:, b, ..., 0]
    maps = {
        "truth, and the gauges": test.values[b, ..., 0],
        "mean of the model": field.mean[b, ..., 0],
        "kriging (red: below 0)": kriging.mean[b, ..., 0],
        "quantile of 5 %": low,
        "quantile of 95 %": high,
    }
    colours = plt.get_cmap("YlGnBu").with_extremes(under="tab:red")
    limits = (0, float(max(m.max() for m in maps.values())))
    draw_maps(axes.ravel()[:5], maps, data.grid, "rain [mm h$^{-1}$]", limits, cmap=colours)
    places = seen.coords[b]
    axes[0, 0].plot(places[:, 1], places[:, 0], "k.", ms=4)
    draw_cut(axes[1, 2], maps, data.grid, int(test.values[b, ..., 0].max(axis=1).argmax()))
    figure.savefig(out, dpi=150)
    return scores | {f"{name} least": float(value) for name, value in least.items()}


def draw_cut(ax: plt.Axes, maps: dict[str, np.ndarray], grid: mda.Grid, row: int) -> None:
    """Rain along one row."""
    truth, mean, kriging, low, high = (m[row] for m in maps.values())
    x = grid.axes[1].centres
    ax.fill_between(x, low, high, alpha=0.3, label="5 to 95 %")
    ax.plot(x, mean, label="mean of the model")
    ax.plot(x, kriging, "C3--", label="kriging")
    ax.plot(x, truth, "k", lw=1, label="truth")
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set_title(f"cut at y = {grid.axes[0].centres[row]:.0f} km", fontsize=10)
    ax.set_xlabel("x [km]")
    ax.set_ylabel("rain [mm h$^{-1}$]")
    ax.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    main(*sys.argv[1:2])
