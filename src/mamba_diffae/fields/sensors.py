"""What sensors at given places read of fields."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.inside import check_inside
from mamba_diffae.fields.observations import Observations
from mamba_diffae.fields.observe import box_averages, with_covariates


def observe_at(
    data: FieldData, places: np.ndarray, noise: np.ndarray | None = None, seed: int = 0
) -> Observations:
    """Readings of S fields at the same places: each the average over a native cell around it.

    Args:
        data: The fields; what is a gap is not observed.
        places: In physical coordinates, shape (N, D).
        noise: Standard deviation of the errors that are added, in the units of the variables, shape
            (C,), and stated; None: none are added, and none stated.
        seed: Of the errors.

    Raises:
        ShapeError: If there are no places.
        CoordinateError: If one lies outside the grid.
    """
    if not len(places):
        raise ShapeError("There are no sensors to observe with; place one at least.")
    inside = check_inside(places, data.grid, "sensors")
    values, weight = box_averages(data)(inside, np.zeros_like(inside))
    stated = None
    if noise is not None:
        values = values + noise * np.random.default_rng(seed).standard_normal(values.shape)
        stated = torch.from_numpy(np.broadcast_to(noise, values.shape).copy())
    coords = torch.from_numpy(np.broadcast_to(inside, (len(data), *inside.shape)).copy())
    seen = Observations(
        coords, torch.from_numpy(values), torch.from_numpy(weight > 0), noise=stated
    )
    return with_covariates(seen, data)


def some_of(places: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """A random share of sensors, one at least, in their order, shape (N, D)."""
    count = max(1, round(fraction * len(places)))
    chosen = np.random.default_rng(seed).choice(len(places), count, replace=False)
    return places[np.sort(chosen)]
