"""The Gaussians of the mixture, given what was seen of fields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.kriging.variables import KrigedFields
from mamba_diffae.priors.leave_out import Folds, errors_left_out
from mamba_diffae.priors.mixture.hybrid import At, Hybrid, HybridLaw, Solution
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.library import Library
from mamba_diffae.priors.mixture.low_rank import OwnGaussian, OwnPart, analogues, without
from mamba_diffae.priors.mixture.targets import Targets

_TINY = 1e-12
COMPONENTS = ("kriging", "library", "analogues", "close analogues")
"""Of a mixture, in this order everywhere."""
CLOSER = 10.0
"""How much more the covariance of close analogues counts than that of analogues: a field of which
the library holds a near copy is wanted in their span, any other is not."""


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
class Learned:
    """Library and analogues under one hybrid law, given what was seen of fields.

    See docs/concepts.md, eq. (39) and (40).

    Args:
        library: Exemplars.
        law: The hybrid law.
        share: What the analogues' covariance counts beside that of all.
        seen: The observations.
        config: Region and lattice.
        hidden: Exemplars that a field must not see, shape (F, E), bool, or None.
        distance: Of each field from each exemplar, if it is known already.
    """

    def __init__(
        self,
        library: Library,
        law: HybridLaw,
        share: float,
        seen: Seen,
        config: PriorConfig,
        hidden: Tensor | None = None,
        distance: Tensor | None = None,
    ) -> None:
        self.library, self.seen = library, seen
        self.rows = LatticeMap.of(config, seen.coords, seen.support)[seen.reading]
        self.distance = self._distance(hidden) if distance is None else distance
        C = config.value_dim
        cells = LatticeMap(self.rows.index * C + seen.kind[:, None], self.rows.weight)
        self.hybrid = Hybrid(law, seen, cells(library.modes.flatten(0, 1)), config.geometry)
        self.nearest = analogues(library, self.distance)
        near = self.nearest.scaled(share)
        self.own: OwnGaussian | None = None
        self.hidden: OwnPart | None = None
        if hidden is not None and bool(hidden.any()):
            self.hidden = without(library, hidden)
            out = self.hidden.scaled(law.share)
            self.own = OwnGaussian(self.hybrid, seen, self.rows, out)
            near = near.joined(out)
        found = OwnGaussian(self.hybrid, seen, self.rows, near)
        # The analogues' weights come first; those of hidden exemplars stay.
        count = self.nearest.weight.shape[1]
        closer = near.weight.clone()
        closer[:, :count] *= CLOSER
        self.near = (found, found.weighted(closer))
        self.cells = cells
        self.y = seen.values - cells(library.mean.flatten())[:, None]
        self.solution: Solution | None = None
        if self.own is None:
            self.solution = self.hybrid.solve(self.y)

    def _distance(self, hidden: Tensor | None) -> Tensor:
        distance = self.library.distances(self.seen.values, self.rows, self.seen.kind)
        return distance if hidden is None else distance.masked_fill(hidden, torch.inf)

    def errors(self, folds: Folds) -> Tensor:
        """Errors of library and analogues at places that are left out, shape (3, m', F).

        Of rows from `Folds.start` on.
        """
        place = self.seen.place
        start = folds.start(place)
        precision = self.hybrid.precision(start)
        near = [part.errors(folds, precision, place) for part in self.near]
        if self.own is not None:
            return torch.stack([self.own.errors(folds, precision, place), *near])
        assert self.solution is not None
        rows, real = folds.rows(place)
        blocks = precision.blocks(rows)
        alpha = self.solution.alpha[start:]
        return torch.stack([errors_left_out(blocks, alpha, rows, real), *near])

    def misfit(self) -> Tensor:
        """What y S⁻¹ y is made of, of library and analogues, by rows, shape (3, m, F)."""
        if self.own is not None:
            first = self.own.misfit()
        else:
            assert self.solution is not None
            first = self.y * self.solution.alpha
        return torch.stack([first, *(part.misfit() for part in self.near)])

    @property
    def parts(self) -> tuple[OwnGaussian | None, ...]:
        """What library and analogues have of each field's own."""
        return self.own, *self.near

    def increment(self, number: int, rows: Tensor, at: At, targets: Targets) -> Tensor:
        """What values (m, F W) at the rows say of one of them around a mean of 0, (M, C, F W).

        Columns are those of one field, then those of the next.
        """
        own = self.parts[number]
        if own is None:
            return self.hybrid.mean(at, self.hybrid.solve(rows))
        return own.increment(rows, at, targets.cells)

    def at(self, targets: Targets) -> At:
        """Targets as the hybrid law sees them."""
        return self.hybrid.at(targets.boxes, targets.cells(self.library.modes))

    def mean(self, at: At, targets: Targets) -> Tensor:
        """Of library and analogues at targets, shape (3, M, C, F)."""
        if self.own is not None:
            first = self.own.mean(at, targets.cells)
        else:
            assert self.solution is not None
            first = targets.cells(self.library.mean)[..., None]
            first = first + self.hybrid.mean(at, self.solution)
        return torch.stack([first, *(part.mean(at, targets.cells) for part in self.near)])

    def spread(self, targets: Targets) -> Tensor:
        """Variance of exemplars around the mean of each, before any observation, (3, M, C, F)."""
        near = self.nearest
        weight = near.weight.float()
        squares = torch.einsum("fr,frpc->pcf", weight, near.vectors.square()).double()
        every = self.library.modes.square().sum(dim=-1)[..., None].expand_as(squares)
        if self.hidden is not None:
            out = self.hidden
            own = torch.einsum("fr,frpc->pcf", out.weight.float(), out.vectors.square())
            every = (every + own.double()).clamp(min=0)
        every, squares = targets.cells(every), targets.cells(squares)
        return torch.stack([every, squares, squares])

    def variance(self, at: At, targets: Targets) -> Tensor:
        """Of library and analogues at targets, shape (3, M, C, F)."""
        plain = self.hybrid.variance(at)
        near = [part.variance(at, targets.cells, plain) for part in self.near]
        if self.own is None:
            return torch.stack([plain[..., None].expand_as(near[0]), *near])
        return torch.stack([self.own.variance(at, targets.cells, plain), *near])


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
        self._left_out = kriged if coarse is None else coarse

    @cached_property
    def _learned_errors(self) -> Tensor | None:
        return None if self.learned is None else self.learned.errors(self.folds)

    def errors(self, likeliest: bool = False) -> Tensor:
        """Mean square error of each component where observations were left out, (K, C, F).

        A variable that was not observed has the mean of those that were.

        Args:
            likeliest: Whether kriging is by the likeliest law of each variable alone.
        """
        found = self._left_out.errors(self.folds, likeliest)[None]
        if self._learned_errors is not None:
            found = torch.cat([found, self._learned_errors])
        seen = self._left_out.seen
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
        found = torch.ones(1, 1, self._left_out.seen.fields, dtype=torch.float64)
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
            at = self.learned.at(targets)
            found += [self.learned.increment(j, few.values, at, targets) for j in range(3)]
        return torch.stack(found)

    def mean(self, targets: Targets) -> Tensor:
        """Of each component at targets, shape (K, M, C, F)."""
        return self.roughly(targets).mean

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
        found = self._left_out.roughly(targets.boxes, with_mean=kriged)
        mean, left = (part[None] for part in found)
        if self.learned is None:
            return ComponentMoments(mean, left)
        at = self.learned.at(targets)
        share = left / left.amax(dim=1, keepdim=True).clamp(min=_TINY)
        return ComponentMoments(
            torch.cat([mean, self.learned.mean(at, targets)]),
            torch.cat([left, share * self.learned.spread(targets)]),
        )
