"""How a decoder reads the field on a coarse lattice: the prior's, or one it learned itself."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.shapes import distribute
from mamba_diffae.nn.attention import lattice, spline_weights
from mamba_diffae.nn.interpolation import cubic, from_patches, interpolate, resample, resampling
from mamba_diffae.priors import PriorPosterior

_MARGIN = 2
"""Cells of the lattice that a token sees beyond its own, to every side."""
_CANVAS_CELLS, _CANVAS_WIDTH = 64, 16
"""Cells in all, and numbers of each, of the coarse picture that a latent is unfolded to."""


class LatticeReader(nn.Module, ABC):
    """What queries read of a lattice.

    Attributes:
        query_width: Numbers for each query.
    """

    query_width: int

    @abstractmethod
    def queries(self, lattice: Tensor, coords: Tensor, nearby: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, N, query_width) and the values to start from (B, N, C).

        Args:
            lattice: Shape (B, P, C + 2).
            coords: Shape (B, N, D).
            nearby: The average of the nearest observed values, shape (B, N, C).
        """


class TokenReader(LatticeReader, ABC):
    """What tokens read of it as well.

    Attributes:
        token_width: Numbers for each token.
    """

    token_width: int

    @abstractmethod
    def tokens(self, lattice: Tensor, latent: Tensor) -> Tensor:
        """What is said around each token, (B, T, token_width)."""


