"""Numbered places on a map, and which of them was tapped."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource

from mamba_diffae.studio.figures import MARK

_NEAR = 0.06
"""A tap counts within this share of the axes' spans of a place."""


@final
class NumberedMarks:
    """Places in their order, each a disc with its number.

    Args:
        figure: Of a `FieldMap`.
    """

    def __init__(self, figure: Any) -> None:
        self.places = np.zeros((0, 2))
        self._figure = figure
        self._source = ColumnDataSource({"x": [], "y": [], "text": []})
        above = {"source": self._source, "level": "overlay"}  # images are drawn later
        figure.scatter("x", "y", size=20, fill_color=MARK, line_color="white", **above)
        figure.text(
            "x",
            "y",
            "text",
            **above,
            text_align="center",
            text_baseline="middle",
            text_color="white",
            text_font=value("system-ui, sans-serif"),
            text_font_size="12px",
            text_font_style="bold",
        )

    def show(self, places: np.ndarray) -> None:
        """Show places (N, 2), in the order of the axes, numbered from 1."""
        self.places = places
        names = [str(i) for i in range(1, len(places) + 1)]
        self._source.data = {"x": list(places[:, 1]), "y": list(places[:, 0]), "text": names}

    def near(self, first: float, second: float) -> int | None:
        """Number, from 0, of the place at which a map was tapped; None if it was at none.

        Args:
            first: Coordinate along the first axis.
            second: Along the second one.
        """
        if not len(self.places):
            return None
        ranges = self._figure.y_range, self._figure.x_range
        spans = np.array([abs(r.end - r.start) for r in ranges])
        apart = np.linalg.norm((self.places - (first, second)) / spans, axis=1)
        nearest = int(apart.argmin())
        return nearest if apart[nearest] <= _NEAR else None
