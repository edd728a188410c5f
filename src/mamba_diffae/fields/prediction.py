"""What is asked of a model and what comes back: the field at the targets, with its spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields.grid import GridField, area_average, pixel_centres
from mamba_diffae.fields.sparse import FieldBatch, SparseField, collate

Observations = FieldBatch | SparseField | Sequence[SparseField]
Targets = GridField | int | np.ndarray | None
"""A side length in pixels, a `GridField` for its size, coordinates (N, D), or the native size."""


def as_batch(observations: Observations) -> FieldBatch:
    """Observations of one field or several, as a batch.

    Raises:
        ValueError: If they are of another type, or differ in kind.
    """
    if isinstance(observations, FieldBatch):
        return observations
    fields = [observations] if isinstance(observations, SparseField) else observations
    if not isinstance(fields, Sequence) or not all(isinstance(f, SparseField) for f in fields):
        raise ValueError(
            f"Observations were given as {type(observations).__name__}; expected a FieldBatch, as "
            "from observe(truth), a SparseField, or a list of them."
        )
    return collate(fields)


def queries(targets: Targets, native: int) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The places to ask for targets: at least as fine as the native grid, then averaged.

    Args:
        targets: What is wanted.
        native: Native pixels a side.

    Returns:
        Coordinates, shape (N, D), and a function from the values there, shape (B, N, C), to the
        targets': (B, n, n, C) on a grid, the same for coordinates.

    Raises:
        ValueError: If the targets are none.
    """
    if isinstance(targets, np.ndarray) and targets.ndim == 2:
        return targets.astype(np.float32), lambda values: values
    size = targets.size if isinstance(targets, GridField) else targets
    if size is None:
        size = native
    if not isinstance(size, int | np.integer) or size < 1:
        given = f"{type(size).__name__} {getattr(size, 'shape', size)}"
        raise ValueError(
            f"targets were given as {given}; expected pixels a side (1 or more), a GridField, or "
            "coordinates of shape (N, D)."
        )
    asked = max(int(size), native)

    def finish(values: np.ndarray) -> np.ndarray:
        grid = values.reshape(len(values), asked, asked, values.shape[-1])
        return grid if asked == size else area_average(grid, int(size))

    return pixel_centres(asked), finish


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
