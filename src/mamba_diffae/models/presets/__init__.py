"""Named sizes of networks and trainings, one YAML file each."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mamba_diffae.registry import unknown

Config = TypeVar("Config", bound=BaseModel)


def preset_names() -> list[str]:
    """The presets there are."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


@lru_cache
def preset(name: str) -> Mapping[str, Any]:
    """The sections of a preset: one for each kind of network, and one for each training phase.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    return yaml.safe_load((resources.files(__name__) / f"{name}.yaml").read_text())


def preset_config(
    name: str, section: str, kind: type[Config], changes: Mapping[str, Any] | None = None
) -> Config:
    """One section of a preset as a config, with changes.

    Args:
        name: Of the preset.
        section: Its part, such as "autoencoder" or "training.flow".
        kind: Class of the config.
        changes: Fields to set otherwise.

    Raises:
        ValueError: If the preset or a field is unknown, or a value does not fit.
    """
    fields: Any = preset(name)
    for part in section.split("."):
        fields = fields.get(part, {})
    return build_config(kind, {**fields, **(changes or {})}, section)


def build_config(kind: type[Config], fields: Mapping[str, Any], what: str) -> Config:
    """A config from its fields; an unknown one is an error with the nearest valid name.

    Args:
        kind: Class of the config.
        fields: Values by name.
        what: The name of the part, for the message.

    Raises:
        ValueError: As said, or if a value does not fit.
    """
    for name in fields:
        if name not in kind.model_fields:
            raise unknown(f"{what} setting", name, kind.model_fields)
    try:
        return kind(**fields)
    except ValidationError as error:
        found = (
            (".".join(map(str, e["loc"])), _shown(e["input"]), e["msg"]) for e in error.errors()
        )
        wrong = "; ".join(f"{name} = {value}: {why}" for name, value, why in found)
        raise ValueError(f"These {what} settings do not fit: {wrong}.") from error


def _shown(value: object) -> str:
    """A value in short: lists that hold one another by YAML's aliases would fill the memory."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother = 2, 200, 200
    return short.repr(value)
