"""The page: its tabs, its messages, and what it does when its person leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import panel as pn

from mamba_diffae.studio.latent_tab import latent_tab
from mamba_diffae.studio.placement_tab import placement_tab
from mamba_diffae.studio.reconstruct_tab import reconstruct_tab
from mamba_diffae.studio.sending import Sender, together
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.take_away_tab import take_away_tab
from mamba_diffae.studio.words import in_words, without_paths

log = logging.getLogger(__name__)
TABS: tuple[tuple[str, Callable[[Session], Any]], ...] = (
    ("Reconstruct", reconstruct_tab),
    ("Where next", placement_tab),
    ("Latent", latent_tab),
    ("Take away", take_away_tab),
)


_TELL: dict[Any, Callable[[str], None]] = {}
"""How each open page is told something."""


def tell_error(error: Exception) -> None:
    """Tell the page on which it happened what went wrong; the page goes on."""
    if not isinstance(error, ValueError):
        log.warning("An event of the page failed.", exc_info=error)
    tell = _TELL.get(pn.state.curdoc)
    if tell is not None:
        tell(in_words(error))


def build_page(session: Session) -> Any:
    """Everything that one person sees."""
    message = pn.pane.HTML(
        css_classes=["message"], visible=False, sizing_mode="stretch_width", margin=0
    )

    def show(text: str) -> None:
        message.object, message.visible = escape(text), bool(text)

    session.show_message = show
    session.tell(session.source.note)
    session.worker.on_error = lambda error: session.tell(in_words(error))
    session.worker.on_warnings = lambda kind, texts: session.warn(
        kind, tuple(map(without_paths, texts))
    )
    document = pn.state.curdoc
    if document is not None:
        _TELL[document] = session.tell
        session.together = partial(together, document)
        session.worker.dispatch = sender = Sender(document)
        pn.state.on_session_destroyed(lambda context: _forget(document, session, sender))
    names = [name for name, _ in TABS]
    contents = [pn.Column(sizing_mode="stretch_width", margin=0) for _ in TABS]
    tabs = pn.widgets.RadioButtonGroup(
        options=names, value=names[0], css_classes=["tabs"], margin=0
    )

    def turn(name: str) -> None:
        number = names.index(name)
        if not contents[number].objects:  # a page opens faster with one tab than with all
            contents[number].append(TABS[number][1](session))
        for i, content in enumerate(contents):
            content.visible = i == number
        session.open_tab(number)

    turn(names[0])
    tabs.param.watch(lambda event: turn(event.new), "value")
    return pn.Column(message, tabs, *contents, css_classes=["page"], sizing_mode="stretch_width")


def _forget(document: Any, session: Session, sender: Sender) -> None:
    """End what works for a page that was closed."""
    _TELL.pop(document, None)
    sender.close()
    session.worker.stop()
