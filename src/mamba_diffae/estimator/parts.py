"""Parts of one's own: classes given as objects, under the names by which files know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mamba_diffae.models.decoders import DECODERS
from mamba_diffae.models.encoders import ENCODERS
from mamba_diffae.priors import PRIORS
from mamba_diffae.registry import Registry, unknown
from mamba_diffae.training.settings import Changes

Parts = Mapping[str, str | type]
"""By kind of part: the name of a registered one, or a class."""
REGISTRIES: Mapping[str, Registry[Any]] = {
    "encoder": ENCODERS,
    "decoder": DECODERS,
    "prior": PRIORS,
}


def part_settings(parts: Parts, changes: Changes) -> Changes:
    """Settings that name the parts; classes are registered under their module and name.

    A model that is saved names its parts. To load it in another process, register them first (an
    entry point does it once and for all): nothing is imported because a file says so.

    Raises:
        ValueError: If a kind of part or a name is unknown.
    """
    named = {}
    for kind, part in parts.items():
        if kind not in REGISTRIES:
            raise unknown("part", kind, REGISTRIES)
        named[kind] = part_name(REGISTRIES[kind], part)
    return {**changes, "model": {**named, **changes.get("model", {})}} if named else changes


def part_name(registry: Registry[Any], part: str | type) -> str:
    """The name of a part in its registry; a class that is not there yet is registered."""
    if isinstance(part, str):
        registry.get(part)
        return part
    name = f"{part.__module__}.{part.__qualname__}"
    registry.register(name, part)
    return name
