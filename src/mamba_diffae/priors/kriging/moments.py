"""What is usual in training fields: mean, deviation, covariance of variables, laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.gaussian import solve
from mamba_diffae.priors.kriging.likelihood import Sample, moments_of
from mamba_diffae.priors.kriging.search import Choice
from mamba_diffae.priors.kriging.training import learn, samples_of_fields

_REGULAR = 1e-6
"""What the covariance of variables has of the identity: some may be copies of others."""
_LEAST, _MOST = 1e-2, 1e4
"""Ratios of the trend's variance to the field's."""


class UsualMoments(NamedTuple):
    """Of training fields.

    Attributes:
        mean: b, of each variable, shape (C,).
        deviation: Root of the variance of each variable around a field's trend, shape (C,).
        between: Correlation of the variables there, shape (C, C).
        trend: τ, variance of trends between fields as a ratio to `deviation` squared.
        family: Laws, for values in units of `deviation`.
    """

    mean: Tensor
    deviation: Tensor
    between: Tensor
    trend: Tensor
    family: Family


def measure(data: FieldData, geometry: Geometry) -> UsualMoments:
    """Moments and laws of fields on a lattice; gaps count nothing.

    Args:
        data: Inside coordinates, scaled values, on a lattice.
        geometry: Of the region.
    """
    S, C = len(data), data.n_variables
    known = torch.from_numpy(np.array(data.valid_mask()).reshape(S, -1, C))
    x = torch.from_numpy(data.values.astype(np.float64).reshape(S, -1, C))
    weight = torch.from_numpy(data.grid.weights().reshape(1, -1, 1)) * known
    mean = (weight * x.masked_fill(~known, 0)).sum((0, 1)) / weight.sum((0, 1))
    centred = (x - mean).masked_fill(~known, 0)
    variance = (weight * centred.square()).sum((0, 1)) / weight.sum((0, 1))
    scale = torch.where(variance > 0, variance.sqrt(), 1.0)
    low = torch.tensor([axis.low for axis in data.grid.axes], dtype=torch.float64)
    coords = torch.from_numpy(data.grid.centres()) - low
    variables = samples_of_fields(coords, centred / scale, known, geometry)
    family = learn(variables, geometry)
    sill, trend = sills_and_trend(variables, family, geometry)
    return UsualMoments(
        mean, scale * sill**0.5, correlation_between(centred, weight), trend, family
    )


def correlation_between(centred: Tensor, weight: Tensor) -> Tensor:
    """Correlation of variables where both are known, around the means of each field.

    Args:
        centred: Values, 0 where not known, shape (S, P, C).
        weight: What each counts, 0 where not known, of a shape that broadcasts to it.

    Returns:
        Shape (C, C), positive definite.
    """
    total = weight.sum(dim=1, keepdim=True)
    own = (weight * centred).sum(dim=1, keepdim=True) / total.clamp(min=1e-30)
    z = (centred - own) * weight.sqrt()
    covariance = torch.einsum("spv,spw->vw", z, z)
    there = torch.einsum("spv,spw->vw", weight.sqrt(), weight.sqrt()).clamp(min=1e-30)
    covariance = covariance / there
    deviation = covariance.diagonal().sqrt()
    deviation = torch.where(deviation > 0, deviation, 1.0)
    rho = covariance / deviation[:, None] / deviation
    # Of pairs known at different places it may be no covariance: the nearest that is one.
    values, vectors = torch.linalg.eigh((1 - _REGULAR) * rho)
    rho = (vectors * values.clamp(min=0)) @ vectors.T
    size = rho.diagonal().clamp(min=1e-12).sqrt()
    identity = torch.eye(len(rho), dtype=rho.dtype)
    rho = torch.where(rho.diagonal() > 0, rho / size[:, None] / size, identity)
    return (1 - _REGULAR) * rho + _REGULAR * identity


def sills_and_trend(
    variables: Sequence[Sequence[Sample]], family: Family, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """Mean variance of each variable around its trend (C,), and the trends' as a ratio to it.

    Args:
        variables: The fields of each variable.
        family: With the law of each, and the variance that goes with it where errors are stated.
        geometry: Of the region.
    """
    found = [_sill_and_trend(*one, geometry) for one in zip(variables, family.typical, strict=True)]
    ratios = torch.tensor([trend for _, trend in found], dtype=torch.float64)
    return torch.tensor([sill for sill, _ in found], dtype=torch.float64), ratios.mean()


def _sill_and_trend(
    samples: Sequence[Sample], typical: Choice, geometry: Geometry
) -> tuple[float, float]:
    variance = 1.0 if typical.variance is None else typical.variance
    moments = moments_of(typical.law, geometry, variance)
    sills, trends, own, fields = [], [], [], 0
    for sample in samples:
        fields += sample.fields
        for part in sample.parts:
            if len(part) < 2:
                continue
            solved = solve(moments, part)
            s2 = solved.residual.square().sum(dim=0) / (len(part) - 1)
            sills.append(s2)
            trends.append(solved.trend[0].square())
            own.append(s2 / solved.information.square().sum())
    sill = variance * float(torch.cat(sills).mean()) if sills else 0.0
    if sill <= 0 or fields < 2:
        return sill or 1.0, 1.0
    # The mean was taken from the same fields: it took one degree of freedom.
    between = torch.cat(trends).mean() * fields / (fields - 1) - torch.cat(own).mean()
    return sill, float((between / sill).clamp(_LEAST, _MOST))
