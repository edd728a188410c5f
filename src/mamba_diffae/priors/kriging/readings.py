"""What was observed of one field, in the form in which Gaussians are conditioned on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import fields as parts_of
from functools import cached_property
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry, Shape
from mamba_diffae.priors.kriging.cells import Cells

SAME_PLACE = 1e-9
"""Share of the diameter below which two observations are at one place."""
NODES = 3
"""Nodes of the rule of an average over a box, along each axis."""
_RULE = np.polynomial.legendre.leggauss(NODES)
_GROUP = 4
"""Places that are drawn together: in a plane, enough for the slope of a field."""
_NEGLIGIBLE = 1e-3
"""Side of a box, as a share of the diameter, below which it counts as a point."""


@final
@dataclass(frozen=True)
class Boxes:
    """Places, or boxes over which a value is averaged.

    Attributes:
        nodes: Embedded coordinates of the nodes of a rule, shape (..., n, q, E).
        weights: Of the nodes, shape (q,), sum 1.
        cells: Where all are points, and centres of cells of one lattice.
    """

    nodes: Tensor
    weights: Tensor
    cells: Cells | None = None

    @classmethod
    def of(
        cls,
        coords: Tensor,
        geometry: Geometry,
        sides: Tensor | None = None,
        shape: Shape | None = None,
    ) -> Self:
        """From places along the axes (n, D) and sides of boxes (n, D); None: points.

        An average over a box is that at `NODES` nodes of Gauss and Legendre along each axis on
        which any box has an extent. Points that are cells of a lattice of some shape are compared
        faster.
        """
        if sides is None or not (sides > _NEGLIGIBLE * geometry.diameter).any():
            one = torch.ones(1, dtype=torch.float64)
            cells = None if shape is None else Cells.of(coords, geometry, shape)
            return cls(geometry.embed(coords)[..., None, :], one, cells)
        wide = (sides > _NEGLIGIBLE * geometry.diameter).any(dim=0).tolist()
        single = (np.zeros(1), np.full(1, 2.0))
        rules = [_RULE if w else single for w in wide]
        grid = np.stack(np.meshgrid(*(r[0] for r in rules), indexing="ij"), -1)
        shares = np.stack(np.meshgrid(*(r[1] / 2 for r in rules), indexing="ij"), -1).prod(-1)
        steps = torch.from_numpy(grid.reshape(-1, len(rules))) / 2
        nodes = coords[..., None, :] + steps * sides[..., None, :]
        return cls(geometry.embed(nodes), torch.from_numpy(shares.reshape(-1)))

    def __len__(self) -> int:
        return self.nodes.shape[-3]

    def __getitem__(self, index: Tensor | slice) -> Boxes:
        """Those at an index."""
        cells = self.cells
        if cells is not None:
            cells = cells._replace(number=cells.number[index])
        return Boxes(self.nodes[index], self.weights, cells)

    @property
    def rule(self) -> int:
        """Nodes of a box, q."""
        return self.nodes.shape[-2]

    @cached_property
    def cell_index(self) -> Tensor | None:
        """See `Cells.flat`; None: they are not cells of a lattice."""
        return None if self.cells is None else self.cells.flat

    @property
    def centres(self) -> Tensor:
        """Embedded centres, (..., n, E): on a circle slightly inside it where boxes are wide."""
        return (self.nodes * self.weights[:, None]).sum(dim=-2)


@final
@dataclass(frozen=True)
class Readings:
    """What was observed of one field: m readings, in W columns that share places and covariance.

    Either each variable is a column, and all were observed at the same places (there is then one
    kind, T = 1): the covariance K ⊗ C of points and variables has one factor K for all. Or there
    is one column, and each reading is of the variable `kind` (T = C): the general case.

    Attributes:
        boxes: Where, m of them.
        values: Shape (m, W).
        kind: Shape (m,), int64, below T.
        repeats: How many readings of one place each stands for, shape (m,).
        noise: Variance of the error of each, in the unit of the values, shape (m,); None: unknown.
        group: Number of the noise group, shape (m,), or None.
        place: Number of the place, shape (m,): set by `merge` where there are several kinds, whose
            nuggets at one place go together as the kinds do.
    """

    boxes: Boxes
    values: Tensor
    kind: Tensor
    repeats: Tensor
    noise: Tensor | None = None
    group: Tensor | None = None
    place: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Tensor | slice) -> Readings:
        """Those at an index; one of several axes adds leading ones."""
        given = ((part.name, getattr(self, part.name)) for part in parts_of(self))
        taken: dict[str, Any] = {k: None if part is None else part[index] for k, part in given}
        return Readings(**taken)

    def in_small_groups(self, count: int) -> Readings:
        """At most so many of them, see `small_groups`; the same for any order of the points."""
        if len(self) <= count:
            return self
        kept = small_groups(self.boxes.centres, count, np.random.default_rng(0))
        return self[torch.from_numpy(kept)]

    def thinned(self, count: int) -> Readings:
        """At most so many of them, the same for any order of the points: drawn with a fixed seed.

        They are in the order of their places, see `merge`.
        """
        if len(self) <= count:
            return self
        kept = np.sort(np.random.default_rng(0).permutation(len(self))[:count])
        return self[torch.from_numpy(kept)]


def small_groups(places: Tensor, count: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many of some places, in order: half of them drawn ones with their nearest ones.

    Places that are all far from each other tell nothing of how a field varies between neighbours:
    what it does there would count as an error of each reading, a nugget.

    Args:
        places: Embedded, shape (n, E).
        count: How many.
        rng: What draws them.
    """
    order = rng.permutation(len(places))
    if len(places) <= count:
        return np.arange(len(places))
    drawn = torch.from_numpy(order[: -(-count // (2 * _GROUP))])
    away = torch.cdist(places[drawn], places, compute_mode="donot_use_mm_for_euclid_dist")
    near = away.argsort(dim=1, stable=True)[:, :_GROUP].mT.flatten().numpy()
    _, first = np.unique(joined := np.concatenate([near, order]), return_index=True)
    return np.sort(joined[np.sort(first)[:count]])


def merge(readings: Readings, keys: Tensor, diameter: float) -> Readings:
    """Readings in the order of their places, those of one place, kind and group made one.

    What stands for several is their average, weighted by their precision if the noise is known.
    By how much they differ does not count: two readings of one station would else decide on the
    nugget everywhere.

    Args:
        readings: Any.
        keys: What tells places apart, lengths in the unit of the diameter's, shape (m, K).
        diameter: Of the region.
    """
    parts = [(keys / (SAME_PLACE * diameter)).round(), readings.kind[:, None].double()]
    if readings.group is not None:
        parts.append(readings.group[:, None].double())
    # The values come last, so that the order of equal places does not matter either.
    parts.append(readings.values)
    if readings.noise is not None:
        parts.append(readings.noise[:, None])
    table = torch.cat(parts, dim=1).numpy()
    order = torch.from_numpy(np.lexsort(table.T[::-1]))
    width = sum(p.shape[1] for p in parts[: 3 if readings.group is not None else 2])
    sorted_, here = readings[order], torch.from_numpy(table[order.numpy(), :width])
    new = torch.ones(len(order), dtype=torch.bool)
    new[1:] = (here[1:] != here[:-1]).any(dim=1)
    merged = sorted_ if new.all() else _averaged(sorted_, new.cumsum(0) - 1, new)
    if not merged.kind.any():
        return merged
    apart = (here[1:, : keys.shape[1]] != here[:-1, : keys.shape[1]]).any(dim=1)
    place = torch.cat([torch.zeros(1, dtype=torch.int64), apart.cumsum(0)])
    return replace(merged, place=place[new])


def with_some_last(readings: Readings, count: int) -> Tensor:
    """An order of readings in which so many places stand last that are drawn from all of them.

    The last rows of a matrix's factor are the factor of what the others leave: what is asked of the
    last places costs no more than they are. See docs/concepts.md, eq. (42).

    Args:
        readings: In the order of their places.
        count: How many places; if there are no more, all stay where they are.

    Returns:
        Indices, shape (m,).
    """
    rows = torch.arange(len(readings))
    place = rows if readings.place is None else readings.place
    places = int(place[-1]) + 1
    if places <= count:
        return rows
    last = torch.zeros(places, dtype=torch.bool)
    last[torch.from_numpy(np.random.default_rng(0).permutation(places)[:count])] = True
    return last[place].int().argsort(stable=True)


def reordered(readings: Readings, order: Tensor) -> Readings:
    """Readings in another order of their places, which are numbered anew."""
    made = readings[order]
    if made.place is None:
        return made
    new = torch.zeros_like(made.place)
    new[1:] = made.place[1:] != made.place[:-1]
    return replace(made, place=new.cumsum(0))


def _averaged(readings: Readings, place: Tensor, first: Tensor) -> Readings:
    count = int(place[-1]) + 1
    weight = readings.repeats.clone()
    noise = readings.noise
    if noise is not None:
        # An exact reading outweighs all others of its place.
        floor = noise[noise > 0].min() * 1e-12 if (noise > 0).any() else noise.new_ones(())
        weight = 1 / noise.maximum(floor)
    total = weight.new_zeros(count).index_add_(0, place, weight)
    values = readings.values.new_zeros(count, readings.values.shape[1])
    values.index_add_(0, place, readings.values * (weight / total[place])[:, None])
    repeats = weight.new_zeros(count).index_add_(0, place, readings.repeats)
    if noise is not None:
        exact = torch.zeros(count).double().index_add_(0, place, (noise == 0).double()) > 0
        noise = torch.where(exact, 0.0, 1 / total)
    return replace(readings[first], values=values, repeats=repeats, noise=noise)
