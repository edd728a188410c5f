"""Mamba blocks over tokens, then convolutions on a finer lattice, which write all anchors."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.covariates import BackgroundAverages
from mamba_diffae.models.decoders.base import DecoderContext
from mamba_diffae.models.decoders.lattice import LatticeResampling, PriorWindows
from mamba_diffae.models.decoders.readout import pad_channels, zero_linear
from mamba_diffae.models.decoders.tokens import TokenDecoder
from mamba_diffae.models.decoders.unit import CorrectionUnit
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.convolution import ConvBlock, LatticeConv, from_grid, to_grid
from mamba_diffae.nn.interpolation import Taps, cubic, from_patches, to_patches


class FieldContext(NamedTuple):
    """What is known of B fields before any state.

    Attributes:
        tokens: What latent and points say to each token, shape (B, T, d_model).
        fine: What prior and covariates say on the convolutions' lattice, (B, channels, *fine).
        base_mean: Its mean at the anchors, shape (B, A, C).
        unit: What corrections are written in, shape (B, 1, 1); see `CorrectionUnit`.
    """

    tokens: Tensor
    fine: Tensor
    base_mean: Tensor
    unit: Tensor


class QueryPlaces(NamedTuple):
    """The places of queries.

    Attributes:
        start: The lattice's mean there, shape (B, N, C).
        anchors: The anchors around.
    """

    start: Tensor
    anchors: Taps


@final
class ConvolutionalDecoder(TokenDecoder):
    """Means and spreads at all anchors at once, which queries interpolate.

    Tokens carry what is said far away, the convolutions what is said nearby; their last one writes
    several anchors for each of its cells [Shi et al.]. The mean is the prior's; what is added to it
    is written in units of the deviation that the prior states. See docs/concepts.md, eq. (30).

    Reference:
        Shi et al. (2016), sub-pixel convolution, arXiv 1609.05158.

    Args:
        config: Sizes; with a prior, and at most three axes.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        periodic, C, width = config.geometry.periodic, config.value_dim, config.channels
        inner, outer = config.convolved_patch
        self.inner, self.outer = inner, outer
        self.fine_shape = tuple(t * p for t, p in zip(config.token_shape, inner, strict=True))
        self.unit = CorrectionUnit(C)
        self.fine = LatticeResampling(config, self.fine_shape)
        self.base = LatticeResampling(config, config.anchor_shape)
        self.unfold = nn.Linear(config.d_model, math.prod(inner) * width)
        self.enter = LatticeConv(self.lattice.query_width, width, periodic)
        # The state, and whether it is known, of the anchors of one cell.
        self.state = zero_linear(math.prod(outer) * (C + 1), width)
        self.convolutions = nn.Sequential(
            *(ConvBlock(width, periodic) for _ in range(config.conv_blocks))
        )
        outputs = math.prod(outer) * parameterisation(config).outputs
        self.write = LatticeConv(width, outputs, periodic)
        for weight in self.write.parameters():
            nn.init.zeros_(weight)
        if config.covariate_dim:
            self.averages = BackgroundAverages(config, self.fine_shape)
            self.enter_averages = LatticeConv(config.covariate_dim, width, periodic)

    def reader(self, config: AutoencoderConfig) -> PriorWindows:
        """See `TokenDecoder.reader`."""
        return PriorWindows(config)

    def prepare(
        self,
        latent: Tensor,
        points: Encoding | None,
        lattice: Tensor,
        background: Tensor | None,
    ) -> FieldContext:
        """See `FieldDecoder.prepare`."""
        assert self.unit is not None
        C, unit = self.config.value_dim, self.unit(lattice, points)
        around = self.lattice.tokens(lattice, latent)
        mean, std, seen = lattice.split([C, 1, 1], dim=-1)
        fine = self.fine(torch.cat([mean, std / unit, seen], dim=-1))
        entering = self.enter(to_grid(fine, self.fine_shape))
        if background is not None:
            here = to_grid(self.averages(background), self.fine_shape)
            entering = entering + self.enter_averages(here)
        tokens = self.tokens(points, lattice, around)
        return FieldContext(tokens, entering, self.base(mean), unit)

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> QueryPlaces:
        """See `FieldDecoder.query_features`."""
        config = self.config
        _, start = self.lattice.queries(context.lattice, query_coords, query_coords)
        anchors = Taps.of(query_coords, config.anchor_shape, config.geometry, cubic)
        return QueryPlaces(start, anchors)

    def anchor_flow(
        self, context: DecoderContext, modulation: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """See `FieldDecoder.anchor_flow`; what queries read is what is added to the base mean."""
        config, prepared = self.config, context.prepared
        tokens = self.unfold(self.mixed(prepared.tokens, modulation))
        h = from_patches(tokens, config.token_shape, self.inner) + self._state(x, present)
        h = self.convolutions(to_grid(h, self.fine_shape) + prepared.fine)
        written = from_patches(from_grid(self.write(h)), self.fine_shape, self.outer)
        mean, rest = written.split([config.value_dim, written.shape[-1] - config.value_dim], dim=-1)
        written = torch.cat([mean * prepared.unit, rest], dim=-1)
        return written, written + pad_channels(prepared.base_mean / config.sigma, written)

    def _state(self, x: Tensor, present: Tensor | None) -> Tensor:
        """What the anchors' state says to the convolutions, (B, P, channels)."""
        known = torch.ones_like(x[..., :1]) if present is None else present.to(x.dtype)[..., None]
        state = torch.cat([x * known, 1 - known], dim=-1)
        return self.state(to_patches(state, self.config.anchor_shape, self.outer))

    def query_flow(
        self, features: QueryPlaces, modulation: Tensor, x: Tensor, anchor_output: Tensor
    ) -> Tensor:
        """See `FieldDecoder.query_flow`."""
        there = features.anchors.read(anchor_output)
        return there + pad_channels(features.start / self.config.sigma, there)
