"""Mamba blocks over patches of a regular lattice of anchors: what decoders of tokens share."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.base import FieldDecoder
from mamba_diffae.models.decoders.blocks import modulated_blocks
from mamba_diffae.models.decoders.lattice import TokenReader
from mamba_diffae.models.decoders.readout import PointRead
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.mamba import Paths


class TokenDecoder(FieldDecoder):
    """A token for each patch of anchors, moved by blocks; queries never feel one another.

    Args:
        config: Sizes.
    """

    streams: ClassVar[bool] = True
    lattice: TokenReader
    centres: Tensor
    order: Tensor
    step: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        extent = config.geometry.extent
        centres = lattice(config.token_shape, extent)
        self.token_count = len(centres)
        self.register_buffer("anchors", lattice(config.anchor_shape, extent), persistent=False)
        self.register_buffer("centres", centres, persistent=False)
        paths = token_paths(config, centres)
        self.register_buffer("order", paths.order, persistent=False)
        self.register_buffer("step", paths.step, persistent=False)
        self.lattice = self.reader(config)
        self.read = PointRead(config, self.lattice.query_width)
        self.embed = nn.Linear(self.read.width + self.lattice.token_width, config.d_model)
        self.blocks = modulated_blocks(config)
        self.norm = nn.LayerNorm(config.d_model)

    @abstractmethod
    def reader(self, config: AutoencoderConfig) -> TokenReader:
        """How it reads the prior's lattice."""

    def tokens(self, points: Encoding | None, lattice: Tensor, around: Tensor) -> Tensor:
        """What is known at each token before the blocks, (B, T, d_model).

        Args:
            points: The encoded observations, or None.
            lattice: The prior's lattice, shape (B, P, C + 2).
            around: What it says around each token, from `TokenReader.tokens`.
        """
        coords = self.centres.expand(len(lattice), -1, -1)
        features, _ = self.read(coords, points, lattice, self.lattice)
        return self.embed(torch.cat([features, around], dim=-1))

    def mixed(self, tokens: Tensor, modulation: Tensor) -> Tensor:
        """Tokens (B, T, d_model) after all blocks, modulated by one or by T vectors, normalised."""
        here = torch.ones_like(self.order[:, 0], dtype=torch.bool)
        paths = Paths(self.order, self.step, here).expand(len(tokens))
        for block in self.blocks:
            tokens = block(tokens, paths, modulation)
        return self.norm(tokens)


def token_paths(config: AutoencoderConfig, centres: Tensor) -> Paths:
    """The scans through the tokens, whose unit of distance is one token."""
    here = torch.ones(1, len(centres), dtype=torch.bool)
    volume = math.prod(config.geometry.extent) / math.prod(config.token_shape)
    length = volume ** (1 / config.coord_dim)
    return Paths.through(
        centres[None], here, config.directions, "distance", length, config.geometry
    )
