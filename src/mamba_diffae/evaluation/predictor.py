"""What can be scored: whatever reconstructs fields on a grid."""

from __future__ import annotations

from typing import Protocol

from mamba_diffae.fields import Grid, Observations, Prediction


class Predictor(Protocol):
    """A method that is ready to predict: a `Baseline` after `fit`, a network, an oracle."""

    def predict(self, observations: Observations, targets: Grid, /) -> Prediction:
        """Reconstruct every field on a grid, in the units of the variables.

        Args:
            observations: Of B fields, in physical coordinates and the units of the variables.
            targets: The grid that is asked.

        Returns:
            The mean, shape (B, *targets.shape, C).
        """
        ...
