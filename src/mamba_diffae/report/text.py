"""The scores as a table for the shell."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mamba_diffae.evaluation import Score
from mamba_diffae.report.tables import decibel, number, pivot


def score_table(scores: Sequence[Score]) -> Table:
    """Methods × resolutions with PSNR and SSIM, the best of each column in bold.

    Args:
        scores: One for each method and scale.

    Returns:
        A table to print with `rich`.
    """
    layout = pivot(scores)
    best_psnr = layout.best(lambda score: score.psnr.mean)
    best_ssim = layout.best(lambda score: score.ssim.mean)
    counts = sorted({score.count for score in scores})
    caption = f"PSNR in dB and SSIM, higher is better; {' or '.join(map(str, counts))} pictures"
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left")
    table.add_column("\nmethod")
    for scale in layout.scales:
        table.add_column(f"{scale}²\nPSNR", justify="right")
        table.add_column(f"{scale}²\nSSIM", justify="right")
    for method in layout.methods:
        row = [Text(method)]
        for scale in layout.scales:
            key = (method, scale)
            score = layout.cells.get(key)
            row.append(_cell(score and decibel(score.psnr.mean), key in best_psnr))
            row.append(_cell(score and number(score.ssim.mean, 3), key in best_ssim))
        table.add_row(*row)
    return table


def _cell(value: str | None, best: bool) -> Text:
    return Text(value or "–", style="bold" if best else "")
