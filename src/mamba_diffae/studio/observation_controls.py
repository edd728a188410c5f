"""Share, pattern and noise, the brush, and the observations as a form and a table."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, final

import numpy as np
import pandas as pd
import panel as pn

from mamba_diffae.studio.design import group
from mamba_diffae.studio.observing import PATTERNS, Edits
from mamba_diffae.studio.seed_input import SeedInput
from mamba_diffae.studio.session import Change, Session

PAINTS = {"Remove": "remove", "Add": "add"}
"""What a stroke on the map of observations does."""
NO_VALUE = "There is no value there, such as on land; choose another cell."
"""Told where a person asks for the field in a cell that has none."""


@final
class ObservationControls:
    """What is observed of the field.

    Attributes:
        paints: What a stroke does: "remove" or "add".
        width: Cells across a stroke.
        items: Of the pattern, to be laid out from above.
        by_hand: Of the brush, likewise.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
        about = session.settings
        self.share = pn.widgets.IntSlider(
            label="Share observed, in %",
            start=1,
            end=100,
            value=round(100 * about.fraction),
            **wide,
        )
        self.pattern = pn.widgets.Select(
            label="Pattern", options=list(PATTERNS), value=about.pattern, **wide
        )
        self.noise = pn.widgets.IntSlider(
            label="Noise, in % of the range", start=0, end=30, value=0, **wide
        )
        self.seed = SeedInput(session, lambda seed: session.observe(seed=seed), **wide)
        self.paints = pn.widgets.RadioButtonGroup(options=PAINTS, value="remove", **wide)
        self.width = pn.widgets.IntSlider(
            label="Brush, in cells", start=1, end=9, step=2, value=3, **wide
        )
        self.undo = pn.widgets.Button(label="Undo all changes by hand", **wide)
        self.share.param.watch(lambda e: session.observe(fraction=e.new / 100), "value")
        self.pattern.param.watch(lambda e: session.observe(pattern=e.new), "value")
        self.noise.param.watch(lambda e: session.observe(noise=e.new / 100), "value")
        self.undo.on_click(lambda event: session.edit(Edits()))
        session.on_change(self._changed)
        self._changed("observations")
        self.items: list[Any] = [
            group("Observations"),
            self.share,
            self.pattern,
            self.noise,
            self.seed.widget,
        ]
        self.by_hand: list[Any] = [
            group("By hand, on the map"),
            self.paints,
            self.width,
            self.undo,
        ]

    def _changed(self, what: Change) -> None:
        if what in ("model", "source", "snapshot", "observations"):
            self.undo.disabled = self._session.edits == Edits()


@final
class Table(pn.widgets.Tabulator):
    """A table whose pages may have become fewer while one is turned to that is gone."""

    def _process_property_change(self, props: dict[str, Any]) -> dict[str, Any]:
        last = self.param.page.bounds[1]
        if props.get("page") and last is not None:
            props["page"] = min(props["page"], last)
        return super()._process_property_change(props)


