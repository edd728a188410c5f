"""The one door through which ours and every baseline are judged."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from mamba_diffae.fields import FieldBatch, SparseField, area_average, pixel_centres

Predictor = Callable[[FieldBatch, int], np.ndarray]
"""Observations and a scale (pixels a side) to values (S, scale, scale, C), float32.

Both are in the unit of the field.
"""

Interpolator = Callable[[SparseField, np.ndarray], np.ndarray]
"""One field and targets, shape (M, 2), to the values there, shape (M, C)."""


def per_field(interpolate: Interpolator) -> Predictor:
    """Make a predictor of a method that treats one picture at a time.

    The method is asked at the pixel centres of the scale itself. A scale coarser than the observed
    cells is the area average of the prediction on those cells.
    """

    @wraps(interpolate)
    def predict(observations: FieldBatch, scale: int) -> np.ndarray:
        size = max(scale, observations.cells or scale)
        targets = pixel_centres(size)
        values = np.stack([interpolate(field, targets) for field in observations.fields()])
        grid = values.reshape(len(values), size, size, -1).astype(np.float32)
        return grid if size == scale else area_average(grid, scale)

    return predict
