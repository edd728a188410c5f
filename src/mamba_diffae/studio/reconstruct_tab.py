"""The tab "Reconstruct": the field, what is observed of it, and what becomes of that."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any, final

import numpy as np
import panel as pn

from mamba_diffae.benchmark.maps import raster
from mamba_diffae.fields import FieldError, Grid, Prediction
from mamba_diffae.studio.asking import PAUSE, Question, answer_grid, common_region, truth_on
from mamba_diffae.studio.blending import blending
from mamba_diffae.studio.design import group, maps, tab
from mamba_diffae.studio.figures import DEVIATIONS, INK, VALUES, FieldMap, is_picture, scale_bar
from mamba_diffae.studio.observation_controls import NO_VALUE, ObservationControls, ObservationTable
from mamba_diffae.studio.painting import Brush
from mamba_diffae.studio.refusals import Refusal, answered
from mamba_diffae.studio.session import Change, Session
from mamba_diffae.studio.size_input import SizeInput
from mamba_diffae.studio.source_controls import SourceControls
from mamba_diffae.studio.words import extent_of, familiarity_in_words, in_words, scores_in_words

DRAWS = (4, 8, 16, 32)
"""How many draws may be asked for."""
SHOWN = 6
"""Draws that are shown, at most; the deviation is that of all."""
BROAD = 1.5
"""Width over height from which on maps are laid out in wider columns."""
LEAD = (
    "<b>Drag “Share observed”</b>: the mean follows at once, kriging and draws come after it. "
    "Click a cell of the first map to add or remove it, or drag over it to paint."
)


def reconstruct_tab(session: Session) -> Any:
    """The field, what is observed of it, and what the model and kriging make of that."""
    return Reconstruction(session).view


@final
class Reconstruction:
    """The maps and the controls of the tab.

    Attributes:
        view: To be laid out.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._stale = session, True
        names = ("Observations", "Truth", "Mean", "Deviation", "Kriging", "Mean to kriging")
        self.maps = {name: FieldMap(name) for name in names}
        self.drawn = [FieldMap(f"Draw {s + 1}") for s in range(SHOWN)]
        self._words = self._refused = ""
        self.said = pn.pane.HTML("", margin=0, sizing_mode="stretch_width", min_height=30)
        self.bars = {name: pn.pane.HTML("", margin=0) for name in ("Truth", "Deviation")}
        for name, bar in self.bars.items():
            self.maps[name].view.append(bar)
        self.maps["Observations"].figure.background_fill_color = INK
        self.maps["Observations"].figure.background_fill_alpha = 0.25
        self.observing = ObservationControls(session)
        self.blend = blending(self.maps["Mean to kriging"])
        self.drawings = maps()
        lattice = lambda: session.observed.lattice  # noqa: E731
        self.brush = Brush(
            self.maps["Observations"].figure,
            lattice,
            session.guarded(self._tapped),
            session.guarded(self._stroked),
        )
        self.observing.width.param.watch(
            lambda event: setattr(self.brush, "width", event.new), "value"
        )
        session.on_change(self._changed)
        self.view = self._laid_out()
        self._changed("model")

    def _laid_out(self) -> Any:
        session = self._session
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
        draws = pn.widgets.RadioButtonGroup(options=list(DRAWS), value=session.draws, **wide)
        draws.param.watch(lambda event: session.draw(event.new), "value")
        more = [
            *self.observing.by_hand,
            *SizeInput(session).items,
            group("Draws"),
            draws,
        ]
        self.first = maps(*(m.view for m in self.maps.values()))
        table = ObservationTable(session).view
        return tab(
            LEAD,
            self.observing.items,
            self.said,
            self.first,
            self.drawings,
            table,
            before=SourceControls(session).items,
            more=more,
        )

    def _changed(self, what: Change) -> None:
        session = self._session
        if what in ("model", "source", "snapshot"):  # of another field nothing is left to see
            region = common_region(session.model, session.truth.grid)
            for shown in (*self.maps.values(), *self.drawn):
                shown.region = region
                shown.clear()
                shown.frame(session.truth.grid)
            for bar in self.bars.values():
                bar.object = ""
        if what == "tab":
            if session.active == 0 and self._stale:
                self._ask()
        elif session.active != 0:
            self._stale = True
            for kind in ("mean", "rest"):  # of another field or model, on which it cannot be laid
                session.worker.cancel(kind)
        else:
            self._ask()

    def _ask(self) -> None:
        """Show what is observed, and ask for all that follows from it."""
        session, self._stale = self._session, False
        session.worker.cancel("rest")
        self._show_truth()
        try:
            question = session.question()
        except FieldError as error:  # such as nothing observed, or a field without a value
            session.worker.cancel("mean")
            self._show_none()
            self._refuse(in_words(error), self._answers)
            return
        show = partial(self._show_mean, question)
        session.worker.run("mean", answered(question.mean), show, queue="quick")
        session.untell(self._refused)
        self._show_observed()
        broad = ["broad"] if self.maps["Observations"].figure.aspect_ratio > BROAD else []
        for laid in (self.first, self.drawings):
            laid.css_classes = ["maps", *broad]
        for shown in self._following:
            shown.fade(True)

    @property
    def _following(self) -> list[FieldMap]:
        """Maps that follow the mean."""
        return [self.maps["Deviation"], self.maps["Kriging"], *self.drawn]

    @property
    def _answers(self) -> list[FieldMap]:
        """All maps of what is made of the observations."""
        return [self.maps["Mean"], self.maps["Mean to kriging"], *self._following]

    def _refuse(self, why: str, emptied: list[FieldMap]) -> None:
        """Tell why there is no answer, and leave none of before on some maps."""
        for shown in emptied:
            shown.clear()
        if self.maps["Deviation"] in emptied:
            self.bars["Deviation"].object = ""
        if self.maps["Mean"] in emptied:
            self._words = ""
        self._tell_progress("")
        self._refused = why
        self._session.tell(why)

    @property
    def _limits(self) -> tuple[float, float]:
        """Ends of the colours of values: those of the field that is shown."""
        truth, chosen = self._session.truth, self._session.variable
        known = truth.values[..., chosen][truth.valid_mask()[..., chosen]]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        return (low, high) if low < high else truth.variables[chosen].limits

    def _show(self, name: str, values: np.ndarray, grid: Grid, **options: Any) -> None:
        session = self._session
        self.maps[name].show(
            values, grid, session.data.variables, session.variable, limits=self._limits, **options
        )

    def _show_none(self) -> None:
        shown = self.maps["Observations"]
        shown.clear()
        shown.frame(self._session.observed.lattice)
        shown.mark(np.zeros((0, 2)))
        shown.rename("Observations", "none")

    def _show_observed(self) -> None:
        session = self._session
        seen = raster(session.observations(), session.truth.grid)
        values = np.where(seen.mask, seen.values, np.nan)
        self._show("Observations", values, seen.grid)
        self.maps["Observations"].mark(np.array(session.edits.sensors).reshape(-1, 2))
        count, possible = len(session.observed.cells), session.observed.possible
        self.maps["Observations"].rename("Observations", f"{count:,} of {possible:,} cells")

    def _show_truth(self) -> None:
        session = self._session
        there = truth_on(answer_grid(session.model, session.size), session.truth)
        truth = session.truth if there is None else there
        values = np.where(truth.valid_mask()[0], truth.values[0].astype(np.float64), np.nan)
        self._show("Truth", values, truth.grid)
        native = "native, " if there is None else ""
        self.maps["Truth"].rename("Truth", native + extent_of(truth))
        what = self._in_unit(truth.variables[session.variable].name)
        bar = scale_bar(VALUES, *self._limits, what)
        self.bars["Truth"].object = "" if is_picture(truth.variables, truth.grid) else bar

    def _show_mean(self, question: Question, mean: Prediction | Refusal) -> None:
        if isinstance(mean, Refusal):
            self._refuse(mean.why, self._answers)
            return
        session, grid = self._session, mean.grid or question.grid
        self._show("Mean", mean.mean[0], grid)
        self._show("Mean to kriging", mean.mean[0], grid)
        self.maps["Mean"].rename("Mean", question.grid.describe_shape())
        words = familiarity_in_words(mean.familiarity, mean.weights)
        unlike = " unlike" if " unlike the training" in words else ""
        self._words = f'<span class="said{unlike}">{escape(words)}</span>'
        self._lay_draws(question.draws)
        self._tell_progress("Kriging and draws follow …")
        show = partial(self._show_rest, question, mean)
        session.worker.run("rest", answered(partial(question.rest, mean)), show, after=PAUSE)

    def _lay_draws(self, count: int) -> None:
        views = [shown.view for shown in self.drawn[: min(count, SHOWN)]]
        if list(self.drawings.objects) != views:
            self.drawings.objects = views

    def _in_unit(self, what: str) -> str:
        """What colours are of, with the unit of the variable that is shown."""
        unit = self._session.data.variables[self._session.variable].unit
        return f"{what} [{unit}]" if unit else what

    def _show_rest(
        self, question: Question, mean: Prediction, step: tuple[str, Any] | Refusal
    ) -> None:
        if isinstance(step, Refusal):
            self._refuse(step.why, [shown for shown in self._following if shown.is_stale])
            return
        kind, found = step
        grid = mean.grid or question.grid
        if kind == "scores":
            self.maps["Mean"].rename("Mean", self._measured(found))
        elif kind == "kriging":
            kriged, scores = found
            self._show("Kriging", kriged.mean[0], grid)
            self._show("Mean to kriging", kriged.mean[0], grid, over=True)
            note = "" if scores is None else self._measured(scores)
            self.maps["Kriging"].rename("Kriging", note)
            self._tell_progress(f"0 of {question.draws} draws …")
        elif kind == "draws":
            self._show_draws(question, found, grid)

    def _measured(self, scores: Any) -> str:
        variables, grid = self._session.data.variables, self._session.data.grid
        chosen = None if is_picture(variables, grid) else variables[self._session.variable]
        return scores_in_words(scores, chosen)

    def _show_draws(self, question: Question, found: Prediction, grid: Grid) -> None:
        """The draws that there are so far, and their deviation."""
        session, done = self._session, len(found.draws)
        variables, chosen = session.data.variables, session.variable
        for shown, values in zip(self.drawn, found.draws, strict=False):
            shown.show(values[0], grid, variables, chosen, limits=self._limits)
        top = self.maps["Deviation"].show_deviation(found.std[0], grid, variables, chosen)
        self.maps["Deviation"].rename("Deviation", f"of {done} draws")
        label = "of 0 to 255" if is_picture(variables, grid) else self._in_unit("deviation")
        self.bars["Deviation"].object = scale_bar(DEVIATIONS, 0, top, label)
        self._tell_progress(f"{done} of {question.draws} draws …" if done < question.draws else "")

    def _tell_progress(self, text: str) -> None:
        progress = f'<span class="note" role="status">{escape(text)}</span>'
        self.said.object = f'<div class="status">{self._words}{progress}</div>'

    def _tapped(self, cell: int) -> None:
        session = self._session
        if cell not in session.observed.row_of:
            session.tell(NO_VALUE)
            return
        change = session.edits.remove if cell in session.observed.cells else session.edits.add
        session.edit(change(frozenset([cell])))

    def _stroked(self, cells: frozenset[int], is_done: bool) -> None:
        session = self._session
        paint = (
            session.edits.remove if self.observing.paints.value == "remove" else session.edits.add
        )
        if is_done:
            self.maps["Observations"].mark_cells([], session.observed.lattice)
            there = cells & session.observed.row_of.keys()
            if there:
                session.edit(paint(there))
            else:
                session.tell(NO_VALUE)
        else:
            self.maps["Observations"].mark_cells(sorted(cells), session.observed.lattice)
