"""How good a method is on fields that nothing has learned from, of whatever it states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from mamba_diffae.benchmark.suite.errors import FieldErrors, field_errors
from mamba_diffae.evaluation import Interval, Method, assess, crps, untouched
from mamba_diffae.fields import FieldData, Observations, Prediction

LEVELS = (0.5, 0.9)
"""Probabilities of the central intervals whose coverage is told."""


@final
@dataclass(frozen=True, eq=False)
class Scored:
    """A method on the test fields of a case at one density.

    Attributes:
        method: Which.
        errors: Of each field on cells without an observation, each variable in its deviations; the
            CRPS of a method that states no uncertainty is its absolute error.
        coverage: Of central intervals of `LEVELS`, with 95 % intervals over groups of fields; none
            if the method states no uncertainty.
    """

    method: Method
    errors: FieldErrors
    coverage: tuple[Interval, ...]

    @property
    def rmse(self) -> float:
        """In deviations, over all variables."""
        return float(np.sqrt(self.errors.mse.mean()))

    @property
    def crps(self) -> float:
        """Likewise."""
        return float(self.errors.mean_crps.mean())

    def arrays(self) -> dict[str, np.ndarray]:
        """All but the method, to be stored."""
        ends = [[c.mean, c.low, c.high] for c in self.coverage]
        errors = self.errors
        return {
            "squared": errors.squared,
            "crps": errors.crps,
            "weight": errors.weight,
            "coverage": np.array(ends).reshape(-1, 3),
        }

    @classmethod
    def of_arrays(cls, method: Method, found: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `arrays`."""
        errors = FieldErrors(found["squared"], found["crps"], found["weight"])
        return cls(method, errors, tuple(Interval(*map(float, c)) for c in found["coverage"]))


def scored(
    method: Method,
    prediction: Prediction,
    truth: FieldData,
    seen: Observations,
    deviation: np.ndarray,
    seed: int,
) -> Scored:
    """Score a prediction.

    Args:
        method: What predicted.
        prediction: At the cells of the truth: with two draws or more, a stated deviation, or the
            mean alone.
        truth: Unseen fields.
        seen: What was observed of them.
        deviation: Of each variable, shape (C,).
        seed: Of random ties and intervals.
    """
    errors = field_errors(prediction, truth, seen, deviation)
    drawn = len(prediction.draws) > 1
    if drawn or prediction.stated_std is None:
        true = truth.values.astype(np.float64)
        each = crps(prediction.draws, true) if drawn else np.abs(prediction.mean - true)
        weight = truth.weights() * untouched(truth.grid, seen, truth.variables)
        axes = tuple(range(1, weight.ndim - 1))
        errors = replace(errors, crps=(each / deviation * weight).sum(axis=axes))
    stated = drawn or prediction.stated_std is not None
    honesty = assess(prediction, truth, seen, levels=LEVELS, seed=seed) if stated else None
    return Scored(method, errors, () if honesty is None else honesty.coverage)
