"""What the parts of the tab "Latent" have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any, final

import numpy as np
import panel as pn

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData
from mamba_diffae.studio.copying import CopyButton
from mamba_diffae.studio.figures import VALUES, FieldMap, is_picture, scale_bar
from mamba_diffae.studio.latent_lines import Lines, Origin
from mamba_diffae.studio.latent_map import LatentMaps
from mamba_diffae.studio.layout import WIDE, text
from mamba_diffae.studio.mosaic import Mosaic
from mamba_diffae.studio.opening import Source
from mamba_diffae.studio.refusals import Refusal, answered
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.worker import QueueName, pause

MAPS = LatentMaps()
"""Maps of packaged sets; all pages read them."""

KINDS = tuple(
    f"latent {what}"
    for what in ("way", "attributes", "edit", "strip", "samples", "map", "places", "chosen")
)
"""Of the work of the parts."""


@final
class LatentFields:
    """The fields of a session at the cells of its model.

    Args:
        session: Of one person.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kept: tuple[Source, FieldAutoencoder, FieldData] | None = None

    def now(self) -> Callable[[], FieldData]:
        """Gives all fields of the source that is open now, whatever is opened meanwhile.

        What it gives raises a ValueError if they do not lie where those of the model do.
        """
        source, model = self._session.source, self._session.model

        def fields() -> FieldData:
            kept = self._kept
            if kept is None or kept[0] is not source or kept[1] is not model:
                data, grid = source.data, model.grid
                data = data if data.grid.axes == grid.axes else data.at(grid)
                self._kept = kept = source, model, data
            return kept[2]

        return fields


def with_gaps(data: FieldData) -> np.ndarray:
    """Values of fields, shape (S, *shape, C), NaN where there are none, such as on land."""
    return np.where(data.valid_mask(), data.values.astype(np.float64), np.nan)


class Part(ABC):
    """A part of the tab: its controls, what it shows, and the lines that make that.

    Attributes:
        name: As the tab names it.
        lead: What to do first, as HTML.
        controls: At the left.
        shown: At the right.
        said: What is being done, what came of it, or why there is nothing.
        lines: Python and shell.
        copies: Copy these.
        is_stale: Whether it has to ask anew when it is opened.

    Args:
        session: Of one person.
        fields: Its fields.
    """

    name: str
    lead: str

    def __init__(self, session: Session, fields: LatentFields) -> None:
        self.session, self.fields = session, fields
        self.said = text(min_height=30)
        self.bar = text()
        self.lines = text("", "lines")
        self.copies = CopyButton("Python"), CopyButton("Shell")
        copying = pn.Row(*(copy.view for copy in self.copies), **WIDE)
        self.show_lines(None)
        self.controls: list[Any] = []
        self.results: Any = pn.Column(**WIDE)
        self.shown = pn.Column(self.said, self.results, self.bar, self.lines, copying, **WIDE)
        self.is_stale = True
        self._is_setting = False

    @abstractmethod
    def refill(self) -> None:
        """Offer what the model and the source have, after one of these changed."""

    @abstractmethod
    def ask(self) -> None:
        """Ask for all that is shown."""

    @property
    def origin(self) -> Origin:
        """Model and fields, for the lines."""
        session = self.session
        return Origin(session.opened, session.library.label(session.opened.name), session.source)

    def open(self) -> None:
        """Ask, unless what is shown is still so."""
        if self.is_stale:
            self.is_stale = False
            self.ask()

    def say(self, words: str) -> None:
        """Tell something in a line; "": nothing."""
        said = f'<span class="said" role="status">{escape(words)}</span>'
        self.said.object = said if words else ""

    def tell_done(self, words: str, done: int, count: int) -> None:
        """Tell from the thread of the work how far it is; others take their turn.

        Raises:
            UnwantedWork: If nobody waits for it any more.
        """
        pause()
        self.session.worker.dispatch(partial(self.say, f"{words} {done} of {count} …"))

    def run(
        self,
        kind: str,
        work: Callable[[], Any],
        show: Callable[[Any], None],
        queue: QueueName = "slow",
    ) -> None:
        """Do work in the worker; a refusal is told in place of what is shown."""

        def shown(result: Any) -> None:
            self.results.visible = self.bar.visible = not isinstance(result, Refusal)
            if isinstance(result, Refusal):
                self.said.object = result.html
                self.show_lines(None)
            else:
                show(result)

        self.session.worker.run(kind, answered(work), shown, queue=queue)

    def show_lines(self, lines: Lines | None) -> None:
        """Show the lines that make what is shown; None: nothing is."""
        self.lines.object = "" if lines is None else lines.html
        told = ("", "") if lines is None else (lines.python, lines.shell)
        for copy, one in zip(self.copies, told, strict=True):
            copy.take(one)

    def begin(self, words: str) -> None:
        """Tell what is being made of other fields; what was made of the former ones is hidden."""
        self.results.visible = self.bar.visible = False
        self.show_lines(None)
        self.say(words)

    def changed(self, handler: Callable[[], None]) -> Callable[[Any], None]:
        """Of a widget: call something, unless the page itself set the value."""

        def told(event: Any) -> None:
            if not self._is_setting:
                handler()

        return told

    def set(self, widget: Any, **values: Any) -> None:
        """Set a widget without being told of it."""
        was, self._is_setting = self._is_setting, True
        try:
            widget.param.update(**values)
        finally:
            self._is_setting = was

    def limits(self, truth: np.ndarray) -> tuple[float, float]:
        """Ends of the colours: those of true values (..., C)."""
        chosen = self.variable
        low, high = float(np.nanmin(truth[..., chosen])), float(np.nanmax(truth[..., chosen]))
        return (low, high) if low < high else self.session.model.variables[chosen].limits

    @property
    def variable(self) -> int:
        """Number of the variable that is shown of fields other than pictures."""
        return min(self.session.variable, len(self.session.model.variables) - 1)

    def show_field(self, shown: FieldMap, values: np.ndarray, limits: tuple[float, float]) -> None:
        """Show values (*shape, C) of the model's cells on a map."""
        model = self.session.model
        shown.show(values, model.grid, model.variables, self.variable, limits=limits)

    def show_strip(
        self, strip: Mosaic, fields: list[np.ndarray], limits: tuple[float, float]
    ) -> None:
        """Show fields of the model's cells in a row."""
        model = self.session.model
        strip.show(fields, model.grid, model.variables, self.variable, limits)

    def show_bar(self, limits: tuple[float, float]) -> None:
        """Show what the colours mean, of fields other than pictures."""
        model = self.session.model
        if is_picture(model.variables, model.grid):
            self.bar.object = ""
            return
        variable = model.variables[self.variable]
        unit = f" [{variable.unit}]" if variable.unit else ""
        self.bar.object = scale_bar(VALUES, *limits, f"{variable.name}{unit}")

    @property
    def names(self) -> dict[str, int]:
        """Fields to choose from: "3 · grinning face" and its number."""
        return {f"{i} · {name[:60]}": i for i, name in enumerate(self.session.data.names)}
