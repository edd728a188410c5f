"""All that a run is set to: a preset, what the data say, and the user's own changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from mamba_diffae.fields import FieldData, Geometry, Shape
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.models.field_config import FOLLOWS, FieldConfig
from mamba_diffae.models.presets import preset as sections_of
from mamba_diffae.models.presets import preset_config
from mamba_diffae.registry import unknown
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.phases import phase_name

Changes = Mapping[str, Mapping[str, Any]]
"""Fields to set otherwise, by section: "model", "data", "latent_flow", or the name of a phase."""


@final
@dataclass(frozen=True)
class Settings:
    """The parts, each checked.

    Attributes:
        model: Of the network.
        data: What a step observes and asks.
        training: Of each phase that the network has.
        latent_flow: Of what learns in phase "latent", if there is such a phase.
        about: What is observed in training, in sentences.
    """

    model: FieldConfig
    data: DataConfig
    training: Mapping[str, TrainingConfig]
    latent_flow: LatentFlowConfig | None
    about: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        training = {
            phase: config.model_dump(mode="json") for phase, config in self.training.items()
        }
        parts = {"model": self.model, "data": self.data, "latent_flow": self.latent_flow}
        plain = {name: part.model_dump(mode="json") for name, part in parts.items() if part}
        return {**plain, "training": training}

    def describe(self) -> list[str]:
        """What was inferred from the data, in short sentences."""
        model = self.model
        said, facts = list(self.about), model.model_dump()
        if "prior" in facts:
            said.append(f"Prior: {self._prior(facts)}.")
            if facts["prior"] != "none" and not facts["codes"]:
                said.append("Latent: learned alone; no part of it is in closed form.")
        tokens: Shape | None = getattr(model, "token_shape", None)
        if tokens is not None:
            anchors = _times(model.anchor_shape)  # pyright: ignore[reportAttributeAccessIssue]
            said.append(f"Decoder: {_times(tokens)} tokens, {anchors} anchors.")
        return said

    def _prior(self, facts: Mapping[str, Any]) -> str:
        """What the prior is, or why there is none."""
        if facts["prior"] != "none":
            lattice, kept = _times(facts["prior_shape"]), facts["exemplars"]
            source = f", from {kept} training snapshots" if kept else ""
            return f"{facts['prior']}{source} on {lattice} cells"
        return "none, as data.exemplars is 0"


def settings_for(
    architecture: type[FieldFlow],
    data: FieldData | Snapshots,
    geometry: Geometry,
    preset: str,
    changes: Changes | None = None,
) -> Settings:
    """A preset, fitted to the fields, with changes.

    Args:
        architecture: Class of the network.
        data: Fields or other snapshots: inside coordinates, scaled values, all splits.
        geometry: Of their region.
        preset: Its name.
        changes: What to set otherwise.

    Raises:
        ValueError: If the preset, a section or a field is unknown (with the nearest valid name), or
            a value does not fit.
    """
    sections = _sections(architecture, changes or {})
    data = snapshots_of(data)
    sampling = data.sampling(preset_config(preset, "data", DataConfig, sections.get("data")))
    network = _network(architecture, data, geometry, preset, sections, sampling)
    training = {
        phase: preset_config(preset, f"training.{phase}", TrainingConfig, sections.get(phase))
        for phase in architecture.phases
    }
    for phase, config in training.items():
        if config.objective is not None or config.objective_options:
            phase_objective(phase, config.objective, **config.objective_options)
    latent_flow = _latent_flow(architecture, network, preset, sections.get("latent_flow", {}))
    about = tuple(data.describe(sampling))
    return Settings(network, sampling, training, latent_flow, about)


def _sections(architecture: type[FieldFlow], changes: Changes) -> dict[str, dict[str, Any]]:
    """Changes by section, aliases of phases resolved."""
    valid = ["model", "data", *architecture.phases]
    if architecture.has_latent:
        valid.append("latent_flow")
    sections: dict[str, dict[str, Any]] = {}
    for given, fields in changes.items():
        name = phase_name(given)
        if name not in valid:
            raise unknown("section", given, valid)
        sections[name] = {**sections.get(name, {}), **fields}
    return sections


def _network(
    architecture: type[FieldFlow],
    data: Snapshots,
    geometry: Geometry,
    name: str,
    sections: Changes,
    sampling: DataConfig,
) -> FieldConfig:
    """The config of the network: a preset, what the data say, changes."""
    changes, kind = sections.get("model", {}), architecture.config_class
    for field in (*FOLLOWS, "coord_dim"):
        if field in changes:
            raise ValueError(f"The setting model.{field} follows from the fields; leave it out.")
    for field in changes:
        if field not in kind.model_fields:
            raise unknown(f"{architecture.kind} setting", field, kind.model_fields)
    assert sampling.observed_shape is not None
    sizes = dict(sections_of(name).get(architecture.kind, {}))
    defaults = data.network_defaults({**sizes, **changes}, sampling)
    sizes |= {field: value for field, value in defaults.items() if field in kind.model_fields}
    config = kind.for_data(
        data,
        geometry,
        sampling.observed_shape,
        {**sizes, **changes},
        exemplars=sampling.exemplars,
        mirrored=bool(sampling.mirrored),
    )
    kept, fields = getattr(config, "exemplars", 0), int((data.splits == "train").sum())
    if kept > fields:
        raise ValueError(
            f"The prior has room for {kept} exemplars, but there are {fields} training fields; "
            f"set model.exemplars to {fields} or less."
        )
    return config


def _latent_flow(
    architecture: type[FieldFlow], network: FieldConfig, preset: str, changes: Mapping[str, Any]
) -> LatentFlowConfig | None:
    if not architecture.has_latent:
        return None
    if "latent_dim" in changes:
        raise ValueError(
            "The setting latent_flow.latent_dim follows from the network; set model.latent_dim."
        )
    latent_dim: int = network.latent_dim  # pyright: ignore[reportAttributeAccessIssue]
    fields = {"latent_dim": latent_dim, **changes}
    return preset_config(preset, "latent_flow", LatentFlowConfig, fields)


def _times(shape: Shape) -> str:
    return " × ".join(map(str, shape))
