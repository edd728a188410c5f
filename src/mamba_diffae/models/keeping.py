"""Observations kept: a field is moved to what was measured, exactly or within its noise.

A network's field f need not pass through the observations. What it misses, y - ε - H f, is spread
by the covariance of its prior: Matheron's rule, docs/concepts.md, eq. (50). For the mean ε is 0, of
a draw it is one of the errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Grid, Observations
from mamba_diffae.fields.windows import cell_positions
from mamba_diffae.flow import fold, normals
from mamba_diffae.priors import Prior
from mamba_diffae.priors.conditional import Conditional

_ERRORS = 0x0B5E
"""Marks the keys of the errors of a draw."""
_MOST = 24
"""Corrections in all, at most."""
_CLOSE = 1e-7
"""Misfit that is left of an exact value, for values scaled to [-1, 1]."""
_LESS = 0.99
"""Share of the misfit that a correction may leave: repeats that differ cannot all be met."""


@final
class Keeping:
    """What is needed to move fields of one batch to their observations.

    Args:
        prior: Of the network, on any device.
        observations: Of B fields, with noise: standard deviations, 0 for exact values.
        cell: Sides of a native cell, D numbers: over so wide parts of a support a field is read.
        grid: On which the fields are, inside coordinates: a part counts by its area, and if its
            cell exists, docs/concepts.md, eq. (2). None: all parts count alike.

    Attributes:
        parts: Of the support of each observation.
        places: Their centres, shape (B, N parts, D).
    """

    def __init__(
        self,
        prior: Prior,
        observations: Observations,
        cell: Sequence[float],
        grid: Grid | None = None,
    ) -> None:
        self.prior, self.observations = prior, observations.to("cpu")
        coords, support = self.observations.coords, self.observations.support
        sides = torch.zeros_like(coords) if support is None else support
        offsets, inside = _offsets(sides, cell)
        self.parts = offsets.shape[2]
        places = coords[:, :, None] + offsets * sides[:, :, None]
        self.places = places.flatten(1, 2)
        self._weights = _weights(places, inside, grid)[..., None]

    @classmethod
    def of(
        cls,
        prior: Prior,
        observations: Observations | None,
        cell: Sequence[float],
        grid: Grid | None = None,
    ) -> Self | None:
        """For observations of stated noise, beside a prior that answers anywhere; else None."""
        if observations is None or observations.noise is None or not prior.answers_anywhere:
            return None
        return cls(prior, observations, cell, grid)

    def moved(
        self, fields: Sequence[Tensor], there: Sequence[Tensor], asked: Tensor, keys: Tensor | None
    ) -> list[Tensor]:
        """Several fields of each of B, all moved.

        Args:
            fields: Each at the M places that are asked, shape (B, M, C), scaled.
            there: The same fields at `places`, shape (B, N parts, C).
            asked: The M places, shape (B, M, D).
            keys: Of the draws among them, shape (B, K), of the last K fields; None: all are means.
        """
        values, read = torch.stack(list(fields), 1).double().cpu(), self._read(there)
        seen, found = self.observations, []
        for b in range(len(seen)):
            one = seen[torch.tensor([b])]
            copies = one[torch.zeros(len(fields), dtype=torch.long)]
            target = copies.values.double() - self._errors(one, len(fields), keys, b)
            missed = (target - read[b]).masked_fill(~copies.mask, 0.0)
            exact = copies.mask & (copies.noise == 0)  # pyright: ignore[reportOptionalOperand]
            known = self.prior.condition(copies)
            change = _Change(known, self.places[b].double(), self._weights[b])
            found.append(
                values[b] + known.update(change.solve(missed, exact), asked[b].double().cpu())
            )
        like = fields[0]
        return [field.to(like) for field in torch.stack(found, dim=1)]

    def _read(self, there: Sequence[Tensor]) -> Tensor:
        """Fields averaged over the supports, shape (B, F, N, C)."""
        stacked = torch.stack(list(there), 1).double().cpu()
        return _averaged(stacked, self._weights[:, None])

    def _errors(self, one: Observations, count: int, keys: Tensor | None, b: int) -> Tensor:
        """A draw of the errors of each field, shape (F, N, C): 0 of means."""
        errors = torch.zeros(count, *one.values.shape[1:], dtype=torch.float64)
        if keys is None or one.noise is None or not keys.shape[1]:
            return errors
        each = fold(fold(keys[b].cpu(), _ERRORS)[:, None], _numbers(one))
        drawn = normals(each, one.values.shape[2]).double() * one.noise.double()
        errors[count - len(drawn) :] = drawn
        return errors


@final
class _Change:
    """The linear map from what is missed to what a field changes over the supports."""

    def __init__(self, known: Conditional, places: Tensor, weights: Tensor) -> None:
        self.known, self.places, self.weights = known, places, weights

    def solve(self, missed: Tensor, exact: Tensor) -> Tensor:
        """What to hand to `Conditional.update`, so that exact values are met.

        One application filters noise. Kernels are averaged over a support by other nodes than a
        field is read at, so exact values need more: conjugate residuals with all former directions
        (GCR), of each field by itself [Eisenstat, Elman & Schultz (1983)].

        Args:
            missed: Shape (F, N, C).
            exact: Which values have no noise, of the same shape.
        """
        total = missed.clone()
        left = (missed - self._applied(missed)) * exact
        directions: list[tuple[Tensor, Tensor]] = []
        before = left.new_tensor(math.inf)
        for _ in range(_MOST):
            size = left.norm()
            if not (left.abs() > _CLOSE).any() or size > _LESS * before:
                break
            before = size
            p, Ap = left, self._applied(left) * exact
            for q, Aq in directions:
                share = _inner(Ap, Aq) / _inner(Aq, Aq).clamp(min=1e-300)
                p, Ap = p - share * q, Ap - share * Aq
            directions.append((p, Ap))
            step = _inner(left, Ap) / _inner(Ap, Ap).clamp(min=1e-300)
            total, left = total + step * p, left - step * Ap
        return total

    def _applied(self, missed: Tensor) -> Tensor:
        return _averaged(self.known.update(missed, self.places), self.weights)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(1, 2), keepdim=True)


def _numbers(one: Observations) -> Tensor:
    """Numbers of the observations of a field, in whatever order they are given, shape (N,)."""
    absent = ~one.present[..., None]  # padding is last: how much there is depends on the batch
    parts = (absent, one.mask, one.coords, one.support, one.values, one.noise)
    columns = torch.cat([part[0].double() for part in parts if part is not None], dim=1)
    order = torch.from_numpy(np.lexsort(columns.T.flip(0).numpy()))
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))


def _averaged(values: Tensor, weights: Tensor) -> Tensor:
    """Values (..., N parts, C) averaged over parts of weights (..., N, parts, 1)."""
    return (values.unflatten(-2, weights.shape[-3:-1]) * weights).sum(dim=-2)


def _offsets(sides: Tensor, cell: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Centres of the parts of boxes, so many that a part is about a native cell.

    Each box is divided by itself: what else is observed, there or of other fields, changes nothing.

    Args:
        sides: Of the boxes, shape (B, N, D).
        cell: Sides of a native cell.

    Returns:
        In units of the sides, shape (B, N, parts, D), 0 of the parts that a box does not have, and
        which it has, (B, N, parts).
    """
    counts = (sides / sides.new_tensor(cell) - 1e-3).ceil().clamp(min=1)
    most = counts.flatten(0, -2).amax(dim=0).tolist()
    axes = [torch.arange(n, dtype=sides.dtype) for n in most]
    number = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    every = counts[:, :, None]
    inside = (number < every).all(dim=-1)
    return ((number + 0.5) / every - 0.5) * inside[..., None], inside


def _weights(places: Tensor, inside: Tensor, grid: Grid | None) -> Tensor:
    """What the parts of boxes count, float64, with a sum of 1; all alike where none exists.

    Args:
        places: Shape (B, N, parts, D).
        inside: Which parts a box has, shape (B, N, parts).
        grid: See `Keeping`.
    """
    alike = inside.double()
    weights = alike if grid is None else alike * _density(grid, places.double())
    known = weights.sum(dim=-1, keepdim=True) > 0
    weights = torch.where(known, weights, alike)
    return weights / weights.sum(dim=-1, keepdim=True)


def _density(grid: Grid, places: Tensor) -> Tensor:
    """Area by unit of the coordinates at places (..., D); 0 where nothing exists."""
    where = places.flatten(0, -2).numpy()
    cell = np.minimum(cell_positions(grid, where).astype(np.int64), np.array(grid.shape) - 1)
    found = grid.exists[tuple(cell.T)].astype(np.float64)
    for d, axis in enumerate(grid.axes):
        beyond = (where[:, d] < axis.low) | (where[:, d] > axis.high)
        found *= (axis.measures / axis.widths)[cell[:, d]] * (axis.periodic | ~beyond)
    return torch.from_numpy(found).unflatten(0, places.shape[:-1])
