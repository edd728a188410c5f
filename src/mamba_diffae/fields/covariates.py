"""What is known everywhere beside a field: elevation, bathymetry, season, a first guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.overlap import average

_SAME = 1e-5
"""Share of an axis by which edges of equally wide cells may be off."""


@final
@dataclass(frozen=True, eq=False)
class Covariates:
    """Quantities that are known in every cell of a grid, for all snapshots or for each.

    >>> height = np.array([[0.0, 10.0], [20.0, 30.0]])
    >>> known = Covariates(["elevation", "hour"], [height, np.zeros((5, 1, 1))], ["m", "h"])
    >>> known.checked(Grid.default((2, 2)), [str(i) for i in range(5)]).fixed
    (True, False)

    Attributes:
        names: K of them.
        values: K arrays, each of the shape (S, *shape), or of one that broadcasts to it: one for
            all snapshots, or one number for each; of the shape of the grid: the same for all.
        units: K of them; none: unknown.
    """

    names: Sequence[str]
    values: Sequence[np.ndarray]
    units: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def fixed(self) -> tuple[bool, ...]:
        """Which of them are the same for all snapshots."""
        return tuple(len(array) == 1 for array in self.values)

    def checked(self, grid: Grid, snapshots: Sequence[str]) -> Self:
        """The same as floats (S or 1, ...), in cells that do not exist the mean of the others.

        Args:
            grid: On which they are known.
            snapshots: Names of the S snapshots, for messages.

        Raises:
            ShapeError: If there is none, shapes do not fit, or there are not as many arrays and
                units as names.
            ValuesError: If a name comes twice, or a value is missing or no number.
        """
        names, units = tuple(self.names), tuple(self.units) or ("",) * len(self.names)
        if not names or not len(names) == len(self.values) == len(units):
            raise ShapeError(
                f"{len(names)} covariates ({', '.join(names)}) were given with "
                f"{len(self.values)} arrays and {len(units)} units; give one of each."
            )
        if len(set(names)) < len(names):
            raise ValuesError(f"A covariate is named twice in {', '.join(names)}; give each once.")
        pairs = zip(names, self.values, strict=True)
        values = tuple(_checked(name, array, grid, snapshots) for name, array in pairs)
        return replace(self, names=names, values=values, units=units)

    def take(self, rows: np.ndarray | slice) -> Self:
        """Those of some snapshots."""
        return self._each(lambda array: array if len(array) == 1 else array[rows])

    def transpose(self, order: Sequence[int]) -> Self:
        """With the axes of the grid in another order."""
        axes = (0, *(d + 1 for d in order))
        return self._each(lambda array: array.transpose(axes))

    def at(self, grid: Grid, target: Grid) -> Self:
        """Averages over the cells of another grid of the same region, weighted by area."""
        pairs = zip(grid.overlaps(target), grid.axes, strict=True)
        weighted = [overlap * axis.measures for overlap, axis in pairs]
        means = [part / part.sum(axis=1, keepdims=True) for part in weighted]

        def averaged(array: np.ndarray) -> np.ndarray:
            sides = zip(means, array.shape[1:], strict=True)
            each = [mean if n > 1 else np.ones((1, 1)) for mean, n in sides]
            return average(array[..., None], each)[..., 0].astype(array.dtype, copy=False)

        return self._each(averaged)

    def evenly(self, grid: Grid) -> tuple[Grid, Self]:
        """On as many cells as those of a grid, but equally wide, and the grid of these."""
        even = grid.regrid(grid.shape)
        pairs = zip(grid.axes, even.axes, strict=True)
        if all(np.allclose(a.edges, b.edges, rtol=0, atol=_SAME * a.span) for a, b in pairs):
            return even, self
        return even, self.at(grid, even)

    def stacked(self, shape: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """Those of some snapshots as one array, shape (B, *shape, K).

        Args:
            shape: Of the grid.
            rows: Which snapshots, shape (B,).
        """
        full, taken = (len(rows), *shape), self.take(rows).values
        return np.stack([np.broadcast_to(array, full) for array in taken], axis=-1)

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> Self:
        return replace(self, values=tuple(map(change, self.values)))


def _checked(name: str, given: np.ndarray, grid: Grid, snapshots: Sequence[str]) -> np.ndarray:
    """One covariate as floats, finite everywhere."""
    array = np.asanyarray(given)
    if array.dtype.kind not in "iufb":
        raise ValuesError(
            f"The covariate {name!r} has the type {array.dtype}; expected integers or floats."
        )
    masked = np.ma.filled(np.ma.asarray(array, dtype=_float(array.dtype)), np.nan)
    whole = masked[None] if masked.ndim == grid.dim else masked
    full = len(snapshots), *grid.shape
    if whole.ndim != len(full) or any(
        n not in (1, m) for n, m in zip(whole.shape, full, strict=True)
    ):
        raise ShapeError(
            f"The covariate {name!r} has shape {array.shape}; expected {full}, {full[1:]} (the "
            "same for all snapshots), or 1 where it is the same along an axis: snapshots, "
            f"{', '.join(grid.names)}."
        )
    bad = ~np.isfinite(whole)
    if not bad.any():
        return whole
    _check_missing(name, np.broadcast_to(bad, full), grid, snapshots)
    return np.where(bad, whole[~bad].mean(), whole)


def _float(kind: np.dtype) -> type[np.floating]:
    return np.float32 if np.can_cast(kind, np.float32) else np.float64


def _check_missing(name: str, bad: np.ndarray, grid: Grid, snapshots: Sequence[str]) -> None:
    """Refuse values that are missing in cells that exist.

    Raises:
        ValuesError: It names the covariate and the first place.
    """
    lost = bad & grid.exists
    if not lost.any() and not bad.all():
        return
    lost = lost if lost.any() else bad
    row, *cell = np.argwhere(lost)[0]
    place = ", ".join(
        f"{axis.name} {axis.centres[i]:g}" for axis, i in zip(grid.axes, cell, strict=True)
    )
    raise ValuesError(
        f"The covariate {name!r} is missing or infinite in {int(lost.any(axis=0).sum()):,} of "
        f"{grid.cells:,} cells, the first at {place} of the snapshot {snapshots[row]!r}; a "
        "covariate is known everywhere: fill its gaps, mark cells that do not exist in the mask of "
        "the grid, or leave it out."
    )
