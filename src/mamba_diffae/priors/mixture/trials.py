"""Fields of which part is observed and the rest asked for: what a mixture learns its numbers by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.kriging.seen import alike

FIELDS, TOGETHER = 192, 24
"""Fields at each number of places, and of these observed at the same places, at most."""
_ASKED = 256
"""Places of a field that are asked for, at most."""
_MOST = 0.6
"""Share of the places of a field that are observed, at most."""


class Trial(NamedTuple):
    """Fields observed alike, and the truth elsewhere.

    Attributes:
        observations: Of F fields.
        coords: Places that are asked for, shape (M, D), float64.
        support: Sides of the boxes there, shape (M, D).
        values: The truth, shape (F, M, C), float64.
        known: Where there is one, of the same shape.
        groups: Of the fields, shape (F,).
    """

    observations: Observations
    coords: Tensor
    support: Tensor
    values: Tensor
    known: Tensor
    groups: Tensor

    def alike(self) -> Iterator[Trial]:
        """Fields that were observed alike, those that were not observed left out."""
        for rows in alike(self.observations):
            if bool(self.observations.mask[rows[0]].any()):
                yield Trial(
                    self.observations[rows],
                    self.coords,
                    self.support,
                    self.values[rows],
                    self.known[rows],
                    self.groups[rows],
                )

    def truth(self, prior: KrigingPrior) -> Tensor:
        """In units of kriging's deviation around its mean, shape (M, C, F)."""
        return ((self.values - prior.mean) / prior.deviation).permute(1, 2, 0)


class TrialFields(NamedTuple):
    """Snapshots from which trials are drawn.

    Attributes:
        points: Their points, padded; coordinates are inside, values scaled.
        groups: Of the fields, shape (S,).
        shared: Whether all snapshots have the same points.
    """

    points: Observations
    groups: Tensor
    shared: bool

    @classmethod
    def of_fields(cls, data: FieldData, config: PriorConfig) -> TrialFields:
        """Fields averaged to the lattice, some of them; gaps are not known."""
        rows = _some(len(data), FIELDS)
        data = data.take(rows)
        data = data.at(data.grid.regrid(config.shape))
        known = torch.from_numpy(np.array(data.valid_mask()).reshape(len(data), config.cells, -1))
        values = torch.from_numpy(data.values.reshape(known.shape).astype(np.float64))
        cells = zip(config.geometry.extent, config.shape, strict=True)
        cell = torch.tensor([a / n for a, n in cells], dtype=torch.float64)
        coords = config.centres().expand(len(data), -1, -1)
        points = Observations(coords, values, known, cell.expand(coords.shape))
        return cls(points, torch.as_tensor(data.groups), True)

    @classmethod
    def of_points(cls, points: Observations) -> TrialFields:
        """Snapshots of scattered points, some of those with two or more; each is a group."""
        rows = torch.from_numpy(_some(len(points), FIELDS))
        return cls(points[rows].to("cpu"), rows, False)

    @property
    def most(self) -> int:
        """Places that are observed, at most."""
        places = self.points.mask.any(dim=-1).sum(dim=1)
        return max(1, int(_MOST * int(places.max())))

    def trials(self, count: int, fields: int = FIELDS) -> Iterator[Trial]:
        """Fields with `count` places observed at random; those that have too few are left out."""
        rng = np.random.default_rng((0, count))
        rows = torch.arange(min(fields, len(self.groups)))
        for part in rows.split(TOGETHER if self.shared else 1):
            order = self._shuffled(part, rng)
            if len(order) > count:
                yield self._trial(part, order[:count].sort().values, order[count:][:_ASKED])

    def unequal(self, variable: int, count: int, others: int) -> Trial | None:
        """Fields with a variable observed at `count` places, the others at these and more.

        The variable is asked for where the others were observed, and elsewhere as well if these
        places are fewer than are asked for.

        Args:
            variable: Its number.
            count: Its places.
            others: Those of the others, more than `count`.

        Returns:
            Of the first fields that share their places; None if they have too few.
        """
        part = torch.arange(len(self.groups))[: TOGETHER if self.shared else 1]
        order = self._shuffled(part, np.random.default_rng((0, count, others)))
        if len(order) <= others:
            return None
        seen = order[:others].sort().values
        trial = self._trial(part, seen, order[count:][:_ASKED])
        mask = trial.observations.mask.clone()
        mask[..., variable] &= torch.isin(seen, order[:count])
        return trial._replace(observations=replace(trial.observations, mask=mask))

    def _shuffled(self, rows: Tensor, rng: np.random.Generator) -> Tensor:
        """Numbers of the places that some fields share, in random order."""
        there = self.points.mask[rows].any(dim=-1).all(dim=0).nonzero()[:, 0].numpy()
        return torch.from_numpy(there[rng.permutation(len(there))])

    def _trial(self, rows: Tensor, seen: Tensor, asked: Tensor) -> Trial:
        points = self.points[rows]
        support = torch.zeros_like(points.coords) if points.support is None else points.support
        return Trial(
            points.points(seen).replace(labels=None),
            points.coords[0, asked].double(),
            support[0, asked].double(),
            points.values[:, asked].double(),
            points.mask[:, asked],
            self.groups[rows],
        )


def _some(count: int, most: int) -> np.ndarray:
    """At most so many of `count` rows, drawn with a fixed seed, in order."""
    return np.sort(np.random.default_rng(1).permutation(count)[:most])
