"""The error against the number of sensors, as a curve."""

from __future__ import annotations

from html import escape
from typing import Any, final

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Legend, LegendItem, Range1d
from bokeh.models.tickers import SingleIntervalTicker

from mamba_diffae.placement import Placement
from mamba_diffae.studio.figures import INK, MARK, plain_figure
from mamba_diffae.studio.placing import PlacementQuestion

EXPECTED = "#14908a"
"""Of the curve of the placed sensors, to be seen on light and on dark."""


@final
class ErrorCurve:
    """Expected errors as lines, and those that are measured on the field as points.

    Attributes:
        expected: Data of the line: numbers of sensors and errors.
        actual: Data of the points, likewise.
        view: To be laid out.
    """

    def __init__(self) -> None:
        self.expected, self.actual, self._band = (ColumnDataSource() for _ in range(3))
        self.figure = plain_figure(
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=0, end=1), aspect_ratio=1.5
        )
        self.figure.xaxis.axis_label = "new sensors"
        self._clear()
        band = self.figure.varea(
            "x", "low", "high", source=self._band, fill_color=INK, fill_alpha=0.4
        )
        line = {"source": self.expected, "line_color": EXPECTED, "line_width": 2.5}
        drawn = self.figure.line("x", "y", **line)
        points = self.figure.scatter(
            "x", "y", source=self.actual, size=7, fill_color=MARK, line_color=MARK
        )
        names = ("expected", "as many at random", "measured on this field")
        items = zip(names, (drawn, band, points), strict=True)
        legend = Legend(items=[LegendItem(label=name, renderers=[r]) for name, r in items])
        legend.update(
            orientation="horizontal",
            label_text_color=INK,
            label_text_font="system-ui, sans-serif",
            label_text_font_size="11px",
            background_fill_alpha=0,
            border_line_alpha=0,
            padding=0,
            margin=4,
            spacing=10,
        )
        self.figure.add_layout(legend, "above")
        self.heading = pn.pane.HTML(css_classes=["heading"], margin=0, sizing_mode="stretch_width")
        pane = pn.pane.Bokeh(self.figure, sizing_mode="scale_width", margin=0)
        self.view: Any = pn.Column(self.heading, pane, sizing_mode="stretch_width", margin=0)

    def _clear(self) -> None:
        self.expected.data = {"x": [], "y": []}
        self.actual.data = {"x": [], "y": []}
        self._band.data = {"x": [], "low": [], "high": []}

    def show(self, question: PlacementQuestion, placement: Placement) -> None:
        """Show what is expected; nothing is measured yet."""
        self._clear()
        x = list(range(len(placement) + 1))
        greedy = question.expected(placement.greedy)
        random = np.stack([question.expected(arm) for arm in placement.random])
        self.expected.data = {"x": x, "y": list(greedy)}
        self._band.data = {"x": x, "low": list(random.min(0)), "high": list(random.max(0))}
        self.figure.x_range.update(start=-0.3, end=len(placement) + 0.3)
        self.figure.xaxis.ticker = SingleIntervalTicker(interval=max(1, len(placement) // 6))
        self._frame(float(greedy.min()), float(random.max()))
        self.heading.object = (
            f"<b>Error by number of sensors</b> <span>{escape(question.error_name)}</span>"
        )

    def add(self, count: int, error: float) -> None:
        """Add what was measured with some number of sensors."""
        self.actual.stream({"x": [count], "y": [error]})
        shown = [*self.expected.data["y"], *self._band.data["high"], *self.actual.data["y"]]
        self._frame(min(shown), max(shown))

    def _frame(self, low: float, high: float) -> None:
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        self.figure.y_range.update(start=low - room, end=high + room)
