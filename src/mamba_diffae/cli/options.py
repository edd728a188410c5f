"""What the commands take, and how its text is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

SCALES = (32, 64, 96)
"""Resolutions to judge at, where the native size is not below."""

Device = Literal["auto", "cpu", "cuda"]
Pattern = Literal["random", "regular", "block"]
Context = Literal["latent+points", "latent"]

RunOption = Annotated[Path, typer.Option("--run", help="Run folder.", show_default=False)]
SeedOption = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]
FractionOption = Annotated[float, typer.Option(help="Share of the coarse cells that is observed.")]
PatternOption = Annotated[Pattern, typer.Option(help="Which cells are observed.")]
ScalesOption = Annotated[
    str | None,
    typer.Option(
        help="Resolutions to judge at, pixels a side; default: 32,64,96 below the native size, and "
        "that. Above the native size there is no truth: rendered, without a score."
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-broken", help="Skip pictures that cannot be decoded, and count them."),
]
SizeOption = Annotated[
    int | None, typer.Option(min=1, help="Native pixels a side to average SOURCE to.")
]


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
        except yaml.YAMLError as error:
            why = " ".join(str(error).split())
            raise ValueError(
                f"--set {text!r}: the value cannot be read as YAML ({why}); write lists as [1, 2] "
                "and quote the whole."
            ) from error
    return changes


def parse_scales(text: str | None, native: int) -> list[int]:
    """Resolutions, "32,64,96" to numbers; a ValueError if it is no such list.

    Args:
        text: What was given; None: 32, 64 and 96 as far as they are below the native size, and it.
        native: Native pixels a side.
    """
    if text is None:
        return [*(scale for scale in SCALES if scale < native), native]
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise ValueError(
            f"--scales is {text!r}; expected numbers with commas, such as 32,64,96."
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
