"""The scores, and other tables of a result, for the shell."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mamba_diffae.benchmark.page import Table as Measured
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.evaluation import Score
from mamba_diffae.report.tables import ScoreTable, cell, decibel, number, second_measure

_NAME = 16
"""Columns that a name has at least, however narrow the terminal."""
_STYLES = {"": "", "bad": "bold red", "poor": "yellow", "good": "", "best": "green"}


def score_table(scores: Sequence[Score]) -> Table:
    """Methods × resolutions with PSNR and SSIM (or skill), the best of each column in bold.

    Args:
        scores: One for each method and scale.

    Returns:
        A table to print with `rich`.
    """
    layout = ScoreTable.of(scores)
    best_psnr = layout.best(lambda score: score.psnr.mean)
    best_second = layout.best(second_measure)
    counts = sorted({score.count for score in scores})
    many = " or ".join(map(str, counts))
    caption = f"PSNR in dB and {layout.second}, higher is better; {many} fields"
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left")
    table.add_column("\nmethod", min_width=_NAME, overflow="fold")
    for shape in layout.shapes.values():
        table.add_column(f"{in_short(shape)}\nPSNR", justify="right")
        table.add_column(f"{in_short(shape)}\n{layout.second}", justify="right")
    for method in layout.methods:
        row = [Text(method.label)]
        for scale in layout.shapes:
            key = (method, scale)
            score = layout.cells.get(key)
            row.append(_cell(score and decibel(score.psnr.mean), key in best_psnr))
            row.append(_cell(score and number(second_measure(score), 3), key in best_second))
        table.add_row(*row)
    return table


def measured_table(measured: Measured) -> Table:
    """A table of a result, to print with `rich`.

    Args:
        measured: Its numbers and words.
    """
    title = Text(measured.title)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(measured.columns):
        name = {} if i else {"min_width": _NAME, "overflow": "fold"}
        table.add_column(Text(column), justify="right" if i else "left", **name)
    digits = measured.digits or [2] * len(measured.columns)
    tones = measured.tones or [[""] * len(measured.columns)] * len(measured.rows)
    for row, toned in zip(measured.rows, tones, strict=True):
        cells = zip(row, digits, toned, strict=True)
        table.add_row(*(Text(cell(v, d), style=_STYLES[tone]) for v, d, tone in cells))
    return table


def _cell(value: str | None, best: bool) -> Text:
    return Text(value or "–", style="bold" if best else "")
