"""Scattered observations to tokens, and one latent vector."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.features import coordinate_features
from mamba_diffae.nn.attention import AttentionPool, mean_pool
from mamba_diffae.nn.interpolation import linear, resample, resampling
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock, Paths
from mamba_diffae.nn.scan_order import check_directions

_POOL_QUERIES = 4
_SKETCH = 16
"""Cells a side of the prior's mean that the latent reads."""


class Encoding(NamedTuple):
    """What the encoder made of the observations.

    Attributes:
        latent: The semantic vector, shape (B, latent_dim).
        tokens: One vector for each observation, shape (B, L, d_model).
        coords: Where they are, shape (B, L, D).
        values: What was observed, shape (B, L, C), scaled.
        mask: True where an observation is real and may be read, shape (B, L).
        estimate: What the prior makes of them, shape (B, G^D, C + 2), or None; see `AnaloguePrior`.
    """

    latent: Tensor
    tokens: Tensor
    coords: Tensor
    values: Tensor
    mask: Tensor
    estimate: Tensor | None

    def heard(self, by: Tensor) -> Encoding:
        """The same, but silent for the fields where `by`, shape (B,), is False."""
        estimate = None if self.estimate is None else self.estimate * by[:, None, None]
        return self._replace(mask=self.mask & by[:, None], estimate=estimate)


@final
class Encoder(nn.Module):
    """Mamba blocks over the observations in several orders, then pooling."""

    sketch: Tensor

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
            width = _SKETCH**config.coord_dim * config.value_dim
            self.from_estimate = nn.Linear(width, config.latent_dim, bias=False)
            sketch = resampling(config.prior_cells, _SKETCH, linear)
            self.register_buffer("sketch", sketch, persistent=False)

    def forward(
        self,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor,
        estimate: Tensor | None = None,
    ) -> Encoding:
        """Encode observations; neither their order nor their padding matters.

        Args:
            input_coords: Shape (B, L, D).
            input_values: Shape (B, L, C), scaled.
            input_mask: Shape (B, L).
            estimate: What the prior makes of them, shape (B, G^D, C + 2), where there is a prior.
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
        latent = self.to_latent(pooled)
        if estimate is not None:
            mean = estimate[..., : config.value_dim]
            sketch = resample(mean, self.sketch, config.coord_dim)
            latent = latent + self.from_estimate(sketch.flatten(1))
        return Encoding(latent, tokens, input_coords, values, input_mask, estimate)
