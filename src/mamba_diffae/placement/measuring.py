"""What a model makes of test fields that are observed by sensors."""

from __future__ import annotations

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, ShapeError
from mamba_diffae.fields.sensors import observe_at
from mamba_diffae.placement.result import Placement, counts_to_measure


def measured(
    model: FieldAutoencoder, placement: Placement, coords: np.ndarray, truth: FieldData, seed: int
) -> dict[int, np.ndarray]:
    """RMSE over fields and area, by the number of new sensors, in the units of the variables.

    Args:
        model: Fitted.
        placement: Its existing sensors and noise.
        coords: New sensors in their order, shape (k, D); where a count exceeds k, all of them.
        truth: Test fields, on the model's grid.
        seed: Of the errors of readings.

    Returns:
        For a quarter, a half and all of the sensors, each of shape (C,).

    Raises:
        ShapeError: If the fields have other variables, or lie on another grid.
        ValueError: As `FieldAutoencoder.predict`.
    """
    model.fitted.scaler.check_variables([variable.name for variable in truth.variables])
    if truth.grid.axes != model.grid.axes:
        raise ShapeError(
            f"truth lies on {truth.grid.describe_shape()} cells ({truth.grid.describe_region()}), "
            f"but the model on {model.grid.describe_shape()} ({model.grid.describe_region()}); "
            "give fields on that grid: truth.at(model.grid)."
        )
    weights, found = truth.weights(), {}
    across = tuple(range(truth.values.ndim - 1))
    for count in counts_to_measure(len(placement)):
        places = np.concatenate([placement.existing, coords[:count]])
        mean = model.predict(observe_at(truth, places, placement.noise, seed)).mean
        square = np.where(weights > 0, np.square(mean - truth.values, dtype=np.float64), 0)
        found[count] = np.sqrt((square * weights).sum(across) / weights.sum(across))
    return found
