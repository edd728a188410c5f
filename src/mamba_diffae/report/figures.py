"""Curves of training and intervals of scores, as drawings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.evaluation import PSNR_CAP, Method, Score
from mamba_diffae.report.canvas import LINES, SOFT, Picture, literal, new_axes, own_style, to_svg
from mamba_diffae.report.tables import ScoreTable, decibel, interval


@own_style()
def training_curves(rows: Sequence[Mapping[str, Any]]) -> list[Picture]:
    """Loss and validation PSNR of each phase of training.

    Args:
        rows: Rows of metrics.jsonl, as in `Page.curves`.

    Returns:
        For each phase the loss, and the validation PSNR where it was measured.
    """
    pictures = []
    for phase in dict.fromkeys(row["phase"] for row in rows):
        own = [row for row in rows if row["phase"] == phase]
        losses = [(r["step"], r["loss"]) for r in own if math.isfinite(r.get("loss", math.nan))]
        loss = np.array(losses).reshape(-1, 2)
        psnr = _validation(own)
        if len(loss):
            pictures.append(_loss_picture(phase, loss))
        if psnr:
            pictures.append(_psnr_picture(phase, psnr))
    return pictures


@own_style()
def psnr_intervals(scores: Sequence[Score]) -> list[Picture]:
    """PSNR of every method with its 95 % interval, a drawing for each scale.

    Args:
        scores: One for each method and scale.
    """
    layout = ScoreTable.of(scores)
    best = layout.best(lambda score: score.psnr.mean)
    pictures = []
    for scale, shape in layout.shapes.items():
        column = [s for m in layout.methods if (s := layout.cells.get((m, scale))) is not None]
        svg = _interval_drawing(column, {method for method, at in best if at == scale})
        spoken = "; ".join(
            f"{s.method} {decibel(s.psnr.mean)} ({interval(s.psnr, 2)})" for s in column
        )
        pictures.append(Picture(in_words(shape), f"PSNR in dB: {spoken}.", svg))
    return pictures


def _interval_drawing(column: Sequence[Score], best: set[Method]) -> str:
    drawn = [s for s in column if s.psnr.mean < PSNR_CAP]  # an exact one would stretch the axis
    figure, axes = new_axes(height=0.5 + 0.4 * len(drawn))
    for y, score in enumerate(drawn):
        colour = LINES[0] if score.method in best else SOFT
        axes.plot([score.psnr.low, score.psnr.high], [y, y], color=colour, linewidth=1.8)
        axes.plot(score.psnr.mean, y, "o", color=colour, markersize=6)
        where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(
            literal(str(score.method)), (0, y), (0, 6), color=colour, fontsize=11, **where
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(drawn) - 0.5, -0.8)
    axes.set_xlabel("dB")
    return to_svg(figure)


def _validation(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """(step, PSNR) pairs, shape (n, 2), for each validation metric that is a PSNR."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.get("validation", {}).items():
            if name.lower().startswith("psnr") and math.isfinite(value):
                curves.setdefault(name, []).append((row["step"], value))
    return {name: np.array(points, dtype=float) for name, points in curves.items()}


def _loss_picture(phase: str, loss: np.ndarray) -> Picture:
    steps, values = loss.T
    width = max(1, len(values) // 25)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    figure, axes = new_axes()
    axes.plot(steps, values, color=LINES[0], linewidth=0.8, alpha=0.35)
    axes.plot(steps[width // 2 :][: len(smooth)], smooth, color=LINES[0], linewidth=1.8)
    axes.set_xlabel("step")
    if (values > 0).all():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:.3g}")
        axes.yaxis.set_minor_formatter("")
    alt = f"Loss from {values[0]:.3g} to {smooth[-1]:.3g}, averaged, at step {steps[-1]:.0f}."
    return Picture(f"{phase.capitalize()}: loss", alt, to_svg(figure))


def _psnr_picture(phase: str, curves: Mapping[str, np.ndarray]) -> Picture:
    figure, axes = new_axes()
    for i, (name, points) in enumerate(curves.items()):
        colour = LINES[i % len(LINES)]
        axes.plot(*points.T, "o-", color=colour, linewidth=1.8, markersize=4, label=literal(name))
    axes.set_xlabel("step")
    axes.set_ylabel("dB")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if len(curves) > 1:
        axes.legend(frameon=False, labelcolor=SOFT)
    spoken = "; ".join(f"{n} from {p[0, 1]:.2f} to {p[-1, 1]:.2f} dB" for n, p in curves.items())
    return Picture(f"{phase.capitalize()}: validation PSNR", f"{spoken}.", to_svg(figure))
