"""Scattered observations to tokens, and one latent vector."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.features import coordinate_features
from mamba_diffae.nn.attention import AttentionPool, mean_pool
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock, Paths
from mamba_diffae.nn.scan_order import check_directions

_POOL_QUERIES = 4


class Encoding(NamedTuple):
    """What the encoder made of the observations.

    Attributes:
        latent: The semantic vector, shape (B, latent_dim).
        tokens: One vector for each observation, shape (B, L, d_model).
        coords: Where they are, shape (B, L, D).
        values: What was observed, shape (B, L, C), scaled.
        mask: True where an observation is real and may be read, shape (B, L).
        beyond: The prior's estimate without what the latent holds of it, shape (B, G^D, C + 2), or
            None where there is no prior.
    """

    latent: Tensor
    tokens: Tensor
    coords: Tensor
    values: Tensor
    mask: Tensor
    beyond: Tensor | None = None

    def heard(self, by: Tensor) -> Encoding:
        """The same, but silent for the fields where `by`, shape (B,), is False."""
        beyond = None if self.beyond is None else self.beyond * by[:, None, None]
        return self._replace(mask=self.mask & by[:, None], beyond=beyond)


@final
class Encoder(nn.Module):
    """Mamba blocks over the observations in several orders, then pooling.

    Where a prior's code is the better part of the latent, the encoder begins by adding nothing.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        check_directions(config.directions, config.coord_dim)
        d = config.d_model
        self.config = config
        self.features = coordinate_features(config)
        self.embed = nn.Sequential(
            nn.Linear(config.fourier_features + config.value_dim, d), nn.GELU(), nn.Linear(d, d)
        )
        self.blocks = nn.ModuleList(
            MultiDirectionalMambaBlock(d, config.d_state, len(config.directions))
            for _ in range(config.encoder_blocks)
        )
        self.norm = nn.LayerNorm(d)
        self.pool = AttentionPool(d, _POOL_QUERIES) if config.pooling == "attention" else None
        self.to_latent = nn.Linear(d * (_POOL_QUERIES if self.pool else 1), config.latent_dim)
        if config.exemplars:
            for weight in self.to_latent.parameters():
                nn.init.zeros_(weight)

    def forward(self, input_coords: Tensor, input_values: Tensor, input_mask: Tensor) -> Encoding:
        """Encode observations; neither their order nor their padding matters.

        Args:
            input_coords: Shape (B, L, D).
            input_values: Shape (B, L, C), scaled.
            input_mask: Shape (B, L).
        """
        config = self.config
        values = input_values * input_mask[..., None]
        tokens = self.embed(torch.cat([self.features(input_coords), values], dim=-1))
        if self.blocks:
            paths = Paths.through(
                input_coords, input_mask, config.directions, config.step, config.gap, values
            )
            for block in self.blocks:
                tokens = block(tokens, paths)
        tokens = self.norm(tokens)
        pooled = self.pool(tokens, input_mask) if self.pool else mean_pool(tokens, input_mask)
        return Encoding(self.to_latent(pooled), tokens, input_coords, values, input_mask)
