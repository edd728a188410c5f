"""Convolutions of the observations on a regular lattice."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoders.base import EncoderOptionError
from mamba_diffae.models.encoders.pooled import PooledEncoder
from mamba_diffae.models.shapes import distribute
from mamba_diffae.nn.interpolation import Taps, linear
from mamba_diffae.nn.set_convolution import ConvPyramid, set_convolution

_CELLS_OF_TOKEN = 2


@final
class ConvCNPEncoder(PooledEncoder):
    """Observations spread over a lattice, convolved, and read back at their places.

    The lattice is never finer than the training fields; it has half as many channels as a token. It
    passes `config.encoder_blocks` pyramids of convolutions.

    Args:
        config: Sizes.
        cells: Cells of the lattice along each axis of a square field; None: two for each token of
            the decoder.

    Raises:
        EncoderOptionError: If there are no cells.

    Reference:
        Gordon et al. (2020), Convolutional conditional neural processes, arXiv 1910.13556.
    """

    def __init__(self, config: AutoencoderConfig, cells: int | None = None) -> None:
        super().__init__(config)
        if cells is not None and cells < 1:
            raise EncoderOptionError("convcnp", "cells", cells, "1 or more")
        cells = cells or _CELLS_OF_TOKEN * config.tokens
        d, geometry, width = config.d_model, config.geometry, math.ceil(config.d_model / 2)
        self.shape = distribute(cells**2, geometry.extent, config.native_shape)
        self.narrow = nn.Linear(d, width)
        self.enter = nn.Linear(width + 1, width)
        self.pyramids = nn.Sequential(
            *(
                ConvPyramid(width, self.shape, geometry.periodic)
                for _ in range(config.encoder_blocks)
            )
        )
        self.leave = nn.Sequential(nn.Linear(d + width, d), nn.GELU(), nn.Linear(d, d))

    def mix(self, tokens: Tensor, observations: Observations) -> Tensor:
        """See `PooledEncoder.mix`."""
        taps = Taps.of(observations.coords, self.shape, self.config.geometry, linear)
        values = self.narrow(tokens)
        cells = set_convolution(values, observations.present, taps, self.shape)
        there = taps.read(self.pyramids(self.enter(cells)))
        return tokens + self.leave(torch.cat([tokens, there], dim=-1))
