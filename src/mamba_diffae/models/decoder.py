"""From the latent (and the points) to the field: through anchors, or by scanning the queries."""

from __future__ import annotations

import itertools
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoder import Encoding
from mamba_diffae.models.features import coordinate_features
from mamba_diffae.nn.attention import LocalRead, lattice, nearest, spline_weights
from mamba_diffae.nn.embedding import Modulation, TimeEmbedding
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock, Paths

_CANVAS = (8, 32)
"""Cells a side and channels of the coarse picture that the latent is unfolded to."""


class Prepared(NamedTuple):
    """What a decoder reads at every stage, computed once.

    Attributes:
        latent: Shape (B, latent_dim).
        points: The encoded observations, or None: latent alone.
        anchors: What latent and points say at the anchors, shape (B, A, d_model), or None.
    """

    latent: Tensor
    points: Encoding | None
    anchors: Tensor | None


class Site(NamedTuple):
    """The places of queries.

    Attributes:
        features: Coordinates and what the nearest observations say, shape (B, N, ·).
        interpolated: Weighted average of the nearest observed values, shape (B, N, C).
        spline: Weights of the anchors, shape (B, N, A), or None.
        paths: Scans through the queries, or None.
    """

    features: Tensor
    interpolated: Tensor
    spline: Tensor | None
    paths: Paths | None


@final
class PointRead(nn.Module):
    """Coordinates, and what the nearest encoded observations say there."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.features = coordinate_features(config)
        self.neighbours = config.neighbours
        self.local = LocalRead(config.coord_dim, config.d_model, config.message, config.gap)
        self.value_dim = config.value_dim
        self.width = config.fourier_features + config.message + config.value_dim + 1

    def forward(self, coords: Tensor, points: Encoding | None) -> tuple[Tensor, Tensor]:
        """Features (B, N, width) and interpolated values (B, N, C) at coords (B, N, D)."""
        waves = self.features(coords)
        if points is None:
            silent = waves.new_zeros(*coords.shape[:-1], self.width - waves.shape[-1])
            return torch.cat([waves, silent], dim=-1), silent[..., : self.value_dim]
        near = nearest(coords, points.coords, points.mask, self.neighbours)
        read = self.local(near, points.tokens, points.values)
        # Says apart "nothing is near" from "the average is zero".
        heard = near.weight.amax(dim=-1, keepdim=True).sign()
        return torch.cat([waves, read, heard], dim=-1), read[..., -self.value_dim :]


@final
class Head(nn.Module):
    """A small conditioned MLP to F, starting from the interpolated observations."""

    def __init__(self, config: AutoencoderConfig, width: int) -> None:
        super().__init__()
        sizes = (width, *config.head)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.modulation = nn.ModuleList(Modulation(config.d_model, b, 2) for b in sizes[1:])
        self.out = nn.Linear(sizes[-1], config.value_dim + 1)
        self.sigma = config.sigma
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, interpolated: Tensor, condition: Tensor) -> Tensor:
        """Features (B, N, width), interpolated (B, N, C), condition (B, d_model) to F (B, N, C)."""
        h = features
        for layer, modulation in zip(self.layers, self.modulation, strict=True):
            scale, shift = modulation(condition)
            h = F.gelu(layer(h) * (1 + scale) + shift)
        correction, gate = self.out(h).split([interpolated.shape[-1], 1], dim=-1)
        return correction + (1 + gate) * interpolated / self.sigma


@final
class AnchoredDecoder(nn.Module):
    """Mamba blocks over a regular grid of anchors, which queries read through B-splines.

    A query's value depends on the latent, the nearest observations, its own state and the anchors,
    never on other queries.
    """

    anchors: Tensor
    order: Tensor
    step: Tensor
    canvas_spline: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        d, C = config.d_model, config.value_dim
        cells, channels = _CANVAS
        self.cells = config.anchors
        anchors = lattice(config.anchors, config.coord_dim)
        self.register_buffer("anchors", anchors, persistent=False)
        spline = spline_weights(anchors[None], cells)
        self.register_buffer("canvas_spline", spline, persistent=False)
        here = torch.ones(1, len(anchors), dtype=torch.bool)
        paths = Paths.through(
            anchors[None], here, config.directions, "distance", 1 / config.anchors
        )
        self.register_buffer("order", paths.order, persistent=False)
        self.register_buffer("step", paths.step, persistent=False)
        self.read = PointRead(config)
        self.canvas = nn.Linear(config.latent_dim, cells**config.coord_dim * channels)
        self.embed = nn.Linear(self.read.width + channels, d)
        self.state = nn.Linear(C + 1, d)
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.velocity = nn.Linear(d, C)
        self.head = Head(config, self.read.width + d + C)

    def prepare(self, latent: Tensor, points: Encoding | None) -> Prepared:
        """Unfold the latent over the anchors, and let them hear the nearest observations."""
        coords = self.anchors.expand(len(latent), -1, -1)
        features, _ = self.read(coords, points)
        canvas = self.canvas(latent).unflatten(-1, (self.canvas_spline.shape[-1], -1))
        unfolded = self.canvas_spline @ canvas
        return Prepared(latent, points, self.embed(torch.cat([features, unfolded], dim=-1)))

    def site(self, prepared: Prepared, query_coords: Tensor) -> Site:
        """Read everything at the queries (B, N, D) that does not depend on t."""
        features, interpolated = self.read(query_coords, prepared.points)
        return Site(features, interpolated, spline_weights(query_coords, self.cells), None)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Tokens of the anchors (B, A, d_model) and their F (B, A, C), from their scaled state."""
        assert prepared.anchors is not None
        known = torch.ones_like(x[..., :1]) if present is None else present[..., None].to(x.dtype)
        tokens = prepared.anchors + self.state(torch.cat([x * known, known], dim=-1))
        here = torch.ones_like(self.order[:, 0], dtype=torch.bool)
        paths = Paths(self.order, self.step, here).expand(len(x))
        for block in self.blocks:
            tokens = block(tokens, paths, condition)
        tokens = self.norm(tokens)
        return tokens, self.velocity(tokens)

    def query_flow(self, site: Site, condition: Tensor, x: Tensor, tokens: Tensor | None) -> Tensor:
        """F at the queries, (B, N, C), from their scaled state."""
        assert site.spline is not None
        assert tokens is not None

        features = torch.cat([site.features, site.spline @ tokens, x], dim=-1)
        return self.head(features, site.interpolated, condition)


