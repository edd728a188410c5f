"""The tab "Take away"."""

from __future__ import annotations

from typing import Any

import panel as pn

from mamba_diffae.studio.session import Session


def take_away_tab(session: Session) -> Any:
    """Files, and the lines that make them."""
    return pn.Column(f"Fields of {session.source.label}")
