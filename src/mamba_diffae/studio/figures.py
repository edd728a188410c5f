"""Maps of fields as Bokeh figures: one frame for all, whose colours follow the quantity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, final

import numpy as np
import panel as pn
from bokeh.events import DoubleTap, Press, Tap
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.fields import Grid, Variable
from mamba_diffae.studio.layers import DEVIATIONS, VALUES, Layer, rgba

__all__ = [
    "DEVIATIONS",
    "INK",
    "MARK",
    "VALUES",
    "FieldMap",
    "is_picture",
    "plain_figure",
    "rgba",
    "scale_bar",
    "when_tapped",
]
MARK = "#c2410c"
"""Of marks on maps."""
INK = "#808894"
"""Of lines and letters in figures, to be read on light and on dark."""
_STALE = 0.35
"""How opaque that is which follows the mean, until it is made anew."""
_DOWNWARDS = {"depth", "pressure", "level", "lev", "plev"}


def is_picture(variables: Sequence[Variable], grid: Grid) -> bool:
    """Whether fields are 8-bit pictures, shown in their own colours."""
    return painter_of(variables, grid).legend == "" and grid.dim == 2


@final
class FieldMap:
    """One field of two axes as a map, under a heading.

    Attributes:
        figure: The Bokeh figure, in the coordinates of the grid: x is the second axis.
        over: A second image above the first, for `show(over=True)`.
        region: What is seen, whatever part of it a field covers; None: the field's own.
        is_stale: Whether what is shown is of before, and follows.
        view: What is laid out: heading and figure.

    Args:
        title: Its heading.
        on_tap: Called with (first coordinate, second coordinate) where the map is tapped.
    """

    def __init__(self, title: str, on_tap: Callable[[float, float], None] | None = None) -> None:
        self.figure = plain_figure(
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=1, end=0), aspect_ratio=1
        )
        self.figure.min_border = 0
        self.figure.grid.visible = self.figure.axis.visible = False
        self._under, self.over = Layer(self.figure), Layer(self.figure, "glyph")
        self._cells: ColumnDataSource | None = None
        self._points: ColumnDataSource | None = None
        self._hover: HoverTool | None = None
        self.heading = pn.pane.HTML(css_classes=["heading"], margin=0, sizing_mode="stretch_width")
        self.region: Grid | None = None
        self.is_stale = False
        self.rename(title)
        self.pane = pn.pane.Bokeh(self.figure, sizing_mode="scale_width", margin=0)
        self.view = pn.Column(
            self.heading, self.pane, css_classes=["map"], sizing_mode="stretch_width", margin=0
        )
        if on_tap is not None:
            when_tapped(self.figure, lambda event: on_tap(event.y, event.x))

    def rename(self, title: str, note: str = "") -> None:
        """Another heading, and a note behind it; any text, shown as it is."""
        self._title = title
        self.heading.object = f"<b>{escape(title)}</b> <span>{escape(note)}</span>"

    def show(
        self,
        values: np.ndarray,
        grid: Grid,
        variables: Sequence[Variable],
        chosen: int = 0,
        *,
        limits: tuple[float, float] | None = None,
        over: bool = False,
    ) -> None:
        """Show a field.

        Args:
            values: Shape (*grid.shape, C), in the units of the variables; NaN is shown empty.
            grid: Of two axes.
            variables: C of them; pictures are shown in their own colours.
            chosen: Which variable is shown of others than pictures.
            limits: Ends of the colours; None: the limits of the variable.
            over: Above what is shown already, as transparent as the upper layer is.
        """
        if not over:
            self.frame(grid)
            self.over.clear()
        self.fade(False)
        layer = self.over if over else self._under
        values = np.where(grid.exists[..., None], values, np.nan)
        if is_picture(variables, grid):
            units = [v.unit_interval(values[..., c]) for c, v in enumerate(variables)]
            layer.colours(np.stack(units, axis=-1), grid)
            return
        variable = variables[chosen]
        ends = limits or variable.limits
        drawn = layer.values(values[..., chosen], grid, *ends, "values")
        if not over:
            self._tell(variable, drawn)

    def show_deviation(
        self,
        std: np.ndarray,
        grid: Grid,
        variables: Sequence[Variable],
        chosen: int = 0,
        *,
        top: float | None = None,
    ) -> float:
        """Show standard deviations, of pictures their mean over the variables; see `show`.

        Args:
            std: As the values of `show`.
            grid: See `show`.
            variables: See `show`.
            chosen: See `show`.
            top: The end of the colours, which begin at 0; None: the largest that is shown.

        Returns:
            The end of the colours.
        """
        self.frame(grid)
        self.fade(False)
        spread = std.mean(axis=-1) if is_picture(variables, grid) else std[..., chosen]
        spread = np.where(grid.exists, spread, np.nan)
        end = top or float(np.nanmax(spread)) or 1.0
        drawn = self._under.values(spread, grid, 0.0, end, "deviations")
        self._tell(variables[chosen], drawn)
        return end

    def clear(self) -> None:
        """Show nothing, with nothing noted of it."""
        self._under.clear()
        self.over.clear()
        self.fade(False)
        self.rename(self._title)

    def fade(self, is_stale: bool) -> None:
        """Whether what is shown is of before, and follows."""
        self.is_stale = is_stale
        self._under.fade(_STALE if is_stale else 1.0)

    def mark(self, places: np.ndarray) -> None:
        """Mark places (N, 2), in the order of the axes."""
        if self._points is None:
            if not len(places):
                return
            self._points = ColumnDataSource({"x": [], "y": []})
            style: dict[str, Any] = {"size": 9, "fill_color": "white", "line_color": MARK}
            self.figure.scatter("x", "y", source=self._points, line_width=2.5, **style)
        self._points.data = {"x": list(places[:, 1]), "y": list(places[:, 0])}

    def mark_cells(self, cells: Sequence[int], grid: Grid) -> None:
        """Mark cells of a grid by their numbers, the last axis fastest."""
        chosen = list(cells)
        if self._cells is None:
            self._cells = ColumnDataSource({"x": [], "y": [], "width": [], "height": []})
            style: dict[str, Any] = {"line_color": None, "fill_color": MARK, "fill_alpha": 0.45}
            self.figure.rect("x", "y", "width", "height", source=self._cells, **style)
        (y, x), (height, width) = grid.centres()[chosen].T, grid.supports()[chosen].T
        self._cells.data = {"x": x, "y": y, "width": width, "height": height}

    def frame(self, grid: Grid) -> None:
        """Ranges and aspect of the region, or of a grid; rows as `MapPainter` draws them."""
        grid = self.region or grid
        rows, columns = grid.axes
        low, high = rows.low, rows.high
        upwards = (rows.is_latitude or bool(rows.unit)) and rows.name.lower() not in _DOWNWARDS
        start, end = (low, high) if upwards else (high, low)
        self.figure.y_range.update(start=start, end=end)
        self.figure.x_range.update(start=columns.low, end=columns.high)
        same = rows.unit == columns.unit or (rows.is_latitude and columns.is_longitude)
        ratio = columns.span / rows.span if same else grid.shape[1] / grid.shape[0]
        self.figure.aspect_ratio = float(np.clip(ratio, 0.25, 4))

    def _tell(self, variable: Variable, drawn: Any) -> None:
        """Tell the value under the pointer."""
        if self._hover is None:
            self._hover = HoverTool()
            self.figure.add_tools(self._hover)
        if self._hover.renderers != [drawn]:
            self._hover.renderers = [drawn]
        tip = (variable.name, f"@image{{0.[000]}} {escape(variable.unit)}")  # text, and HTML
        if self._hover.tooltips != [tip]:
            self._hover.tooltips = [tip]


def when_tapped(plot: Any, act: Callable[[Any], None]) -> None:
    """Have every tap on a figure acted on.

    Bokeh calls a second tap within 300 ms a double tap, wherever it is, and one held for 300 ms
    a press, and tells of neither as a tap.

    Args:
        plot: The figure.
        act: Called with the event, whose `x` and `y` are coordinates of the figure.
    """

    def tapped(event: Any) -> None:
        if event.x is not None and event.y is not None:
            act(event)

    for kind in (Tap, DoubleTap, Press):
        plot.on_event(kind, tapped)


def plain_figure(**options: Any) -> Any:
    """A figure without tools, on the page's own background, light or dark."""
    plot = figure(toolbar_location=None, tools="", sizing_mode="scale_width", **options)
    plot.background_fill_alpha = plot.border_fill_alpha = 0
    plot.outline_line_color = None  # Bokeh 3.9 strokes along with it what it stroked before
    plot.grid.grid_line_color, plot.grid.grid_line_alpha = INK, 0.2
    for axis in plot.axis:
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.axis_line_color = axis.major_tick_line_color = INK
        axis.minor_tick_line_color = None
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font = axis.major_label_text_font = "system-ui, sans-serif"
    return plot


def scale_bar(colours: Sequence[str], low: float, high: float, label: str) -> str:
    """A bar of colours with its ends and what they mean, as HTML."""
    stops = ", ".join(colours[i] for i in range(0, 256, 17))
    return (
        f'<div class="scale"><span>{low:.4g}</span><i style="background:linear-gradient(90deg, '
        f'{stops})"></i><span>{high:.4g}</span> <span class="what">{escape(label)}</span></div>'
    )
