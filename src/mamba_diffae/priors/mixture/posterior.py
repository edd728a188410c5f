"""The mixture, given observations, at any place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.conditional import Conditional
from mamba_diffae.priors.kriging.seen import alike, see
from mamba_diffae.priors.mixture.draws import draw_mixture
from mamba_diffae.priors.mixture.targets import Targets

if TYPE_CHECKING:
    from mamba_diffae.priors.mixture.prior import MixturePrior
    from mamba_diffae.priors.mixture.weighed import Weighed


@final
class MixturePosterior(Conditional):
    """A mixture of Gaussians of B fields; those that were observed alike share their systems.

    Args:
        prior: The mixture.
        observations: Inside coordinates, scaled values.
        groups: Of the fields, whose exemplars are hidden; None: all are used.
    """

    def __init__(
        self, prior: MixturePrior, observations: Observations, groups: Tensor | None
    ) -> None:
        self.prior, self.observations, self.groups = prior, observations.to("cpu"), groups
        self.parts = [(rows, self._weigh(rows)) for rows in self._seen()]
        _, _, self.weights, p = prior.unseen(len(observations), 0)
        for rows, weighed in self.parts:
            self.weights[rows] = weighed.weights.mean(dim=1).mT
            if weighed.familiarity is not None:
                p[rows] = weighed.familiarity
        self.familiarity = p if len(prior.exemplars) else None

    def _seen(self) -> Iterator[Tensor]:
        """Fields that were observed alike, those that were not observed left out."""
        for rows in alike(self.observations):
            if bool(self.observations.mask[rows[0]].any()):
                yield from rows.split(len(rows) if self.prior.fitted else 1)

    def _weigh(self, rows: Tensor) -> Weighed:
        groups = None if self.groups is None else self.groups[rows]
        return self.prior.weigh(self.observations[rows], groups)

    def mean_std(self, coords: Tensor, support: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See `Conditional.mean_std`."""
        targets = Targets.of(self.prior.config, coords.double().cpu(), support)
        mean, std = self.prior.unseen(len(self.observations), len(coords), targets.cells)[:2]
        centre, deviation = self.prior.kriging.mean.cpu(), self.prior.kriging.deviation.cpu()
        for rows, weighed in self.parts:
            m, v = weighed.moments(targets)
            mean[rows] = centre + deviation * m.permute(2, 0, 1)
            std[rows] = deviation * v.clamp(min=0).permute(2, 0, 1).sqrt()
        return mean, std

    def update(self, residual: Tensor, coords: Tensor) -> Tensor:
        """See `Conditional.update`."""
        config, kriging = self.prior.config, self.prior.kriging
        targets = Targets.of(config, coords.double().cpu())
        zero, deviation = torch.zeros_like(kriging.mean).cpu(), kriging.deviation.cpu()
        shape = (len(self.observations), len(coords), config.value_dim)
        found = torch.zeros(shape, dtype=torch.float64)
        given = self.observations.with_values(residual.double().cpu())
        for rows, weighed in self.parts:
            seen = see(given[rows], zero, deviation, config)
            moved = weighed.gaussians.increment(self.prior.reduced(seen), seen, targets)
            mixed = (weighed.weights[:, None] * moved).sum(dim=0)
            found[rows] = deviation * mixed.permute(2, 0, 1)
        return found

    def draw(self, keys: Tensor, coords: Tensor) -> Tensor:
        """See `Conditional.draw`; each draw is from one component, chosen with its weight."""
        config, kriging = self.prior.config, self.prior.kriging
        targets = Targets.of(config, coords.double().cpu())
        centre, deviation = kriging.mean.cpu(), kriging.deviation.cpu()
        shape = (*keys.shape, len(coords), config.value_dim)
        found = torch.zeros(shape, dtype=torch.float64)
        for rows, weighed in self.parts:
            gaussians = weighed.gaussians
            means, own = gaussians.mean(targets, weighed.kriged), keys[rows]
            drawn = draw_mixture(weighed, gaussians.kriged, means, targets, own, white=True)
            found[rows] = centre + deviation * drawn
        blank = ~self.observations.mask.flatten(1).any(dim=1)
        if bool(blank.any()):
            found[blank] = self.prior.draw_unseen(targets, keys[blank], white=True)
        return found
