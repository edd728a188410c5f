"""Scattered observations in; a semantic latent and the whole field at any resolution out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mamba_diffae import scan
    from mamba_diffae.benchmark.verification import verify
    from mamba_diffae.estimator import FieldAutoencoder, PriorDrawsWarning, on_grid, render
    from mamba_diffae.evaluation import evaluate
    from mamba_diffae.fields import (
        Axis,
        Background,
        Covariates,
        FieldData,
        Grid,
        Observations,
        Prediction,
        UnfamiliarFieldsWarning,
        Variable,
        observe,
    )
    from mamba_diffae.latent import edit, interpolate, sample
    from mamba_diffae.models import reconstruct, sample_flow
    from mamba_diffae.placement import place_sensors
    from mamba_diffae.sources import open_field

_HOMES = {
    "Axis": "fields",
    "Background": "fields",
    "Covariates": "fields",
    "FieldAutoencoder": "estimator",
    "FieldData": "fields",
    "Grid": "fields",
    "Observations": "fields",
    "Prediction": "fields",
    "PriorDrawsWarning": "estimator",
    "UnfamiliarFieldsWarning": "fields",
    "Variable": "fields",
    "edit": "latent",
    "evaluate": "evaluation",
    "interpolate": "latent",
    "observe": "fields",
    "on_grid": "estimator",
    "open_field": "sources",
    "place_sensors": "placement",
    "reconstruct": "models",
    "render": "estimator",
    "sample": "latent",
    "sample_flow": "models",
    "verify": "benchmark.verification",
}
_RENAMED = {
    "FieldBatch": "Observations",
    "Generated": "latent.Generated",
    "GridField": "FieldData",
    "SparseField": "Observations.from_points",
    "generate": "sample",
}
"""Names of the first edition, and what stands in their place."""

__all__ = [
    "Axis",
    "Background",
    "Covariates",
    "FieldAutoencoder",
    "FieldData",
    "Grid",
    "Observations",
    "Prediction",
    "PriorDrawsWarning",
    "UnfamiliarFieldsWarning",
    "Variable",
    "edit",
    "evaluate",
    "interpolate",
    "observe",
    "on_grid",
    "open_field",
    "place_sensors",
    "reconstruct",
    "render",
    "sample",
    "sample_flow",
    "scan",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the shell's --help must not wait for torch."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name == "scan":
        return import_module(f"{__name__}.scan")
    if name in _RENAMED:
        raise AttributeError(f"{__name__}.{name} is now {__name__}.{_RENAMED[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
