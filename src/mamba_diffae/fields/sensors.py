"""What sensors at given places read of fields."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.inside import check_inside
from mamba_diffae.fields.observations import Observations
from mamba_diffae.fields.observe import box_averages, with_covariates

_ROUNDING = 1e-9
"""Share of the largest noise that an average of exact values may differ from 0."""


def observe_at(
    data: FieldData, places: np.ndarray, noise: np.ndarray | None = None, seed: int = 0
) -> Observations:
    """Readings of S fields at the same places: each the average over a native cell around it.

    Args:
        data: The fields; what is a gap is not observed.
        places: In physical coordinates, shape (N, D).
        noise: Standard deviation of the errors that are added, in the units of the variables, shape
            (C,); None: none are added.
        seed: Of the errors.

    Returns:
        Points in physical coordinates and the units of the variables, with the covariates of the
        fields. Their noise is that of the fields and that of the errors together; None: neither.

    Raises:
        ShapeError: If there are no places.
        CoordinateError: If one lies outside the grid.
    """
    if not len(places):
        raise ShapeError("There are no sensors to observe with; place one at least.")
    inside = check_inside(places, data.grid, "sensors")
    points = np.zeros_like(inside)
    values, weight = box_averages(data)(inside, points)
    stated = None
    if data.noise is not None:
        stated = box_averages(data, data.noise)(inside, points)[0]
        stated = np.where(stated > _ROUNDING * data.noise.max(), stated, 0)  # exact stays exact
    if noise is not None:
        values = values + noise * np.random.default_rng(seed).standard_normal(values.shape)
        stated = np.hypot(0.0 if stated is None else stated, np.broadcast_to(noise, values.shape))
    coords = torch.from_numpy(np.broadcast_to(inside, (len(data), *inside.shape)).copy())
    error = None if stated is None else torch.from_numpy(stated)
    seen = Observations(coords, torch.from_numpy(values), torch.from_numpy(weight > 0), noise=error)
    return with_covariates(seen, data)


def some_of(places: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """A random share of sensors, one at least, in their order, shape (N, D)."""
    count = max(1, round(fraction * len(places)))
    chosen = np.random.default_rng(seed).choice(len(places), count, replace=False)
    return places[np.sort(chosen)]
