"""How the tabs "Where next" and "Latent" are laid out beyond what all tabs share."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import panel as pn

SHEET = files("mamba_diffae.studio").joinpath("tabs.css").read_text(encoding="utf-8")
"""Styles of rows of sensors, lines of code and rows of pictures."""
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
"""Options of what takes the whole width."""


def side_by_side(kind: str, *views: Any) -> Any:
    """Views in columns: a "trio" of maps, a "duo", or a "library" beside what is chosen of it."""
    return pn.Column(*views, css_classes=[kind], stylesheets=[SHEET], **WIDE)


def most(view: Any) -> Any:
    """Of a trio the map that counts most: on a narrow page it comes first, as wide as the page."""
    return pn.Column(view, css_classes=["most"], **WIDE)


def text(html: str = "", *classes: str, **options: Any) -> Any:
    """A piece of HTML."""
    return pn.pane.HTML(html, css_classes=list(classes), stylesheets=[SHEET], **WIDE, **options)
