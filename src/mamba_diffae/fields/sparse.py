"""What a scattered field is: values at coordinates, one field or a ragged batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SparseField:
    """One field, known at scattered points.

    Attributes:
        coords: Positions in [0, 1]^D, shape (N, D), order (x, y[, ...]).
        values: Values there, shape (N, C), in the unit of the field.
        cells: Support of the values: each is the average over one cell of a grid with that many
            cells a side. None means point values.

    Raises:
        ValueError: If shapes disagree, a coordinate leaves [0, 1], or a number is not finite.
    """

    coords: np.ndarray
    values: np.ndarray
    cells: int | None = None

    def __post_init__(self) -> None:
        check_points(self.coords, self.values)


@dataclass(frozen=True, eq=False)
class FieldBatch:
    """Several scattered fields, padded to one length.

    Attributes:
        coords: Positions in [0, 1]^D, shape (B, N, D), float32.
        values: Values there, shape (B, N, C), float32; padded points hold zeros.
        mask: True where a point is real, shape (B, N).
        cells: Support of the values, as in `SparseField`.
    """

    coords: Tensor
    values: Tensor
    mask: Tensor
    cells: int | None = None

    def __len__(self) -> int:
        return len(self.coords)

    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> FieldBatch:
        """The chosen fields, in the given order."""
        rows = torch.arange(len(self))[index]
        return replace(
            self, coords=self.coords[rows], values=self.values[rows], mask=self.mask[rows]
        )

    def with_values(self, values: Tensor) -> FieldBatch:
        """The same points with other values, shape (B, N, C): another unit, for one."""
        return replace(self, values=values * self.mask[..., None])

    def fields(self) -> list[SparseField]:
        """The fields without their padding, as numpy arrays."""
        return [
            SparseField(c[m].numpy(), v[m].numpy(), self.cells)
            for c, v, m in zip(self.coords, self.values, self.mask, strict=True)
        ]


def collate(fields: Sequence[SparseField]) -> FieldBatch:
    """Pad scattered fields to the length of the longest.

    Args:
        fields: At least one field; all of the same dimension, channels and support.

    Raises:
        ValueError: If the list is empty or the fields differ in dimension, channels or support.
    """
    if not fields:
        raise ValueError("collate was given no fields; pass at least one SparseField.")
    kinds = {(f.coords.shape[1], f.values.shape[1], f.cells) for f in fields}
    if len(kinds) > 1:
        raise ValueError(
            "collate was given fields of different (dimension, channels, cells): "
            f"{', '.join(sorted(map(str, kinds)))}; batch fields of one kind at a time."
        )
    n = max(len(f.coords) for f in fields)
    (dim, channels, cells) = kinds.pop()
    coords = torch.full((len(fields), n, dim), 0.5)
    values = torch.zeros(len(fields), n, channels)
    mask = torch.zeros(len(fields), n, dtype=torch.bool)
    for b, field in enumerate(fields):
        k = len(field.coords)
        coords[b, :k] = torch.as_tensor(field.coords, dtype=torch.float32)
        values[b, :k] = torch.as_tensor(field.values, dtype=torch.float32)
        mask[b, :k] = True
    return FieldBatch(coords, values, mask, cells)


def check_points(
    coords: np.ndarray | Tensor, values: np.ndarray | Tensor, what: str = "observations"
) -> None:
    """Refuse points that no network should see.

    Args:
        coords: Shape (..., N, D).
        values: Shape (..., N, C).
        what: The name to use in the message.

    Raises:
        ValueError: If shapes disagree, there are no points, a coordinate is outside [0, 1] or a
            value is NaN or infinite.
    """
    if coords.ndim < 2 or values.ndim != coords.ndim or coords.shape[:-1] != values.shape[:-1]:
        raise ValueError(
            f"{what}: coords have shape {tuple(coords.shape)} and values {tuple(values.shape)}; "
            "expected (..., N, D) and (..., N, C) with the same leading sizes."
        )
    check_coords(coords, what)
    finite = torch.isfinite(values) if isinstance(values, Tensor) else np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"{what}: {int((~finite).sum())} values are NaN or infinite (their shape is "
            f"{tuple(values.shape)}); drop those points or mark them False in the mask."
        )


def check_coords(coords: np.ndarray | Tensor, what: str = "coords") -> None:
    """Refuse coordinates that are empty, not finite or outside [0, 1].

    Args:
        coords: Shape (..., N, D).
        what: The name to use in the message.

    Raises:
        ValueError: As said.
    """
    if coords.shape[-2] == 0:
        raise ValueError(f"{what}: there are no points at all; give at least one for each field.")
    # NaN fails both comparisons, so it is caught as well.
    inside = (coords >= 0) & (coords <= 1)
    if not inside.all():
        bad = float(coords.ravel()[int((inside.ravel() * 1).argmin())])
        raise ValueError(
            f"{what}: {int((~inside).sum())} coordinates are outside [0, 1], such as {bad:g}; "
            "scale positions to the unit square, pixel centres at (i + 0.5) / n."
        )
