"""What both decoders share: what they are given, how they read points, and the last layers."""

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
from mamba_diffae.nn.attention import LocalRead, nearest
from mamba_diffae.nn.embedding import Modulation, TimeEmbedding
from mamba_diffae.nn.interpolation import cubic, interpolate
from mamba_diffae.nn.mamba import Paths


class Prepared(NamedTuple):
    """What a decoder reads at every stage, computed once.

    Attributes:
        latent: Shape (B, latent_dim).
        points: The encoded observations, or None: latent alone.
        estimate: The field on the prior's lattice, as the latent and the points have it, shape (B,
            G^D, C + 2), or None where there is no prior.
        anchors: What latent and points say to each token, shape (B, tokens, d_model), or None.
        start: The estimate's mean at the anchors, shape (B, A, C), or None.
        sharper: What a linear map of the estimate around adds to it, shape (B, A, C), or None.
    """

    latent: Tensor
    points: Encoding | None
    estimate: Tensor | None = None
    anchors: Tensor | None = None
    start: Tensor | None = None
    sharper: Tensor | None = None


class Site(NamedTuple):
    """The places of queries.

    Attributes:
        entering: What coordinates and nearest observations give a decoder's first layer over the
            queries, shape (B, N, ·).
        start: What the read-out starts from: the estimate's mean, else a weighted average of the
            nearest observed values, shape (B, N, C).
        coords: The places themselves, shape (B, N, D).
        spline: Weights of the tokens, shape (B, N, tokens), or None.
        paths: Scans through the queries, or None.
    """

    entering: Tensor
    start: Tensor
    coords: Tensor
    spline: Tensor | None = None
    paths: Paths | None = None


@final
class PointRead(nn.Module):
    """Coordinates, and what the estimate and the nearest encoded observations say there."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.features = coordinate_features(config)
        self.neighbours = config.neighbours
        self.local = LocalRead(config.coord_dim, config.d_model, config.message, config.gap)
        self.message, self.value_dim = config.message, config.value_dim
        self.lattice = config.prior_cells if config.exemplars else 0
        estimated = config.value_dim + 2 if config.exemplars else 0
        self.width = config.fourier_features + config.message + config.value_dim + 1 + estimated

    def forward(
        self, coords: Tensor, points: Encoding | None, estimate: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Features (B, N, width) and values to start from (B, N, C) at coords (B, N, D)."""
        read = self._nearest(coords, points)
        start, features = read[..., -self.value_dim - 1 : -1], [self.features(coords), read]
        if estimate is not None:
            there = interpolate(estimate, coords, self.lattice, cubic)
            start = there[..., : self.value_dim]
            features.append(there)
        return torch.cat(features, dim=-1), start

    def _nearest(self, coords: Tensor, points: Encoding | None) -> Tensor:
        """Their messages, the average of their values, and whether there are any."""
        if points is None:
            return coords.new_zeros(*coords.shape[:-1], self.message + self.value_dim + 1)
        near = nearest(coords, points.coords, points.mask, self.neighbours)
        read = self.local(near, points.tokens, points.values)
        # Says apart "nothing is near" from "the average is zero".
        heard = near.weight.amax(dim=-1, keepdim=True).sign()
        return torch.cat([read, heard], dim=-1)


@final
class Head(nn.Module):
    """A small conditioned MLP, whose first C outputs start from what is known without it.

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

    def forward(self, h: Tensor, start: Tensor, condition: Tensor) -> Tensor:
        """What the parameterisation needs, at every query.

        Args:
            h: What enters the first nonlinearity, shape (B, N, head[0]).
            start: Values to start from, shape (B, N, C).
            condition: Shape (B, d_model).

        Returns:
            Shape (B, N, outputs).
        """
        for modulation, layer in zip(self.modulation, self.layers, strict=True):
            scale, shift = modulation(condition)
            h = layer(F.gelu(h * (1 + scale) + shift))
        outputs, gate = h.split([h.shape[-1] - 1, 1], dim=-1)
        return outputs + widened((1 + gate) * start / self.sigma, outputs)


@final
class StageCondition(nn.Module):
    """Time and layout as the one vector that modulates every layer of a decoder.

    The latent's palette is left out, so that no loss of the field bends what it has counted.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.time = TimeEmbedding(config.d_model)
        self.latent = nn.Linear(config.layout, config.d_model)

    def forward(self, t: Tensor, latent: Tensor) -> Tensor:
        """Time (B,) and latent (B, latent_dim) to (B, d_model)."""
        return self.time(t) + self.latent(latent[:, : self.latent.in_features])


def widened(mean: Tensor, outputs: Tensor) -> Tensor:
    """A mean among outputs of which it is the first part."""
    return F.pad(mean, (0, outputs.shape[-1] - mean.shape[-1]))


def silent(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer which says nothing before it has learned.

    Phase 1 never sees a state x_t: phase 2 must not begin by meeting untrained weights.
    """
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.zeros_(layer.weight)
    return layer
