"""Covariates as networks read them: normalised, at points and on lattices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations, overlap
from mamba_diffae.models.field_config import FieldConfig
from mamba_diffae.nn.interpolation import interpolate, linear, resample


def covariates_at_points(observations: Observations, config: FieldConfig) -> Tensor:
    """Those of each point, shape (B, N, K): as given, or read from the background; else 0."""
    if observations.covariates is not None:
        return observations.covariates
    if observations.background is None:
        return observations.values.new_zeros(*observations.values.shape[:2], config.covariate_dim)
    return covariates_at(observations.background.values, observations.coords, config)


def covariates_at(background: Tensor, coords: Tensor, config: FieldConfig) -> Tensor:
    """The background (B, *native_shape, K) at places (B, N, D), shape (B, N, K)."""
    values = background.flatten(1, -2)
    return interpolate(values, coords, config.native_shape, config.geometry, linear)


def background_of(
    observations: Observations | None, latent: Tensor, config: FieldConfig
) -> Tensor | None:
    """The background of fields, (B, *native_shape, K), 0 where it is not known: the mean.

    Args:
        observations: That may carry it, or None.
        latent: Of the same fields, shape (B, latent_dim).
        config: Of the network.

    Returns:
        None if the network has no covariates.
    """
    if not config.covariate_dim:
        return None
    if observations is not None and observations.background is not None:
        return observations.background.values
    return latent.new_zeros(len(latent), *config.native_shape, config.covariate_dim)


@final
class BackgroundAverages(nn.Module):
    """The background averaged over the cells of a lattice no finer than the native one.

    Args:
        config: With covariates.
        shape: Of the lattice.
    """

    def __init__(self, config: FieldConfig, shape: Sequence[int]) -> None:
        super().__init__()
        self.native = config.native_shape
        for d, (cells, size) in enumerate(zip(self.native, shape, strict=True)):
            fine, coarse = torch.linspace(0, 1, cells + 1), torch.linspace(0, 1, size + 1)
            share = torch.from_numpy(overlap(fine.double().numpy(), coarse.double().numpy()))
            matrix = (share / share.sum(dim=1, keepdim=True)).float()
            self.register_buffer(f"matrix_{d}", matrix, persistent=False)

    def forward(self, background: Tensor) -> Tensor:
        """From (B, *native_shape, K) to (B, P, K)."""
        matrices = [getattr(self, f"matrix_{d}") for d in range(len(self.native))]
        return resample(background.flatten(1, -2), matrices, self.native)
