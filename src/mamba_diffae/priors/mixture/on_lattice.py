"""The mixture, given observations, on its lattice: what a network reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.base import PriorPosterior, bin_observations
from mamba_diffae.priors.kriging.seen import alike
from mamba_diffae.priors.mixture.draws import draw_mixture
from mamba_diffae.priors.mixture.targets import Targets

if TYPE_CHECKING:
    from mamba_diffae.priors.mixture.prior import MixturePrior


def on_lattice(
    prior: MixturePrior, observations: Observations, groups: Tensor | None, keys: Tensor | None
) -> PriorPosterior:
    """See `Prior.posterior`; fields observed in the same places share their systems.

    The deviation is the one that costs little, the draws have the exact covariance; each with an
    inflation of its own, by which both are as wide as the errors where nothing was observed.
    """
    observed, _ = bin_observations(prior.config, observations)
    given, targets = observations.to("cpu"), Targets.of_lattice(prior.config)
    mean, std, weights, p = prior.unseen(len(given), prior.config.cells, targets.cells)
    centre, deviation = prior.kriging.mean.cpu(), prior.kriging.deviation.cpu()
    seeds = torch.zeros(len(given), 0, dtype=torch.int64) if keys is None else keys.cpu()
    draws = mean.new_empty(*seeds.shape, *mean.shape[1:])
    for rows in alike(given):
        if not bool(given.mask[rows[0]].any()):
            draws[rows] = prior.draw_unseen(targets, seeds[rows], white=False)
            continue
        weighed = prior.weigh(given[rows], None if groups is None else groups.cpu()[rows])
        m, v, each = weighed.roughly(targets)
        mean[rows] = centre + deviation * m.permute(2, 0, 1)
        std[rows] = deviation * v.clamp(min=0).permute(2, 0, 1).sqrt()
        weights[rows] = weighed.weights.mean(dim=1).mT
        if weighed.familiarity is not None:
            p[rows] = weighed.familiarity
        coarse = weighed.gaussians.coarse
        drawn = draw_mixture(weighed, coarse, each, targets, seeds[rows], white=False)
        draws[rows] = centre + deviation * drawn
    like = observations.values
    mean, std = mean.to(like), std.mean(dim=-1, keepdim=True).to(like)
    asked = None if keys is None else draws.to(like)
    if not len(prior.exemplars):
        return PriorPosterior.of(mean, std, observed, draws=asked)
    return PriorPosterior.of(mean, std, observed, weights.to(like), p.to(like), asked)
