"""The tab "Where next"."""

from __future__ import annotations

from typing import Any

from mamba_diffae.studio.session import Session


def placement_tab(session: Session) -> Any:
    """Where to put the next sensors."""
    import panel

    return panel.Column(f"Sensors for {session.opened.name}")
