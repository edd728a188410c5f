"""Components given what was seen of fields, mixed with the weights of each."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from mamba_diffae.priors.mixture.gaussians import ComponentMoments, Gaussians, Targets
from mamba_diffae.priors.mixture.weights import ByCount


class Weighed(NamedTuple):
    """Components given what was seen of F fields, and what each counts.

    Attributes:
        gaussians: The components.
        weights: Shape (K, C, F).
        familiarity: P-values, shape (F,); None: nothing was learned.
        usual: What is usual at this number of places.
    """

    gaussians: Gaussians
    weights: Tensor
    familiarity: Tensor | None
    usual: ByCount

    def moments(self, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean and variance of the mixture at targets, shape (M, C, F)."""
        return self._mixed(self.gaussians.moments(targets), self.usual.inflation)

    def roughly(self, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean, and a variance that costs little, of the same shapes."""
        return self._mixed(self.gaussians.roughly(targets), self.usual.rough)

    def _mixed(self, found: ComponentMoments, inflation: Tensor) -> tuple[Tensor, Tensor]:
        w = self.weights[:, None]
        mean = (w * found.mean).sum(dim=0)
        stated = inflation[:, None, :, None] * found.variance
        return mean, (w * (stated + (found.mean - mean).square())).sum(dim=0)
