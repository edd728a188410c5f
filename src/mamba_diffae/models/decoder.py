"""From the latent (and the points) to the field: through anchors, or by scanning the queries."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoder import Encoding
from mamba_diffae.models.features import EstimateRead
from mamba_diffae.models.readout import Head, PointRead, Prepared, Site, silent, widened
from mamba_diffae.models.velocity import parameterisation
from mamba_diffae.nn.attention import lattice, spline_weights
from mamba_diffae.nn.interpolation import cubic, from_patches, interpolate, to_patches
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock, Paths

_CANVAS = (8, 16)
"""Cells a side and channels of the coarse picture that the latent is unfolded to."""


class Written(NamedTuple):
    """What the blocks made of the anchors.

    Attributes:
        tokens: One for each patch of anchors, shape (B, tokens, d_model).
        outputs: Beyond the prior's mean, at every anchor, shape (B, A, outputs).
    """

    tokens: Tensor
    outputs: Tensor


@final
class AnchoredDecoder(nn.Module):
    """Mamba blocks over patches of a regular grid of anchors, which queries read.

    The blocks write means and spreads at all anchors at once. A query interpolates those, reads
    the tokens through B-splines, and corrects by what the nearest observations and its own state
    say. Its value depends on the latent, the prior, those observations, its state and the anchors,
    never on other queries.
    """

    anchors: Tensor
    order: Tensor
    step: Tensor
    canvas_spline: Tensor
    centres: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        d, C, D = config.d_model, config.value_dim, config.coord_dim
        cells, channels = _CANVAS
        self.config = config
        centres = lattice(config.tokens, D)
        self.register_buffer("anchors", lattice(config.anchors, D), persistent=False)
        self.register_buffer("centres", centres, persistent=False)
        spline = spline_weights(centres[None], cells)
        self.register_buffer("canvas_spline", spline, persistent=False)
        here = torch.ones(1, len(centres), dtype=torch.bool)
        paths = Paths.through(centres[None], here, config.directions, "distance", 1 / config.tokens)
        self.register_buffer("order", paths.order, persistent=False)
        self.register_buffer("step", paths.step, persistent=False)
        self.read = PointRead(config)
        if config.exemplars:
            self.estimate = EstimateRead(config)
            self.sharpen = silent(self.estimate.width, config.patch**D * C)
            self.embed = nn.Linear(self.read.width + self.estimate.width, d)
        else:
            self.canvas = nn.Linear(config.latent_dim, cells**D * channels)
            self.embed = nn.Linear(self.read.width + channels, d)
        self.state = silent(config.patch**D * C, d)
        self.absent = nn.Parameter(torch.zeros(d))
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, config.patch**D * parameterisation(config).outputs)
        self.enter = nn.Linear(self.read.width, config.head[0])
        self.enter_tokens = nn.Linear(d, config.head[0], bias=False)
        self.enter_state = silent(C, config.head[0])
        self.head = Head(config)
        for weight in self.out.parameters():
            nn.init.zeros_(weight)

    def prepare(self, latent: Tensor, points: Encoding | None, estimate: Tensor | None) -> Prepared:
        """Lay out over the tokens what estimate, or else latent, and nearest observations say."""
        coords = self.centres.expand(len(latent), -1, -1)
        features, _ = self.read(coords, points, estimate)
        if estimate is None:
            canvas = self.canvas(latent).unflatten(-1, (self.canvas_spline.shape[-1], -1))
            whole = self.canvas_spline @ canvas
            start = latent.new_zeros(len(latent), len(self.anchors), self.config.value_dim)
            sharper = start
        else:
            whole = self.estimate.windows(estimate)
            start = self.estimate.mean(estimate)
            sharper = self._at_anchors(self.sharpen(whole))
        tokens = self.embed(torch.cat([features, whole], dim=-1))
        return Prepared(latent, points, estimate, tokens, start, sharper)

    def _at_anchors(self, patches: Tensor) -> Tensor:
        return from_patches(patches, self.config.patch, self.config.coord_dim)

    def site(self, prepared: Prepared, query_coords: Tensor) -> Site:
        """Read everything at the queries (B, N, D) that does not depend on t."""
        features, start = self.read(query_coords, prepared.points, prepared.estimate)
        spline = spline_weights(query_coords, self.config.tokens)
        return Site(self.enter(features), start, query_coords, spline)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[Written, Tensor]:
        """What the blocks write (for queries to read), and the anchors' outputs."""
        assert prepared.anchors is not None
        assert prepared.start is not None
        assert prepared.sharper is not None
        D, patch = self.config.coord_dim, self.config.patch
        tokens = prepared.anchors
        if present is None:
            tokens = tokens + self.state(to_patches(x, patch, D))
        else:
            known = present.to(x.dtype)[..., None]
            missing = 1 - to_patches(known, patch, D).mean(dim=-1, keepdim=True)
            tokens = tokens + self.state(to_patches(x * known, patch, D)) + missing * self.absent
        here = torch.ones_like(self.order[:, 0], dtype=torch.bool)
        paths = Paths(self.order, self.step, here).expand(len(x))
        for block in self.blocks:
            tokens = block(tokens, paths, condition)
        tokens = self.norm(tokens)
        written = self._at_anchors(self.out(tokens))
        written = written + widened(prepared.sharper / self.config.sigma, written)
        outputs = written + widened(prepared.start / self.config.sigma, written)
        return Written(tokens, written), outputs

    def query_flow(
        self, site: Site, condition: Tensor, x: Tensor, written: Written | None
    ) -> Tensor:
        """The outputs at the queries, from their scaled state."""
        assert site.spline is not None
        assert written is not None
        around = site.spline @ self.enter_tokens(written.tokens)
        h = site.entering + around + self.enter_state(x)
        there = interpolate(written.outputs, site.coords, self.config.anchors, cubic)
        return there + self.head(h, site.start, condition)


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
        self.enter_state = silent(config.value_dim, d)
        self.blocks = _blocks(config)
        self.norm = nn.LayerNorm(d)
        self.enter_head = nn.Linear(d, config.head[0])
        self.head = Head(config)

    def prepare(self, latent: Tensor, points: Encoding | None, estimate: Tensor | None) -> Prepared:
        """Nothing is laid out before the queries are known."""
        return Prepared(latent, points, estimate)

    def site(self, prepared: Prepared, query_coords: Tensor) -> Site:
        """Read everything at the queries (B, N, D) that does not depend on t."""
        config = self.config
        features, start = self.read(query_coords, prepared.points, prepared.estimate)
        mask = torch.ones_like(query_coords[..., 0], dtype=torch.bool)
        paths = Paths.through(query_coords, mask, config.directions, config.step, config.gap)
        return Site(self.enter(features), start, query_coords, paths=paths)

    def anchor_flow(
        self, prepared: Prepared, condition: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[None, Tensor]:
        """There are no anchors, so the outputs are empty, but of their width."""
        return None, x.new_zeros(*x.shape[:2], parameterisation(self.config).outputs)

    def query_flow(
        self, site: Site, condition: Tensor, x: Tensor, written: Written | None
    ) -> Tensor:
        """The outputs at the queries, from their scaled state."""
        assert site.paths is not None
        h = site.entering + self.enter_state(x) + condition[:, None]
        for block in self.blocks:
            h = block(h, site.paths, condition)
        return self.head(self.enter_head(self.norm(h)), site.start, condition)


def _blocks(config: AutoencoderConfig) -> nn.ModuleList:
    """The decoder's Mamba blocks, each modulated by time and latent."""
    d, K = config.d_model, len(config.directions)
    return nn.ModuleList(
        MultiDirectionalMambaBlock(d, config.d_state, K, condition=d)
        for _ in range(config.decoder_blocks)
    )
