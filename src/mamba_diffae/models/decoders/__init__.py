"""Decoders, and their registry."""

from mamba_diffae.models.decoders.base import DecoderContext, FieldDecoder
from mamba_diffae.registry import Registry

DECODERS: Registry[type[FieldDecoder]] = Registry(
    "decoder",
    "mamba_diffae.decoders",
    {
        "anchored": "mamba_diffae.models.decoders.anchored:AnchoredDecoder",
        "convolutional": "mamba_diffae.models.decoders.convolutional:ConvolutionalDecoder",
        "scanning": "mamba_diffae.models.decoders.scanning:ScanningDecoder",
    },
)

__all__ = ["DECODERS", "DecoderContext", "FieldDecoder"]
