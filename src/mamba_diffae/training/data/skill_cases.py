"""On which fields, and where, the skill of a trained network is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Observations
from mamba_diffae.training.data.backgrounds import Backgrounds
from mamba_diffae.training.data.batches import known_rows
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.foreign import UNSEEN, ForeignFields
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.data.sampling import ObservationSampler

FIELDS, PLACES = 32, 512
"""Own fields, and places of each that are scored, at most; foreign fields are as many."""
CONDITIONS = (
    *(("random", fraction) for fraction in (0.005, 0.02, 0.05, 0.2, 0.6)),
    *((pattern, 0.2) for pattern in ("block", "clusters", "track")),
)
"""Pattern and share of the observed lattice."""
_SPLITS = ("val", "train")


@final
class SkillCase(NamedTuple):
    """F fields under one condition: own ones, then foreign ones.

    Attributes:
        seen: What is observed of them.
        coords: Where they are asked, shape (F, N, D).
        truth: Values there, scaled, shape (F, N, C).
        weight: What each counts, 0 where nothing is known or it was observed, the same shape.
        groups: To be hidden from the prior, shape (F,).
        sets: "own"; "met": foreign, of a kind that batches hold; or "unseen". Shape (F,).
    """

    seen: Observations
    coords: Tensor
    truth: Tensor
    weight: Tensor
    groups: np.ndarray
    sets: np.ndarray

    def own(self) -> SkillCase:
        """That of the own fields alone."""
        rows = slice(int((self.sets == "own").sum()))
        fields = self.seen[rows], self.coords[rows], self.truth[rows], self.weight[rows]
        return SkillCase(*fields, self.groups[rows], self.sets[rows])


@final
class _Fields(NamedTuple):
    """Own fields, then foreign ones.

    Attributes:
        sampler: Of observations.
        native: The truth.
        backgrounds: Of the own fields, and of foreign ones made of them.
        groups: See `SkillCase`.
        sets: See `SkillCase`.
    """

    sampler: ObservationSampler
    native: Lattice
    backgrounds: Backgrounds
    groups: np.ndarray
    sets: np.ndarray


def field_cases(
    data: FieldData, sampling: DataConfig, geometry: Geometry, seed: int
) -> Iterator[SkillCase]:
    """Fields of the split "val", if those are few also of "train", under each of `CONDITIONS`.

    Args:
        data: With splits: inside coordinates, scaled values.
        sampling: The observed lattice; see `DataConfig.for_data`.
        geometry: Of the region.
        seed: Same seed, same cases.
    """
    fields = _fields(data, sampling, seed)
    rng = np.random.default_rng((seed, len(CONDITIONS)))
    existing = np.flatnonzero(data.grid.exists)
    cells = np.sort(rng.permutation(existing)[:PLACES])
    coords = torch.from_numpy(data.grid.centres()[cells].astype(np.float32))
    rows, straight = np.arange(len(fields.groups)), np.zeros(len(fields.groups), dtype=bool)
    truth, known = map(torch.from_numpy, fields.native.at(rows, cells, straight))
    weight = known * torch.from_numpy(fields.native.area[cells])[:, None]
    asked = coords.expand(len(rows), -1, -1)
    for number, (pattern, fraction) in enumerate(CONDITIONS):
        stream = np.random.default_rng((seed, number))
        seen = fields.sampler.cells(stream, rows, straight, fraction, pattern)
        seen = fields.backgrounds.joined(seen, rows % (len(rows) // 2), straight)
        apart = unobserved(seen, coords, geometry)[..., None]
        yield SkillCase(seen, asked, truth, weight * apart, fields.groups, fields.sets)


def unobserved(seen: Observations, coords: Tensor, geometry: Geometry) -> Tensor:
    """Which of places (N, D) lie in no averaged box of an observation, shape (B, N), bool."""
    if (seen.coords == seen.coords[:1]).all() and (seen.present == seen.present[:1]).all():
        seen = seen[:1]
    sides = torch.zeros_like(seen.coords) if seen.support is None else seen.support
    inside = seen.present[:, :, None].expand(-1, -1, len(coords)).clone()
    for d, (extent, periodic) in enumerate(zip(geometry.extent, geometry.periodic, strict=True)):
        away = (coords[:, d] - seen.coords[..., d, None]).abs()
        away = torch.minimum(away, extent - away) if periodic else away
        inside &= away <= sides[..., d, None] / 2 + 1e-6 * extent
    return ~inside.any(dim=1)


def _fields(data: FieldData, sampling: DataConfig, seed: int) -> _Fields:
    """Fields to score, each foreign one made of an own one, half of them of the unseen kind."""
    own = data.take(_own_rows(data))
    foreign, numbers = ForeignFields(own), range(len(own))
    kinds = [UNSEEN if i % 2 else (k := foreign.kinds(i))[i // 2 % len(k)] for i in numbers]
    streams = [np.random.default_rng((seed, 1, i)) for i in numbers]
    made = foreign.of_kinds(kinds, streams, np.arange(len(own)))
    return _Fields(
        ObservationSampler(own, sampling).joined(made),
        Lattice.of(own).joined(Lattice.of(made)),
        Backgrounds(own),
        np.concatenate([own.groups, made.groups]),
        np.array(["own"] * len(own) + ["unseen" if kind == UNSEEN else "met" for kind in kinds]),
    )


def _own_rows(data: FieldData) -> np.ndarray:
    """Validation fields; training fields beside them where they are fewer than half of `FIELDS`."""
    known = known_rows(data)
    unseen, learned = (_spread(data, known[data.splits[known] == s], FIELDS) for s in _SPLITS)
    if 2 * len(unseen) >= FIELDS:
        return unseen
    return np.concatenate([unseen, _spread(data, learned, FIELDS - len(unseen))])


def _spread(data: FieldData, rows: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the rows, the first of each group, evenly spread."""
    first = rows[np.sort(np.unique(data.groups[rows], return_index=True)[1])]
    place = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
    return first[place]
