"""Fields that no source of the package holds: of many cells, on one axis, and seen by stations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import LATTICE_LIMIT, FieldData, Grid, Observations, observe
from mamba_diffae.sources import open_field
from mamba_diffae.sources.generated import gaussian_fields, independent

CELLS, COUNT = 160, 100
"""Cells along each axis of fields with many points, and how many fields."""
LENGTH, SMOOTHNESS = 4.0, 1.5
"""Their length scale, in cells, and ν of their Matérn covariance: about two points a length."""
STATIONS = 150
"""Points of a field of which nothing else is known."""
_SEED = 2_025
_BAND, _EVERY, _POLAR = 16, 2, 80
"""Degrees of a band of latitudes, degrees between two circles, and where they end."""


def many_cells() -> FieldData:
    """Random Gaussian fields, 100 of 160 × 160 cells, each a group, split in order."""
    rng = np.random.default_rng(_SEED)
    values = gaussian_fields(rng, COUNT, CELLS, LENGTH, SMOOTHNESS)[..., None]
    grid = Grid.regular(((0, CELLS), (0, CELLS)), (CELLS, CELLS))
    return independent(values, grid, ["value"], [""], ["affine"])


def latitude_circles() -> FieldData:
    """The embedded weather along circles of latitude: 1,920 series of 360 values of 4 variables.

    Every second degree from 80 degrees south to 79 north, in each of the 24 snapshots. A circle
    belongs to the split of its snapshot. Neighbouring circles are alike: a day of a band of 16
    degrees is a group.
    """
    data = open_field("weather")
    first = int(np.searchsorted(data.grid.axes[0].centres, -_POLAR))
    rows = np.arange(first, first + 2 * _POLAR, _EVERY)
    bands = (rows - first) // _BAND
    S, R = len(data), len(rows)
    return FieldData(
        data.variables,
        Grid(data.grid.axes[1:]),
        data.values[:, rows].reshape(S * R, *data.values.shape[2:]),
        names=[
            f"{name} lat {lat:g}" for name in data.names for lat in data.grid.axes[0].centres[rows]
        ],
        groups=(data.groups[:, None] * (bands.max() + 1) + bands).ravel(),
        splits=np.repeat(data.splits, R),
    )


@final
@dataclass(frozen=True, eq=False)
class Stations:
    """What is known of fields by stations alone.

    Attributes:
        fields: With splits; those for test are not looked at.
        seed: Of the places, other ones in each field.
    """

    fields: FieldData
    seed: int

    def observations(self) -> Observations:
        """At `STATIONS` places off the lattice in each field that is not for test."""
        known = self.fields.take(self.fields.splits != "test")
        cells = int(np.prod(known.grid.lattice_shape(LATTICE_LIMIT)))
        fraction = min(STATIONS / cells, 1.0)
        return observe(known, fraction, pattern="scattered", seed=self.seed)
