"""Mean and covariance of a field before it is observed, at any places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self, final

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.gaussian import Moments, covariance
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.mixture.lattice import LatticeMap


class Places(NamedTuple):
    """Points as a law sees them.

    Attributes:
        boxes: For the kernel, n of them.
        modes: At each point, shape (n, C, K).
        mean: Shape (n, C).
    """

    boxes: Boxes
    modes: Tensor
    mean: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, index: Tensor | slice) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Those at an index."""
        return type(self)(self.boxes[index], self.modes[index], self.mean[index])


@final
@dataclass(frozen=True, eq=False)
class FieldLaw:
    """Second moments of a field, before any observation: modes, a kernel, a trend.

    Cov[x_c(a), x_d(b)] = Σ_k φ_kc(a) φ_kd(b) + V_cd k(a, b) + T_cd, in scaled values and double
    precision; modes are interpolated multilinearly between the lattice's cells.

    Attributes:
        config: Region and lattice.
        mean: On the lattice, shape (P, C).
        modes: φ, on the lattice, shape (P, C, K); K may be 0.
        kernel: k; None: there is no such part.
        sill: V, shape (C, C).
        trend: T, covariance of a constant of each field, shape (C, C).
        nugget: Covariance of what a reading has of its own, if no error is stated, shape (C, C).
        within: Variance of a point around what interpolation says, shape (C,).
    """

    config: PriorConfig
    mean: Tensor
    modes: Tensor
    kernel: Law | None
    sill: Tensor
    trend: Tensor
    nugget: Tensor
    within: Tensor

    @classmethod
    def of_modes(cls, config: PriorConfig, mean: Tensor, modes: Tensor, nugget: float) -> Self:
        """A law of modes alone, with a nugget of each variable."""
        C = config.value_dim
        none, eye = torch.zeros(C, C).double(), torch.eye(C, dtype=torch.float64)
        return cls(config, mean, modes, None, none, none, nugget * eye, none[0])

    @property
    def variables(self) -> int:
        """C."""
        return self.mean.shape[-1]

    def at(self, coords: Tensor) -> Places:
        """Points as the law sees them.

        Args:
            coords: Inside coordinates, shape (n, D), float64.
        """
        boxes = Boxes.of(coords, self.config.geometry, shape=self.config.shape)
        cells = LatticeMap.of(self.config, coords, torch.zeros_like(coords))
        return Places(boxes, cells(self.modes), cells(self.mean))

    def covariance(self, a: Places, b: Places) -> Tensor:
        """Of all variables at n and m points, shape (n, C, m, C)."""
        found = a.modes.flatten(0, 1) @ b.modes.flatten(0, 1).T
        found = found.view(len(a), self.variables, len(b), self.variables)
        K = (
            None
            if self.kernel is None
            else covariance(self._moments(self.kernel), a.boxes, b.boxes)
        )
        for c, row in enumerate(self.sill.tolist()):
            for d, sill in enumerate(row):
                if K is not None:
                    found[:, c, :, d].add_(K, alpha=sill)
                found[:, c, :, d].add_(self.trend[c, d])
        return found

    def variance(self, places: Places) -> Tensor:
        """Covariance of the variables at each of n points, shape (n, C, C)."""
        own = places.modes @ places.modes.mT + self.trend
        return own if self.kernel is None else own + self.sill

    def _moments(self, law: Law) -> Moments:
        one = torch.ones(1, 1, dtype=torch.float64)
        return Moments(law, law.scale(self.config.geometry), one, one)
