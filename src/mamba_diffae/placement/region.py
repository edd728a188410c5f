"""What a design is for: the law of fields, and the cells over which its error is averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Grid, PlacementError, Transform, ValuesError
from mamba_diffae.priors.field_law import FieldLaw, Places

MOST_TARGETS, FEWEST_TARGETS = 1024, 64
"""Cells over which errors are averaged, at most, and at least where the grid has as many."""
_NUMBERS = 2**25
"""Covariances between candidates and targets that are kept, at most."""
_JITTER = 1e-10
"""Least error variance of a reading, as a share of the field's: it keeps matrices regular."""
_NODES = 9
"""Nodes of the rule by which an error in a curved unit is averaged over fields."""


@final
@dataclass(frozen=True, eq=False)
class Region:
    """Fields of a model on the cells of a grid.

    Attributes:
        law: Of fields before they are observed.
        scaler: Of the model.
        grid: Native cells, or a coarser lattice whose centres stand for them.
        noise: Standard deviation of a new sensor's readings, in the units of the variables, shape
            (C,); None: the nugget of the law.
    """

    law: FieldLaw
    scaler: FieldScaler
    grid: Grid
    noise: np.ndarray | None

    @classmethod
    def of(cls, law: FieldLaw, scaler: FieldScaler, candidates: int, noise: object) -> Self:
        """A region in which so many candidates are compared.

        Raises:
            PlacementError: If there are too many.
            ValuesError: If the noise is no standard deviation of each variable.
        """
        most = min(MOST_TARGETS, _NUMBERS // (candidates * law.variables**2))
        grid = scaler.grid
        if most < min(FEWEST_TARGETS, grid.cells):
            allowed = _NUMBERS // (FEWEST_TARGETS * law.variables**2)
            raise PlacementError(
                f"{candidates} candidates were given, but at most {allowed} can be compared; give "
                "fewer places, or leave candidates out for the centres of coarser cells."
            )
        if grid.cells > most:
            grid = grid.regrid(grid.lattice_shape(most))
        return cls(law, scaler, grid, _checked_noise(noise, law.variables))

    def at(self, places: np.ndarray) -> Places:
        """Physical places (n, D) as the law sees them."""
        return self.law.at(self.scaler.places(places)[0].double())

    def targets(self) -> Places:
        """Centres of the cells that exist, T of them."""
        return self.at(self.grid.centres()[self.grid.exists.ravel()])

    def weights(self) -> Tensor:
        """Share of the area of each of them, shape (T,)."""
        return torch.from_numpy(self.grid.weights()[self.grid.exists])

    def errors(self, places: Places, noise: np.ndarray | None) -> Tensor:
        """Covariance of the errors of readings at each of n places, shape (n, C, C).

        Args:
            places: Where.
            noise: Standard deviation in the units of the variables, shape (n, C) or (C,); None: the
                nugget.
        """
        least = _JITTER * self.law.variance(places).diagonal(dim1=1, dim2=2)
        if noise is None:
            stated = self.law.nugget.expand(len(places), -1, -1)
        else:
            columns = np.broadcast_to(noise, (len(places), self.law.variables)).T
            parts = zip(self.scaler.variables, places.mean.numpy().T, columns, strict=True)
            scaled = [v.transform.derivative(v.transform.inverse(z)) * s for v, z, s in parts]
            stated = torch.diag_embed(torch.from_numpy(np.stack(scaled, axis=1)).square())
        return stated + torch.diag_embed(least + self.law.within)

    @property
    def unseen(self) -> Tensor:
        """Variance in a cell that no sensor elsewhere tells, shape (C,).

        What varies within a cell, and the nugget, unless errors of readings are stated: then all
        that is not correlated is taken for error.
        """
        own = self.law.within
        return own if self.noise is not None else own + self.law.nugget.diagonal()

    def rmse(self, left: Tensor) -> np.ndarray:
        """Expected RMSE over the region in the units of the variables, shape (k, C).

        Args:
            left: Posterior variances, scaled, shape (k, T, C).
        """
        targets, weights = self.targets(), self.weights().numpy()
        prior = (self.law.variance(targets).diagonal(dim1=1, dim2=2) + self.unseen).numpy()
        squares = []
        for c, variable in enumerate(self.scaler.variables):
            stated = (left[..., c] + self.unseen[c]).clamp(min=0).numpy()
            mean = targets.mean[:, c].numpy()
            squares.append(_unit_variance(variable.transform, mean, prior[:, c], stated) @ weights)
        return np.sqrt(np.stack(squares, axis=-1))

    def std(self, left: Tensor) -> np.ndarray:
        """Deviations in the units of the variables around the mean of the law, on the grid.

        Args:
            left: Posterior variances, scaled, shape (T, C).

        Returns:
            Shape (*grid.shape, C), NaN where no cell exists.
        """
        std = (left + self.unseen).clamp(min=0).sqrt().numpy()
        parts = zip(self.scaler.variables, self.targets().mean.numpy().T, std.T, strict=True)
        found = np.full((*self.grid.shape, self.law.variables), np.nan)
        found[self.grid.exists] = np.stack([v.transform.moments(*p)[1] for v, *p in parts], axis=-1)
        return found


def _unit_variance(
    transform: Transform, mean: np.ndarray, prior: np.ndarray, left: np.ndarray
) -> np.ndarray:
    """Posterior variance (k, T) in the unit of a variable, the mean over fields of the law.

    Of N(mean + s z, left) with z standard normal and s² = prior - left: where the unit is no
    affine map of the scale, how uncertain a value is depends on the value.
    """
    std = np.sqrt(left)
    if not transform.curved:
        return np.square(transform.moments(mean, std)[1])
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    known = np.sqrt((prior - left).clip(0))
    squares = [np.square(transform.moments(mean + z * known, std)[1]) for z in nodes]
    return np.tensordot(weights / weights.sum(), np.stack(squares), axes=1)


def _checked_noise(given: object, variables: int) -> np.ndarray | None:
    if given is None:
        return None
    try:
        noise = np.broadcast_to(np.asarray(given, dtype=np.float64), (variables,))
    except (TypeError, ValueError):
        noise = np.full(variables, np.nan)
    if not (np.isfinite(noise) & (noise >= 0)).all():
        raise ValuesError(
            f"noise is {given!r}; give the standard deviation of a reading in the unit of its "
            f"variable, 0 or more: a number, or {variables} numbers, one for each variable."
        )
    return noise
