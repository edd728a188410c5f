"""What the commands take, and how its text is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

Model = Literal["autoencoder", "mamba-diffusion", "minimal-latent"]
PhaseChoice = Literal["all", "autoencoder", "diffusion"]
Device = Literal["auto", "cpu", "cuda"]
Pattern = Literal["random", "regular", "block"]
Context = Literal["latent+points", "latent"]

RunOption = Annotated[Path, typer.Option("--run", help="Run folder.", show_default=False)]
SeedOption = Annotated[int, typer.Option(help="Same seed, same result.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]
FractionOption = Annotated[float, typer.Option(help="Share of the coarse cells that is observed.")]
PatternOption = Annotated[Pattern, typer.Option(help="Which cells are observed.")]
ScalesOption = Annotated[str, typer.Option(help="Resolutions to judge at, pixels a side.")]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-broken", help="Skip pictures that cannot be decoded, and count them."),
]
SizeOption = Annotated[int | None, typer.Option(help="Native pixels a side to average SOURCE to.")]


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
                f"or "
                "autoencoder.steps=100."
            )
        try:
            changes.setdefault(section, {})[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(
                f"--set {text!r}: the value cannot be read as YAML ({error})."
            ) from error
    return changes


def parse_scales(text: str) -> list[int]:
    """Resolutions, "32,64,96" to numbers; a ValueError if it is no such list."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(
            f"--scales is {text!r}; expected numbers with commas, such as 32,64,96."
        ) from error


def refuse_existing(overwrite: bool, *paths: Path | None) -> None:
    """Refuse, with a ValueError, to write over what exists."""
    for path in paths:
        if path is not None and path.exists() and not overwrite:
            raise ValueError(
                f"{path} exists already; give another name, or replace it with --overwrite."
            )
