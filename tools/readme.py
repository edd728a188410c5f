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
from mamba_diffae.evaluation import Score
from mamba_diffae.evaluation.metrics import PSNR_CAP
from mamba_diffae.fields.atomic import atomic_file

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
    scales = sorted({s.scale for s in scores})
    heads = [f"{measure} {scale}²" for scale in scales for measure in ("PSNR", "SSIM")]
    lines = [f"| method | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    cells = {(s.method, s.scale): (_psnr(s), f"{s.ssim.mean:.3f}") for s in scores}
    fair = [key for key in cells if key[0].kind != "oracle"]
    best = {
        scale: tuple(max((cells[k][i] for k in fair if k[1] == scale), key=float) for i in (0, 1))
        for scale in scales
    }
    for method in dict.fromkeys(s.method for s in scores):
        row = []
        for scale in scales:
            for shown, top in zip(cells[method, scale], best[scale], strict=True):
                marked = shown == top and (method, scale) in fair
                row.append(f"**{shown}**" if marked else shown)
        lines.append(f"| {method} | {' | '.join(row)} |")
    return "\n".join(lines)


def _psnr(score: Score) -> str:
    exact = score.psnr.mean >= PSNR_CAP
    return "exact" if exact else f"{score.psnr.mean:.2f}"


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
    facts = f"{result.facts['judged on']}; {result.facts['time']}."
    write(f"{table(result.scores)}\n\n{facts}", README)


if __name__ == "__main__":
    main()
