"""Encoders, and their registry."""

from mamba_diffae.models.encoders.base import EncoderOptionError, Encoding, PointEncoder
from mamba_diffae.registry import Registry

ENCODERS: Registry[type[PointEncoder]] = Registry(
    "encoder",
    "mamba_diffae.encoders",
    {
        "attention": "mamba_diffae.models.encoders.attention:AttentionEncoder",
        "convcnp": "mamba_diffae.models.encoders.convcnp:ConvCNPEncoder",
        "mamba": "mamba_diffae.models.encoders.mamba:MambaEncoder",
        "pointwise": "mamba_diffae.models.encoders.pointwise:PointwiseEncoder",
    },
)

__all__ = ["ENCODERS", "EncoderOptionError", "Encoding", "PointEncoder"]
