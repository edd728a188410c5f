"""Encoders, and their registry."""

from mamba_diffae.models.encoders.base import Encoding, PointEncoder
from mamba_diffae.registry import Registry

ENCODERS: Registry[type[PointEncoder]] = Registry(
    "encoder",
    "mamba_diffae.encoders",
    {
        "mamba": "mamba_diffae.models.encoders.mamba:MambaEncoder",
        "pointwise": "mamba_diffae.models.encoders.pointwise:PointwiseEncoder",
    },
)

__all__ = ["ENCODERS", "Encoding", "PointEncoder"]
