"""A method that was fitted on other fields, asked about these: its region and units over theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np
from torch import Tensor

from mamba_diffae.evaluation import Predictor
from mamba_diffae.fields import Axis, FieldData, Grid, Observations, Prediction, Variable


@final
@dataclass(frozen=True, eq=False)
class Home:
    """Where a method was fitted.

    Attributes:
        grid: Of its fields.
        variables: Of its fields, M of them.
    """

    grid: Grid
    variables: Sequence[Variable]


@final
@dataclass(frozen=True, eq=False)
class ForeignMethod:
    """A fitted method, asked about fields of another region and other variables.

    Their region is stretched to that of its fields, and the usual values of each variable to the
    usual ones of its own. Fields of one variable are given to it as fields of M equal ones, as grey
    pictures are stored, and what it answers is averaged over them.

    Attributes:
        predictor: The method.
        home: Where it was fitted.
        fields: What the fields are that it is asked about.
    """

    predictor: Predictor
    home: Home
    fields: Home

    @classmethod
    def of(cls, predictor: Predictor, home: Home, data: FieldData) -> Self | None:
        """The method for some fields; None if it has other axes or another number of variables."""
        same = data.n_variables in (1, len(home.variables)) and data.grid.dim == home.grid.dim
        return cls(predictor, home, Home(data.grid, data.variables)) if same else None

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`; the familiarity is that which the method states."""
        found = self.predictor.predict(self._given(observations), self._grid(targets))
        factor, offset = self._values
        C = len(self.fields.variables)

        def back(values: np.ndarray) -> np.ndarray:
            return values if values.shape[-1] == C else values.mean(axis=-1, keepdims=True)

        mean = back((found.mean - offset) / factor)
        std = None if found.stated_std is None else back(found.stated_std / factor)
        return replace(Prediction.of_mean(mean, std, targets), familiarity=found.familiarity)

    @property
    def _values(self) -> tuple[np.ndarray, np.ndarray]:
        """Factor and offset from the values of the fields to those of the method, (M,) each."""
        low, high = np.array([v.limits for v in self.fields.variables]).T
        home_low, home_high = np.array([v.limits for v in self.home.variables]).T
        factor = (home_high - home_low) / (high - low)
        return factor, home_low - factor * low

    def _given(self, observations: Observations) -> Observations:
        """The observations in the units of the method."""
        M, coords = len(self.home.variables), observations.coords
        factor, offset = (coords.new_tensor(part) for part in self._values)
        grids = self.fields.grid, self.home.grid
        low, home_low = (coords.new_tensor([axis.low for axis in grid.axes]) for grid in grids)
        span, home_span = (coords.new_tensor([axis.span for axis in grid.axes]) for grid in grids)
        stretch = home_span / span

        def wide(part: Tensor) -> Tensor:
            return part.expand(*part.shape[:-1], M)

        noise, support = observations.noise, observations.support
        return observations.replace(
            coords=home_low + (coords - low) * stretch,
            values=wide(observations.values) * factor + offset,
            mask=wide(observations.mask),
            noise=None if noise is None else wide(noise) * factor,
            support=None if support is None else support * stretch,
            labels=None,
        )

    def _grid(self, targets: Grid) -> Grid:
        """The targets in the region of the method."""
        parts = zip(targets.axes, self.fields.grid.axes, self.home.grid.axes, strict=True)
        return Grid(tuple(_stretched(*part) for part in parts), targets.mask)


def _stretched(target: Axis, own: Axis, home: Axis) -> Axis:
    """Edges of a target, from an axis of the fields to that of the method."""
    share = (target.edges - own.low) / own.span
    edges = home.low * (1 - share) + home.high * share
    return Axis(home.name, edges, home.unit, home.periodic, home.length_scale)
