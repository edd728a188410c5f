"""The page: its tabs, its messages, and what it does when its person leaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import panel as pn

from mamba_diffae.studio.latent_tab import latent_tab
from mamba_diffae.studio.placement_tab import placement_tab
from mamba_diffae.studio.reconstruct_tab import reconstruct_tab
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.take_away_tab import take_away_tab
from mamba_diffae.studio.words import in_words

TABS: tuple[tuple[str, Callable[[Session], Any]], ...] = (
    ("Reconstruct", reconstruct_tab),
    ("Where next", placement_tab),
    ("Latent", latent_tab),
    ("Take away", take_away_tab),
)


def build_page(session: Session) -> Any:
    """Everything that one person sees."""
    message = pn.pane.HTML(css_classes=["message"], visible=False, sizing_mode="stretch_width")

    def tell(text: str) -> None:
        message.object, message.visible = escape(text), bool(text)

    session.tell = tell
    session.worker.on_error = lambda error: tell(in_words(error))
    document = pn.state.curdoc
    if document is not None:
        session.worker.dispatch = partial(_on_page, document)
        pn.state.on_session_destroyed(lambda context: session.worker.stop())
    tabs = pn.Tabs(*((name, tab(session)) for name, tab in TABS), sizing_mode="stretch_width")
    tabs.param.watch(lambda event: session.open_tab(event.new), "active")
    return pn.Column(message, tabs, sizing_mode="stretch_width")


def _on_page(document: Any, shown: Callable[[], None]) -> None:
    document.add_next_tick_callback(shown)
