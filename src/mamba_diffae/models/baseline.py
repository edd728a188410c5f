"""The baseline to beat: flow matching with one joined sequence of inputs and queries."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import BaselineConfig, Context
from mamba_diffae.models.features import coordinate_features
from mamba_diffae.nn.attention import CrossAttention
from mamba_diffae.nn.embedding import TimeEmbedding
from mamba_diffae.nn.mamba import LinearTimeInvariantBlock, Paths
from mamba_diffae.nn.scan_order import check_directions


class Observed(NamedTuple):
    """The observations as they are: the baselines read them anew at every stage."""

    coords: Tensor
    values: Tensor
    mask: Tensor


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
        self.directions = config.directions
        self.features = coordinate_features(config)
        self.embed = nn.Linear(config.fourier_features + config.value_dim, d)
        self.role = nn.Parameter(torch.randn(2, d) * 0.02)
        self.time = TimeEmbedding(d)
        self.blocks = nn.ModuleList(
            LinearTimeInvariantBlock(d, len(config.directions), config.d_state)
            for _ in range(config.blocks)
        )
        self.cross = CrossAttention(d)
        self.norm = nn.LayerNorm(d)

    def forward(self, observed: Observed, query_coords: Tensor, t: Tensor, x: Tensor) -> Tensor:
        """State x (B, N, C) at the queries to their features, (B, N, d_model)."""
        coords = torch.cat([observed.coords, query_coords], dim=1)
        values = torch.cat([observed.values * observed.mask[..., None], x], dim=1)
        asked = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        mask = torch.cat([observed.mask, asked], dim=1)
        paths = Paths.through(coords, mask, self.directions, "count", 1.0, values)
        L = observed.coords.shape[1]
        role = torch.cat([self.role[0].expand(L, -1), self.role[1].expand(x.shape[1], -1)])
        tokens = self.embed(torch.cat([self.features(coords), values], dim=-1))
        tokens = tokens + role + self.time(t)[:, None]
        for block in self.blocks:
            tokens = block(tokens, paths)
        return self.norm(self.cross(tokens[:, L:], tokens[:, :L], observed.mask))


class JointFlow(FieldFlow):
    """A trunk over the joined sequence and a head; the two final classes differ in the head."""

    config_class = BaselineConfig
    phases: ClassVar[tuple[str, ...]] = ("diffusion",)
    has_latent: ClassVar[bool] = False
    config: BaselineConfig  # pyright: ignore[reportIncompatibleVariableOverride]
    head: nn.Module

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        self.trunk = JointTrunk(config)
        self.register_buffer("anchors", torch.zeros(0, config.coord_dim), persistent=False)

    def condition(
        self,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor,
        *,
        latent: Tensor | None = None,
        context: Context | Tensor = "latent+points",
        estimate: Tensor | None = None,
    ) -> Observed:
        """See `FieldFlow.condition`; no latent, no prior, and the points are always read."""
        return Observed(input_coords, input_values, input_mask)

    def site(self, condition: Observed, query_coords: Tensor) -> Tensor:
        """See `FieldFlow.site`."""
        return query_coords

    def query_flow(
        self, condition: Observed, site: Tensor, t: Tensor, x: Tensor, written: Any
    ) -> Tensor:
        """See `FieldFlow.query_flow`; the raw velocity, without preconditioning."""
        return self.head(self.trunk(condition, site, t, x))


def velocity_head(d_model: int, value_dim: int) -> nn.Sequential:
    """An MLP from features to a velocity."""
    return nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, value_dim))


@final
class MambaDiffusion(JointFlow):
    """The field's first attempt, `directions=("none",)`, or its multi-directional version.

    Args:
        config: Sizes and choices; see `BaselineConfig`.
    """

    kind: ClassVar[str] = "mamba-diffusion"

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        self.head = velocity_head(config.d_model, config.value_dim)
