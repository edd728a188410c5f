"""What the scripts of this folder share: sizes, a short training, scores, and the pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import mamba_diffae as mda
from mamba_diffae.evaluation import untouched

PHASES = ("autoencoder", "ensemble")
"""The mean, then the draws; the latent is not needed here."""
ENDS = (0.05, 0.95)
"""Quantiles between which 90 % lie."""


def size(full: int, *, gallery: int, test: int) -> int:
    """The number for the size that MAMBA_DIFFAE_EXAMPLES names: full, gallery or test.

    The figures of README.md are those of the full size, which is the default. The gallery of the
    documentation is built at the second one, in seconds a script; tests run at the last.
    """
    return {"full": full, "gallery": gallery, "test": test}[
        os.environ.get("MAMBA_DIFFAE_EXAMPLES", "full")
    ]


def given() -> Path | None:
    """The path that the script was given; a notebook's process has options there, and no path."""
    first = sys.argv[1:2]
    return Path(first[0]) if first and not first[0].startswith("-") else None


@contextmanager
def output(name: str) -> Iterator[Path]:
    """Where a script writes: at the path that it was given, else in a folder that is removed.

    Args:
        name: Of the file, where the script was given none.
    """
    path = given()
    if path is not None:
        yield path
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / name


def save(figure: Figure, suffix: str | None = None) -> None:
    """Write the picture to the path that the script was given; without one, show it.

    Args:
        figure: The picture.
        suffix: In place of that of the path, where something else is written there.
    """
    path = given()
    if path is None:
        plt.show()
        return
    figure.savefig(path if suffix is None else path.with_suffix(suffix), dpi=150)


def small_model(steps: int) -> mda.FieldAutoencoder:
    """A network for a minute of one thread; for real take "small" or "base" and no changes."""
    short = {"steps": steps, "show_progress": False}
    return mda.FieldAutoencoder("tiny", changes=dict.fromkeys(PHASES, short), device="cpu")


def print_scores(
    told: Mapping[str, mda.Prediction], truth: mda.FieldData, seen: mda.Observations
) -> dict[str, float]:
    """RMSE and coverage where nothing was observed, a line for each method.

    Args:
        told: What methods predicted, by their names: with quantiles of 5 and 95 %, or a deviation.
        truth: The fields, of one variable.
        seen: What was observed of them.

    Returns:
        The same by "NAME rmse" and "NAME coverage".
    """
    found, scored = {}, truth.valid_mask() & untouched(truth.grid, seen)
    for name, field in told.items():
        error = field.mean - truth.values
        low, high = interval(field)
        inside = (low <= truth.values) & (truth.values <= high)
        rmse = found[f"{name} rmse"] = float(np.sqrt(np.square(error[scored]).mean()))
        share = found[f"{name} coverage"] = float(inside[scored].mean())
        unit = truth.variables[0].unit
        print(f"{name}: RMSE {rmse:.3g} {unit}, the interval of 90 % holds {share:.0%}")
    return found


def interval(field: mda.Prediction) -> tuple[np.ndarray, np.ndarray]:
    """The interval of 90 %: by stored quantiles, else of a normal variable."""
    if field.levels:
        return field.interval(0.9)
    return field.mean - 1.645 * field.std, field.mean + 1.645 * field.std


def draw_maps(
    axes: Sequence[Axes],
    maps: Mapping[str, np.ndarray],
    grid: mda.Grid,
    unit: str,
    limits: tuple[float | None, float | None] = (None, None),
    **style: Any,
) -> None:
    """Maps of one quantity, one an axes, on one scale with one colour bar.

    Args:
        axes: One for each map, all in one row or column.
        maps: Values by title, shape (n_1, n_2); NaN is left grey.
        grid: Where they are, two axes.
        unit: What stands beside the colour bar.
        limits: Of the colours; None: that of the values.
        style: Passed to imshow: cmap, for one.
    """
    every = np.concatenate([np.ravel(m) for m in maps.values()])
    low, high = limits
    low = np.nanmin(every) if low is None else low
    high = np.nanmax(every) if high is None else high
    first, second = grid.axes
    extent = (second.low, second.high, first.low, first.high)
    for ax, (title, values) in zip(axes, maps.items(), strict=True):
        ax.set_facecolor("0.75")
        image = ax.imshow(values, origin="lower", extent=extent, vmin=low, vmax=high, **style)
        ax.set_title(title, fontsize=10)
        label_axes(ax, grid)
    axes[0].figure.colorbar(image, ax=list(axes), label=unit, shrink=0.9, pad=0.02)


def label_axes(ax: Axes, grid: mda.Grid) -> None:
    """Names and units of the two axes of a map."""
    units = {"degrees_north": "°N", "degrees_east": "°E", "degrees": "°"}
    first, second = (
        f"{axis.name} [{units.get(axis.unit, axis.unit)}]" if axis.unit else axis.name
        for axis in grid.axes
    )
    ax.set(xlabel=second, ylabel=first)


def cells_read(seen: mda.Observations, cells: int = 32) -> np.ndarray:
    """What was observed of one picture, on its lattice, grey elsewhere; shape (y, x, 3)."""
    row, column = (seen.coords[0] * cells).long().T
    picture = np.full((cells, cells, 3), 190.0)
    picture[row, column] = seen.values[0]
    return picture


def draw_pictures(
    axes: Sequence[Axes], pictures: Sequence[np.ndarray], titles: Sequence[str] = ()
) -> None:
    """Pictures of 0 to 255, shape (y, x, 3), one an axes."""
    for ax, picture in zip(axes, pictures, strict=True):
        ax.imshow(np.clip(picture / 255, 0, 1))
        ax.set_axis_off()
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=10)
