"""Draw the picture of the documentation's home page, by the model that comes with the package.

    python tools/home_picture.py --out docs/images/home.webp

Above: observations at a fifth of the cells, the mean, its deviation, four draws. Below: the way
between the latents of two fields. Seconds on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

import mamba_diffae as mda
from mamba_diffae.fields.atomic import atomic_file

FIELD, ENDS = 33, (33, 34)
"""Test fields: the one that is observed, and the two ends of the way."""
SIDE = 192
"""Cells along a side of what is drawn: twice the training fields'."""
STEPS = 7
INK = "#7d838c"
"""Grey that reads on white and on black."""
PAPER = "#d9dce1"
"""Behind the observations, of which some are white."""


def draw_observations(ax: Axes, seen: mda.Observations, grid: mda.Grid) -> None:
    """Each observation as a dot of its colour."""
    colours = seen.values[0].numpy().clip(0, 255) / 255
    y, x = seen.coords[0].numpy().T
    ax.scatter(x, y, c=colours, s=7, linewidths=0)
    rows, columns = grid.axes
    ax.set_facecolor(PAPER)
    ax.patch.set_alpha(1)
    ax.set(xlim=(columns.low, columns.high), ylim=(rows.high, rows.low), aspect="equal")


def draw_row(part: SubFigure, pictures: dict[str, np.ndarray | None]) -> list[Axes]:
    """Pictures in one row under their titles; None leaves room for one."""
    axes = list(part.subplots(1, len(pictures), squeeze=False)[0])
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        ax.set_title(title, fontsize=11, color=INK)
        if picture is not None:
            ax.imshow(picture, cmap="magma")
        ax.set(xticks=[], yticks=[])
        ax.patch.set_alpha(0)
        for spine in ax.spines.values():
            spine.set_visible(False)
    return axes


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="docs/images/home.webp")
    out = Path(parser.parse_args().out)
    model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    unseen = mda.open_field("emoji").split("test")
    seen = mda.observe(unseen.take([FIELD]), fraction=0.2, seed=0)
    field = model.predict(seen, targets=SIDE, n_draws=4, seed=0)
    a, b = (mda.observe(unseen.take([end]), fraction=0.2, seed=0) for end in ENDS)
    way = mda.interpolate(model, a, b, STEPS, targets=SIDE).values.clip(0, 255) / 255

    above: dict[str, np.ndarray | None] = {"observed: a fifth": None}
    above["mean"] = field.mean[0].clip(0, 255) / 255
    above["deviation"] = field.std[0].mean(-1)
    above |= {f"draw {k + 1}": x[0].clip(0, 255) / 255 for k, x in enumerate(field.draws)}
    figure = Figure(figsize=(11, 3.6), layout="constrained", facecolor="none")
    upper, lower = (
        figure.add_subfigure(row, facecolor="none") for row in figure.add_gridspec(2, 1)
    )
    draw_observations(draw_row(upper, above)[0], seen, unseen.grid)
    titles = "one latent", *(" " * k for k in range(1, STEPS - 1)), "another"
    draw_row(lower, dict(zip(titles, way, strict=True)))
    with atomic_file(out) as temporary:
        figure.savefig(temporary, dpi=130, format="webp", pil_kwargs={"quality": 90})


if __name__ == "__main__":
    main()
