"""Which model, which fields, and which of them: the controls at the top of the page's left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, final

import panel as pn

from mamba_diffae.studio.design import group
from mamba_diffae.studio.figures import is_picture
from mamba_diffae.studio.opening import ENDINGS, UPLOAD_LIMIT, opened_upload, shown_name
from mamba_diffae.studio.session import Change, Session
from mamba_diffae.studio.uploading import Upload
from mamba_diffae.studio.words import in_words

log = logging.getLogger(__name__)

_LISTED = 1000
"""Fields that are listed by name, at most."""


@final
class SourceControls:
    """Model, fields, upload, and the field that is shown.

    Attributes:
        items: To be laid out, from above.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._setting = session, False
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
        self.model = pn.widgets.Select(
            label="Model",
            options=list(session.library.models),
            value=session.library.label(session.opened.name),
            **wide,
        )
        self.fields = pn.widgets.Select(label="Fields", **wide)
        self.field = pn.widgets.Select(label="Field", **wide)
        self.number = pn.widgets.IntInput(label="Number of the field", start=0, **wide)
        self.before = pn.widgets.Button(label="‹ before", **wide)
        self.after = pn.widgets.Button(label="next ›", **wide)
        self.variable = pn.widgets.Select(label="Variable", **wide)
        self.upload = Upload(
            self._uploaded,
            session.tell,
            max_file_size=f"{UPLOAD_LIMIT // 2**20}MB",
            sizing_mode="stretch_width",
            height=76,
            margin=0,
        )
        self.model.param.watch(lambda event: self._open_model(event.new), "value")
        self.fields.param.watch(lambda event: self._open_set(event.new), "value")
        self.field.param.watch(lambda event: self._show(event.new), "value")
        self.number.param.watch(lambda event: self._show(event.new), "value")
        self.variable.param.watch(lambda event: self._choose(event.new), "value")
        self.before.on_click(lambda event: self._step(-1))
        self.after.on_click(lambda event: self._step(1))
        session.on_change(self._changed)
        self._changed("model")
        kinds = "picture, .npy, .npz" + (", .nc" if ".nc" in ENDINGS else "")
        note = f'<span class="note">Or a file of your own: {kinds}.</span>'
        self.items: list[Any] = [
            group("Field"),
            self.model,
            self.fields,
            pn.pane.HTML(note, margin=0),
            self.upload,
            self.field,
            self.number,
            pn.Row(self.before, self.after, sizing_mode="stretch_width", margin=0),
            self.variable,
        ]

    def _changed(self, what: Change) -> None:
        """Show what the session holds."""
        if what not in ("model", "source", "snapshot"):
            return
        session, self._setting = self._session, True
        try:
            self.model.value = session.library.label(session.opened.name)
            if what != "snapshot":
                self._list()
            self.field.value = self.number.value = session.snapshot
            self.before.disabled = session.snapshot == 0
            self.after.disabled = session.snapshot == len(session.data) - 1
        finally:
            self._setting = False

    def _list(self) -> None:
        """The sets, fields and variables that there are to choose from."""
        session = self._session
        sets = list(session.library.sets(session.opened))
        here = session.source.label
        self.fields.options = sets if here in sets else [*sets, here]
        self.fields.value = here
        names = session.data.names
        listed = len(names) <= _LISTED
        self.field.visible, self.number.visible = listed, not listed
        self.number.value = session.snapshot  # first: browsers clip what is above the end
        self.number.end = len(names) - 1
        self.field.options = (
            {f"{i} · {name[:60]}": i for i, name in enumerate(names)} if listed else {"": 0}
        )
        self.variable.visible = not is_picture(session.data.variables, session.data.grid)
        self.variable.options = {v.name: c for c, v in enumerate(session.data.variables)}
        self.variable.value = session.variable

    def _open_model(self, name: str) -> None:
        library = self._session.library
        if self._setting:
            return
        if name == library.label(self._session.opened.name):
            self._keep()
            return

        def work() -> Any:
            opened = library.model(library.models[name])
            return opened, library.packaged(opened)

        self._run(f"{name} is being opened …", work, lambda found: self._session.take_model(*found))

    def _run(
        self,
        what: str,
        work: Callable[[], Any],
        take: Callable[[Any], None],
    ) -> None:
        """Open something behind the page; what fails is told, and all stays as it was."""
        session = self._session

        def tried() -> tuple[Any, Exception | None]:
            try:
                return work(), None
            except Exception as error:
                if not isinstance(error, ValueError):
                    log.warning("Opening failed.", exc_info=error)
                return None, error

        def show(found: tuple[Any, Exception | None]) -> None:
            result, error = found
            if error is None:
                session.untell(what)  # not what was refused meanwhile
                take(result)
            else:
                session.tell(in_words(error))
                self._changed("model")

        session.tell(what)
        session.worker.run("opening", tried, show, queue="opening")

    def _keep(self) -> None:
        """Open nothing: what is there was chosen again before another one was opened."""
        self._session.worker.cancel("opening")
        self._session.tell("")
        self._changed("model")

    def _open_set(self, name: str) -> None:
        session = self._session
        if self._setting:
            return
        if name == session.source.label:
            self._keep()
            return
        found = session.library.sets(session.opened).get(name)
        work = partial(session.library.packaged, session.opened, found)
        self._run(f"{name} is being opened …", work, session.open_source)

    def _uploaded(self, name: str, content: bytes) -> None:
        session = self._session
        work = partial(opened_upload, session.opened, name, content)
        what = f"{shown_name(name)} is being read …"
        self._run(what, work, session.open_source)

    def _show(self, number: int | None) -> None:
        if not self._setting and number is not None and number != self._session.snapshot:
            self._session.show(number)

    def _step(self, by: int) -> None:
        number = self._session.snapshot + by
        if 0 <= number < len(self._session.data):
            self._session.show(number)

    def _choose(self, number: int | None) -> None:
        if not self._setting and number is not None:
            self._session.choose_variable(number)
