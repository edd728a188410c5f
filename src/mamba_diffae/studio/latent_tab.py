"""The tab "Latent": ways, attributes, fields from nothing, and the map of a library."""

from __future__ import annotations

from typing import Any, final

import panel as pn

from mamba_diffae.studio.design import tab
from mamba_diffae.studio.latent_edits import EditPart
from mamba_diffae.studio.latent_library import LibraryPart
from mamba_diffae.studio.latent_parts import KINDS, LatentFields, Part
from mamba_diffae.studio.latent_samples import SamplePart
from mamba_diffae.studio.latent_way import WayPart
from mamba_diffae.studio.layout import SHEET, WIDE, text
from mamba_diffae.studio.session import Change, Session


def latent_tab(session: Session) -> Any:
    """What the latent of a model holds."""
    return LatentTab(session).view


@final
class LatentTab:
    """The parts of the tab, of which one is open.

    Attributes:
        parts: In their order.
        chosen: Name of the one that is open.
        view: To be laid out.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        fields = LatentFields(session)
        self.way = WayPart(session, fields)
        self.edits = EditPart(session, fields)
        self.samples = SamplePart(session, fields)
        self.library = LibraryPart(session, fields, self._take)
        self.parts: list[Part] = [self.way, self.edits, self.samples, self.library]
        names = [part.name for part in self.parts]
        self.chosen = pn.widgets.RadioButtonGroup(
            options=names, value=names[0], orientation="vertical", **WIDE
        )
        self.chosen.param.watch(lambda event: self._turn(), "value")
        self.lead = text(f'<p class="lead">{self.parts[0].lead}</p>')
        controls = [pn.Column(*part.controls, stylesheets=[SHEET], **WIDE) for part in self.parts]
        shown = [part.shown for part in self.parts]
        self._views = list(zip(controls, shown, strict=True))
        self.view = tab("", [self.chosen, *controls], *shown)
        self.view[0] = pn.Column(self.lead, css_classes=["lead"], **WIDE)
        session.on_change(self._changed)
        self._refill("model")
        self._turn()

    @property
    def open_part(self) -> Part:
        """The part that is open."""
        return next(part for part in self.parts if part.name == self.chosen.value)

    def _turn(self) -> None:
        """Show the chosen part, and what it shows."""
        part = self.open_part
        self.lead.object = f'<p class="lead">{part.lead}</p>'
        for one, (controls, shown) in zip(self.parts, self._views, strict=True):
            shown.visible = one is part
            controls.css_classes = ["controls" if one is part else "away"]
        if self._session.active == 2:
            part.open()

    def _changed(self, what: Change) -> None:
        if what in ("model", "source", "snapshot"):
            self._refill(what)
        elif what == "variable":
            for part in self.parts:
                part.is_stale = True
        elif what != "tab":
            return
        if self._session.active == 2:
            self.open_part.open()

    def _refill(self, what: Change) -> None:
        """What was asked of others is wanted no more; attributes are those of all fields."""
        for kind in KINDS:
            if (what, kind) != ("snapshot", "latent attributes"):
                self._session.worker.cancel(kind)
        for part in self.parts:
            part.refill()
            part.begin("")
            part.is_stale = True

    def _take(self, end: int, number: int) -> None:
        """Go on with a field as an end of the way."""
        self.way.choose(end, number)
        self.chosen.value = self.way.name
