"""Share, pattern and noise, the brush, and the observations as a form and a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, final

import numpy as np
import pandas as pd
import panel as pn

from mamba_diffae.fields import Variable
from mamba_diffae.studio.design import group
from mamba_diffae.studio.observing import PATTERNS, Edits
from mamba_diffae.studio.seed_input import SeedInput
from mamba_diffae.studio.session import Change, Session
from mamba_diffae.studio.typed import shortened, whole_number

PAINTS = {"Remove": "remove", "Add": "add"}
"""What a stroke on the map of observations does."""
NO_VALUE = "There is no value there, such as on land; choose another cell."
"""Told where a person asks for the field in a cell that has none."""
_FAR = 1000
"""Spans of a variable's limits beyond them from which a typed value is taken for a slip."""


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
        self.row, self.column = (
            pn.widgets.TextInput(label=label, value="0", width=90, margin=(0, 8, 0, 0))
            for label in ("Row", "Column")
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
        columns = observed.lattice.shape[1]
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
        rows, columns = self._session.observed.lattice.shape
        typed = self.row.value, self.column.value
        row, column = map(whole_number, typed)
        if row is None or column is None or not (0 <= row < rows and 0 <= column < columns):
            given = "”, column “".join(map(shortened, typed))
            self._session.tell(
                f"There is no cell in row “{given}”; type whole numbers: rows from 0 to "
                f"{rows - 1}, columns from 0 to {columns - 1}."
            )
            return
        act(row * columns + column)

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

    def _take(self, cell: int, values: tuple[Any, ...]) -> bool:
        """Observe values in a cell; whether they were not refused."""
        session = self._session
        why = NO_VALUE if cell not in session.observed.row_of else ""
        if any(v is None or not np.isfinite(v) for v in values):
            names = ", ".join(_titled(v) for v in session.data.variables)
            why = f"Type a number for each of {names}; then it is observed."
        why = why or _beyond(session.data.variables, values)
        if why:
            session.tell(why)
            return False
        session.edit(session.edits.type(cell, tuple(float(v) for v in values)))
        return True

    def _edited(self, event: Any) -> None:
        row = self.table.value.iloc[event.row]
        values = tuple(row[str(c)] for c in range(len(self._session.data.variables)))
        columns = self._session.observed.lattice.shape[1]
        if not self._take(int(row["row"]) * columns + int(row["column"]), values):
            self._refresh("observations")  # what was typed is not what is observed

    def _clicked(self, event: Any) -> None:
        if event.column == "away":
            row = self.table.value.iloc[event.row]
            columns = self._session.observed.lattice.shape[1]
            self._remove(int(row["row"]) * columns + int(row["column"]))


def _beyond(variables: Sequence[Variable], values: Sequence[float]) -> str:
    """Which value no field of these variables has, in a sentence; "" if none is so far off."""
    for variable, value in zip(variables, values, strict=True):
        low, high = variable.limits
        if max(low - value, value - high) > _FAR * (high - low):
            unit = variable.unit and f" {variable.unit}"
            return (
                f"{value:g}{unit} is no value of {variable.name}, which goes from {low:g} to "
                f"{high:g}{unit} in the training fields; type another one."
            )
    return ""


def _titled(variable: Variable) -> str:
    """Name and unit of a variable: "sst [degC]"."""
    return f"{variable.name} [{variable.unit}]" if variable.unit else variable.name
