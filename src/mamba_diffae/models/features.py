"""What every part of a network uses of coordinates and of single observations."""

from __future__ import annotations

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import FieldConfig
from mamba_diffae.models.covariates import covariates_at_points
from mamba_diffae.nn.embedding import FourierFeatures


def coordinate_features(config: FieldConfig) -> FourierFeatures:
    """Fourier features up to the native Nyquist frequency of the fields."""
    return FourierFeatures(config.geometry, config.fourier_features, config.max_frequency)


def observation_width(config: FieldConfig) -> int:
    """Numbers of `observation_features`."""
    return 3 * config.value_dim + config.coord_dim + config.covariate_dim


def observation_features(observations: Observations, config: FieldConfig) -> Tensor:
    """What is known of each observation beside its place, shape (B, N, observation_width).

    Values; which variables are missing; the sides of the support in units of the length scale and
    the noise in units of σ, both as log(1 + ·): a point and an exact value give 0, and -1 stands
    for a noise that is to be estimated; covariates. See docs/concepts.md, eq. (19).
    """
    values, mask = observations.values, observations.mask
    side = torch.zeros_like(observations.coords)
    if observations.support is not None:
        side = torch.log1p(observations.support / config.length_scale)
    noise = -torch.ones_like(values)
    if observations.noise is not None:
        noise = torch.log1p(observations.noise / config.sigma)
    known = [values, (~mask).to(values.dtype), side, noise]
    if config.covariate_dim:
        known.append(covariates_at_points(observations, config))
    return torch.cat(known, dim=-1)
