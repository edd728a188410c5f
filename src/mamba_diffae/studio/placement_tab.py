"""The tab "Where next": where the next sensors lower the error most, and how far."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape
from typing import Any, final

import numpy as np
import panel as pn

from mamba_diffae.benchmark.maps import raster
from mamba_diffae.placement import Placement
from mamba_diffae.studio.asking import common_region
from mamba_diffae.studio.design import group, tab
from mamba_diffae.studio.error_curve import ErrorCurve
from mamba_diffae.studio.figures import DEVIATIONS, INK, FieldMap, is_picture, scale_bar
from mamba_diffae.studio.layout import WIDE, most, side_by_side, text
from mamba_diffae.studio.marks import NumberedMarks
from mamba_diffae.studio.placing import MOST, PlacementQuestion
from mamba_diffae.studio.refusals import Refusal, answered
from mamba_diffae.studio.sensor_table import SensorTable
from mamba_diffae.studio.session import Change, Session

LEAD = (
    "<b>Click a number on the map</b>, or a button of the table, to accept that sensor: it then "
    "reads the field there, and the next ones are placed beside it."
)


def placement_tab(session: Session) -> Any:
    """Where to put the next sensors."""
    return WhereNext(session).view


@final
class WhereNext:
    """The maps, the curve and the table of the tab.

    Attributes:
        count: How many sensors are placed.
        table: Their places.
        curve: Their errors.
        said: What to expect, or why there is nothing.
        view: To be laid out.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._stale = session, True
        self._placement: Placement | None = None
        self._expected, self._errors = "", list[float]()
        self.count = pn.widgets.IntSlider(label="New sensors", start=1, end=MOST, value=8, **WIDE)
        self.count.param.watch(lambda event: self._ask(), "value_throttled")
        self.all = pn.widgets.Button(label="Accept all of them", **WIDE)
        self.all.on_click(lambda event: self._accept(self._coords))
        self.undo = pn.widgets.Button(label="Take back all accepted", **WIDE)
        self.undo.on_click(lambda event: self._take_back())
        self.seen = FieldMap("Observed")
        self.seen.figure.background_fill_color = INK
        self.seen.figure.background_fill_alpha = 0.25
        self.now = FieldMap("Deviation now", session.guarded(self._tapped))
        self.then = FieldMap("Deviation then")
        self.marks = NumberedMarks(self.now.figure)
        self.curve = ErrorCurve()
        self.table = SensorTable(lambda k: self._accept(self._coords[k : k + 1]))
        self.said = text(min_height=30)
        self.bar = text()
        self.results = pn.Column(
            side_by_side("trio", most(self.now.view), self.then.view, self.seen.view),
            self.bar,
            side_by_side("duo", self.curve.view, self.table.view),
            **WIDE,
        )
        session.on_change(self._changed)
        controls = [group("Sensors"), self.count, self.all, self.undo]
        self.view = tab(LEAD, controls, self.said, self.results)

    @property
    def _coords(self) -> np.ndarray:
        return np.zeros((0, 2)) if self._placement is None else self._placement.coords

    def _changed(self, what: Change) -> None:
        session = self._session
        if what == "tab":
            if session.active == 1 and self._stale:
                self._ask()
        elif what in ("model", "source", "snapshot", "observations", "variable"):
            self._stale = True
            for kind in ("placement", "measured"):
                session.worker.cancel(kind)
            if session.active == 1:
                self._ask()

    def _ask(self) -> None:
        """Ask for a placement beside what is observed now."""
        session, self._stale = self._session, False
        variables, grid = session.model.variables, session.model.grid
        question = PlacementQuestion(
            session.model,
            session.observed,
            self.count.value,
            is_picture(variables, grid),
            min(session.variable, len(variables) - 1),
        )
        self.undo.disabled = not session.edits.sensors
        self._offer(None)
        for shown in (self.now, self.then):
            shown.fade(True)
        count = self.count.value
        self._say(f"Placing {count} sensor{'s' if count > 1 else ''} …")
        session.worker.cancel("measured")
        show = partial(self._show, question)
        session.worker.run("placement", answered(question.place), show)

    def _say(self, text: str) -> None:
        self.said.object = f'<span class="said" role="status">{escape(text)}</span>'

    def _offer(self, placement: Placement | None) -> None:
        """Offer the sensors of a placement to be accepted; None: none for now."""
        self._placement = placement
        self.all.disabled = placement is None
        self.table.disable(placement is None)

    def _show(self, question: PlacementQuestion, found: Placement | Refusal) -> None:
        self.results.visible = not isinstance(found, Refusal)
        if isinstance(found, Refusal):
            self.said.object = found.html
            return
        self._offer(found)
        self._expected, self._errors = question.expectation(found), []
        self._say(self._expected)
        self._show_maps(question, found)
        self.curve.show(question, found)
        self.table.show(found.coords, found.grid, question.expected(found.greedy)[1:])
        if question.truth is not None:
            run = answered(lambda: question.measured(found))
            self._session.worker.run("measured", run, partial(self._measured, question))

    def _show_maps(self, question: PlacementQuestion, found: Placement) -> None:
        variables, chosen = found.variables, question.variable
        region = common_region(question.model, question.observed.truth.grid)
        for shown in (self.now, self.then, self.seen):
            shown.region = region
        top = self.now.show_deviation(found.before, found.grid, variables, chosen)
        self.then.show_deviation(found.greedy.std, found.grid, variables, chosen, top=top)
        self.then.rename("Deviation then", f"expected, with all {len(found)}")
        self.now.rename("Deviation now", "expected; click a number")
        self.marks.show(found.coords)
        self.then.mark(found.coords)
        unit = variables[chosen].unit
        what = "mean of the colours, of 0 to 255" if question.whole else variables[chosen].name
        label = f"Deviation, {what}{unit and f' [{unit}]'}"
        self.bar.object = scale_bar(DEVIATIONS, 0, top, label)
        self._show_observed()

    def _show_observed(self) -> None:
        session = self._session
        seen = raster(session.observations(), session.truth.grid)
        values = np.where(seen.mask, seen.values, np.nan)
        self.seen.show(values, seen.grid, session.data.variables, session.variable)
        sensors = session.edits.sensors
        self.seen.mark(np.array(sensors).reshape(-1, 2))
        cells = f"{len(session.observed.cells)} cells"
        accepted = f" and {len(sensors)} accepted" if sensors else ""
        self.seen.rename("Observed", cells + accepted)

    def _measured(self, question: PlacementQuestion, found: tuple[int, float] | Refusal) -> None:
        if isinstance(found, Refusal):
            self._session.tell(found.why)
            return
        self.curve.add(*found)
        self.table.measure(*found)
        self._errors.append(found[1])
        if len(self._errors) == len(self._coords) + 1:
            self._say(f"{self._expected} {question.measurement(self._errors)}")

    def _tapped(self, first: float, second: float) -> None:
        number = self.marks.near(first, second)
        if number is not None:
            self._accept(self._coords[number : number + 1])

    def _accept(self, places: np.ndarray) -> None:
        """Observe the field at places (k, D) besides."""
        if not len(places):
            return
        edits = self._session.edits
        more = tuple(tuple(map(float, place)) for place in places)
        self._session.edit(replace(edits, sensors=(*edits.sensors, *more)))

    def _take_back(self) -> None:
        self._session.edit(replace(self._session.edits, sensors=()))
