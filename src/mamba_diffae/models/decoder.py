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
from mamba_diffae.models.velocity import parameterisation
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
        entering: What coordinates and nearest observations give a decoder's first layer over the
            queries, shape (B, N, ·).
        interpolated: Weighted average of the nearest observed values, shape (B, N, C).
        spline: Weights of the anchors, shape (B, N, A), or None.
        paths: Scans through the queries, or None.
    """

    entering: Tensor
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
    """A small conditioned MLP, whose first C outputs start from the interpolated observations.

    Its first linear layer is left to the decoder, which computes the part that does not depend on t
    only once.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        sizes = (*config.head, parameterisation(config).outputs + 1)
        self.modulation = nn.ModuleList(Modulation(config.d_model, a, 2) for a in config.head)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.sigma = config.sigma
        for last in self.layers[-1].parameters():
            nn.init.zeros_(last)

    def forward(self, h: Tensor, interpolated: Tensor, condition: Tensor) -> Tensor:
        """What the parameterisation needs, at every query.

        Args:
            h: What enters the first nonlinearity, shape (B, N, head[0]).
            interpolated: Averaged observations, shape (B, N, C).
            condition: Shape (B, d_model).

        Returns:
            Shape (B, N, outputs).
        """
        for modulation, layer in zip(self.modulation, self.layers, strict=True):
            scale, shift = modulation(condition)
            h = layer(F.gelu(h * (1 + scale) + shift))
        outputs, gate = h.split([h.shape[-1] - 1, 1], dim=-1)
        start = (1 + gate) * interpolated / self.sigma
        return outputs + F.pad(start, (0, outputs.shape[-1] - start.shape[-1]))


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
        self.state = _silent(C, d)
        self.absent = nn.Parameter(torch.zeros(d))
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, parameterisation(config).outputs)
        self.enter = nn.Linear(self.read.width, config.head[0])
        self.enter_anchors = nn.Linear(d, config.head[0], bias=False)
        self.enter_state = _silent(C, config.head[0])
        self.head = Head(config)

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
        spline = spline_weights(query_coords, self.cells)
        return Site(self.enter(features), interpolated, spline, None)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Tokens of the anchors (B, A, d_model) and their outputs, from their scaled state."""
        assert prepared.anchors is not None
        tokens = self.state(x)
        if present is not None:
            tokens = torch.where(present[..., None], tokens, self.absent)
        tokens = prepared.anchors + tokens
        here = torch.ones_like(self.order[:, 0], dtype=torch.bool)
        paths = Paths(self.order, self.step, here).expand(len(x))
        for block in self.blocks:
            tokens = block(tokens, paths, condition)
        tokens = self.norm(tokens)
        return tokens, self.out(tokens)

    def query_flow(self, site: Site, condition: Tensor, x: Tensor, tokens: Tensor | None) -> Tensor:
        """The outputs at the queries, from their scaled state."""
        assert site.spline is not None
        assert tokens is not None
        around = site.spline @ self.enter_anchors(tokens)
        h = site.entering + around + self.enter_state(x)
        return self.head(h, site.interpolated, condition)


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
        self.enter = nn.Linear(self.read.width, d)
        self.enter_state = _silent(config.value_dim, d)
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.enter_head = nn.Linear(d, config.head[0])
        self.head = Head(config)

    def prepare(self, latent: Tensor, points: Encoding | None) -> Prepared:
        """Nothing is laid out before the queries are known."""
        return Prepared(latent, points, None)

    def site(self, prepared: Prepared, query_coords: Tensor) -> Site:
        """Read everything at the queries (B, N, D) that does not depend on t."""
        config = self.config
        features, interpolated = self.read(query_coords, prepared.points)
        mask = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        paths = Paths.through(query_coords, mask, config.directions, config.step, config.gap)
        return Site(self.enter(features), interpolated, None, paths)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[None, Tensor]:
        """There are no anchors, so the outputs are empty, but of their width."""
        return None, x.new_zeros(*x.shape[:2], parameterisation(self.config).outputs)

    def query_flow(self, site: Site, condition: Tensor, x: Tensor, tokens: Tensor | None) -> Tensor:
        """The outputs at the queries, from their scaled state."""
        assert site.paths is not None
        h = site.entering + self.enter_state(x) + condition[:, None]
        for block in self.blocks:
            h = block(h, site.paths, condition)
        return self.head(self.enter_head(self.norm(h)), site.interpolated, condition)


def _silent(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer for the state x_t, which says nothing before it has learned.

    Phase 1 never sees a state: phase 2 must not begin by meeting untrained weights.
    """
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


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
