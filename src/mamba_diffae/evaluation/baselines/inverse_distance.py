"""Means of neighbours, weighted by their distance."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from mamba_diffae.evaluation.baselines.nearest import neighbours
from mamba_diffae.evaluation.baselines.per_field import Interpolator, Samples
from mamba_diffae.evaluation.baselines.space import Places

NEIGHBOURS = 8
_LEAST_DISTANCE = 1e-9
"""An observation wins at its own place, without a division by zero."""


@final
class InverseDistance(Interpolator):
    """Mean of the 8 nearest observations, weighted by 1 / distance².

    Reference:
        Shepard (1968). https://doi.org/10.1145/800186.810616
    """

    name: ClassVar[str] = "inverse distance"

    def interpolate(self, samples: Samples, targets: Places) -> np.ndarray:
        """See `Interpolator.interpolate`."""
        count = min(NEIGHBOURS, len(samples.values))
        distance, index = neighbours(samples, targets, count)
        weights = 1 / np.maximum(distance, _LEAST_DISTANCE) ** 2
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("mk,mkv->mv", weights, samples.values[index])
