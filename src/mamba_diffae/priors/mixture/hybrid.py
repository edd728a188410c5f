"""A Gaussian of modes and a stationary kernel, given observations."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.gaussian import (
    Moments,
    cholesky,
    covariance,
    errors,
    signal,
    within,
)
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.leave_out import Precision


class HybridLaw(NamedTuple):
    """Second moments of fields: Σ = λ Φ Φᵀ + (1 - λ) κ K ⊗ C, with Φ Φᵀ that of all exemplars.

    Sample covariance, shrunk towards a stationary one: few exemplars, or ones that say little of
    new fields, want a small λ. See docs/concepts.md, eq. (39).

    Attributes:
        share: λ, in [0, 1).
        law: Kernel, lengths and nugget of K.
        variance: κ, of a value around the mean of the exemplars.
        between: C, correlation of the variables, shape (C, C).
        within: Variance of a point around what interpolation between cells says.

    Reference:
        Hamill & Snyder (2000), A hybrid ensemble Kalman filter - 3D variational analysis scheme,
        https://doi.org/10.1175/1520-0493%282000%29128%3C2905:AHEKFV%3E2.0.CO;2
    """

    share: float
    law: Law
    variance: float
    between: Tensor
    within: float


class Solution(NamedTuple):
    """What a right-hand side r of W columns becomes.

    Attributes:
        modes: Weights of the modes, shape (M, W).
        alpha: S⁻¹ r, shape (m, W).
    """

    modes: Tensor
    alpha: Tensor


class At(NamedTuple):
    """Targets as a Gaussian sees them.

    Attributes:
        modes: √λ Φ there, shape (T, C, M).
        across: Covariance of the kernel part with readings, (T, n) of places if all variables
            were observed together, else (T, m).
        own: Its variance of an average over each target, as a share of that at a point, (T,).
    """

    modes: Tensor
    across: Tensor
    own: Tensor

    def single(self) -> At:
        """In single precision."""
        return At(*(part.float() for part in self))


@final
class Hybrid:
    """A hybrid law, given where fields were observed; any number of right-hand sides.

    With all variables observed together, the kernel part is K ⊗ C and one factor of K serves all
    variables; else a factor of as many rows as readings. The modes come in by the Woodbury
    identity: S⁻¹ = R⁻¹ - R⁻¹ Φ B⁻¹ Φᵀ R⁻¹, with B = I + Φᵀ R⁻¹ Φ.

    Args:
        law: The law.
        seen: The observations.
        modes: Φ at the rows of the readings, shape (m, M).
        geometry: Of the region.
    """

    def __init__(self, law: HybridLaw, seen: Seen, modes: Tensor, geometry: Geometry) -> None:
        self.law, self.seen = law, seen
        kappa = (1 - law.share) * law.variance
        scale = law.law.scale(geometry)
        one = torch.ones(1, 1, dtype=torch.float64)
        between = one if seen.together else law.between
        # With T kinds a reading's covariance is that of places times that of kinds.
        self.moments = Moments(law.law, scale, kappa * between, one)
        R = signal(self.moments, seen.readings)
        R.diagonal().add_(errors(self.moments, seen.readings) + self._within())
        self.L = cholesky(R)
        self.LC = cholesky(law.between) if seen.together else None
        self.modes = law.share**0.5 * modes
        self._through = self._places(self.modes)
        self.white = self._kinds(self._through)
        count = self.modes.shape[1]
        self.LB = cholesky(torch.eye(count, dtype=torch.float64) + self.white.T @ self.white)

    def _within(self) -> Tensor:
        """Variance of readings finer than a cell, (n,)."""
        return self.law.within * self.seen.finer

    def whiten(self, x: Tensor) -> Tensor:
        """L⁻¹ x of rows (m, W)."""
        return self._kinds(self._places(x))

    def _places(self, x: Tensor) -> Tensor:
        """The part of L⁻¹ that is of places, of rows (m, W)."""
        wide = x.reshape(len(self.L), -1)
        return torch.linalg.solve_triangular(self.L, wide, upper=False).reshape(x.shape)

    def _kinds(self, x: Tensor) -> Tensor:
        """The part that is of variables."""
        if self.LC is None:
            return x
        y = x.reshape(len(self.L), len(self.LC), -1)
        return torch.linalg.solve_triangular(self.LC, y, upper=False).flatten(0, 1)

    def _back(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """L⁻ᵀ x; of the last rows with their part of the factor."""
        L = self.L if factor is None else factor
        if self.LC is None:
            return torch.linalg.solve_triangular(L.mT, x, upper=True)
        y = torch.linalg.solve_triangular(L.mT, x.reshape(len(L), -1), upper=True)
        y = y.reshape(len(L), len(self.LC), -1)
        return torch.linalg.solve_triangular(self.LC.mT, y, upper=True).flatten(0, 1)

    def solve(self, r: Tensor) -> Solution:
        """S⁻¹ r and the modes' weights, of columns (m, W)."""
        white = self.whiten(r)
        weights = torch.cholesky_solve(self.white.T @ white, self.LB)
        return Solution(weights, self._back(white - self.white @ weights))

    def precision(self, start: int = 0) -> Precision:
        """S⁻¹ of the rows from `start` on, the first of a place, as blocks of it are wanted."""
        first = start if self.LC is None else start // len(self.LC)
        L = self.L[first:, first:]
        back = self._back(self.white[start:], L)
        U = torch.linalg.solve_triangular(self.LB, back.mT, upper=False)
        places = torch.cholesky_inverse(L)
        if self.LC is None:
            every = torch.arange(len(L))
            return Precision(places, None, U.mT, None, every, every)
        kinds = torch.cholesky_inverse(self.LC)
        reading = self.seen.reading[start:] - first
        return Precision(places, kinds, U.mT, None, reading, self.seen.kind[start:])

    def at(self, targets: Boxes, modes: Tensor) -> At:
        """Targets, with the modes there, shape (T, C, M)."""
        plain = self.moments._replace(between=self.moments.between[:1, :1])
        across = covariance(plain, targets, self.seen.readings.boxes)
        return At(self.law.share**0.5 * modes, across, within(plain, targets))

    def mean(self, at: At, solution: Solution) -> Tensor:
        """What a solution says at targets, shape (T, C, W)."""
        kappa = (1 - self.law.share) * self.law.variance
        alpha = solution.alpha
        between = self.law.between.to(alpha.dtype)
        modes = at.modes @ solution.modes
        if self.LC is None:
            # Row m has variable kind[m]: spread over one column of places for each variable.
            weighted = between[:, self.seen.kind, None] * alpha
            return modes + kappa * torch.einsum("tm,cmw->tcw", at.across, weighted)
        flat = at.across @ alpha.reshape(len(self.L), -1)
        kernel = between @ flat.reshape(len(flat), len(between), -1)
        return modes + kappa * kernel

    def variance(self, at: At) -> Tensor:
        """Of each variable at targets, shape (T, C); what modes leave free in single precision."""
        kappa, between = (1 - self.law.share) * self.law.variance, self.law.between
        if self.LC is None:
            return self._variance_apart(at)
        half = torch.linalg.solve_triangular(self.L, kappa * at.across.mT, upper=False)
        left = kappa * at.own - half.square().sum(dim=0)
        kernel = left[:, None].clamp(min=0) * between.diagonal()
        through = self._through.reshape(len(self.L), -1).float()
        free = at.modes.float() - (half.float().mT @ through).reshape(at.modes.shape)
        return kernel + self._modes_variance(free)

    def _variance_apart(self, at: At) -> Tensor:
        kappa, between = (1 - self.law.share) * self.law.variance, self.law.between
        found = []
        for c in range(len(between)):
            k = kappa * at.across * between[c, self.seen.kind]
            half = torch.linalg.solve_triangular(self.L, k.mT, upper=False)
            left = kappa * between[c, c] * at.own - half.square().sum(dim=0)
            free = (at.modes[:, c] - half.mT @ self.white).float()
            found.append(left.clamp(min=0) + self._modes_variance(free))
        return torch.stack(found, dim=1)

    def _modes_variance(self, free: Tensor) -> Tensor:
        """Variance (...) of modes that are left free, of rows (..., M)."""
        flat = free.flatten(0, -2)
        half = torch.linalg.solve_triangular(self.LB.float(), flat.mT, upper=False)
        return half.square().sum(dim=0).unflatten(0, free.shape[:-1]).double()
