"""The command `studio`: a page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from mamba_diffae.cli.shell import echo, output


def studio(
    model: Annotated[
        str,
        typer.Option(
            help="What is asked first: a run folder, a saved folder, or emoji-96 or weather-96.",
            metavar="MODEL",
        ),
    ] = "emoji-96",
    data: Annotated[
        str | None,
        typer.Option(
            help="What is shown first: a picture, a .npy, .npz or NetCDF file, or a source as fit "
            "takes it; default: the test fields of the model.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page is served.")] = 5006,
    address: Annotated[
        str,
        typer.Option(
            help="Interface to listen at: the default is this machine alone, 0.0.0.0 every network "
            "that it is on."
        ),
    ] = "127.0.0.1",
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Another name by which browsers call it, NAME or NAME:PORT, as behind a tunnel or "
            "a proxy; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a page to observe, reconstruct and explore fields."""
    from mamba_diffae.fields import load_extra

    for package in ("bokeh", "panel"):
        load_extra(package, "The studio", extra="studio")
    echo(f"Opening the studio with {model} …")
    from mamba_diffae.studio.server import Place, serve

    serve(model, data, Place(port, address, tuple(origin or ())), lambda text: echo(text, output))
