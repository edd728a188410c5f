"""Curves and intervals as inline SVG whose colours follow the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.evaluation import PSNR_CAP, Method, Score
from mamba_diffae.report.tables import ScoreTable, decibel, interval

# matplotlib wants colours, the page has variables: each of these stands for one until it is text.
INK, SOFT, RULE = "#010101", "#020202", "#030303"
LINES = ("#040404", "#050505", "#060606")
_VARIABLES = {INK: "--ink", SOFT: "--soft", RULE: "--rule"} | {
    colour: f"--line-{i}" for i, colour in enumerate(LINES)
}

_STYLE: dict[Any, Any] = {
    "font.size": 11,
    "font.family": "sans-serif",
    "svg.fonttype": "none",  # text stays text: it takes the page's font and can be searched
    "svg.hashsalt": "mamba-diffae",
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": RULE,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@final
@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes:
        title: Its heading.
        alt: What it shows, in words.
        svg: The drawing, to be placed in the page as it is.
    """

    title: str
    alt: str
    svg: str


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
        loss = np.array([(row["step"], row["loss"]) for row in own if "loss" in row]).reshape(-1, 2)
        psnr = _validation(own)
        if len(loss):
            pictures.append(_loss_picture(phase, loss))
        if psnr:
            pictures.append(_psnr_picture(phase, psnr))
    return pictures


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
    figure, axes = _axes(height=0.5 + 0.4 * len(drawn))
    for y, score in enumerate(drawn):
        colour = LINES[0] if score.method in best else SOFT
        axes.plot([score.psnr.low, score.psnr.high], [y, y], color=colour, linewidth=1.8)
        axes.plot(score.psnr.mean, y, "o", color=colour, markersize=6)
        where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(
            _literal(str(score.method)), (0, y), (0, 6), color=colour, fontsize=11, **where
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(drawn) - 0.5, -0.8)
    axes.set_xlabel("dB")
    return _svg(figure)


def _validation(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """(step, PSNR) pairs, shape (n, 2), for each validation metric that is a PSNR."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.get("validation", {}).items():
            if name.lower().startswith("psnr"):
                curves.setdefault(name, []).append((row["step"], value))
    return {name: np.array(points, dtype=float) for name, points in curves.items()}


def _loss_picture(phase: str, loss: np.ndarray) -> Picture:
    steps, values = loss.T
    width = max(1, len(values) // 25)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    figure, axes = _axes()
    axes.plot(steps, values, color=LINES[0], linewidth=0.8, alpha=0.35)
    axes.plot(steps[width // 2 :][: len(smooth)], smooth, color=LINES[0], linewidth=1.8)
    axes.set_xlabel("step")
    if (values > 0).all():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:.3g}")
        axes.yaxis.set_minor_formatter("")
    alt = f"Loss from {values[0]:.3g} to {smooth[-1]:.3g}, averaged, at step {steps[-1]:.0f}."
    return Picture(f"{phase.capitalize()}: loss", alt, _svg(figure))


def _psnr_picture(phase: str, curves: Mapping[str, np.ndarray]) -> Picture:
    figure, axes = _axes()
    for i, (name, points) in enumerate(curves.items()):
        colour = LINES[i % len(LINES)]
        axes.plot(*points.T, "o-", color=colour, linewidth=1.8, markersize=4, label=_literal(name))
    axes.set_xlabel("step")
    axes.set_ylabel("dB")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if len(curves) > 1:
        axes.legend(frameon=False, labelcolor=SOFT)
    spoken = "; ".join(f"{n} from {p[0, 1]:.2f} to {p[-1, 1]:.2f} dB" for n, p in curves.items())
    return Picture(f"{phase.capitalize()}: validation PSNR", f"{spoken}.", _svg(figure))


def _literal(name: str) -> str:
    """A name as plain text: a dollar sign would begin a formula."""
    return name.replace("$", r"\$")


def _axes(height: float = 2.4) -> tuple[Figure, Axes]:
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.4, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure, axes


def _svg(figure: Figure) -> str:
    """The drawing as an SVG element for an HTML page, where namespaces go without saying."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(<svg[^>]*?)\swidth="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?)\sheight="[^"]*"', r'\1 aria-hidden="true"', svg, count=1)
    svg = re.sub(r"font-family: [^;]*;", "", svg)  # the page's own
    return re.sub("|".join(_VARIABLES), lambda found: f"var({_VARIABLES[found[0]]})", svg)
