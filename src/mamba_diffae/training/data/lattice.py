"""Fields averaged over the cells of a lattice, ready to be read at any of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from mamba_diffae.fields import FieldData, Grid, box_averages


@final
@dataclass(frozen=True, eq=False)
class Lattice:
    """Values of S fields on the P cells of a grid, flattened, the last axis fastest.

    Attributes:
        grid: Of the cells.
        values: Shape (S, P, C), float32; 0 where not known.
        known: Shape (S, P, C), bool; a view without memory of its own where there are no gaps.
        area: Of each cell, 1 on average and on a regular grid everywhere, shape (P,), float32; 0
            where there is no cell.
        further: Fields S, S + 1, … on the same grid, or None: no copy of all fields is made where
            a few are added for a step.
    """

    grid: Grid
    values: np.ndarray
    known: np.ndarray
    area: np.ndarray
    further: Lattice | None = None

    @classmethod
    def of(cls, data: FieldData, shape: Sequence[int] | None = None) -> Self:
        """Averages over equally wide cells; None: the native cells as they are.

        Cells finer than the native ones read what the native cell around says.
        """
        shape = data.shape if shape is None else tuple(shape)
        if math.prod(shape) == 0:
            nothing = np.zeros((len(data), 0, data.n_variables), np.float32)
            return cls(data.grid, nothing, nothing.astype(bool), np.zeros(0, np.float32))
        if shape == data.shape:
            coarse = data
        elif all(n <= native for n, native in zip(shape, data.shape, strict=True)):
            coarse = data.at(shape)
        else:
            return cls._finer(data, shape)
        flat = (len(data), coarse.grid.cells, data.n_variables)
        known = np.broadcast_to(coarse.grid.exists.reshape(-1, 1), flat)
        if coarse.valid is not None:
            known = coarse.valid.reshape(flat)
        values = coarse.values.reshape(flat).astype(np.float32, copy=False)
        return cls(coarse.grid, values, known, _area(coarse.grid))

    @classmethod
    def _finer(cls, data: FieldData, shape: Sequence[int]) -> Self:
        grid = data.grid.regrid(shape)
        values, weight = box_averages(data)(grid.centres(), grid.supports())
        return cls(grid, values.astype(np.float32), weight > 0, _area(grid))

    def joined(self, further: Lattice) -> Lattice:
        """The same fields and, numbered after them, those of another lattice on the same grid."""
        return replace(self, further=further)

    def at(
        self, rows: np.ndarray, cells: np.ndarray, mirror: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values, and where they are known, both of shape (B, N, C).

        Args:
            rows: Which fields, shape (B,).
            cells: Which cells, shape (N,) or (B, N).
            mirror: Which of the fields are mirrored along the last axis, shape (B,).
        """
        last = max(1, self.grid.shape[-1])
        across = cells // last * last + last - 1 - cells % last
        cells = np.where(mirror[:, None], across, cells)
        own = np.minimum(rows, len(self.values) - 1)[:, None]
        values, known = self.values[own, cells], self.known[own, cells]
        added = rows >= len(self.values)
        if self.further is not None and added.any():
            place = (rows[added] - len(self.values))[:, None], cells[added]
            values[added], known[added] = self.further.values[place], self.further.known[place]
        return values, known

    def every(self, rows: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `at` gives of all cells, in less time, both of shape (B, P, C)."""
        own, added = np.minimum(rows, len(self.values) - 1), rows >= len(self.values)
        found = self.values[own], self.known[own]
        if self.further is not None and added.any():
            place = rows[added] - len(self.values)
            found[0][added], found[1][added] = self.further.values[place], self.further.known[place]
        for part in found if found[0].size else ():
            gridded = part.reshape(len(rows), *self.grid.shape, part.shape[-1])
            gridded[mirror] = gridded[mirror][..., ::-1, :]
        return found


def _area(grid: Grid) -> np.ndarray:
    area = grid.weights().ravel()
    return (area * int(grid.exists.sum())).astype(np.float32)
