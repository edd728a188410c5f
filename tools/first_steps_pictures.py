"""Run the pages of the first steps, write what they print below their blocks, and draw pictures.

    python tools/first_steps_pictures.py [pictures] [fields] [machines]

The blocks run in a temporary folder, as a reader would run them; the pictures show what they made.
Without a name all three pages are run: two minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from run_pages import renew

from mamba_diffae.fields.atomic import atomic_file

ROOT = Path(__file__).resolve().parents[1]
PAGES, IMAGES = ROOT / "docs" / "first_steps", ROOT / "docs" / "images"
INK, GREY = "#1f2933", "#b8c0c8"
Names = dict[str, Any]


def draw_pictures(names: Names) -> Figure:
    """Rows are unseen pictures; columns what was observed, kriging, the model, the truth."""
    field, kriging, truth = names["field"], names["kriging"], names["unseen"].values
    rows = range(4)
    spread = field.std.mean(axis=-1)
    columns = {
        "observed": _observed(names),
        "kriging": kriging.mean,
        "mean": field.mean,
        "deviation": spread / spread[:4].max(),
        "a draw": field.draws[0],
        "another": field.draws[1],
        "truth": truth,
    }
    figure = Figure(figsize=(1.25 * len(columns), 1.33 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(columns))
    for j, (title, values) in enumerate(columns.items()):
        axes[0, j].set_title(title, fontsize=10, color=INK)
        for ax, row in zip(axes[:, j], rows, strict=True):
            shown = values[row] if title == "deviation" else np.clip(values[row] / 255, 0, 1)
            ax.imshow(shown, cmap="magma", vmin=0, vmax=1, interpolation="nearest")
            ax.set_axis_off()
    return figure


def _observed(names: Names) -> np.ndarray:
    """The observed cells as pictures, white elsewhere."""
    seen, shape = names["seen"], (16, 16)
    found = np.full((len(seen), *shape, 3), 255.0)
    high = [axis.high for axis in names["data"].grid.axes]
    cells = (seen.coords.numpy() * shape // high).astype(int)
    for picture, where, values in zip(found, cells, seen.values.numpy(), strict=True):
        picture[tuple(where.T)] = values
    return found


def draw_fields(names: Names) -> Figure:
    """The map from stations, the reanalysis, the deviation, and errors at withheld stations."""
    fine, rows = names["fine"], names["now"]
    truth = names["week"]["t2m"].isel(time=-1).values
    grid = names["data"].grid
    lat, lon = grid.axes
    extent = (lon.low, lon.high, lat.low, lat.high)
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    upper, lower = np.ravel(np.array(figure.subfigures(2, 1, height_ratios=(2.3, 1))))
    axes = upper.subplots(1, 3)
    low, high = truth.min(), truth.max()
    style = {"origin": "lower", "extent": extent, "aspect": 1.5}
    warm = {"cmap": "turbo", "vmin": low, "vmax": high}
    axes[0].imshow(fine.mean[0, ..., 0], **style, **warm)
    axes[0].scatter(rows["lon"], rows["lat"], 26, rows["t2m"], edgecolors="k", lw=0.8, **warm)
    image = axes[1].imshow(truth, **style, **warm)
    upper.colorbar(image, ax=axes[:2], label="temperature [K]", shrink=0.85, pad=0.02)
    spread = axes[2].imshow(fine.std[0, ..., 0], **style, cmap="magma")
    axes[2].plot(rows["lon"], rows["lat"], "w.", ms=3)
    upper.colorbar(spread, ax=axes[2], label="deviation [K]", shrink=0.85, pad=0.02)
    for ax, title in zip(axes, ("from the stations", "reanalysis", "deviation"), strict=True):
        ax.set_title(title, fontsize=11, color=INK)
        ax.set(xlabel="longitude [°E]", ylabel="latitude [°N]" if ax is axes[0] else "")
    _bars(lower.subplots(), names["checked"])
    return figure


def _bars(ax: Axes, checked: Any) -> None:
    """RMSE at withheld stations, a bar for each method."""
    errors = [checked.score(m.key).overall.rmse for m in checked.methods]
    colours = ["#2563a8" if m.key == "model" else GREY for m in checked.methods]
    bars = ax.barh([str(m) for m in checked.methods], errors, color=colours)
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.invert_yaxis()
    ax.set_xlabel("RMSE at withheld stations [K]")
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.12)


def draw_machines(names: Names) -> Figure:
    """The plate of one test: the simulation, kriging, the model, its deviation; the bearing."""
    field, kriging, truth = names["field"], names["kriging"], names["test"]
    places, read = names["places"], names["read"]
    test = int(np.isnan(read).sum(axis=1).argmax())  # that with the most sensors that fail
    y, x = truth.grid.axes
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    axes = figure.subplot_mosaic([["truth", "kriging", "hot"], ["mean", "deviation", "hot"]])
    means = {"truth": truth.values, "kriging": kriging.mean, "mean": field.mean}
    low, high = truth.values[test].min(), truth.values[test].max()
    style = {"origin": "lower", "extent": (x.low, x.high, y.low, y.high)}
    titles = {"truth": "true plate", "kriging": "kriging", "mean": "model, mean"}
    for name, values in means.items():
        shown = {"cmap": "inferno", "vmin": low, "vmax": high}
        image = axes[name].imshow(values[test, ..., 0], **style, **shown)
        axes[name].set_title(titles[name], fontsize=11, color=INK)
        figure.colorbar(image, ax=axes[name], label="°C", shrink=0.75)
    spread = axes["deviation"].imshow(field.std[test, ..., 0], **style, cmap="magma")
    axes["deviation"].set_title("model, deviation", fontsize=11, color=INK)
    figure.colorbar(spread, ax=axes["deviation"], label="°C", shrink=0.75)
    works = ~np.isnan(read[test])
    for name in (*means, "deviation"):
        axes[name].plot(places[works, 1], places[works, 0], "wo", mec="k", ms=6)
        axes[name].plot(places[~works, 1], places[~works, 0], "x", color="#5ad1ff", ms=8, mew=2)
        axes[name].set(xlabel="x [m]", ylabel="y [m]")
    _bearing(axes["hot"], names)
    return figure


def _bearing(ax: Axes, names: Names) -> None:
    """Mean temperature of the region that matters, told against true, with 90 % intervals."""
    told, true = names["bearing"], names["true"]
    low, high = told.interval(0.9)
    bars = np.maximum([told.mean - low, high - told.mean], 0)
    ends = [true.min() - 2, true.max() + 2]
    ax.plot(ends, ends, color=GREY, lw=1)
    ax.errorbar(true, told.mean, bars, fmt="o", ms=5, lw=1.2, color="#2563a8")
    ax.set(xlabel="true mean over the bearing [°C]", ylabel="told, with the interval of 90 % [°C]")
    ax.set_title("bearing, all tests", fontsize=11, color=INK)
    ax.spines[["top", "right"]].set_visible(False)


DRAWN: dict[str, Callable[[Names], Figure]] = {
    "pictures": draw_pictures,
    "fields": draw_fields,
    "machines": draw_machines,
}


def main() -> None:
    """Run, write, draw."""
    parser = argparse.ArgumentParser(description="Run the first steps and draw their pictures.")
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(DRAWN)}; default: all")
    for name in parser.parse_args().pages or DRAWN:
        names = renew(PAGES / f"{name}.md")
        with atomic_file(IMAGES / f"first_steps_{name}.png") as temporary:
            DRAWN[name](names).savefig(temporary, dpi=100, facecolor="white")


if __name__ == "__main__":
    main()
