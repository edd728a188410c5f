"""Linear interpolation between observations."""

from __future__ import annotations

import itertools
from typing import ClassVar, final

import numpy as np

from mamba_diffae.evaluation.baselines.nearest import nearest_values
from mamba_diffae.evaluation.baselines.per_field import Interpolator, Samples
from mamba_diffae.evaluation.baselines.space import Places

_MARGIN = 0.5
"""How far copies of the observations reach beyond the border of a periodic axis, in periods."""


@final
class Linear(Interpolator):
    """Linear on the simplices of Delaunay; the nearest observation outside their hull.

    Simplices are those of the coordinates along the axes, also on a sphere; across the border of a
    periodic axis they go on. Observations that span no simplex (too few, or all on one line or
    plane) leave the nearest.
    """

    name: ClassVar[str] = "linear"

    def interpolate(self, samples: Samples, targets: Places) -> np.ndarray:
        """See `Interpolator.interpolate`."""
        if samples.places.geometry.dim == 1:
            return _along_one_axis(samples, targets)
        return _on_simplices(samples, targets)


def _along_one_axis(samples: Samples, targets: Places) -> np.ndarray:
    geometry = samples.places.geometry
    period = geometry.extent[0] if geometry.periodic[0] else None
    order = np.argsort(samples.places.flat[:, 0])
    x, values = samples.places.flat[order, 0], samples.values[order]
    columns = [np.interp(targets.flat[:, 0], x, column, period=period) for column in values.T]
    return np.stack(columns, axis=1)


def _on_simplices(samples: Samples, targets: Places) -> np.ndarray:
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    values = nearest_values(samples, targets)
    try:
        # On a lattice the simplices are not unique; these are those of the columns (x, y).
        coords, known = _with_copies(samples)
        inner = LinearNDInterpolator(coords[:, ::-1], known)(targets.flat[:, ::-1])
    except QhullError:
        return values
    return np.where(np.isnan(inner), values, inner)


def _with_copies(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Samples, with copies of those within reach across the borders of periodic axes."""
    coords, geometry = samples.places.flat, samples.places.geometry
    turns = [(0, 1, -1) if periodic else (0,) for periodic in geometry.periodic]
    extent = np.array(geometry.extent)
    places, values = [], []
    for turn in itertools.product(*turns):
        moved = coords + np.array(turn) * extent
        reached = np.abs(moved / extent - 0.5) <= 0.5 + _MARGIN
        near = reached[:, geometry.periodic].all(axis=1)
        places.append(moved[near])
        values.append(samples.values[near])
    return np.concatenate(places), np.concatenate(values)
