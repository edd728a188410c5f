"""What each field has of its own: exemplars that resemble it, and those that are hidden from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.leave_out import Folds, Precision, errors_left_out
from mamba_diffae.priors.mixture.hybrid import At, Hybrid, Solution
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.library import Library
from mamba_diffae.priors.randomness import normals

ANALOGUES, BANDWIDTH = 64, 12
"""Exemplars looked at, and the one of them that counts 1/e as much as the nearest."""
_AT_ONCE = 8
"""Fields whose exemplars are looked at together: much memory at a time is slow to get."""


@final
@dataclass(frozen=True)
class OwnPart:
    """Mean of each of F fields, and what is added to the covariance: Σ_j d_j z_j z_jᵀ.

    Attributes:
        mean: On the lattice, shape (F, P, C), single precision.
        vectors: z_j, on the lattice, shape (F, r, P, C), single precision.
        weight: d_j, of any sign, shape (F, r).
    """

    mean: Tensor
    vectors: Tensor
    weight: Tensor

    def joined(self, other: OwnPart) -> OwnPart:
        """With what another adds to the covariance; the mean stays this one's."""
        return OwnPart(
            self.mean,
            torch.cat([self.vectors, other.vectors], dim=1),
            torch.cat([self.weight, other.weight], dim=1),
        )

    def scaled(self, factor: float) -> OwnPart:
        """With a multiple of what is added to the covariance."""
        return replace(self, weight=factor * self.weight)


def analogues(library: Library, distance: Tensor) -> OwnPart:
    """Weighted mean of the exemplars nearest to the readings, and deviations from it.

    w ∝ exp(-(d² - d²₁) / (d²₁₃ - d²₁)) with d² the square distances in order: docs/concepts.md,
    eq. (8).

    Args:
        library: The exemplars.
        distance: Of each field from each exemplar, infinite where it is hidden, shape (F, E).
    """
    near, index = distance.topk(min(ANALOGUES, library.count), dim=1, largest=False)
    allowed = torch.isfinite(near)
    few = allowed[:, : BANDWIDTH + 1]
    reach = near[:, : BANDWIDTH + 1].masked_fill(~few, 0).amax(dim=1, keepdim=True)
    nearest = near[:, :1].masked_fill(~allowed[:, :1], 0)
    width = (reach - nearest).clamp(min=1e-9)
    weight = torch.exp(-(near - nearest) / width).masked_fill(~allowed, 0)
    total = weight.sum(dim=1, keepdim=True)
    weight = weight / total.clamp(min=1)
    found = library.fields(index)
    mean = torch.einsum("fr,frpc->fpc", weight.float(), found)
    # All are hidden: the mean of the others is not to be had.
    mean = torch.where(total[:, :, None] > 0, mean, library.mean.float())
    return OwnPart(mean, found.sub_(mean[:, None]), weight)


def without(library: Library, hidden: Tensor) -> OwnPart:
    """What takes hidden exemplars out of the mean and covariance of all: negative weights.

    Σ over the others of (x - μ')² is Σ over all of (x - μ)², less that of the hidden, less E'
    (μ' - μ)²: their own mean μ' is another one. See docs/concepts.md, eq. (12). Deviations are
    those that the modes hold.

    Args:
        library: The exemplars.
        hidden: Which of them, shape (F, E), bool.
    """
    out = hidden.double()
    count = out.sum(dim=1, keepdim=True)
    share, index = out.topk(int(count.max().clamp(min=1)), dim=1)
    every = library.mean.float()
    deviations = library.fields(index) - every
    own = library.projected(deviations)
    others = (library.count - count).clamp(min=1)
    single, rest = share.float(), others[..., None].float()
    shift = torch.einsum("fr,frpc->fpc", single, own) / rest
    full = torch.einsum("fr,frpc->fpc", single, deviations) / rest
    weight = -torch.cat([share, others], dim=1) / library.count
    return OwnPart(every - full, torch.cat([own, shift[:, None]], dim=1), weight)


