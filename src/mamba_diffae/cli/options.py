"""What the commands take, and how its text is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

Device = Literal["auto", "cpu", "cuda"]
Pattern = Literal["random", "regular", "block", "stripes", "track", "clusters", "scattered"]
DecoderInputs = Literal["latent+points", "latent"]

RunOption = Annotated[Path, typer.Option("--run", help="Run folder.", show_default=False)]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="A trained model: a run folder, a saved folder, or emoji-96 or weather-96.",
        metavar="MODEL",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**60 - 1, help="Same seed, same result.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]
FractionOption = Annotated[float, typer.Option(help="Share of the coarse cells that is observed.")]
PatternOption = Annotated[Pattern, typer.Option(help="Which cells are observed.")]
SourceOption = Annotated[
    str | None,
    typer.Option(help="Its training fields; default: those that the run names, if not moved."),
]
ScalesOption = Annotated[
    str | None,
    typer.Option(
        help="Resolutions to score at, cells along the longest axis; default: 32,64,96 below the "
        "native ones, and those. Above them there is no truth: rendered, without a score."
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-broken", help="Skip pictures that cannot be decoded, and count them."),
]
NativeSizeOption = Annotated[
    int | None, typer.Option(min=1, help="Cells along the longest axis to average SOURCE to.")
]
TargetSizeOption = Annotated[
    int | None,
    typer.Option(min=1, max=8000, help="Cells along the longest axis; default: the native ones."),
]
StepsOption = Annotated[int, typer.Option(min=1, help="Steps of the solver, where a flow draws.")]


def old_option(name: str, answer: str) -> Any:
    """An option of the first edition, hidden, which is refused in favour of a new one.

    Args:
        name: Such as "--draw".
        answer: What to write in its place; {value} stands for what was given.
    """

    def refuse(value: object) -> object:
        if value not in (None, False):
            raise ValueError(answer.format(value=value))
        return value

    return typer.Option(name, hidden=True, callback=refuse)


OldRunOption = Annotated[
    Path | None,
    old_option("--run", "--run is a run folder; a trained model is named by --model {value}."),
]
"""For the commands that took the model as --run."""


def parse_settings(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings a.b=c by section and name; values are read as YAML.

    Raises:
        ValueError: If a text is not of that form.
    """
    changes: dict[str, dict[str, Any]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        section, dot, name = path.partition(".")
        if not (equals and dot and section and name):
            raise ValueError(
                f"--set was given {text!r}; expected section.name=value, such as model.d_model=64 "
                "or autoencoder.steps=100."
            )
        try:
            changes.setdefault(section, {})[name] = yaml.safe_load(value)
        # PyYAML answers tags whose text does not suit, and endless nesting, with bare errors.
        except (yaml.YAMLError, ValueError, LookupError, TypeError, RecursionError) as error:
            why = " ".join(str(error).split())
            raise ValueError(
                f"--set {text[:200]!r}: the value cannot be read as YAML ({why}); write lists as "
                "[1, 2] and quote the whole."
            ) from error
    return changes


def parse_scales(text: str | None) -> list[int] | None:
    """Resolutions, "32,64,96" to numbers, each once; a ValueError if it is no such list."""
    if text is None:
        return None
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise ValueError(
            f"--scales is {text!r}; expected numbers with commas, such as 32,64,96."
        ) from error


def parse_quantiles(text: str | None) -> tuple[float, ...]:
    """Probabilities, "0.05,0.5,0.95" to numbers; a ValueError if it is no such list."""
    if text is None:
        return ()
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(
            f"--quantiles is {text!r}; expected probabilities with commas, such as 0.05,0.5,0.95."
        ) from error


def check_outputs(overwrite: bool, *paths: Path | None) -> None:
    """Refuse files that cannot be written, before any work is done for them.

    Raises:
        ValueError: If one exists and may not be replaced, or its folder cannot be written to.
    """
    for path in filter(None, paths):
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give the name of a file.")
        if path.exists() and not overwrite:
            raise ValueError(
                f"{path} exists already; give another name, or replace it with --overwrite."
            )
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            why = "is write-protected" if folder.is_dir() else "is no folder"
            raise ValueError(f"{path} cannot be written: {folder} {why}; give another place.")


def check_output_dataset(out: Path, overwrite: bool) -> None:
    """The same of a NetCDF file, or of a Zarr store, which is a folder."""
    if not out.is_dir():
        check_outputs(overwrite, out)
    elif not overwrite:
        raise ValueError(
            f"{out} exists already; give another name, or replace it with --overwrite."
        )


def check_png(out: Path) -> None:
    """Refuse another kind of file for a sheet."""
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out is {out}; a sheet is written as PNG: give a name that ends so.")
