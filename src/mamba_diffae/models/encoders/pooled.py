"""Tokens of single observations, mixed or not, then pooled to the latent."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoders.base import PointEncoder
from mamba_diffae.models.features import (
    coordinate_features,
    observation_features,
    observation_width,
)
from mamba_diffae.nn.attention import AttentionPool, MeanPool

_POOL_QUERIES = 4


class PooledEncoder(PointEncoder, ABC):
    """Embed every observation, mix the tokens, pool them.

    Where a prior's code is the better part of the latent, the encoder begins by adding nothing. The
    pool of no points is 0.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        d = config.d_model
        self.features = coordinate_features(config)
        entering = config.fourier_features + observation_width(config)
        self.embed = nn.Sequential(nn.Linear(entering, d), nn.GELU(), nn.Linear(d, d))
        self.norm = nn.LayerNorm(d)
        pools = {"attention": AttentionPool(d, _POOL_QUERIES), "mean": MeanPool(d)}
        self.pool = pools[config.pooling]
        self.to_latent = nn.Linear(self.pool.width, config.latent_dim)
        if config.codes:
            for weight in self.to_latent.parameters():
                nn.init.zeros_(weight)

    @abstractmethod
    def mix(self, tokens: Tensor, observations: Observations) -> Tensor:
        """Let tokens (B, N, d_model) learn of one another."""

    def forward(self, observations: Observations) -> tuple[Tensor, Tensor]:
        """See `PointEncoder.forward`."""
        known = observation_features(observations, self.config)
        tokens = self.embed(torch.cat([self.features(observations.coords), known], dim=-1))
        if tokens.shape[1]:
            tokens = self.mix(tokens, observations)
        tokens = self.norm(tokens)
        return self.to_latent(self._pooled(tokens, observations.present)), tokens

    def _pooled(self, tokens: Tensor, present: Tensor) -> Tensor:
        """The pool of the points that are present, (B, pool.width)."""
        some = present.any(dim=1, keepdim=True)
        # A softmax over no points is no number: read the padding there, then discard it.
        return self.pool(tokens, present | ~some) * some
