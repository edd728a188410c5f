"""Painting on the map of observations: cells under the pointer, gathered until it is lifted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
from bokeh.events import Pan, PanEnd, PanStart

from mamba_diffae.fields import Grid
from mamba_diffae.studio.figures import when_tapped


@final
class Brush:
    """Taps and strokes on a figure, told as cells of a lattice.

    Attributes:
        width: Cells across a stroke.

    Args:
        figure: In the coordinates of the lattice.
        lattice: Gives the lattice at that moment.
        on_tap: Called with the cell of a tap.
        on_stroke: Called with the cells of a stroke, and whether it is at its end.
    """

    def __init__(
        self,
        figure: Any,
        lattice: Callable[[], Grid],
        on_tap: Callable[[int], None],
        on_stroke: Callable[[frozenset[int], bool], None],
    ) -> None:
        self.width = 3
        self._lattice, self._on_tap, self._on_stroke = lattice, on_tap, on_stroke
        self._stroke: set[int] = set()
        self._last: tuple[float, float] | None = None
        when_tapped(figure, self._tap)
        figure.on_event(PanStart, self._move)
        figure.on_event(Pan, self._move)
        figure.on_event(PanEnd, self._lift)

    def _tap(self, event: Any) -> None:
        cells = cells_near(self._lattice(), [(event.y, event.x)], 1)
        if cells:
            self._on_tap(next(iter(cells)))

    def _move(self, event: Any) -> None:
        here = event.y, event.x
        way = np.linspace(self._last or here, here, 16)
        self._last = here
        self._stroke |= cells_near(self._lattice(), [tuple(p) for p in way], self.width)
        self._on_stroke(frozenset(self._stroke), False)

    def _lift(self, event: Any) -> None:
        stroke, self._stroke, self._last = frozenset(self._stroke), set(), None
        if stroke:
            self._on_stroke(stroke, True)


def cells_near(grid: Grid, places: list[tuple[float, ...]], width: int) -> set[int]:
    """Numbers of the cells of a grid of two axes within squares around places.

    Args:
        grid: Of two axes.
        places: In its coordinates; those outside of it have no cells.
        width: Cells along a side of each square.
    """
    found: set[int] = set()
    reach = (width - 1) / 2
    for place in places:
        inside = all(a.low <= x <= a.high for a, x in zip(grid.axes, place, strict=True))
        if not inside:
            continue
        ranges = []
        for axis, x in zip(grid.axes, place, strict=True):
            i = min(int(np.searchsorted(axis.edges, x, "right")) - 1, axis.cells - 1)
            low, high = max(0, round(i - reach)), min(axis.cells - 1, round(i + reach))
            ranges.append(range(low, high + 1))
        found |= {r * grid.shape[1] + c for r in ranges[0] for c in ranges[1]}
    return found
