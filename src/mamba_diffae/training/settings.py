"""All that a run is set to: a preset, what the data say, and the user's own changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from mamba_diffae.fields import CELLS, GridField
from mamba_diffae.flow import octaves
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import AutoencoderConfig, FieldConfig, LatentPriorConfig
from mamba_diffae.models.presets import preset_config, unknown
from mamba_diffae.training.batches import DataConfig, check_room, value_rms
from mamba_diffae.training.config import TrainingConfig

Changes = Mapping[str, Mapping[str, Any]]
"""Fields to set otherwise, by section: "model", "data", "latent_prior", or the name of a phase."""


@final
@dataclass(frozen=True)
class Settings:
    """The parts, each checked.

    Attributes:
        model: Of the network.
        data: What a step observes and asks.
        training: Of each phase that the network has.
        latent_prior: Of what learns in phase "latent", if there is such a phase.
    """

    model: FieldConfig
    data: DataConfig
    training: Mapping[str, TrainingConfig]
    latent_prior: LatentPriorConfig | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        training = {
            phase: config.model_dump(mode="json") for phase, config in self.training.items()
        }
        parts = {"model": self.model, "data": self.data, "latent_prior": self.latent_prior}
        plain = {name: part.model_dump(mode="json") for name, part in parts.items() if part}
        return {**plain, "training": training}


def settings_for(
    model: type[FieldFlow], truth: GridField, preset: str, changes: Changes | None = None
) -> Settings:
    """A preset, fitted to the field, with changes.

    Args:
        model: Class of the network.
        truth: Says channels, native Nyquist frequency and the size of the values.
        preset: Its name.
        changes: What to set otherwise.

    Raises:
        ValueError: If the preset, a section or a field is unknown (with the nearest valid name), or
            a value does not fit.
    """
    changes = changes or {}
    sections = ["model", "data", *model.phases]
    if model.has_latent:
        sections.append("latent_prior")
    for section in changes:
        if section not in sections:
            raise unknown("section", section, sections)
    for name in {"coord_dim", "value_dim"} & set(changes.get("model", {})):
        raise ValueError(f"The setting model.{name} follows from the fields; leave it out.")
    data = preset_config(preset, "data", DataConfig, changes.get("data"))
    seen = data.cells or min(CELLS, truth.size)
    of_field = {
        "coord_dim": 2,
        "value_dim": truth.channels,
        "band": truth.size / 2,
        "sigma": value_rms(truth),
        "gap": 1 / seen,
        "noise_cells": (seen,),
    }
    if issubclass(model.config_class, AutoencoderConfig):
        of_field |= {**_prior(truth, data, seen), "noise_cells": octaves(truth.size)}
    fields = {**of_field, **changes.get("model", {})}
    network = preset_config(preset, model.kind, model.config_class, fields)
    tokens = network.tokens if isinstance(network, AutoencoderConfig) else 0
    if isinstance(network, AutoencoderConfig) and "patch" not in fields:
        # Anchors finer than the native pixels would have no truth of their own.
        patch = min(network.patch, max(1, truth.size // tokens))
        network = network.model_copy(update={"patch": patch})
    for name, count in {"data.cells": seen, "model.tokens": tokens}.items():
        if count > truth.size:
            raise ValueError(
                f"{name} is {count} a side, but the fields have {truth.size} × {truth.size} "
                f"pixels; set {name} to {truth.size} or less, or give finer fields."
            )
    if isinstance(network, AutoencoderConfig):
        check_room(network.exemplars, int((truth.splits == "train").sum()))
    training = {
        phase: preset_config(preset, f"training.{phase}", TrainingConfig, changes.get(phase))
        for phase in model.phases
    }
    return Settings(network, data, training, _latent_prior(network, preset, changes))


def _latent_prior(network: FieldConfig, preset: str, changes: Changes) -> LatentPriorConfig | None:
    if not isinstance(network, AutoencoderConfig):
        return None
    fields = changes.get("latent_prior", {})
    if "latent_dim" in fields:
        raise ValueError(
            "The setting latent_prior.latent_dim follows from the network; set model.latent_dim."
        )
    fields = {"latent_dim": network.latent_dim, **fields}
    return preset_config(preset, "latent_prior", LatentPriorConfig, fields)


_LARGEST = 4096
"""Values of a field on the prior's lattice, at most: its covariance is a square of so many."""


def _prior(truth: GridField, data: DataConfig, seen: int) -> dict[str, Any]:
    """What the prior can keep of these fields: two groups at least, or a field is its own guess."""
    train = truth.groups[truth.splits == "train"]
    several = len(np.unique(train)) > 1
    return {
        "exemplars": min(data.exemplars, len(train)) if several else 0,
        "prior_cells": min(seen, max(1, int((_LARGEST / truth.channels) ** 0.5))),
        "mirrored": data.mirrored,
    }
