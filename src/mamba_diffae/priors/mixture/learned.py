"""Library and analogues, given what was seen of fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.leave_out import Folds, errors_left_out
from mamba_diffae.priors.mixture.hybrid import At, Hybrid, HybridLaw, Solution
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.library import Library
from mamba_diffae.priors.mixture.low_rank import OwnGaussian, OwnPart, analogues, without
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.randomness import normals

CLOSER = 10.0
"""How much more the covariance of close analogues counts than that of analogues: a field of which
the library holds a near copy is wanted in their span, any other is not."""


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
        self.library, self.seen, self.geometry = library, seen, config.geometry
        self._at: tuple[Targets, At] | None = None
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

    def increment(self, rows: Tensor, pairs: Sequence[tuple[int, int]], targets: Targets) -> Tensor:
        """What values (m, W) at the rows say around a mean of 0, shape (M, C, W).

        Args:
            rows: The values.
            pairs: Which part, 0 the library, and which field each column is of.
            targets: Where.
        """
        plain = self.hybrid.solve(rows)
        lattice = rows.new_zeros(*self.library.shape, len(pairs))
        for number, field in sorted(set(pairs)):
            own = self.parts[number]
            if own is None:
                continue
            columns = [w for w, pair in enumerate(pairs) if pair == (number, field)]
            found, added = own.corrected(Solution(*(x[:, columns] for x in plain)), field)
            lattice[..., columns] = added.double()
            for whole, part in zip(plain, found, strict=True):
                whole[:, columns] = part
        return targets.cells(lattice) + self.hybrid.mean(self.at(targets), plain)

    def random_modes(self, field: int, generator: torch.Generator) -> Tensor:
        """Weights of the modes in a draw of one field before any observation, shape (M,).

        Their covariance is the identity, less what hidden exemplars have of it: I - B Bᵀ, whose
        symmetric root is taken.
        """
        weights = normals(generator, self.library.modes.shape[-1])
        if self.hidden is None:
            return weights
        size = self.hidden.weight[field].clamp(max=0).neg().sqrt()
        B = self.library.coordinates(self.hidden.vectors[field]).mT * size
        square, V = torch.linalg.eigh(B.mT @ B)
        U, root = B @ V, (1 - square).clamp(min=0).sqrt()
        return weights - U @ ((U.mT @ weights) / (1 + root))

    def at(self, targets: Targets) -> At:
        """Targets as the hybrid law sees them; the last ones are kept."""
        if self._at is None or self._at[0] is not targets:
            modes = targets.cells(self.library.modes)
            self._at = targets, self.hybrid.at(targets.boxes, modes)
        return self._at[1]

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
