"""The server: where it listens, and how it ends."""

from __future__ import annotations

from typing import Any

import panel as pn

from mamba_diffae.studio.opening import Library
from mamba_diffae.studio.page import build_page
from mamba_diffae.studio.session import Session


def serve(model: str, port: int, address: str) -> Any:
    """Serve the studio until it is stopped.

    Args:
        model: Name of the first model.
        port: To listen at.
        address: Of the network interface.
    """
    library = Library()
    library.model(model)
    pn.extension()
    return pn.serve(
        lambda: build_page(Session(library, model)),
        port=port,
        address=address,
        websocket_origin=[f"{address}:{port}", f"localhost:{port}"],
        show=False,
        title="mamba-diffae studio",
        verbose=False,
    )
