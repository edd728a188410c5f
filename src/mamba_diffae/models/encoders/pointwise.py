"""An encoder without a scan: a perceptron for each observation, then pooling."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoders.pooled import PooledEncoder


@final
class PointwiseEncoder(PooledEncoder):
    """Residual layers on every token by itself; only the pooling sees the set.

    Reference:
        Zaheer et al. (2017), Deep Sets, arXiv 1703.06114.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        d = config.d_model
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
            for _ in range(config.encoder_blocks)
        )

    def mix(self, tokens: Tensor, observations: Observations) -> Tensor:
        """See `PooledEncoder.mix`."""
        for layer in self.layers:
            tokens = tokens + layer(tokens)
        return tokens
