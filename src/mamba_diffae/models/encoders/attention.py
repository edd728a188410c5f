"""Attention among the observations, through learned latents."""

from __future__ import annotations

from typing import final

from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoders.base import EncoderOptionError
from mamba_diffae.models.encoders.pooled import PooledEncoder
from mamba_diffae.nn.latent_attention import LatentAttention


@final
class AttentionEncoder(PooledEncoder):
    """Latents read the observations, pass `config.encoder_blocks`, and are read by each of them.

    Args:
        config: Sizes.
        latents: Learned latents, the queries of the first attention.

    Raises:
        EncoderOptionError: If there are no latents.

    Reference:
        Santos et al. (2023), Senseiver, https://doi.org/10.1038/s42256-023-00746-x.
    """

    def __init__(self, config: AutoencoderConfig, latents: int = 32) -> None:
        super().__init__(config)
        if latents < 1:
            raise EncoderOptionError("attention", "latents", latents, "1 or more")
        self.attention = LatentAttention(config.d_model, latents, config.encoder_blocks)

    def mix(self, tokens: Tensor, observations: Observations) -> Tensor:
        """See `PooledEncoder.mix`."""
        return self.attention(tokens, observations.present)
