"""Several fields in one figure, in rows, each under a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import panel as pn
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from mamba_diffae.fields import Grid, Variable
from mamba_diffae.studio.figures import (
    INK,
    MARK,
    VALUES,
    is_picture,
    plain_figure,
    rgba,
    when_tapped,
)

_GAP, _LABEL = 0.06, 0.2
"""Between fields, and for the word above each, as shares of a field's width."""
_NOTHING: dict[str, Any] = {"image": [], "x": [], "y": [], "dw": [], "dh": []}


@final
class Mosaic:
    """Fields of one grid side by side, of which one may be tapped or marked.

    Attributes:
        figure: The Bokeh figure.
        count: Fields that there is room for.
        words: What stands above each.
        view: To be laid out.

    Args:
        columns: Fields in a row.
        on_tap: Called with the number of a field, from 0.
    """

    def __init__(self, columns: int, on_tap: Callable[[int], None] | None = None) -> None:
        self._columns, self._height, self.count = columns, 1.0, 0
        self.figure = plain_figure(
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=1, end=0), aspect_ratio=1
        )
        self.figure.min_border = 0
        self.figure.grid.visible = self.figure.axis.visible = False
        self._colours, self._values = ColumnDataSource(_NOTHING), ColumnDataSource(_NOTHING)
        self._mapper = LinearColorMapper(palette=VALUES, low=0, high=1, nan_color=(0, 0, 0, 0))
        box: dict[str, Any] = {"image": "image", "x": "x", "y": "y", "dw": "dw", "dh": "dh"}
        self.figure.image(**box, source=self._values, color_mapper=self._mapper)
        self.figure.image_rgba(**box, source=self._colours)
        self.words = ColumnDataSource({"x": [], "y": [], "text": []})
        self.figure.text(
            "x",
            "y",
            "text",
            source=self.words,
            text_align="center",
            text_baseline="bottom",
            text_color=INK,
            text_font=value("system-ui, sans-serif"),
            text_font_size="12px",
        )
        self._marked = ColumnDataSource({"x": [], "y": [], "width": [], "height": []})
        line: dict[str, Any] = {"fill_color": None, "line_color": MARK, "line_width": 3}
        self.figure.rect("x", "y", "width", "height", source=self._marked, **line)
        if on_tap is not None:
            when_tapped(self.figure, lambda event: self._tapped(event, on_tap))
        self.view: Any = pn.pane.Bokeh(self.figure, sizing_mode="scale_width", margin=0)

    def lay(self, words: Sequence[str], grid: Grid) -> None:
        """Make room for a field under each of some words, and show none yet."""
        self.count = len(words)
        rows, columns = grid.axes
        same = rows.unit == columns.unit or (rows.is_latitude and columns.is_longitude)
        ratio = rows.span / columns.span if same else grid.shape[0] / grid.shape[1]
        self._height = float(np.clip(ratio, 0.25, 4))
        across = min(self._columns, self.count)
        wide = across * (1 + _GAP) - _GAP
        high = math.ceil(self.count / self._columns) * self._pitch
        self.figure.x_range.update(start=-0.01, end=wide + 0.01)
        self.figure.y_range.update(start=high + 0.01, end=0)
        self.figure.aspect_ratio = (wide + 0.02) / (high + 0.01)
        self._colours.data, self._values.data = dict(_NOTHING), dict(_NOTHING)
        corners = [self._corner(i) for i in range(self.count)]
        self.words.data = {
            "x": [x + 0.5 for x, _ in corners],
            "y": [y - 0.03 for _, y in corners],
            "text": list(words),
        }
        self.mark(None)

    def show(
        self,
        fields: Sequence[np.ndarray],
        grid: Grid,
        variables: Sequence[Variable],
        chosen: int,
        limits: tuple[float, float],
    ) -> None:
        """Show the first of the fields that there is room for.

        Args:
            fields: Each of shape (*grid.shape, C), in the units of the variables.
            grid: As in `lay`.
            variables: C of them; pictures are shown in their own colours.
            chosen: Which variable is shown of others than pictures.
            limits: Ends of the colours.
        """
        corners = [self._corner(i) for i in range(len(fields))]
        box = {
            "x": [x for x, _ in corners],
            "y": [y for _, y in corners],
            "dw": [1.0] * len(fields),
            "dh": [self._height] * len(fields),
        }
        upwards = grid.axes[0].is_latitude
        turned = [field[::-1] if upwards else field for field in fields]
        if is_picture(variables, grid):
            self._colours.data = {"image": [small_picture(f, variables) for f in turned], **box}
            return
        self._mapper.update(low=limits[0], high=limits[1])
        images = [np.ascontiguousarray(f[..., chosen], dtype=np.float32) for f in turned]
        self._values.data = {"image": images, **box}

    def mark(self, number: int | None) -> None:
        """Frame one of the fields; None: none."""
        if number is None:
            self._marked.data = {"x": [], "y": [], "width": [], "height": []}
            return
        x, y = self._corner(number)
        box = {"width": [1.0], "height": [self._height]}
        self._marked.data = {"x": [x + 0.5], "y": [y + self._height / 2], **box}

    @property
    def images(self) -> list[np.ndarray]:
        """What is drawn: packed pixels of pictures, values of other fields."""
        return [*self._colours.data["image"], *self._values.data["image"]]

    @property
    def marked(self) -> list[float]:
        """Where the frame is, if there is one."""
        return [*self._marked.data["x"]]

    @property
    def _pitch(self) -> float:
        return self._height + _LABEL + _GAP

    def _corner(self, i: int) -> tuple[float, float]:
        row, column = divmod(i, self._columns)
        return column * (1 + _GAP), row * self._pitch + _LABEL

    def _tapped(self, event: Any, on_tap: Callable[[int], None]) -> None:
        row, column = int(event.y // self._pitch), int(event.x // (1 + _GAP))
        number = row * self._columns + column
        if 0 <= column < self._columns and 0 <= number < self.count:
            on_tap(number)


def small_picture(values: np.ndarray, variables: Sequence[Variable]) -> np.ndarray:
    """A picture (h, w, C) as packed pixels, shape (h, w), uint32."""
    units = [v.unit_interval(values[..., c]) for c, v in enumerate(variables)]
    return rgba(np.stack(units, axis=-1))
