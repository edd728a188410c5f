"""Places of sensors as a table with a button each, so that the keyboard suffices."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, final

import numpy as np
import panel as pn

from mamba_diffae.fields import Grid
from mamba_diffae.studio.layout import SHEET, WIDE, text
from mamba_diffae.studio.placing import MOST


@final
class SensorTable:
    """A row for each sensor: its place, the errors once it stands, and a button to accept it.

    Attributes:
        buttons: One for each row that there may be.
        rows: What they stand beside.
        view: To be laid out.

    Args:
        on_accept: Called with the number of a sensor, from 0.
    """

    def __init__(self, on_accept: Callable[[int], None]) -> None:
        self.buttons = [
            pn.widgets.Button(label=f"Accept {k + 1}", width=92, height=30, margin=0)
            for k in range(MOST)
        ]
        for k, button in enumerate(self.buttons):
            button.on_click(lambda event, k=k: on_accept(k))
        self.head = text("", "cells", "table-head")
        self.cells = [text("", "cells") for _ in range(MOST)]
        self.rows = [
            pn.Row(
                cells, button, css_classes=["sensor"], stylesheets=[SHEET], visible=False, **WIDE
            )
            for cells, button in zip(self.cells, self.buttons, strict=True)
        ]
        self._told: list[list[str]] = []
        heading = text(
            "<b>The sensors, best first</b> <span>errors with it and those before</span>",
            "heading",
        )
        self.view: Any = pn.Column(heading, self.head, *self.rows, **WIDE)

    def disable(self, is_disabled: bool) -> None:
        """Whether nothing can be accepted now."""
        for button in self.buttons:
            button.disabled = is_disabled

    def show(self, places: np.ndarray, grid: Grid, expected: np.ndarray) -> None:
        """Show places.

        Args:
            places: Shape (n, D).
            grid: Of these axes.
            expected: RMSE after each, shape (n,).
        """
        units = [f"{axis.name}{axis.unit and f' [{axis.unit}]'}" for axis in grid.axes]
        self.head.object = _cells([*units, "expected", "measured"])
        self._told = [
            [*(f"{x:.4g}" for x in place), f"{error:.4g}", ""]
            for place, error in zip(places, expected, strict=True)
        ]
        for k, row in enumerate(self.rows):
            row.visible = k < len(places)
            if row.visible:
                self.cells[k].object = _cells(self._told[k])

    def measure(self, count: int, error: float) -> None:
        """Show what was measured with some number of sensors."""
        if 1 <= count <= len(self._told):
            self._told[count - 1][-1] = f"{error:.4g}"
            self.cells[count - 1].object = _cells(self._told[count - 1])


def _cells(texts: list[str]) -> str:
    return "".join(f"<span>{escape(text)}</span>" for text in texts)
