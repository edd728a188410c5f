"""Components given what was seen of fields, mixed with the weights of each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.priors.mixture.gaussians import ComponentMoments, Gaussians
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.weights import ByCount, log_weights, statistics, weights


class Weighed(NamedTuple):
    """Components given what was seen of F fields, and what each counts.

    Attributes:
        gaussians: The components.
        weights: Shape (K, C, F).
        familiarity: P-values, shape (F,); None: nothing was learned.
        inflation: What multiplies the variance that each component states, shape (K, C, F).
        rough: The same for the variance that costs little.
    """

    gaussians: Gaussians
    weights: Tensor
    familiarity: Tensor | None
    inflation: Tensor
    rough: Tensor

    @property
    def kriged(self) -> bool:
        """Whether kriging counts at all."""
        return bool((self.weights[0] > 0).any())

    def moments(self, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean and variance of the mixture at targets, shape (M, C, F)."""
        return self._mixed(self.gaussians.moments(targets, self.kriged), self.inflation)

    def roughly(self, targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, a variance that costs little, and means of the components (K, M, C, F)."""
        found = self.gaussians.roughly(targets, self.kriged)
        return *self._mixed(found, self.rough), found.mean

    def _mixed(self, found: ComponentMoments, inflation: Tensor) -> tuple[Tensor, Tensor]:
        w = self.weights[:, None]
        mean = (w * found.mean).sum(dim=0)
        stated = inflation[:, None] * found.variance
        return mean, (w * (stated + (found.mean - mean).square())).sum(dim=0)


def counted(gaussians: Gaussians, usual: ByCount) -> tuple[Tensor, Tensor]:
    """What is told of fields (F, 2), see `statistics`, and weights of the components (K, C, F).

    Kriging is by the likeliest law of each variable where it so does not count, which is seen at
    little cost, and by all laws elsewhere: field by field, whatever the others are.

    Args:
        gaussians: The components, learned ones among them.
        usual: At this number of places.
    """
    told, w = _counted(gaussians, usual, likeliest=True)
    more = (w[0] > 0).any(dim=0)
    if not bool(more.any()):
        return told, w
    every = _counted(gaussians, usual, likeliest=False)
    return torch.where(more[:, None], every[0], told), torch.where(more, every[1], w)


def _counted(gaussians: Gaussians, usual: ByCount, likeliest: bool) -> tuple[Tensor, Tensor]:
    assert gaussians.learned is not None
    errors = gaussians.errors(likeliest)
    told = statistics(errors, gaussians.learned.distance.amin(dim=1))
    return told, weights(log_weights(errors, gaussians.folds.count, usual, told))
