"""The climatology of the training data: what is known without any reading of a snapshot."""

from __future__ import annotations

from typing import ClassVar, Self, final

import numpy as np

from mamba_diffae.evaluation import Baseline
from mamba_diffae.fields import FieldData, Grid, NotFittedError, Observations, Prediction
from mamba_diffae.training.data.binning import cells_of


@final
class Climatology(Baseline):
    """The mean of the training values of a cell, with their deviation from it as a Gaussian's.

    A cell without any has the mean of all of its variable. The deviation is one number for each
    variable: from the cell's mean where a cell has two values or more, else from that of all.
    """

    name: ClassVar[str] = "climatology"

    def __init__(self) -> None:
        self._learned: tuple[Grid, np.ndarray, np.ndarray] | None = None

    def fit(self, data: FieldData) -> Self:
        """Learn from training fields, with gaps or without."""
        values, known = data.values.astype(np.float64), data.valid_mask()
        count, space = known.sum(axis=0), tuple(range(1, values.ndim - 1))
        total = (values * known).sum(axis=0)
        axes = tuple(d - 1 for d in space)
        overall = total.sum(axis=axes) / np.maximum(count.sum(axis=axes), 1)
        mean = np.where(count > 0, total / np.maximum(count, 1), overall)
        around = np.where(count > 1, mean, overall)
        squared = (np.square(values - around) * known).sum(axis=(0, *space))
        std = np.sqrt(squared / np.maximum(count.sum(axis=axes), 1))
        self._learned = data.grid, mean.reshape(data.grid.cells, -1), std
        return self

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Baseline.predict`; the observations say nothing.

        Raises:
            NotFittedError: Before `fit`.
        """
        if self._learned is None:
            raise NotFittedError("A climatology is learned from fields; call fit(data) first.")
        grid, mean, std = self._learned
        asked = targets if isinstance(targets, Grid) else None
        places = asked.centres() if asked is not None else np.asarray(targets)
        shape = asked.shape if asked is not None else (len(places),)
        field = mean[cells_of(grid, places)].reshape(1, *shape, -1)
        field = np.broadcast_to(field, (len(observations), *field.shape[1:]))
        return Prediction.of_mean(field, np.broadcast_to(std, field.shape), asked)
