"""The command `studio`: a page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer


def studio(
    model: Annotated[
        str,
        typer.Option(
            help="What is asked first: a run folder, a saved folder, or emoji-96 or weather-96.",
            metavar="MODEL",
        ),
    ] = "emoji-96",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page is served.")] = 5006,
    address: Annotated[
        str, typer.Option(help="Interface to listen at; the default is this machine alone.")
    ] = "127.0.0.1",
) -> None:
    """Serve a page on which fields are observed, reconstructed, and their latents explored."""
    from mamba_diffae.fields import load_extra

    load_extra("panel", "The studio", extra="studio")
    from mamba_diffae.studio.server import serve

    serve(model, port, address)
