"""Fields that were observed alike, in the form in which Gaussians are conditioned on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.likelihood import Sample
from mamba_diffae.priors.kriging.readings import (
    Boxes,
    Readings,
    merge,
    reordered,
    with_some_last,
)
from mamba_diffae.priors.leave_out import MOST_SINGLES


@final
@dataclass(frozen=True)
class Seen:
    """What was observed of F fields at the same places, in units of the usual deviation.

    Attributes:
        readings: All of them. Together: n of them, whose values are those of one variable of every
            field, then those of the next, shape (n, C F). Else m of single variables, (m, F).
        sample: From which laws are chosen. Together: each variable of each field has its own; else
            all variables of a field share theirs.
        together: Whether all variables were observed at all places, with errors alike: then the
            covariance of places and variables factors.
        coords: Place of each reading along the axes, shape (n, D).
        support: Sides of its box as stated, shape (n, D), 0: a point.
        finer: How much finer each reading is than a cell: 0 as wide, 1 a point, shape (n,).
        variables: C.
        fields: F.
    """

    readings: Readings
    sample: Sample
    together: bool
    coords: Tensor
    support: Tensor
    finer: Tensor
    variables: int
    fields: int

    @cached_property
    def kind(self) -> Tensor:
        """Variable of each row, shape (m,)."""
        if self.together:
            return torch.arange(self.variables).repeat(len(self.readings))
        return self.readings.kind

    @cached_property
    def reading(self) -> Tensor:
        """Number of the reading of each row, shape (m,)."""
        count = len(self.readings)
        if self.together:
            return torch.arange(count).repeat_interleave(self.variables)
        return torch.arange(count)

    @cached_property
    def place(self) -> Tensor:
        """Number of the place of each row, shape (m,)."""
        if self.together or self.readings.place is None:
            return self.reading
        return self.readings.place

    @property
    def places(self) -> int:
        """How many places."""
        return int(self.place[-1]) + 1

    @property
    def first(self) -> Tensor:
        """Number of a reading of each place, shape (places,)."""
        place = self.place
        new = torch.ones_like(place, dtype=torch.bool)
        new[1:] = place[1:] != place[:-1]
        return self.reading[new]

    @cached_property
    def values(self) -> Tensor:
        """Of each row and field, place by place, shape (m, F)."""
        return self.rows(self.readings.values)

    def apart(self) -> list[tuple[Tensor, Seen]]:
        """Variables that are kriged together, and what was seen of them."""
        every, readings = torch.arange(self.variables), self.readings
        count = self.places * self.variables
        if self.together or readings.noise is None or len(readings) < count:
            return [(every, self)]
        found = []
        for c in every:
            of = (readings.kind == c).nonzero()[:, 0]
            alone = readings[of]
            alone = replace(alone, kind=torch.zeros_like(alone.kind), place=None)
            sample = Sample([alone], self.fields)
            at = (self.coords[of], self.support[of], self.finer[of])
            found.append((c[None], Seen(alone, sample, True, *at, 1, self.fields)))
        return found

    def rows(self, columns: Tensor) -> Tensor:
        """Numbers in the form of the readings' values as rows (m, F)."""
        if not self.together:
            return columns
        return columns.reshape(len(columns), self.variables, self.fields).flatten(0, 1)


def alike(observations: Observations) -> list[Tensor]:
    """Numbers of the fields that were observed at the same places, with the same errors."""
    groups: dict[bytes, list[int]] = {}
    parts = [observations.coords, observations.mask, observations.support, observations.noise]
    parts = [p.contiguous().numpy() for p in (*parts, observations.noise_group) if p is not None]
    for b in range(len(observations)):
        key = b"".join(part[b].tobytes() for part in parts)
        groups.setdefault(key, []).append(b)
    return [torch.tensor(rows) for rows in groups.values()]