@final
class OwnGaussian:
    """A hybrid law with a part of each field's own, given observations: docs/concepts.md, eq. (41).

    Args:
        hybrid: The law, conditioned on where fields were observed.
        seen: The observations.
        rows: From the lattice to the rows of readings.
        own: Of each field.
    """

    def __init__(self, hybrid: Hybrid, seen: Seen, rows: LatticeMap, own: OwnPart) -> None:
        self.hybrid, self.kind = hybrid, seen.kind
        mean = self._rows(rows, own.mean[:, None])[:, 0].mT  # (m, F)
        self.y = seen.values - mean
        self.plain = hybrid.solve(self.y)
        F, r, m = *own.weight.shape, len(self.y)
        self.Z = mean.new_empty(F, r, m)
        self.V, self.VM = mean.new_empty(F, r, m), mean.new_empty(F, r, hybrid.modes.shape[1])
        for f in range(0, F, _AT_ONCE):
            part = slice(f, f + _AT_ONCE)
            self.Z[part] = self._rows(rows, own.vectors[part])
            solved = hybrid.solve(self.Z[part].flatten(0, 1).mT)
            self.V[part] = solved.alpha.mT.unflatten(0, (-1, r))
            self.VM[part] = solved.modes.mT.unflatten(0, (-1, r))
        self.V, self.VM = self.V.mT, self.VM.mT  # (F, m, r), (F, M, r)
        self._weigh(own)

    def weighted(self, weight: Tensor) -> OwnGaussian:
        """The same with other weights of the vectors, shape (F, r)."""
        other = copy.copy(self)
        other._weigh(replace(self.own, weight=weight))
        return other

    def _weigh(self, own: OwnPart) -> None:
        """What depends on the weights of the vectors."""
        self.own, gram, d = own, self.Z @ self.V, own.weight[:, :, None]
        eye = torch.eye(gram.shape[-1], dtype=gram.dtype)
        T = torch.linalg.solve_ex(eye + d * gram, torch.diag_embed(own.weight))[0]
        self.T = (T + T.mT) / 2
        right = self.Z @ self.plain.alpha.mT[:, :, None]
        self.t = self.T @ right  # (F, r, 1)
        self.alpha = self.plain.alpha - (self.V @ self.t)[:, :, 0].mT
        self.weights = self.plain.modes - (self.VM @ self.t)[:, :, 0].mT

    def _rows(self, rows: LatticeMap, fields: Tensor) -> Tensor:
        """Fields (F, r, P, C) at the rows of readings, (F, r, m)."""
        C = fields.shape[-1]
        cells = rows.index * C + self.kind[:, None]
        found = fields.flatten(-2)[..., cells].double()
        if cells.shape[1] == 1:
            return found[..., 0]
        return torch.einsum("frmq,mq->frm", found, rows.weight)

    def misfit(self) -> Tensor:
        """Of each row, shape (m, F): their mean is 1 where fields are as wide as stated."""
        return self.y * self.alpha

    def errors(self, folds: Folds, precision: Precision, place: Tensor) -> Tensor:
        """Errors of rows whose part is left out, from `Folds.start` on, shape (m', F)."""
        rows, real = folds.rows(place)
        start, blocks = folds.start(place), precision.blocks(rows)
        found = []
        for f in range(0, len(self.T), _AT_ONCE):
            part = slice(f, f + _AT_ONCE)
            own = precision._replace(low=self.V[part, start:], middle=self.T[part])
            alpha = self.alpha[start:, part]
            found.append(errors_left_out(blocks - own.correction(rows), alpha, rows, real))
        return torch.cat(found, dim=1)

    def mean(self, at: At, targets: LatticeMap) -> Tensor:
        """At targets, shape (T, C, F)."""
        solution = Solution(self.weights, self.alpha)
        t = self.t[..., 0].float()
        field = self.own.mean + torch.einsum("fr,frpc->fpc", t, self.own.vectors)
        return targets(field.movedim(0, -1).double()) + self.hybrid.mean(at, solution)

    def corrected(self, plain: Solution, field: int) -> tuple[Solution, Tensor]:
        """A solution without the own part of one field, with it, and what is its on the lattice.

        The latter is of shape (P, C, W), single precision.
        """
        t = self.T[field] @ (self.Z[field] @ plain.alpha)  # (r, W)
        modes, alpha = plain.modes - self.VM[field] @ t, plain.alpha - self.V[field] @ t
        return Solution(modes, alpha), self._sum(t, field)

    def random(self, field: int, count: int, generator: torch.Generator) -> Tensor:
        """A draw of what its first vectors add to one field, shape (P, C)."""
        size = self.own.weight[field, :count].clamp(min=0).sqrt()
        return self._sum((size * normals(generator, count))[:, None], field)[..., 0].double()

    def _sum(self, t: Tensor, field: int) -> Tensor:
        """Vectors of one field times weights (r', W) of the first ones, shape (P, C, W)."""
        vectors = self.own.vectors[field, : len(t)]
        return (vectors.flatten(1).mT @ t.float()).unflatten(0, vectors.shape[1:])

    def variance(self, at: At, targets: LatticeMap, plain: Tensor) -> Tensor:
        """At targets, shape (T, C, F), from that without the fields' own parts (T, C).

        What the own parts add is computed in single precision.
        """
        at, found = at.single(), []
        for f in range(0, len(self.T), _AT_ONCE):
            part = slice(f, f + _AT_ONCE)
            V, VM = (x[part].mT.flatten(0, 1).mT.float() for x in (self.V, self.VM))  # (m, F r)
            Z = targets(self.own.vectors[part].permute(2, 3, 0, 1))  # (T, C, F, r)
            W = Z - self.hybrid.mean(at, Solution(VM, V)).unflatten(-1, Z.shape[-2:])
            W = W.permute(2, 0, 1, 3).flatten(1, 2)  # (F, T C, r)
            square = ((W @ self.T[part].float()) * W).sum(dim=-1)
            found.append(square.mT.unflatten(0, Z.shape[:2]).double())
        return (plain[..., None] + torch.cat(found, dim=-1)).clamp(min=0)
