"""The commands. Heavy imports wait until a command needs them: --help must not wait for torch."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mamba_diffae.cli.demonstration import demo
from mamba_diffae.cli.evaluation import evaluate, report
from mamba_diffae.cli.latent import edit, interpolate
from mamba_diffae.cli.placing import place
from mamba_diffae.cli.prediction import predict
from mamba_diffae.cli.sampling import sample
from mamba_diffae.cli.shell import CommandGroup, accept_any_text, check_working_folder
from mamba_diffae.cli.studio import studio
from mamba_diffae.cli.study import experiment
from mamba_diffae.cli.training import fit
from mamba_diffae.cli.verification import verify

app = typer.Typer(
    name="mamba-diffae",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo,
    fit,
    evaluate,
    verify,
    predict,
    place,
    sample,
    interpolate,
    edit,
    report,
    studio,
    experiment,
):
    app.command()(command)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"mamba-diffae {version('mamba-diffae')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Scattered observations in; a semantic latent and the whole field at any resolution out."""


def main() -> None:
    """Run the shell."""
    # Torch's threads wait for one another by spinning, and steal the cores where something else
    # runs: eight times slower beside one busy process. A short spin costs an idle machine nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # to be set before torch is imported
    accept_any_text()
    check_working_folder()
    app()
