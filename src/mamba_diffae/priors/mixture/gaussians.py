"""The Gaussians of the mixture, given what was seen of fields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.kriging.variables import KrigedFields
from mamba_diffae.priors.leave_out import Folds
from mamba_diffae.priors.mixture.learned import Learned
from mamba_diffae.priors.mixture.targets import Targets

_TINY = 1e-12
COMPONENTS = ("kriging", "library", "analogues", "close analogues")
"""Of a mixture, in this order everywhere."""


@final
@dataclass(frozen=True)
class ComponentMoments:
    """Mean and variance of each component at targets.

    Attributes:
        mean: Shape (K, M, C, F).
        variance: The same.
    """

    mean: Tensor
    variance: Tensor


@final
class Gaussians:
    """Kriging and what was learned, given what was seen of fields.

    Args:
        kriged: Kriging.
        learned: Library and analogues; None: there are no exemplars.
        folds: What is left out together.
        coarse: Kriging of what `learned` sees of them, where that is coarser; None: the same.
    """

    def __init__(
        self,
        kriged: KrigedFields,
        learned: Learned | None,
        folds: Folds,
        coarse: KrigedFields | None = None,
    ) -> None:
        self.kriged, self.learned, self.folds = kriged, learned, folds
        self.coarse = kriged if coarse is None else coarse

    @cached_property
    def _learned_errors(self) -> Tensor | None:
        return None if self.learned is None else self.learned.errors(self.folds)

    def errors(self, likeliest: bool = False) -> Tensor:
        """Mean square error of each component where observations were left out, (K, C, F).

        A variable that was not observed has the mean of those that were.

        Args:
            likeliest: Whether kriging is by the likeliest law of each variable alone.
        """
        found = self.coarse.errors(self.folds, likeliest)[None]
        if self._learned_errors is not None:
            found = torch.cat([found, self._learned_errors])
        seen = self.coarse.seen
        C, square = seen.variables, found.square()
        kind = seen.kind[self.folds.start(seen.place) :]
        count = torch.bincount(kind, minlength=C)[:, None]
        total = square.new_zeros(len(found), C, found.shape[-1]).index_add_(1, kind, square)
        every = square.mean(dim=1, keepdim=True)
        return torch.where(count > 0, total / count.clamp(min=1), every)

    def misfit(self) -> Tensor:
        """How wide each field is beside what its components state, shape (K, 1, F).

        The mean of y S⁻¹ y over all readings: over those of one variable it need not be positive
        where variables are redundant. Of kriging 1: its variance is that of the field already.
        """
        found = torch.ones(1, 1, self.coarse.seen.fields, dtype=torch.float64)
        if self.learned is None:
            return found
        return torch.cat([found, self.learned.misfit().mean(dim=1, keepdim=True)])

    def increment(self, few: Seen, seen: Seen, targets: Targets) -> Tensor:
        """What other values say of each component around a mean of 0, shape (K, M, C, F).

        Args:
            few: Values at the places of `learned`.
            seen: Values at the places of kriging.
            targets: Where.
        """
        found = [self.kriged.moved(seen.values, targets.boxes)]
        if self.learned is not None:
            fields = range(few.fields)
            found += [
                self.learned.increment(few.values, [(j, f) for f in fields], targets)
                for j in range(3)
            ]
        return torch.stack(found)

    def mean(self, targets: Targets, kriged: bool = True) -> Tensor:
        """Of each component at targets, shape (K, M, C, F); arguments as of `moments`."""
        if self.learned is None:
            return self.kriged.mean(targets.boxes)[None]
        found = self.learned.mean(self.learned.at(targets), targets)
        first = self.kriged.mean(targets.boxes) if kriged else torch.zeros_like(found[0])
        return torch.cat([first[None], found])

    def moments(self, targets: Targets, kriged: bool = True) -> ComponentMoments:
        """Mean and variance of each component at targets.

        Args:
            targets: Where.
            kriged: Whether kriging is wanted; if not, zeros stand in for it.
        """
        if self.learned is None:
            return ComponentMoments(*(part[None] for part in self.kriged.at(targets.boxes)))
        at = self.learned.at(targets)
        mean, variance = self.learned.mean(at, targets), self.learned.variance(at, targets)
        first = self.kriged.at(targets.boxes) if kriged else (torch.zeros_like(mean[0]),) * 2
        return ComponentMoments(
            torch.cat([first[0][None], mean]), torch.cat([first[1][None], variance])
        )

    def roughly(self, targets: Targets, kriged: bool = True) -> ComponentMoments:
        """Mean, and a variance that costs little: spread of exemplars times what kriging leaves.

        A network starts from it; how wide it must be is learned as for the exact one. Of more
        readings than one system is solved for, kriging too takes the averages of each cell.

        Args:
            targets: Where.
            kriged: Whether the mean of kriging is wanted; if not, zeros stand in for it.
        """
        found = self.coarse.roughly(targets.boxes, with_mean=kriged)
        mean, left = (part[None] for part in found)
        if self.learned is None:
            return ComponentMoments(mean, left)
        at = self.learned.at(targets)
        share = left / left.amax(dim=1, keepdim=True).clamp(min=_TINY)
        return ComponentMoments(
            torch.cat([mean, self.learned.mean(at, targets)]),
            torch.cat([left, share * self.learned.spread(targets)]),
        )
