"""How every component of the page looks: one sheet of styles, by the browser's light or dark."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, ClassVar, final

import panel as pn
from panel.theme import Inherit
from panel.theme.native import Native
from panel.viewable import Viewable

SHEET = files("mamba_diffae.studio").joinpath("page.css").read_text(encoding="utf-8")
"""Styles of the page and of the shadow root of each component."""


@final
class StudioDesign(Native):
    """Panel's own plain design, with the studio's colours and grids."""

    modifiers: ClassVar[dict[type[Viewable], dict[str, Any]]] = {
        Viewable: {"stylesheets": [Inherit, SHEET]}
    }


def template(page: Any) -> Any:
    """The document that holds the page; nothing in it is loaded from another place."""
    text = files("mamba_diffae.studio").joinpath("page.html").read_text(encoding="utf-8")
    made = pn.Template(text)
    made.add_variable("sheet", SHEET)
    made.add_panel("page", page)
    return made


def group(title: str) -> Any:
    """A heading above controls."""
    return pn.pane.HTML(f'<h3 class="group">{title}</h3>', margin=0)


def lead(text: str) -> Any:
    """The first line of a tab: what to do first."""
    return pn.pane.HTML(
        f'<p class="lead">{text}</p>', css_classes=["lead"], margin=0, sizing_mode="stretch_width"
    )


def tab(
    first: str,
    controls: list[Any],
    *shown: Any,
    before: list[Any] | None = None,
    more: list[Any] | None = None,
) -> Any:
    """A tab: controls at the left, what is shown beside them; on a narrow page one column.

    Args:
        first: The first line: what to do first, as HTML.
        controls: The most used ones; on a narrow page above what is shown.
        shown: What is shown.
        before: Controls above those; on a narrow page below what is shown.
        more: Controls below those; on a narrow page at the end.
    """
    parts = {"before": before, "main": controls, "more": more}
    wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
    left = [
        pn.Column(*items, css_classes=["controls", name], **wide)
        for name, items in parts.items()
        if items
    ]
    right = pn.Column(*shown, css_classes=["shown"], **wide)
    return pn.Column(lead(first), *left, right, css_classes=["tab"], **wide)


def maps(*views: Any) -> Any:
    """Maps side by side, all of one width, in as many rows as the page is narrow."""
    return pn.Column(*views, css_classes=["maps"], sizing_mode="stretch_width", margin=0)
