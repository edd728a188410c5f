"""The nearest observation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from mamba_diffae.evaluation.baselines.per_field import Interpolator, Samples
from mamba_diffae.evaluation.baselines.space import Places


@final
class Nearest(Interpolator):
    """The value of the nearest observation."""

    name: ClassVar[str] = "nearest"

    def interpolate(self, samples: Samples, targets: Places) -> np.ndarray:
        """See `Interpolator.interpolate`."""
        return nearest_values(samples, targets)


def nearest_values(samples: Samples, targets: Places) -> np.ndarray:
    """Value of the nearest sample at M targets, shape (M, V)."""
    return samples.values[neighbours(samples, targets, 1)[1][:, 0]]


def neighbours(samples: Samples, targets: Places, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the nearest samples, and which they are, each of shape (M, count)."""
    from scipy.spatial import KDTree

    # Of equally near ones the tree finds those of the first column first: x before y.
    tree = KDTree(samples.places.embedded[:, ::-1])
    distance, index = tree.query(targets.embedded[:, ::-1], k=count)
    return distance.reshape(-1, count), index.reshape(-1, count)