@final
class ScanDecoder(nn.Module):
    """The proposal's own: Mamba blocks over the queries, which therefore feel one another."""

    anchors: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        d = config.d_model
        self.config = config
        self.register_buffer("anchors", torch.zeros(0, config.coord_dim), persistent=False)
        self.read = PointRead(config)
        self.latent = nn.Linear(config.latent_dim, d)
        self.embed = nn.Linear(self.read.width + config.value_dim, d)
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.head = Head(config, d)

    def prepare(self, latent: Tensor, points: Encoding | None) -> Prepared:
        """Nothing is laid out before the queries are known."""
        return Prepared(latent, points, None)

    def site(self, prepared: Prepared, query_coords: Tensor) -> Site:
        """Read everything at the queries (B, N, D) that does not depend on t."""
        config = self.config
        features, interpolated = self.read(query_coords, prepared.points)
        mask = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        paths = Paths.through(query_coords, mask, config.directions, config.step, config.gap)
        return Site(features, interpolated, None, paths)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[None, Tensor]:
        """There are no anchors: `x` is empty and comes back."""
        return None, x

    def query_flow(self, site: Site, condition: Tensor, x: Tensor, tokens: Tensor | None) -> Tensor:
        """F at the queries, (B, N, C), from their scaled state."""
        assert site.paths is not None
        h = self.embed(torch.cat([site.features, x], dim=-1)) + condition[:, None]
        for block in self.blocks:
            h = block(h, site.paths, condition)
        return self.head(self.norm(h), site.interpolated, condition)


def _blocks(config: AutoencoderConfig) -> nn.ModuleList:
    """The decoder's Mamba blocks, each modulated by time and latent."""
    d, K = config.d_model, len(config.directions)
    return nn.ModuleList(
        MultiDirectionalMambaBlock(d, config.d_state, K, condition=d)
        for _ in range(config.decoder_blocks)
    )


@final
class StageCondition(nn.Module):
    """Time and latent as the one vector that modulates every layer of a decoder."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.time = TimeEmbedding(config.d_model)
        self.latent = nn.Linear(config.latent_dim, config.d_model)

    def forward(self, t: Tensor, latent: Tensor) -> Tensor:
        """Time (B,) and latent (B, latent_dim) to (B, d_model)."""
        return self.time(t) + self.latent(latent)
