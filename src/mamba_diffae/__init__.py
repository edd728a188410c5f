"""Scattered observations in; a semantic latent and the whole field at any resolution out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mamba_diffae import scan
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.evaluation import evaluate
    from mamba_diffae.fields import FieldBatch, GridField, Prediction, SparseField, observe
    from mamba_diffae.latent import Generated, generate
    from mamba_diffae.models import reconstruct, sample
    from mamba_diffae.sources import open_field

_HOMES = {
    "FieldAutoencoder": "estimator",
    "FieldBatch": "fields",
    "Generated": "latent",
    "GridField": "fields",
    "Prediction": "fields",
    "SparseField": "fields",
    "evaluate": "evaluation",
    "generate": "latent",
    "observe": "fields",
    "open_field": "sources",
    "reconstruct": "models",
    "sample": "models",
}

__all__ = [
    "FieldAutoencoder",
    "FieldBatch",
    "Generated",
    "GridField",
    "Prediction",
    "SparseField",
    "evaluate",
    "generate",
    "observe",
    "open_field",
    "reconstruct",
    "sample",
    "scan",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the shell's --help must not wait for torch."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name == "scan":
        return import_module(f"{__name__}.scan")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