def see(observations: Observations, mean: Tensor, deviation: Tensor, config: PriorConfig) -> Seen:
    """Observations of F fields that were observed alike, at one place at least.

    Args:
        observations: Inside coordinates, scaled values, on the CPU.
        mean: What is subtracted, shape (C,).
        deviation: What values are divided by, shape (C,).
        config: Region and lattice.
    """
    there = observations.mask[0].any(dim=-1)
    mask, geometry = observations.mask[0, there], config.geometry
    coords = geometry.wrap(observations.coords[0, there].double())
    y = ((observations.values[:, there].double() - mean) / deviation).permute(1, 2, 0)
    support = torch.zeros_like(coords)
    if observations.support is not None:
        support = observations.support[0, there].double()
    noise = observations.noise
    if noise is not None:
        noise = (noise[0, there].double() / deviation).square()
    group = observations.noise_group
    builder = _Builder(coords, support, group if group is None else group[0, there], config)
    C, F = y.shape[1:]
    if bool(mask.all()) and (noise is None or not bool(noise.any())):
        every = torch.arange(len(y))
        error = None if noise is None else torch.zeros(len(y), dtype=torch.float64)
        made, at, sides = builder.merged(every, y.flatten(1), None, error)
        return Seen(made, Sample([made], C * F), True, at, sides, builder.finer(sides), C, F)
    parts = []
    for c, here in enumerate(mask.T):
        at = here.nonzero()[:, 0]
        error = None if noise is None else noise[at, c]
        parts += [builder.merged(at, y[at, c], None, error)[0]] if len(at) else []
    point, kind = mask.nonzero(as_tuple=True)
    error = None if noise is None else noise[point, kind]
    made, at, sides = builder.merged(point, y[point, kind], kind, error)
    return Seen(made, Sample(parts, F), False, at, sides, builder.finer(sides), C, F)


def coarse(seen: Seen, config: PriorConfig, most: int) -> Seen:
    """The same with the readings of each cell of the lattice averaged, at most `most` of them.

    What is left is an average over about a cell, at the mean place. It serves where there are so
    many readings that no system is solved for all of them.
    """
    if len(seen.readings) <= most:
        return seen
    shape = torch.tensor(config.shape)
    extent = torch.tensor(config.geometry.extent, dtype=torch.float64)
    cells = (seen.coords / extent * shape).floor().maximum(torch.zeros(())).minimum(shape - 1.0)
    width, dim = seen.readings.values.shape[1], seen.coords.shape[1]
    table = torch.cat([seen.readings.values, seen.coords], dim=1)
    made = replace(seen.readings, values=table, place=None)
    made = merge(made, cells, 1.0).thinned(most)
    if made.place is not None:
        made = replace(made, place=made.place.unique(return_inverse=True)[1])
    made = reordered(made, with_some_last(made, MOST_SINGLES))
    values, coords = made.values.split([width, dim], dim=1)
    made = replace(made, boxes=Boxes.of(coords, config.geometry), values=values.contiguous())
    parts = [made] if seen.together else [made[made.kind == c] for c in made.kind.unique()]
    parts = [replace(part, kind=torch.zeros_like(part.kind), place=None) for part in parts]
    sample = Sample(parts, seen.sample.fields)
    support, finer = (extent / shape).expand(coords.shape), torch.zeros(len(coords)).double()
    together = seen.together
    C, F = seen.variables, seen.fields
    return Seen(made, sample, together, coords, support, finer, C, F)


@final
class _Builder:
    """Makes readings of some of the observations."""

    def __init__(
        self, coords: Tensor, support: Tensor, group: Tensor | None, config: PriorConfig
    ) -> None:
        self.coords, self.support, self.group = coords, support, group
        self.geometry = config.geometry
        cells = zip(config.geometry.extent, config.shape, strict=True)
        self.cell = cell = torch.tensor([a / n for a, n in cells], dtype=torch.float64)
        # Sides beyond those of a cell, by variance: laws are those of averages over cells.
        sides = (support.square() - cell.square() * (1 + 1e-5)).clamp(min=0).sqrt()
        self.boxes = Boxes.of(coords, self.geometry, sides, config.shape)
        self.keys = self.geometry.embed(coords)
        if bool(sides.any()):
            self.keys = torch.cat([self.keys, sides], dim=1)

    def finer(self, support: Tensor) -> Tensor:
        """How much finer supports (n, D) are than a cell, (n,)."""
        return (1 - (support / self.cell).mean(dim=1)).clamp(0, 1)

    def merged(
        self, point: Tensor, values: Tensor, kind: Tensor | None, noise: Tensor | None
    ) -> tuple[Readings, Tensor, Tensor]:
        """Readings, those of one place made one, with their coordinates and supports."""
        count, width, dim = len(point), values.shape[1], self.coords.shape[1]
        kinds = torch.zeros(count, dtype=torch.int64) if kind is None else kind
        ones = torch.ones(count, dtype=torch.float64)
        shared = None if self.group is None else self.group[point]
        # Coordinates and supports go along as values, of which repeats are averaged.
        table = torch.cat([values, self.coords[point], self.support[point]], dim=1)
        made = Readings(self.boxes[point], table, kinds, ones, noise, shared)
        made = merge(made, self.keys[point], self.geometry.diameter)
        made = reordered(made, with_some_last(made, MOST_SINGLES))
        values, coords, support = made.values.split([width, dim, dim], dim=1)
        return replace(made, values=values.contiguous()), coords, support
