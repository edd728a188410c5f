"""What draws should be like: closed forms, and how far samples may lie from them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.kriging import Law, correlation
from mamba_diffae.priors.kriging.prior import KrigingPrior


class Gaussian(NamedTuple):
    """Mean (N,) and covariance (N, N)."""

    mean: Tensor
    covariance: Tensor


def keys_of(fields: int, count: int, start: int = 0) -> Tensor:
    """Different ones, shape (fields, count)."""
    return start + torch.arange(fields * count).reshape(fields, count)


def agrees(draws: Tensor, expected: Gaussian, sigmas: float = 5.5) -> None:
    """Draws (K, N) have that mean and covariance, within so many errors of sampling."""
    count, C = len(draws), expected.covariance
    own = C.diagonal().clamp(min=0)
    least = 1e-9 * float(own.max())
    mean = (draws.double().mean(dim=0) - expected.mean).abs()
    assert (mean / (own / count + least).sqrt()).max() < sigmas
    z = draws.double() - expected.mean
    size = (own[:, None] * own + C.square()) / count + least**2
    assert ((z.mT @ z / count - C).abs() / size.sqrt()).max() < sigmas


def correlations(config: PriorConfig, law: Law) -> Tensor:
    """Between the cells of the lattice, shape (P, P)."""
    nodes = config.geometry.embed(config.centres()) / law.scale(config.geometry)
    return correlation(law.kernel, torch.cdist(nodes, nodes))


def observed_at(
    config: PriorConfig, values: Tensor, mask: Tensor, noise: float | None = None
) -> Observations:
    """Cells of the lattice of fields (B, P, C); mask: which values, (P, C)."""
    coords = config.centres().float().expand(len(values), -1, -1)
    error = None if noise is None else torch.full_like(values, noise)
    sides = torch.tensor(config.geometry.extent) / torch.tensor(config.shape)
    support = sides.float().expand(coords.shape)
    return Observations(coords, values.where(mask, 0), mask.expand_as(values), support, error)


def given(covariance: Tensor, error: Tensor, seen: Tensor, y: Tensor, own: Tensor) -> Gaussian:
    """After values y at the indices `seen`, by the gain of another covariance.

    Args:
        covariance: Before, shape (N, N).
        error: Of the values, shape (n, n).
        seen: Indices, shape (n,).
        y: The values less the mean before, shape (n,).
        own: The covariance under which the gain is best, shape (N, N).
    """
    S = own[seen][:, seen] + error
    gain = torch.linalg.solve(S, own[seen]).mT
    left = torch.eye(len(own), dtype=torch.float64)
    left[:, seen] -= gain
    return Gaussian(gain @ y, left @ covariance @ left.mT + gain @ error @ gain.mT)


def kriged(prior: KrigingPrior, observations: Observations) -> Gaussian:
    """The posterior of one field under the only law of a prior, cells in order, then variables."""
    config, C = prior.config, prior.config.value_dim
    family = prior.family()
    assert family is not None
    law = family.choices[0].law
    found = prior.kriged(prior.see(observations))
    # What a field's own size is, is estimated from it.
    parts = zip(found.parts, found.kinds, strict=True)
    size = torch.ones(C, dtype=torch.float64)
    for part, kinds in parts:
        own = part.laws[0].choice.variance
        size[kinds] = part.variance(0)[:, 0] * (1.0 if own is None else own)
    root = size.sqrt()
    between = root[:, None] * prior.between * root
    covariance = torch.kron(correlations(config, law) + prior.trend, between)
    mask = observations.mask[0]
    seen = mask.flatten().nonzero()[:, 0]
    if observations.noise is None:
        every = torch.kron(torch.eye(config.cells), law.nugget * between)
    else:
        noise = (observations.noise[0].double() / prior.deviation).square()
        every = torch.diag_embed(noise.flatten())
    if observations.noise_group is not None:
        group = observations.noise_group[0]
        shared = found.parts[0].laws[0].choice.law.offset * between
        every = every + torch.kron((group[:, None] == group).double(), shared)
    own = covariance
    if len(found.parts) > 1:
        own = covariance * torch.eye(C).double().repeat(config.cells, config.cells)
    y = ((observations.values[0].double() - prior.mean) / prior.deviation).flatten()[seen]
    after = given(covariance, every[seen][:, seen], seen, y, own)
    unit = prior.deviation.repeat(config.cells)
    mean = prior.mean.repeat(config.cells) + unit * after.mean
    return Gaussian(mean, unit[:, None] * after.covariance * unit)
