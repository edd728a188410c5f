"""Objectives, their registry, and which one each phase has."""

from typing import Any

from mamba_diffae.registry import Registry
from mamba_diffae.training.objectives.base import Objective

OBJECTIVES: Registry[type[Objective]] = Registry(
    "objective",
    "mamba_diffae.objectives",
    {
        "reconstruction": "mamba_diffae.training.objectives.reconstruction:Reconstruction",
        "energy_score": "mamba_diffae.training.objectives.energy_score:EnergyScore",
        "flow": "mamba_diffae.training.objectives.flow:FlowMatching",
        "latent_flow": "mamba_diffae.training.objectives.latent_flow:LatentFlowMatching",
        "contrastive": "mamba_diffae.training.objectives.contrastive:Contrastive",
    },
)
OF_PHASE = {
    "autoencoder": "reconstruction",
    "flow": "flow",
    "latent": "latent_flow",
    "ensemble": "energy_score",
}
"""The objective of each phase; a phase of another name has the objective of that name."""

__all__ = ["OBJECTIVES", "OF_PHASE", "Objective", "phase_objective"]


def phase_objective(phase: str, name: str | None = None, **options: Any) -> Objective:
    """The objective of a phase, or a registered one in its place.

    Args:
        phase: Name of the phase.
        name: Of the objective, where it is not the phase's own.
        options: Of the objective.

    Raises:
        ValueError: If there is none of that name; it names the nearest. If it takes no such option.
    """
    return OBJECTIVES.make(name or OF_PHASE.get(phase, phase), **options)
