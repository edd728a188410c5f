"""How far apart sensors stand, and which places that leaves."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import ValuesError

EARTH_RADIUS = 6371.0088
"""Mean radius of the Earth, in kilometres (IUGG): Moritz (2000),
https://doi.org/10.1007/s001900050278."""
_ROUNDING = 1e-6
"""Share of the least distance by which two places may miss it: coordinates are often float32."""


@final
class Spacing:
    """Distances between places in space.

    On latitude and longitude the great-circle distance in kilometres. Else the straight one in the
    unit of the axes, the short way round those that close. Axes of another unit than most (time,
    depth beside metres) do not count.

    Args:
        scaler: Of the model.
        least: Distance below which two sensors may not stand.

    Raises:
        ValuesError: If that is negative or not finite.
    """

    def __init__(self, scaler: FieldScaler, least: float) -> None:
        self.scaler, self.geometry = scaler, scaler.geometry
        units = scaler.frame.units
        space = max(reversed(units), key=units.count)
        self.axes = [d for d, unit in enumerate(units) if unit == space]
        self.unit = "km" if self.geometry.sphere is not None else space
        if not (math.isfinite(least) and least >= 0):
            raise ValuesError(
                f"min_distance is {least}; give 0 or a positive distance"
                f"{self.unit and f' in {self.unit}'}."
            )
        self.least = float(least)

    def distances(self, place: np.ndarray, places: np.ndarray) -> np.ndarray:
        """From one place (D,) to others (n, D), physical ones within the grid, shape (n,)."""
        a, b = (torch.from_numpy(self._inside(x)) for x in (place[None], places))
        sphere = self.geometry.sphere
        if sphere is None:
            length = torch.tensor(self.scaler.frame.length, dtype=torch.float64)
            offset = self.geometry.displacement(a, b) * length
            return offset[:, self.axes].norm(dim=1).numpy()
        pair = {sphere.latitude_axis, sphere.longitude_axis}
        columns = [i for i, of in enumerate(self.geometry.embedded_axes) if set(of) == pair]
        straight = (self.geometry.embed(a) - self.geometry.embed(b))[:, columns].norm(dim=1)
        angle = 2 * (straight * sphere.radians / 2).clamp(max=1).asin()
        return (EARTH_RADIUS * angle).numpy()

    def _inside(self, places: np.ndarray) -> np.ndarray:
        return self.scaler.frame.coords(places[:, list(self.scaler.order)])

    def free(self, places: np.ndarray, occupied: np.ndarray) -> np.ndarray:
        """Which places (n, D) are far enough from all occupied ones (m, D), shape (n,)."""
        found = np.ones(len(places), dtype=bool)
        if self.least:
            for place in occupied:
                found &= self.distances(place, places) >= self.least * (1 - _ROUNDING)
        return found
