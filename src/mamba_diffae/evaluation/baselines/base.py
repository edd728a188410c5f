"""What a simple method of reconstruction is: learn from fields, then predict from observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np

from mamba_diffae.fields import FieldData, Grid, Observations, Prediction


class Baseline(ABC):
    """A method without a network that every model is compared with, on the same observations.

    Coordinates are physical, values in the units of the variables. A class without constructor
    arguments can be named on the shell.

    Attributes:
        name: As tables and sentences name it.
    """

    name: ClassVar[str]

    def fit(self, data: FieldData) -> Self:
        """Learn from training fields; a method that interpolates learns nothing.

        Args:
            data: Fields, with gaps or without.

        Returns:
            The same object.
        """
        return self

    @abstractmethod
    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """Reconstruct every field at the targets.

        Args:
            observations: Of B fields; any variable may be missing anywhere. Labelled ones are found
                by name and converted, as by a model.
            targets: A grid, whose cells are asked, or places of shape (N, D).

        Returns:
            The mean, shape (B, *shape, C) on a grid or (B, N, C) at places, finite wherever there
            are cells, and the standard deviation, if the method has one.
        """
