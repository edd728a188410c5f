"""Networks by their names on the shell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.presets import build_config
from mamba_diffae.registry import Registry

ARCHITECTURES: Registry[type[FieldFlow]] = Registry(
    "architecture",
    "mamba_diffae.architectures",
    {
        "autoencoder": "mamba_diffae.models.autoencoder:MambaDiffusionAutoencoder",
        "mamba-diffusion": "mamba_diffae.models.baselines.mamba_diffusion:MambaDiffusion",
        "minimal-latent": "mamba_diffae.models.baselines.minimal_latent:MinimalLatentMamba",
    },
)


def build_network(kind: type[FieldFlow], fields: Mapping[str, Any]) -> FieldFlow:
    """A network with fresh weights from the fields of its config."""
    return kind(build_config(kind.config_class, fields, kind.kind))  # pyright: ignore[reportCallIssue]
