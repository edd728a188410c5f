"""Draw the README's picture and write its table from a run's result.

    python tools/readme.py --run runs/emoji-96

Rows of the picture are unseen pictures; columns what was observed, a few methods at the native
size, and what the network is unsure of. `mamba-diffae evaluate` writes the result that is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mamba_diffae.benchmark import ImageGrid, Page, load_page
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.evaluation import Score
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report.tables import ScoreTable, decibel, number, second_measure

README, PICTURE = Path("README.md"), Path("docs/images/demo.png")
BEGIN, END = "<!-- scores: written by tools/readme.py -->", "<!-- end of scores -->"
METHODS = ("observed", "thin-plate spline", "gappy POD", "autoencoder, latent+points")
DRAWS = ("standard deviation", "draw 1", "draw 2")
ROWS = 4


def column(grid: ImageGrid, name: str) -> list:
    """The first pictures of a column."""
    place = list(grid.columns).index(name)
    return [row[place] for row in grid.pictures[:ROWS]]


def draw(page: Page, out: Path) -> None:
    """The picture."""
    *_, finest, draws = page.panels
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
    with atomic_file(out) as temporary:
        figure.savefig(temporary, dpi=110)


def table(scores: Sequence[Score]) -> str:
    """PSNR and SSIM of every method at every scale; the best without the truth are bold."""
    layout = ScoreTable.of(scores)
    measures = {"PSNR": lambda score: score.psnr.mean, layout.second: second_measure}
    heads = [f"{name} {in_short(shape)}" for shape in layout.shapes.values() for name in measures]
    lines = [f"| method | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    best = [layout.best(measure) for measure in measures.values()]
    for method in layout.methods:
        row = []
        for scale in layout.shapes:
            score = layout.cells[method, scale]
            shown = decibel(score.psnr.mean), number(second_measure(score), 3)
            for text, winners in zip(shown, best, strict=True):
                row.append(f"**{text}**" if (method, scale) in winners else text)
        lines.append(f"| {method} | {' | '.join(row)} |")
    return "\n".join(lines)


def write(text: str, into: Path) -> None:
    """Put the text between the marks."""
    page = into.read_text()
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    with atomic_file(into) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")


def main() -> None:
    """Read the result, write picture and table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="run folder that holds a result")
    result = load_page(parser.parse_args().run)
    draw(result, PICTURE)
    facts = f"{result.facts['scored on']}; {result.facts['time']}."
    write(f"{table(result.scores)}\n\n{facts}", README)


if __name__ == "__main__":
    main()
