"""Parts of one's own: classes given as objects, under the names by which files know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mamba_diffae.models.decoders import DECODERS, FieldDecoder
from mamba_diffae.models.encoders import ENCODERS, PointEncoder
from mamba_diffae.priors import PRIORS, Prior
from mamba_diffae.registry import Registry, unknown
from mamba_diffae.training.objectives import Objective
from mamba_diffae.training.settings import Changes

Parts = Mapping[str, str | type]
"""By kind of part: the name of a registered one, or a class."""
REGISTRIES: Mapping[str, tuple[Registry[Any], type]] = {
    "encoder": (ENCODERS, PointEncoder),
    "decoder": (DECODERS, FieldDecoder),
    "prior": (PRIORS, Prior),
}
"""Where parts of a kind are registered, and what they derive from."""


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
        named[kind] = part_name(*REGISTRIES[kind], part)
    return {**changes, "model": {**named, **changes.get("model", {})}} if named else changes


def part_name(registry: Registry[Any], base: type, part: str | type) -> str:
    """The name of a part in its registry; a class that is not there yet is registered."""
    if isinstance(part, str):
        registry.get(part)
        return part
    if not (isinstance(part, type) and issubclass(part, base)):
        raise ValueError(
            f"The {registry.what} was given as {part!r}; expected the name of a registered one, or "
            f"a class derived from {base.__name__} (docs/extending.md)."
        )
    name = f"{part.__module__}.{part.__qualname__}"
    registry.register(name, part)
    return name


def checked_objectives(objectives: Mapping[str, Any]) -> dict[str, Objective]:
    """Objectives by phase.

    Raises:
        ValueError: If one is no objective, but a name or a class.
    """
    for phase, objective in objectives.items():
        if not isinstance(objective, Objective):
            raise ValueError(
                f"The objective of phase {phase!r} was given as {objective!r}; expected an object "
                "of a class derived from Objective (docs/extending.md)."
            )
    return dict(objectives)
