"""At how many cells fields are shown: the sizes of the studio, and the model's own."""

from __future__ import annotations

from typing import Any, final

import panel as pn

from mamba_diffae.studio.design import group
from mamba_diffae.studio.session import Change, Session


@final
class SizeInput:
    """Cells along the longest side.

    Attributes:
        items: To be laid out, from above.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._setting = session, False
        self.widget = pn.widgets.RadioButtonGroup(
            options=session.sizes, value=session.size, sizing_mode="stretch_width", margin=0
        )
        self.note = pn.pane.HTML("", margin=0)
        self.widget.param.watch(lambda event: self._choose(event.new), "value")
        session.on_change(self._changed)
        self._changed("model")
        self.items: list[Any] = [group("Cells along the longest side"), self.widget, self.note]

    def _choose(self, size: int) -> None:
        if not self._setting:
            self._session.resize(size)

    def _changed(self, what: Change) -> None:
        if what != "model":
            return
        session, self._setting = self._session, True
        try:
            self.widget.param.update(options=session.sizes, value=session.size)
        finally:
            self._setting = False
        native = max(session.model.grid.shape)
        self.note.object = f'<span class="note">Those of the model: {native}.</span>'
