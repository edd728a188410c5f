"""The Mamba blocks of a decoder."""

from __future__ import annotations

from torch import nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock


def modulated_blocks(config: AutoencoderConfig) -> nn.ModuleList:
    """Blocks that are each modulated by time and latent."""
    d, K = config.d_model, len(config.directions)
    return nn.ModuleList(
        MultiDirectionalMambaBlock(d, config.d_state, K, modulation_dim=d)
        for _ in range(config.decoder_blocks)
    )
