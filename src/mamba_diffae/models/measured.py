"""What a config of a network is measured from."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from mamba_diffae.fields import Grid, Shape


class TrainingFields(Protocol):
    """What a config is measured from: `FieldData`, or snapshots of scattered points."""

    @property
    def grid(self) -> Grid:
        """The native one."""
        ...

    @property
    def shape(self) -> Shape:
        """Of the grid."""
        ...

    @property
    def n_variables(self) -> int:
        """Variables, C."""
        ...

    @property
    def splits(self) -> np.ndarray:
        """Split of each snapshot, shape (S,)."""
        ...

    @property
    def groups(self) -> np.ndarray:
        """Group of each snapshot, shape (S,)."""
        ...

    @property
    def values(self) -> np.ndarray:
        """Scaled values, the first axis of S and the last of C."""
        ...

    def valid_mask(self) -> np.ndarray:
        """Which of them are known, of the same shape."""
        ...


def root_mean_square(data: TrainingFields) -> float:
    """Of the scaled values of the training split, gaps left out: the σ of the flow."""
    rows = np.flatnonzero(data.splits == "train")
    known, total, count = data.valid_mask(), 0.0, 0
    for part in np.array_split(rows, max(1, len(rows) // 256)):
        here = known[part]
        total += float(np.square(data.values[part], dtype=np.float64).sum(where=here))
        count += int(here.sum())
    return max(math.sqrt(total / max(count, 1)), 1e-6)