class AnchorReader(TokenReader, ABC):
    """What anchors read of it as well."""

    @abstractmethod
    def anchors(self, lattice: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The base mean at the anchors, and a linear correction of it, each (B, A, C).

        Args:
            lattice: Shape (B, P, C + 2).
            tokens: From `tokens`.
        """


@final
class PriorValues(LatticeReader):
    """The prior's posterior at the queries, which start from its mean.

    Args:
        config: Says how fine the prior's lattice is.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config, self.query_width = config, config.value_dim + PriorPosterior.EXTRA

    def queries(self, lattice: Tensor, coords: Tensor, nearby: Tensor) -> tuple[Tensor, Tensor]:
        """See `LatticeReader.queries`."""
        config = self.config
        there = interpolate(lattice, coords, config.prior_shape, config.geometry, cubic)
        return there, there[..., : config.value_dim]


@final
class NearbyValues(LatticeReader):
    """Without a prior: nothing, and queries start from the nearest values."""

    query_width = 0

    def queries(self, lattice: Tensor, coords: Tensor, nearby: Tensor) -> tuple[Tensor, Tensor]:
        """See `LatticeReader.queries`."""
        return coords.new_zeros(*coords.shape[:-1], 0), nearby


class PriorWindows(TokenReader):
    """The prior's posterior, less and more as the latent has it: a window of cells for each token.

    Args:
        config: Says how fine the prior's lattice and the anchors are.
    """

    window: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config, self.values = config, PriorValues(config)
        self.query_width = self.values.query_width
        window = window_cells(config)
        self.register_buffer("window", window, persistent=False)
        self.token_width = window.shape[1] * self.query_width

    def tokens(self, lattice: Tensor, latent: Tensor) -> Tensor:
        """See `TokenReader.tokens`."""
        found = lattice.index_select(1, self.window.flatten())
        return found.reshape(len(lattice), len(self.window), self.token_width)

    def queries(self, lattice: Tensor, coords: Tensor, nearby: Tensor) -> tuple[Tensor, Tensor]:
        """See `LatticeReader.queries`."""
        return self.values.queries(lattice, coords, nearby)


@final
class PriorReader(PriorWindows, AnchorReader):
    """The same with a linear correction, read from each token's window.

    Args:
        config: See `PriorWindows`.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        self.fine = LatticeResampling(config, config.anchor_shape)
        outputs = math.prod(config.patch_shape) * config.value_dim
        self.correct = nn.Linear(self.token_width, outputs, bias=False)
        nn.init.zeros_(self.correct.weight)

    def anchors(self, lattice: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """See `AnchorReader.anchors`."""
        config, patches = self.config, self.correct(tokens)
        mean = self.fine(lattice[..., : config.value_dim])
        return mean, from_patches(patches, config.token_shape, config.patch_shape)


@final
class LatticeResampling(nn.Module):
    """The prior's lattice read at the centres of another, by cubic interpolation.

    Args:
        config: Says how fine the prior's lattice is.
        shape: Of the other.
    """

    def __init__(self, config: AutoencoderConfig, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = config.prior_shape
        axes = zip(config.prior_shape, shape, config.geometry.periodic, strict=True)
        for d, (cells, size, periodic) in enumerate(axes):
            matrix = resampling(cells, size, cubic, periodic)
            self.register_buffer(f"matrix_{d}", matrix, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """From (B, P, F) to (B, P', F)."""
        matrices = [getattr(self, f"matrix_{d}") for d in range(len(self.shape))]
        return resample(values, matrices, self.shape)


@final
class CanvasReader(AnchorReader):
    """Without a prior: the latent unfolded to a coarse picture, by a learned map.

    Args:
        config: Sizes.
    """

    spline: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config, self.values = config, NearbyValues()
        self.token_width, self.query_width = _CANVAS_WIDTH, self.values.query_width
        shape = distribute(_CANVAS_CELLS, config.geometry.extent, config.native_shape)
        centres = lattice(config.token_shape, config.geometry.extent)[None]
        spline = spline_weights(centres, shape, config.geometry)
        self.register_buffer("spline", spline, persistent=False)
        self.canvas = nn.Linear(config.latent_dim, math.prod(shape) * _CANVAS_WIDTH)

    def tokens(self, lattice: Tensor, latent: Tensor) -> Tensor:
        """See `AnchorReader.tokens`."""
        canvas = self.canvas(latent).unflatten(-1, (self.spline.shape[-1], -1))
        return self.spline @ canvas

    def anchors(self, lattice: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """See `AnchorReader.anchors`: nothing."""
        count = math.prod(self.config.anchor_shape)
        nothing = tokens.new_zeros(len(tokens), count, self.config.value_dim)
        return nothing, nothing

    def queries(self, lattice: Tensor, coords: Tensor, nearby: Tensor) -> tuple[Tensor, Tensor]:
        """See `LatticeReader.queries`."""
        return self.values.queries(lattice, coords, nearby)


def lattice_reader(config: AutoencoderConfig) -> LatticeReader:
    """Of the prior's lattice, for a decoder without anchors."""
    return NearbyValues() if config.prior == "none" else PriorValues(config)


def anchor_reader(config: AutoencoderConfig) -> AnchorReader:
    """Of the prior's lattice, or where there is no prior of one that is learned."""
    return CanvasReader(config) if config.prior == "none" else PriorReader(config)


def window_cells(config: AutoencoderConfig) -> Tensor:
    """Cells of the prior's lattice around each token, shape (T, W), flattened numbers.

    Beyond the border stands the outermost cell, on a periodic axis the one from the other side.
    """
    along = []
    sizes = zip(config.prior_shape, config.token_shape, config.geometry.periodic, strict=True)
    for cells, tokens, periodic in sizes:
        side = max(1, round(cells / tokens)) + 2 * _MARGIN
        place = (torch.arange(tokens, dtype=torch.float64)[:, None] + 0.5) / tokens * cells
        offset = torch.arange(side, dtype=torch.float64) + 0.5 - side / 2
        # A cell's centre that falls on an edge belongs to the cell above.
        cell = (place + offset + 1e-6).floor().long()
        along.append(cell % cells if periodic else cell.clamp(0, cells - 1))
    T, W = (
        list(itertools.product(*map(range, part))) for part in zip(*map(_sizes, along), strict=True)
    )
    index = torch.zeros(len(T), len(W), dtype=torch.long)
    for d, cells in enumerate(config.prior_shape):
        rows = along[d][[t[d] for t in T]]
        index = index * cells + rows[:, [w[d] for w in W]]
    return index


def _sizes(cell: Tensor) -> tuple[int, int]:
    return cell.shape[0], cell.shape[1]
