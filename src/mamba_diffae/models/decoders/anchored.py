"""Mamba blocks over patches of a regular lattice of anchors, which queries read."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.base import DecoderContext, FieldDecoder
from mamba_diffae.models.decoders.blocks import modulated_blocks
from mamba_diffae.models.decoders.lattice import anchor_reader
from mamba_diffae.models.decoders.readout import Head, PointRead, pad_channels, zero_linear
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.interpolation import Taps, bspline, cubic, from_patches, to_patches
from mamba_diffae.nn.mamba import Paths


class AnchorContext(NamedTuple):
    """What is laid out over the anchors.

    Attributes:
        tokens: What latent and points say to each token, shape (B, T, d_model).
        base_mean: The lattice's mean at the anchors, shape (B, A, C).
        correction: What a linear map of the lattice around adds to it, shape (B, A, C).
    """

    tokens: Tensor
    base_mean: Tensor
    correction: Tensor


class AnchorOutput(NamedTuple):
    """What the blocks made of the anchors.

    Attributes:
        tokens: One for each patch of anchors, shape (B, T, d_model).
        outputs: Beyond the lattice's mean, at every anchor, shape (B, A, outputs).
    """

    tokens: Tensor
    outputs: Tensor


class AnchoredFeatures(NamedTuple):
    """The places of queries.

    Attributes:
        entering: What coordinates and nearest observations give the first layer, (B, N, ·).
        start: What the read-out starts from, shape (B, N, C).
        anchors: The anchors around, which are interpolated.
        tokens: The tokens around, which are averaged by B-splines.
    """

    entering: Tensor
    start: Tensor
    anchors: Taps
    tokens: Taps


@final
class AnchoredDecoder(FieldDecoder):
    """Blocks write means and spreads at all anchors at once; queries read them.

    A query interpolates those, reads the tokens through B-splines, and corrects by what the nearest
    observations and its own state say. Its value depends on the latent, the prior, those
    observations, its state and the anchors, never on other queries. See docs/concepts.md, eq. (30).
    """

    streams: ClassVar[bool] = True
    centres: Tensor
    order: Tensor
    step: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        d, C = config.d_model, config.value_dim
        extent, anchors = config.geometry.extent, math.prod(config.patch_shape)
        centres = lattice(config.token_shape, extent)
        self.register_buffer("anchors", lattice(config.anchor_shape, extent), persistent=False)
        self.register_buffer("centres", centres, persistent=False)
        paths = token_paths(config, centres)
        self.register_buffer("order", paths.order, persistent=False)
        self.register_buffer("step", paths.step, persistent=False)
        self.lattice = anchor_reader(config)
        self.read = PointRead(config, self.lattice.query_width)
        self.embed = nn.Linear(self.read.width + self.lattice.token_width, d)
        self.state = zero_linear(anchors * C, d)
        self.absent = nn.Parameter(torch.zeros(d))
        self.blocks = modulated_blocks(config)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, anchors * parameterisation(config).outputs)
        self.enter = nn.Linear(self.read.width, config.head[0])
        self.enter_tokens = nn.Linear(d, config.head[0], bias=False)
        self.enter_state = zero_linear(C, config.head[0])
        self.head = Head(config)
        for weight in self.out.parameters():
            nn.init.zeros_(weight)

    def prepare(self, latent: Tensor, points: Encoding | None, lattice: Tensor) -> AnchorContext:
        """See `FieldDecoder.prepare`."""
        coords = self.centres.expand(len(latent), -1, -1)
        features, _ = self.read(coords, points, lattice, self.lattice)
        around = self.lattice.tokens(lattice, latent)
        base_mean, correction = self.lattice.anchors(lattice, around)
        tokens = self.embed(torch.cat([features, around], dim=-1))
        return AnchorContext(tokens, base_mean, correction)

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> AnchoredFeatures:
        """See `FieldDecoder.query_features`."""
        config = self.config
        read = self.read(query_coords, context.points, context.lattice, self.lattice)
        geometry = config.geometry
        anchors = Taps.of(query_coords, config.anchor_shape, geometry, cubic)
        tokens = Taps.of(query_coords, config.token_shape, geometry, bspline)
        return AnchoredFeatures(self.enter(read[0]), read[1], anchors, tokens)

    def anchor_flow(
        self, context: DecoderContext, modulation: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[AnchorOutput, Tensor]:
        """See `FieldDecoder.anchor_flow`."""
        config, prepared = self.config, context.prepared
        tokens = prepared.tokens + self._state(x, present)
        here = torch.ones_like(self.order[:, 0], dtype=torch.bool)
        paths = Paths(self.order, self.step, here).expand(len(x))
        for block in self.blocks:
            tokens = block(tokens, paths, modulation)
        tokens = self.norm(tokens)
        written = from_patches(self.out(tokens), config.token_shape, config.patch_shape)
        written = written + pad_channels(prepared.correction / config.sigma, written)
        outputs = written + pad_channels(prepared.base_mean / config.sigma, written)
        return AnchorOutput(tokens, written), outputs

    def _state(self, x: Tensor, present: Tensor | None) -> Tensor:
        """What the anchors' state says to their tokens, (B, T, d_model)."""
        shape, patch = self.config.anchor_shape, self.config.patch_shape
        if present is None:
            return self.state(to_patches(x, shape, patch))
        known = present.to(x.dtype)[..., None]
        missing = 1 - to_patches(known, shape, patch).mean(dim=-1, keepdim=True)
        return self.state(to_patches(x * known, shape, patch)) + missing * self.absent

    def query_flow(
        self,
        features: AnchoredFeatures,
        modulation: Tensor,
        x: Tensor,
        anchor_output: AnchorOutput,
    ) -> Tensor:
        """See `FieldDecoder.query_flow`."""
        around = features.tokens.read(self.enter_tokens(anchor_output.tokens))
        h = features.entering + around + self.enter_state(x)
        there = features.anchors.read(anchor_output.outputs)
        return there + self.head(h, features.start, modulation)


def token_paths(config: AutoencoderConfig, centres: Tensor) -> Paths:
    """The scans through the tokens, whose unit of distance is one token."""
    here = torch.ones(1, len(centres), dtype=torch.bool)
    volume = math.prod(config.geometry.extent) / math.prod(config.token_shape)
    length = volume ** (1 / config.coord_dim)
    return Paths.through(
        centres[None], here, config.directions, "distance", length, config.geometry
    )
