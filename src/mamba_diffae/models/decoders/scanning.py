"""The original decoder: Mamba blocks over the queries, which therefore feel one another."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.base import DecoderContext, FieldDecoder
from mamba_diffae.models.decoders.blocks import modulated_blocks
from mamba_diffae.models.decoders.lattice import lattice_reader
from mamba_diffae.models.decoders.readout import Head, PointRead, QueryCovariates, zero_linear
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.mamba import Paths


class ScanFeatures(NamedTuple):
    """The places of queries.

    Attributes:
        entering: What coordinates and nearest observations give the first layer, (B, N, d_model).
        start: What the read-out starts from, shape (B, N, C).
        paths: Scans through the queries.
    """

    entering: Tensor
    start: Tensor
    paths: Paths


@final
class ScanningDecoder(FieldDecoder):
    """Blocks over the queries in several orders: a value depends on what else is asked."""

    streams: ClassVar[bool] = False

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        d = config.d_model
        self.register_buffer("anchors", torch.zeros(0, config.coord_dim), persistent=False)
        self.lattice = lattice_reader(config)
        self.read = PointRead(config, self.lattice.query_width)
        self.enter = nn.Linear(self.read.width, d)
        self.enter_state = zero_linear(config.value_dim, d)
        self.blocks = modulated_blocks(config)
        self.norm = nn.LayerNorm(d)
        self.enter_head = nn.Linear(d, config.head[0])
        self.head = Head(config)
        self.covariates = QueryCovariates(config, d) if config.covariate_dim else None

    def prepare(
        self,
        latent: Tensor,
        points: Encoding | None,
        lattice: Tensor,
        background: Tensor | None,
    ) -> None:
        """See `FieldDecoder.prepare`: nothing before the queries are known."""

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> ScanFeatures:
        """See `FieldDecoder.query_features`."""
        config = self.config
        features, start = self.read(query_coords, context.points, context.lattice, self.lattice)
        mask = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        paths = Paths.through(
            query_coords, mask, config.directions, config.step, config.length_scale, config.geometry
        )
        entering = self.enter(features)
        if self.covariates is not None:
            entering = entering + self.covariates(context.background, query_coords)
        return ScanFeatures(entering, start, paths)

    def anchor_flow(
        self, context: DecoderContext, modulation: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[None, Tensor]:
        """See `FieldDecoder.anchor_flow`: no anchors, so no outputs, but of their width."""
        return None, x.new_zeros(*x.shape[:2], parameterisation(self.config).outputs)

    def query_flow(
        self, features: ScanFeatures, modulation: Tensor, x: Tensor, anchor_output: None
    ) -> Tensor:
        """See `FieldDecoder.query_flow`."""
        h = features.entering + self.enter_state(x) + modulation[:, None]
        for block in self.blocks:
            h = block(h, features.paths, modulation)
        return self.head(self.enter_head(self.norm(h)), features.start, modulation)
