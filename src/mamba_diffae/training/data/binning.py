"""Scattered points averaged in the cells of a grid."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Grid


def cells_of(grid: Grid, coords: np.ndarray) -> np.ndarray:
    """Number of the cell in which each place lies, the last axis fastest.

    Args:
        grid: Its region holds the places.
        coords: In its units, shape (..., D).

    Returns:
        Shape (...,), int64.
    """
    columns = []
    for axis, x in zip(grid.axes, np.moveaxis(coords, -1, 0), strict=True):
        place = axis.low + np.mod(x - axis.low, axis.span) if axis.periodic else x
        index = np.searchsorted(axis.edges, place, side="right") - 1
        columns.append(index.clip(0, axis.cells - 1))
    return np.asarray(np.ravel_multi_index(tuple(columns), grid.shape))


def averages_on(cells: Tensor, values: Tensor, weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Weighted averages in cells.

    Args:
        cells: Number of the cell of each point, shape (B, N), int64.
        values: Shape (B, N, C).
        weight: What each counts, shape (B, N, C).
        count: Cells, P.

    Returns:
        Averages (B, P, C), 0 where there is no point, and the weights' sums (B, P, C).
    """
    index = cells[..., None].expand(values.shape)
    empty = torch.zeros(len(values), count, values.shape[-1], dtype=torch.float64)
    total = empty.scatter_add(1, index, weight.double())
    mass = empty.scatter_add(1, index, weight.double() * values.double())
    mean = mass / total.clamp(min=1e-30)
    return mean.to(values.dtype), total.to(values.dtype)
