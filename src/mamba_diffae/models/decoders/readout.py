"""What decoders share: how they read points, what modulates them, and the last layers."""

from __future__ import annotations

import itertools
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.covariates import covariates_at
from mamba_diffae.models.decoders.lattice import LatticeReader
from mamba_diffae.models.encoders import Encoding
from mamba_diffae.models.features import coordinate_features
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.attention import LocalRead, nearest
from mamba_diffae.nn.embedding import Modulation, TimeEmbedding


@final
class PointRead(nn.Module):
    """Coordinates, and what the lattice and the nearest encoded observations say there.

    Args:
        config: Sizes.
        lattice_width: Numbers of `LatticeReader.queries`.
    """

    def __init__(self, config: AutoencoderConfig, lattice_width: int) -> None:
        super().__init__()
        self.config = config
        self.features = coordinate_features(config)
        self.local = LocalRead(
            config.coord_dim, config.d_model, config.message, config.length_scale
        )
        near = config.message + config.value_dim + 1
        self.width = config.fourier_features + near + lattice_width

    def forward(
        self, coords: Tensor, points: Encoding | None, lattice: Tensor, reader: LatticeReader
    ) -> tuple[Tensor, Tensor]:
        """Features (B, N, width) and values to start from (B, N, C) at coords (B, N, D)."""
        read = self._nearest(coords, points)
        nearby = read[..., -self.config.value_dim - 1 : -1]
        there, start = reader.queries(lattice, coords, nearby)
        return torch.cat([self.features(coords), read, there], dim=-1), start

    def _nearest(self, coords: Tensor, points: Encoding | None) -> Tensor:
        """Their messages, the average of their values, and whether there are any."""
        config = self.config
        if points is None:
            return coords.new_zeros(*coords.shape[:-1], config.message + config.value_dim + 1)
        seen = points.observations
        near = nearest(coords, seen.coords, seen.present, config.neighbours, config.geometry)
        read = self.local(near, points.tokens, seen.values, seen.mask)
        # Says apart "nothing is near" from "the average is zero".
        any_near = near.weight.amax(dim=-1, keepdim=True).sign()
        return torch.cat([read, any_near], dim=-1)


@final
class QueryCovariates(nn.Module):
    """What covariates say at each query: a linear map of them.

    Args:
        config: With covariates.
        outputs: Numbers for each query.
    """

    def __init__(self, config: AutoencoderConfig, outputs: int) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(config.covariate_dim, outputs, bias=False)

    def forward(self, background: Tensor, coords: Tensor) -> Tensor:
        """From (B, *native_shape, K) at coords (B, N, D) to (B, N, outputs)."""
        return self.linear(covariates_at(background, coords, self.config))


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

    def forward(self, h: Tensor, start: Tensor, modulation: Tensor) -> Tensor:
        """What the parameterisation needs, at every query.

        Args:
            h: What enters the first nonlinearity, shape (B, N, head[0]).
            start: Values to start from, shape (B, N, C).
            modulation: Shape (B, d_model).

        Returns:
            Shape (B, N, outputs).
        """
        for modulate, layer in zip(self.modulation, self.layers, strict=True):
            scale, shift = modulate(modulation)
            h = layer(F.gelu(torch.addcmul(shift, h, 1 + scale)))
        outputs, gate = h.split([h.shape[-1] - 1, 1], dim=-1)
        return outputs + pad_channels((1 + gate) * start / self.sigma, outputs)


@final
class StageModulation(nn.Module):
    """Time and latent as the one vector that modulates every layer of a decoder.

    Codes from which no field is decoded are left out, so that no loss of the field bends them.

    Args:
        config: Sizes.
        decoded_dim: Numbers at the start of a latent that count.
    """

    def __init__(self, config: AutoencoderConfig, decoded_dim: int) -> None:
        super().__init__()
        self.time = TimeEmbedding(config.d_model)
        self.latent = nn.Linear(decoded_dim, config.d_model)

    def forward(self, t: Tensor, latent: Tensor) -> Tensor:
        """Time (B,) and latent (B, latent_dim) to (B, d_model)."""
        return self.time(t) + self.latent(latent[:, : self.latent.in_features])


def pad_channels(mean: Tensor, outputs: Tensor) -> Tensor:
    """A mean among outputs of which it is the first part."""
    return F.pad(mean, (0, outputs.shape[-1] - mean.shape[-1]))


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer which gives zero before it has learned.

    Phase 1 never sees a state x_t: phase 2 must not begin by meeting untrained weights.
    """
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.zeros_(layer.weight)
    return layer
