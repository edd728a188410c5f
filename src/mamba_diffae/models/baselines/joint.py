"""The baseline to beat: flow matching with one joined sequence of inputs and queries."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.fields import Observations
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import BaselineConfig, DecoderInputs
from mamba_diffae.models.features import (
    coordinate_features,
    observation_features,
    observation_width,
)
from mamba_diffae.nn.attention import CrossAttention
from mamba_diffae.nn.embedding import TimeEmbedding
from mamba_diffae.nn.mamba import LinearTimeInvariantBlock, Paths
from mamba_diffae.nn.scan_order import check_directions
from mamba_diffae.priors import PriorPosterior


@final
class JointTrunk(nn.Module):
    """Inputs and queries as one sequence of state-space blocks, then cross-attention to the inputs.

    The queries influence one another, so that the answer depends on what else is asked: that is the
    baseline, and its drift is measured, not mended.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__()
        check_directions(config.directions, config.coord_dim)
        d = config.d_model
        self.config = config
        self.features = coordinate_features(config)
        self.embed = nn.Linear(config.fourier_features + observation_width(config), d)
        self.role = nn.Parameter(torch.randn(2, d) * 0.02)
        self.time = TimeEmbedding(d)
        self.blocks = nn.ModuleList(
            LinearTimeInvariantBlock(d, len(config.directions), config.d_state)
            for _ in range(config.blocks)
        )
        self.cross = CrossAttention(d)
        self.norm = nn.LayerNorm(d)

    def forward(self, observed: Observations, query_coords: Tensor, t: Tensor, x: Tensor) -> Tensor:
        """State x (B, N, C) at the queries to their features, (B, N, d_model)."""
        config, L = self.config, observed.coords.shape[1]
        known = observation_features(observed, config)
        asked = F.pad(x, (0, known.shape[-1] - x.shape[-1]))
        coords = torch.cat([observed.coords, query_coords], dim=1)
        values = torch.cat([observed.values, x], dim=1)
        present = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        mask = torch.cat([observed.present, present], dim=1)
        paths = Paths.through(
            coords, mask, config.directions, "count", 1.0, config.geometry, values
        )
        role = torch.cat([self.role[0].expand(L, -1), self.role[1].expand(x.shape[1], -1)])
        entering = torch.cat([self.features(coords), torch.cat([known, asked], dim=1)], dim=-1)
        tokens = self.embed(entering) + role + self.time(t)[:, None]
        for block in self.blocks:
            tokens = block(tokens, paths)
        return self.norm(self.cross(tokens[:, L:], tokens[:, :L], observed.present))


class JointFlow(FieldFlow):
    """A trunk over the joined sequence and a head; the two final classes differ in the head."""

    config_class = BaselineConfig
    phases: ClassVar[tuple[str, ...]] = ("flow",)
    config: BaselineConfig  # pyright: ignore[reportIncompatibleVariableOverride]
    head: nn.Module

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        self.trunk = JointTrunk(config)
        self.register_buffer("anchors", torch.zeros(0, config.coord_dim), persistent=False)

    def encode_context(
        self,
        observations: Observations,
        *,
        latent: Tensor | None = None,
        decoder_inputs: DecoderInputs | Tensor = "latent+points",
        posterior: PriorPosterior | None = None,
    ) -> Observations:
        """See `FieldFlow.encode_context`: the observations as they are, read at every stage."""
        return observations

    def query_features(self, context: Observations, query_coords: Tensor) -> Tensor:
        """See `FieldFlow.query_features`."""
        return query_coords

    def query_flow(
        self, context: Observations, features: Tensor, t: Tensor, x: Tensor, anchor_output: Any
    ) -> Tensor:
        """See `FieldFlow.query_flow`; the raw velocity, without preconditioning."""
        return self.head(self.trunk(context, features, t, x))


def velocity_head(d_model: int, value_dim: int) -> nn.Sequential:
    """An MLP from features to a velocity."""
    return nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, value_dim))
