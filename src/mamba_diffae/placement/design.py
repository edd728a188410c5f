"""Candidates and targets given the sensors that exist, and what a set of new ones leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import ExistingSensorsError
from mamba_diffae.placement.candidates import Sensors
from mamba_diffae.placement.region import Region
from mamba_diffae.priors.kriging.gaussian import cholesky

MOST_EXISTING = 2048
"""Readings of existing sensors that are conditioned on, at most."""


@final
class Design:
    """The Gaussian law of a region's fields at M candidates and T targets.

    A sensor reads all C variables at its place. Matrices have the rows (place, variable), the
    variable running fastest.

    Attributes:
        cross: Covariance of candidates and targets, given the existing sensors, (M C, T C).
        own: Of the variables at each candidate, likewise, shape (M, C, C).
        error: Covariance of the errors of a reading at each candidate, shape (M, C, C).
        left: Variance at the targets, given the existing sensors, shape (T, C).
        importance: What the variance of each variable counts at each target: its share of the area
            over the variable's mean variance before any sensor, and over C, shape (T, C).

    Args:
        region: Law, targets and noise.
        candidates: Physical places, shape (M, D).
        existing: Sensors that count from the start.

    Raises:
        ExistingSensorsError: If too many exist.
    """

    def __init__(self, region: Region, candidates: np.ndarray, existing: Sensors) -> None:
        self.region, self.law, self.variables = region, region.law, region.law.variables
        self.places, targets = region.at(candidates), region.targets()
        self.cross = self.law.covariance(self.places, targets).flatten(2).flatten(0, 1)
        self.own = self.law.variance(self.places)
        self.error = region.errors(self.places, region.noise)
        self.left = self.law.variance(targets).diagonal(dim1=1, dim2=2).clone()
        weights = region.weights()[:, None]
        usual = (weights * (self.left + region.unseen)).sum(dim=0)
        self.importance = weights / usual / self.variables
        self._known = self.own.new_zeros(len(self.cross), 0)
        if len(existing):
            self._condition(existing)

    def _condition(self, existing: Sensors) -> None:
        """Take what existing sensors tell from all covariances: a block of a Cholesky factor."""
        rows = torch.from_numpy(np.flatnonzero(existing.reads))
        if len(rows) > MOST_EXISTING:
            raise ExistingSensorsError(
                f"{len(rows)} readings of existing sensors were given, but at most {MOST_EXISTING} "
                "can be taken into account; give those in and around the region of the candidates."
            )
        at, targets = self.region.at(existing.coords), self.region.targets()
        noise = self.region.noise if existing.noise is None else existing.noise
        S = self.law.covariance(at, at).flatten(2).flatten(0, 1)
        S += torch.block_diag(*self.region.errors(at, noise))
        L = cholesky(S[rows][:, rows])
        told = [
            torch.linalg.solve_triangular(
                L, self.law.covariance(at, part).flatten(2).flatten(0, 1)[rows], upper=False
            )
            for part in (self.places, targets)
        ]
        self._known = told[0].T.contiguous()
        self.cross.addmm_(self._known, told[1], alpha=-1)
        each = self._known.unflatten(0, (-1, self.variables))
        self.own -= each @ each.mT
        self.left -= told[1].square().sum(dim=0).view_as(self.left)

    def __len__(self) -> int:
        return len(self.own)

    def rows(self, chosen: Sequence[int]) -> Tensor:
        """Rows of some candidates, shape (k C,)."""
        C = self.variables
        return (torch.tensor(chosen)[:, None] * C + torch.arange(C)).flatten()

    def covariance(self, chosen: Sequence[int], others: Sequence[int] | None = None) -> Tensor:
        """Of candidates, given the existing sensors, shape (k C, j C); None: all of them."""
        a = self.places[torch.tensor(chosen)]
        b = self.places if others is None else self.places[torch.tensor(others)]
        found = self.law.covariance(a, b).flatten(2).flatten(0, 1)
        known = self._known if others is None else self._known[self.rows(others)]
        return found - self._known[self.rows(chosen)] @ known.T

    def after(self, chosen: Sequence[int]) -> Tensor:
        """Variance at the targets after 0, 1, ... of some sensors, shape (k + 1, T, C).

        diag(A - B (D + N)⁻¹ Bᵀ), whose factor has the sensors in their order:
        docs/sensor_placement.md, (1).
        """
        whole = self.left[None]
        if not len(chosen):
            return whole
        S = self.covariance(chosen, chosen) + torch.block_diag(*self.error[torch.tensor(chosen)])
        told = torch.linalg.solve_triangular(
            cholesky(S), self.cross[self.rows(chosen)], upper=False
        )
        gains = told.square().view(len(chosen), self.variables, *whole.shape[1:]).sum(dim=1)
        return torch.cat([whole, whole - gains.cumsum(dim=0)]).clamp(min=0)

    def relative(self, left: Tensor) -> np.ndarray:
        """Standardised RMSE (k,) of variances (k, T, C): 1 before any sensor."""
        return ((left + self.region.unseen) * self.importance).sum(dim=(1, 2)).sqrt().numpy()
