"""What a config of a network is measured from."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Shape
from mamba_diffae.nn.interpolation import Taps, cubic


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
    def n_covariates(self) -> int:
        """Covariates, K."""
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


_FIELDS = 256
"""Fields by which it is measured what averages over cells leave."""


def within_cells(data: FieldData, shape: Shape, geometry: Geometry) -> float:
    """Mean squared error of native values, read from averages over the cells of a lattice.

    Args:
        data: Inside coordinates, scaled values. Where a gap is near nothing is counted.
        shape: Of the lattice, no finer than the native grid.
        geometry: Of the region.
    """
    rows = np.linspace(0, max(0, len(data) - 1), min(len(data), _FIELDS)).round().astype(np.int64)
    total = count = 0.0
    for row in rows:
        left, counted = _left_within(data.take(np.array([row])), shape, geometry)
        total += float(left[counted].square().sum(dtype=torch.float64))
        count += int(counted.sum())
    return total / max(count, 1)


def _left_within(native: FieldData, shape: Shape, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Error at the native values of one field, and which of them count, both (1, P, C)."""
    # The lattice is equally spaced, also where its shape is that of an uneven grid.
    coarse, flat = native.at(native.grid.regrid(shape)), (1, -1, native.n_variables)
    known = _flat(coarse.valid_mask(), flat)
    values = _flat(coarse.values.astype(np.float32), flat) * known
    places = torch.from_numpy(native.grid.centres().astype(np.float32))[None]
    taps = Taps.of(places, shape, geometry, cubic)
    unknown = taps._replace(weight=taps.weight.abs()).read((~known).float())
    left = taps.read(values) - _flat(native.values.astype(np.float32), flat)
    return left, _flat(native.valid_mask(), flat) & (unknown < 1e-6)


def _flat(values: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.array(values)).reshape(shape)
