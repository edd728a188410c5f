"""On which scattered points the skill of a trained network is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from mamba_diffae.fields import Observations
from mamba_diffae.training.data.binning import cells_of
from mamba_diffae.training.data.foreign import placed
from mamba_diffae.training.data.point_batches import reading_weight, variance_of
from mamba_diffae.training.data.random_fields import RandomFields
from mamba_diffae.training.data.skill_cases import FIELDS, PLACES, SkillCase

if TYPE_CHECKING:
    from mamba_diffae.training.data.point_snapshots import PointSnapshots

OBSERVED = (0.0, 0.05, 0.2, 0.5, 0.8)
"""Shares of a snapshot's places that stay observed: one at least, and one is held back at least."""
_FEW = 4
"""Validation snapshots at least; where there are fewer, training snapshots serve beside them."""


def point_cases(data: PointSnapshots, seed: int) -> Iterator[SkillCase]:
    """Snapshots of which a share stays observed at random, and the rest is asked.

    Few snapshots are divided several times. Foreign ones have a Gaussian field's values at the same
    places: no batch of points holds such. Skill is known only where there are points: of places far
    from all of them it says nothing.

    Args:
        data: With splits: inside coordinates, scaled values.
        seed: Same seed, same cases.
    """
    own = data.take(_rows(data))
    parts, variance = (own, _foreign(own, seed)), variance_of(data.observations)
    groups, sets = np.tile(own.groups, 2), np.repeat(["own", "unseen"], len(own))
    for number, share in enumerate(OBSERVED):
        divided = [
            _divided(part, row, share, np.random.default_rng((seed, number, row)))
            for part in parts
            for row in range(len(own))
        ]
        seen, asked = map(Observations.stack, zip(*divided, strict=True))
        weight = reading_weight(asked, variance)
        yield SkillCase(seen, asked.coords, asked.values, weight, groups, sets)


def _rows(data: PointSnapshots) -> np.ndarray:
    """`FIELDS` of the snapshots that can be divided, evenly spread, or repeated."""
    rows = data.divisible()
    unseen, learned = (rows[data.splits[rows] == name] for name in ("val", "train"))
    rows = unseen if len(unseen) >= _FEW else np.concatenate([unseen, learned])
    place = np.linspace(0, len(rows) - 1, min(FIELDS, len(rows))).round().astype(int)
    return np.resize(rows[place], FIELDS)


def _foreign(own: PointSnapshots, seed: int) -> PointSnapshots:
    """As many snapshots with the same places, each with values of a Gaussian field of its own."""
    random, C = RandomFields(own.grid), own.n_variables
    cells, values = cells_of(own.grid, own.observations.coords.numpy()), []
    for row, cell in enumerate(cells):
        rng = np.random.default_rng((seed, len(OBSERVED), row))
        values.append(placed(rng, random.draw(rng, C)).reshape(-1, C)[cell])
    made = torch.from_numpy(np.stack(values)).to(own.observations.values)
    made = made.masked_fill(~own.observations.mask, 0)
    return replace(own, observations=own.observations.with_values(made))


def _divided(
    data: PointSnapshots, row: int, share: float, rng: np.random.Generator
) -> tuple[Observations, Observations]:
    """What stays observed of a snapshot, and what is asked."""
    total = data.places(row).max() + 1
    count = min(max(round(share * total), 1), total - 1)
    kept = np.isin(np.arange(total), rng.permutation(total)[:count])
    return data.divided(row, kept, rng, PLACES)
