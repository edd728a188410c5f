"""Buttons that copy lines to the clipboard, in the browser alone."""

from __future__ import annotations

from typing import Any, final

import panel as pn

_COPY = "navigator.clipboard.writeText(source.value)"


@final
class CopyButton:
    """Copies the lines that are shown beside it.

    Attributes:
        view: To be laid out.
    """

    def __init__(self, title: str) -> None:
        self._source = pn.widgets.TextInput(visible=False)
        button = pn.widgets.Button(label=f"Copy ({title})", margin=(6, 8, 16, 0))
        button.js_on_click(args={"source": self._source}, code=_COPY)
        self.view: Any = pn.Row(button, self._source, margin=0)

    def take(self, text: str) -> None:
        """Copy this from now on; "": there is nothing to copy."""
        self._source.value, self.view.visible = text, bool(text)

    @property
    def text(self) -> str:
        """What is copied."""
        return self._source.value