@final
class ObservationTable:
    """The observations as a form and a table, for the keyboard and for exact values.

    Attributes:
        view: To be laid out; it computes nothing while it is closed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.row = pn.widgets.IntInput(label="Row", start=0, value=0, width=90, margin=(0, 8, 0, 0))
        self.column = pn.widgets.IntInput(
            label="Column", start=0, value=0, width=90, margin=(0, 8, 0, 0)
        )
        self._numbers: list[Any] = []
        self.values = pn.Row(margin=0)
        self._buttons = [
            pn.widgets.Button(label=name, margin=(0, 8, 0, 0))
            for name in ("Observe the field there", "Observe this value", "Remove")
        ]
        for button, act in zip(self._buttons, (self._add, self._type, self._remove), strict=True):
            button.on_click(lambda event, act=act: self._at_cell(act))
        self.table = Table(
            pd.DataFrame(),
            pagination="remote",
            page_size=10,
            show_index=False,
            selectable=False,
            layout="fit_columns",
            configuration={"editTriggerEvent": "click"},  # else Tab does not get out
            buttons={"away": "<span title='Remove'>✕</span>"},
            sizing_mode="stretch_width",
            margin=(0, 10, 10, 10),
        )
        self.table.on_edit(self._edited)
        self.table.on_click(self._clicked)
        form = pn.FlexBox(self.row, self.column, self.values, margin=(4, 10))
        self.view = pn.Card(
            form,
            pn.FlexBox(*self._buttons, margin=(4, 10, 10, 10)),
            self.table,
            title="Observations as a table",
            collapsed=True,
            sizing_mode="stretch_width",
            margin=(18, 0, 0, 0),
        )
        self.view.param.watch(lambda event: self._refresh("model"), "collapsed")
        session.on_change(self._refresh)

    def _refresh(self, what: Change) -> None:
        if self.view.collapsed or what not in ("model", "source", "snapshot", "observations"):
            return
        observed, variables = self._session.observed, self._session.data.variables
        rows, columns = observed.lattice.shape
        self.row.end, self.column.end = rows - 1, columns - 1
        if [w.label for w in self._numbers] != [_titled(v) for v in variables]:
            self._numbers = [
                pn.widgets.FloatInput(label=_titled(v), value=None, width=110, margin=(0, 8, 0, 0))
                for v in variables
            ]
            self.values.objects = self._numbers
        values = np.zeros((0, len(variables)))
        if observed.cells:
            values = observed.observations.values[0].numpy()[: len(observed.cells)]
        place = np.array(observed.cells, dtype=np.int64)
        frame = pd.DataFrame({"row": place // columns, "column": place % columns})
        for c in range(len(variables)):
            frame[str(c)] = [float(f"{v:.7g}") for v in values[:, c]]  # all that float32 has
        frame["how"] = [self._how(cell) for cell in observed.cells]
        names = {str(c): escape(_titled(v)) for c, v in enumerate(variables)}  # they are HTML
        self.table.titles = {name: names.get(name, name) for name in frame.columns}
        self.table.editors = dict.fromkeys(("row", "column", "how"))
        self.table.value = frame

    def _how(self, cell: int) -> str:
        edits = self._session.edits
        if cell in edits.typed:
            return "typed"
        return "by hand" if cell in edits.added else "pattern"

    def _at_cell(self, act: Callable[[int], None]) -> None:
        row, column = self.row.value, self.column.value
        if row is None or column is None:
            self._session.tell("Type the row and the column of the cell, whole numbers from 0.")
            return
        act(int(row) * self._session.observed.lattice.shape[1] + int(column))

    def _add(self, cell: int) -> None:
        if cell not in self._session.observed.row_of:
            self._session.tell(NO_VALUE)
            return
        self._session.edit(self._session.edits.add(frozenset([cell])))

    def _remove(self, cell: int) -> None:
        self._session.edit(self._session.edits.remove(frozenset([cell])))

    def _type(self, cell: int) -> None:
        values = tuple(w.value for w in self._numbers)
        self._take(cell, values)

    def _take(self, cell: int, values: tuple[Any, ...]) -> None:
        session = self._session
        if any(v is None or not np.isfinite(v) for v in values):
            names = ", ".join(_titled(v) for v in session.data.variables)
            session.tell(f"Type a number for each of {names}; then it is observed.")
            return
        if cell not in session.observed.row_of:
            session.tell(NO_VALUE)
            return
        session.edit(session.edits.type(cell, tuple(float(v) for v in values)))

    def _edited(self, event: Any) -> None:
        row = self.table.value.iloc[event.row]
        values = tuple(row[str(c)] for c in range(len(self._session.data.variables)))
        columns = self._session.observed.lattice.shape[1]
        self._take(int(row["row"]) * columns + int(row["column"]), values)

    def _clicked(self, event: Any) -> None:
        if event.column == "away":
            row = self.table.value.iloc[event.row]
            columns = self._session.observed.lattice.shape[1]
            self._remove(int(row["row"]) * columns + int(row["column"]))


def _titled(variable: Any) -> str:
    """Name and unit of a variable: "sst [degC]"."""
    return f"{variable.name} [{variable.unit}]" if variable.unit else variable.name
