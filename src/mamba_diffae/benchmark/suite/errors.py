"""What a method misses, field by field: on cells that were not observed, not clipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

import numpy as np

from mamba_diffae.evaluation import gaussian_crps, untouched
from mamba_diffae.fields import FieldData, Observations, Prediction, ValuesError


@final
@dataclass(frozen=True, eq=False)
class FieldErrors:
    """Sums over the unobserved cells of each field, by variable.

    Attributes:
        squared: Squared errors times weight, each variable divided by its deviation, shape (S, C).
        crps: Continuous ranked probability scores times weight, likewise; nan without a stated
            deviation.
        weight: Of those cells, shape (S, C).
    """

    squared: np.ndarray
    crps: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.squared)

    def head(self, count: int) -> FieldErrors:
        """Those of the first fields."""
        return FieldErrors(self.squared[:count], self.crps[:count], self.weight[:count])

    @classmethod
    def join(cls, *parts: FieldErrors) -> Self:
        """Those of all fields, in order."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("squared", "crps", "weight")
            )
        )

    @property
    def mse(self) -> np.ndarray:
        """Mean squared error of each variable over all fields, shape (C,)."""
        return self.squared.sum(axis=0) / self.weight.sum(axis=0)

    @property
    def mean_crps(self) -> np.ndarray:
        """Mean CRPS of each variable over all fields, shape (C,); nan without a deviation."""
        return self.crps.sum(axis=0) / self.weight.sum(axis=0)


def deviations(data: FieldData) -> np.ndarray:
    """Standard deviation of each variable over all cells of all fields, shape (C,); 1 if it is 0.

    Args:
        data: Training fields.
    """
    values, weight = data.values.astype(np.float64), data.weights()
    axes = tuple(range(values.ndim - 1))
    total = weight.sum(axis=axes)
    apart = values - (values * weight).sum(axis=axes) / total
    found = np.sqrt((np.square(apart) * weight).sum(axis=axes) / total)
    return np.where(found > 0, found, 1)


def field_errors(
    prediction: Prediction, truth: FieldData, observed: Observations, deviation: np.ndarray
) -> FieldErrors:
    """Errors of a prediction.

    Args:
        prediction: At the cells of the truth, in the units of the variables.
        truth: S fields.
        observed: What was seen of them.
        deviation: Of each variable, shape (C,).

    Raises:
        ValuesError: If the mean is not finite where it is scored.
    """
    weight = truth.weights() * untouched(truth.grid, observed, truth.variables)
    mean = prediction.mean.astype(np.float64)
    if not np.isfinite(mean[weight > 0]).all():
        raise ValuesError(
            f"A prediction of {truth.grid.describe_shape()} cells holds NaN or infinite values; a "
            "score needs a number wherever the truth is known."
        )
    error = (mean - truth.values.astype(np.float64)) / deviation
    crps = np.full(error.shape, np.nan)
    if prediction.stated_std is not None:
        std = prediction.stated_std / deviation
        crps = gaussian_crps(error, std, np.zeros_like(error))
    axes = tuple(range(1, error.ndim - 1))
    sums = (
        np.where(weight > 0, part, 0).sum(axis=axes)
        for part in (np.square(error) * weight, crps * weight, weight)
    )
    return FieldErrors(*sums)
