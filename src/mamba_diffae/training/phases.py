"""The phases of a training by their names, and what else they may be called."""

from __future__ import annotations

from collections.abc import Iterable

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.registry import unknown
from mamba_diffae.training.objectives import OF_PHASE

LATENT = "latent"
"""The phase in which another network learns, the flow of latents; see `train_latent_flow`."""
ALIASES = {"diffusion": "flow"}
"""Other names of phases, as the literature has them."""


def phase_name(name: str) -> str:
    """The name of a phase that a user may have given by an alias."""
    return ALIASES.get(name, name)


def chosen_phases(architecture: type[FieldFlow], names: Iterable[str] | None) -> list[str]:
    """Phases that a user named, in the architecture's own order; None: all but optional ones.

    Raises:
        ValueError: If it has no such phase; the error names the nearest.
    """
    usual = [name for name in architecture.phases if name not in architecture.optional_phases]
    chosen = [phase_name(name) for name in names or usual]
    for name in chosen:
        if name not in architecture.phases:
            raise unknown(f"phase of {architecture.kind}", name, architecture.phases)
    return [name for name in architecture.phases if name in chosen]


def phase_seed(phase: str, phases: tuple[str, ...], seed: int) -> int:
    """The seed of a phase's batches: the phases of one run must not see the same draws."""
    known = [name for name in OF_PHASE if name != LATENT]
    place = known.index(phase) if phase in known else len(known) + phases.index(phase)
    return seed * len(known) + place
