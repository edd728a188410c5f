"""Drawings as inline SVG whose colours follow the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
        caption: How to read it, in a sentence; or nothing.
    """

    title: str
    alt: str
    svg: str
    caption: str = ""


@contextmanager
def own_style() -> Iterator[None]:
    """Draw as the page is made, whatever a user's matplotlibrc says, such as text by TeX."""
    with style.context(["default", _STYLE]):
        yield


def literal(name: str) -> str:
    """A name as plain text: a dollar sign would begin a formula."""
    return name.replace("$", r"\$")


def new_axes(height: float = 2.4) -> tuple[Figure, Axes]:
    """A drawing with one pair of axes, 4.4 inches wide.

    Args:
        height: In inches.
    """
    with own_style():
        figure = Figure(figsize=(4.4, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure, axes


def to_svg(figure: Figure) -> str:
    """The drawing as an SVG element for an HTML page, where namespaces go without saying."""
    buffer = io.StringIO()
    with own_style():
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
