"""Mamba blocks over patches of a regular lattice of anchors, which queries read."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.covariates import BackgroundAverages
from mamba_diffae.models.decoders.base import DecoderContext
from mamba_diffae.models.decoders.lattice import AnchorReader, anchor_reader
from mamba_diffae.models.decoders.readout import Head, QueryCovariates, pad_channels, zero_linear
from mamba_diffae.models.decoders.tokens import TokenDecoder
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.interpolation import Taps, bspline, cubic, from_patches, to_patches


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
class AnchoredDecoder(TokenDecoder):
    """Blocks write means and spreads at all anchors at once; queries read them.

    A query interpolates those, reads the tokens through B-splines, and corrects by what the nearest
    observations and its own state say. Its value depends on the latent, the prior, those
    observations, its state and the anchors, never on other queries. See docs/concepts.md, eq. (30).
    """

    lattice: AnchorReader  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        d, C = config.d_model, config.value_dim
        anchors = math.prod(config.patch_shape)
        self.state = zero_linear(anchors * C, d)
        self.absent = nn.Parameter(torch.zeros(d))
        self.out = nn.Linear(d, anchors * parameterisation(config).outputs)
        self.enter = nn.Linear(self.read.width, config.head[0])
        self.enter_tokens = nn.Linear(d, config.head[0], bias=False)
        self.enter_state = zero_linear(C, config.head[0])
        self.head = Head(config)
        if K := config.covariate_dim:
            self.averages = BackgroundAverages(config, config.anchor_shape)
            self.enter_averages = nn.Linear(anchors * K, d, bias=False)
            self.covariates = QueryCovariates(config, config.head[0])
        for weight in self.out.parameters():
            nn.init.zeros_(weight)

    def reader(self, config: AutoencoderConfig) -> AnchorReader:
        """See `TokenDecoder.reader`."""
        return anchor_reader(config)

    def prepare(
        self,
        latent: Tensor,
        points: Encoding | None,
        lattice: Tensor,
        background: Tensor | None,
    ) -> AnchorContext:
        """See `FieldDecoder.prepare`."""
        around = self.lattice.tokens(lattice, latent)
        base_mean, correction = self.lattice.anchors(lattice, around)
        tokens = self.tokens(points, lattice, around)
        if background is not None:
            shape, patch = self.config.anchor_shape, self.config.patch_shape
            here = to_patches(self.averages(background), shape, patch)
            tokens = tokens + self.enter_averages(here)
        return AnchorContext(tokens, base_mean, correction)

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> AnchoredFeatures:
        """See `FieldDecoder.query_features`."""
        config = self.config
        read = self.read(query_coords, context.points, context.lattice, self.lattice)
        geometry = config.geometry
        anchors = Taps.of(query_coords, config.anchor_shape, geometry, cubic)
        tokens = Taps.of(query_coords, config.token_shape, geometry, bspline)
        entering = self.enter(read[0])
        if context.background is not None:
            entering = entering + self.covariates(context.background, query_coords)
        return AnchoredFeatures(entering, read[1], anchors, tokens)

    def anchor_flow(
        self, context: DecoderContext, modulation: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[AnchorOutput, Tensor]:
        """See `FieldDecoder.anchor_flow`."""
        config, prepared = self.config, context.prepared
        tokens = self.mixed(prepared.tokens + self._state(x, present), modulation)
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
