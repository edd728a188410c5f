"""Images on a figure: values by their colours, or pictures in their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.palettes import Inferno256, Viridis256

from mamba_diffae.fields import Axis, Grid

VALUES, DEVIATIONS = Viridis256, Inferno256
"""Colours of values and of standard deviations, both perceptually uniform."""
_EMPTY: dict[str, Any] = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
_FINEST = 512
"""Pixels along an axis of uneven cells, at most."""


@final
class Layer:
    """One image of a map: of values or deviations by colours, or in its own colours.

    What is drawn is added to the figure when it is first needed: a page of many maps opens faster.

    Attributes:
        alpha: How opaque it is.

    Args:
        figure: To draw on.
        level: Of Bokeh: "image", or "glyph", which is above it whichever was added first.
    """

    def __init__(self, figure: Any, level: str = "image") -> None:
        self.alpha = 1.0
        self._figure, self._level = figure, level
        self._drawn: dict[str, Any] = {}

    def glyph(self, what: str) -> Any:
        """What draws "values" or "deviations" by their colours, or pictures in their "own"."""
        if what not in self._drawn:
            box: dict[str, Any] = {"image": "image", "x": "x", "y": "y", "dw": "dw", "dh": "dh"}
            box |= {"source": ColumnDataSource(_EMPTY), "global_alpha": self.alpha}
            box["level"] = self._level
            if what == "own":
                self._drawn[what] = self._figure.image_rgba(**box)
            else:
                colours = VALUES if what == "values" else DEVIATIONS
                self._drawn[what] = self._figure.image(**box, color_mapper=_mapper(colours))
        return self._drawn[what]

    def colours(self, share: np.ndarray, grid: Grid) -> None:
        """Show colours in [0, 1], shape (*grid.shape, 3 or 1)."""
        self._show("own", rgba(share), grid)

    def values(self, values: np.ndarray, grid: Grid, low: float, high: float, what: str) -> Any:
        """Show values, shape grid.shape, by the colours of "values" or "deviations"."""
        self.glyph(what).glyph.color_mapper.update(low=low, high=high)
        return self._show(what, values.astype(np.float32), grid)

    def fade(self, alpha: float) -> None:
        """Make it as opaque as that; a class of styles would have the page laid out anew."""
        self.alpha = alpha
        for drawn in self._drawn.values():
            drawn.glyph.global_alpha = alpha

    def clear(self) -> None:
        """Show nothing."""
        for drawn in self._drawn.values():
            if len(drawn.data_source.data["image"]):
                drawn.data_source.data = dict(_EMPTY)

    def _show(self, what: str, image: np.ndarray, grid: Grid) -> Any:
        """Show an image, and no other; what draws it."""
        for name, drawn in self._drawn.items():
            if name != what and len(drawn.data_source.data["image"]):
                drawn.data_source.data = dict(_EMPTY)
        drawn = self.glyph(what)
        drawn.data_source.data = _boxed(image, grid)
        return drawn


def _boxed(image: np.ndarray, grid: Grid) -> dict[str, Any]:
    """An image and where it lies, cells of uneven axes repeated as they are wide."""
    rows, columns = grid.axes
    image = np.ascontiguousarray(image[_even(rows)][:, _even(columns)])
    box = {"x": [columns.low], "y": [rows.low], "dw": [columns.span], "dh": [rows.span]}
    return {"image": [image], **box}


def _mapper(colours: Sequence[str]) -> LinearColorMapper:
    options: dict[str, Any] = {"palette": colours, "low": 0, "high": 1, "nan_color": (0, 0, 0, 0)}
    return LinearColorMapper(**options)


def rgba(share: np.ndarray) -> np.ndarray:
    """Colours in [0, 1], shape (h, w, 3) or (h, w, 1), as packed pixels (h, w), uint32.

    What is not finite is transparent.
    """
    known = np.isfinite(share).all(axis=-1)
    bytes_ = np.rint(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)
    pixels = np.zeros((*known.shape, 4), np.uint8)
    pixels[..., :3] = bytes_
    pixels[..., 3] = 255 * known
    return pixels.view(np.uint32)[..., 0]


def _even(axis: Axis) -> np.ndarray:
    """Numbers of the cells under the pixels of an axis: each once if they are even."""
    if axis.even_cells:
        return np.arange(axis.cells)
    count = min(_FINEST, 4 * axis.cells)
    places = axis.low + (np.arange(count) + 0.5) * axis.span / count
    return np.clip(np.searchsorted(axis.edges, places, "right") - 1, 0, axis.cells - 1)
