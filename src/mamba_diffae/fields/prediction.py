"""What comes back: the field at the places that were asked, with its spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """Fields at the targets, in the unit of the field.

    Attributes:
        mean: Posterior mean, shape (B, n, n, C) on a grid, or (B, N, C) at given coordinates.
        sample: Draws, shape (S, *mean.shape); S = 0 if none were asked.
        evaluations: Evaluations of the network in each draw.
    """

    mean: np.ndarray
    sample: np.ndarray
    evaluations: int = 0

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of the draws around their own mean, of the mean's shape.

        Raises:
            ValueError: If there are fewer than two draws.
        """
        if len(self.sample) < 2:
            raise ValueError(
                f"A standard deviation needs at least 2 draws, and there are {len(self.sample)}; "
                "predict with n_samples=16, for one."
            )
        return self.sample.std(axis=0, ddof=1)
