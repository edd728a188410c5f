"""The tab "Take away": files, and the lines that make them."""

from __future__ import annotations

import io
from functools import partial
from html import escape
from typing import Any, final

import panel as pn

from mamba_diffae.fields import FieldError
from mamba_diffae.studio.copying import CopyButton
from mamba_diffae.studio.design import group, tab
from mamba_diffae.studio.refusals import Refusal, answered
from mamba_diffae.studio.session import Change, Session
from mamba_diffae.studio.taking_away import File, Recipe, files_of
from mamba_diffae.studio.words import in_words

LEAD = (
    "<b>What is shown under “Reconstruct”</b>, as files, and as lines that make exactly that again."
)


def take_away_tab(session: Session) -> Any:
    """Files, and the lines that make them."""
    return TakeAway(session).view


@final
class TakeAway:
    """Buttons of files, and lines to copy.

    Attributes:
        view: To be laid out.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._stale, self._refused = session, True, ""
        self.files = pn.Column(css_classes=["controls"], sizing_mode="stretch_width", margin=0)
        self.about = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self.python, self.shell = Lines("Python"), Lines("Shell")
        self.view = tab(
            LEAD,
            [group("Files"), self.files],
            self.about,
            *self.python.items,
            *self.shell.items,
        )
        session.on_change(self._changed)

    def _changed(self, what: Change) -> None:
        if what != "tab":
            self._stale = True
        if self._session.active == 3 and self._stale:
            self._make()

    def _make(self) -> None:
        """Show the lines, and make the files behind the page."""
        session, self._stale = self._session, False
        self.files.objects = []
        try:
            recipe = Recipe.of(session)
        except FieldError as error:  # such as nothing observed, or a field without a value
            session.worker.cancel("files")
            self._refuse(in_words(error))
            return
        session.untell(self._refused)
        self.python.show(recipe.python())
        self.shell.show(recipe.shell())
        where = recipe.where or "The lines need no file."
        self.about.object = f'<p class="note">{escape(where)}</p>'
        self.files.objects = [pn.pane.HTML('<p class="note">Being made …</p>', margin=0)]
        session.worker.run("files", answered(partial(files_of, recipe)), self._show)

    def _refuse(self, why: str) -> None:
        """Tell why there is nothing to take away."""
        self.files.objects = []
        self.about.object = ""
        self.python.show("")
        self.shell.show("")
        self._refused = why
        self._session.tell(why)

    def _show(self, files: list[File] | Refusal) -> None:
        if isinstance(files, Refusal):  # of the model: its lines would end in the same error
            self._refuse(files.why)
            return
        shown: list[Any] = []
        for file in files:
            if file.content is None:
                why = escape(f"{file.name}: {file.why}")
                shown.append(pn.pane.HTML(f'<p class="note">{why}</p>', margin=0))
                continue
            button = pn.widgets.FileDownload(
                file=io.BytesIO(file.content),
                filename=file.name,
                label=file.name,
                embed=False,
                auto=True,
                sizing_mode="stretch_width",
                margin=0,
            )
            about = f'<span class="note">{escape(file.about)}</span>'
            shown += [button, pn.pane.HTML(about, margin=(0, 0, 6, 0))]
        self.files.objects = shown


@final
class Lines:
    """Lines to read and to copy; unseen as long as there are none.

    Attributes:
        items: To be laid out, from above.
    """

    def __init__(self, title: str) -> None:
        self._copy = CopyButton(title)
        self._text = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self.items: list[Any] = [group(title), self._text, self._copy.view]

    def show(self, text: str) -> None:
        """Show other lines; "" shows none."""
        for item in self.items:
            item.visible = bool(text)
        self._copy.take(text)
        self._text.object = f'<pre tabindex="0">{escape(text)}</pre>'
