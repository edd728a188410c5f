"""Draw the README's picture from a run's result.

    python tools/readme_picture.py --run runs/demo --out docs/images/demo.png

Rows are unseen pictures; columns what was observed, a few methods at the native size, and what the
network is unsure of. `mamba-diffae demo` or `evaluate` writes the result it reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from mamba_diffae.experiments import Sheet, load_result
from mamba_diffae.fields.atomic import atomic_file

METHODS = ("observed", "thin-plate spline", "gappy POD", "autoencoder, latent+points")
DRAWS = ("standard deviation", "draw 1", "draw 2")
ROWS = 4


def column(sheet: Sheet, name: str) -> list:
    """The first pictures of a column."""
    place = list(sheet.columns).index(name)
    return [row[place] for row in sheet.pictures[:ROWS]]


def main() -> None:
    """Read the result, write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="run folder that holds a result")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    options = parser.parse_args()
    *_, finest, draws = load_result(options.run).sheets
    columns = {name: column(finest, name) for name in METHODS}
    columns |= {name: column(draws, name) for name in DRAWS}
    columns["truth"] = column(finest, "truth")
    figure = Figure(
        figsize=(1.35 * len(columns), 1.42 * ROWS), layout="constrained", facecolor="white"
    )
    axes = figure.subplots(ROWS, len(columns))
    for j, (name, pictures) in enumerate(columns.items()):
        axes[0, j].set_title(name.replace(", ", ",\n"), fontsize=9)
        for i, picture in enumerate(pictures):
            axes[i, j].imshow(
                picture.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
            )
            axes[i, j].set_axis_off()
    with atomic_file(options.out) as temporary:
        figure.savefig(temporary, dpi=110)


if __name__ == "__main__":
    main()
