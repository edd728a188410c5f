"""The tab "Latent"."""

from __future__ import annotations

from typing import Any

from mamba_diffae.studio.session import Session


def latent_tab(session: Session) -> Any:
    """What the latent holds."""
    import panel

    return panel.Column(f"Latents of {session.opened.name}")
