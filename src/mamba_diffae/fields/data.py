"""A stack of fields on one grid: the truth, at its native shape or averaged to a coarser one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.grid import Grid, Shape
from mamba_diffae.fields.overlap import average
from mamba_diffae.fields.variable import Variable

_AT_ONCE = 256
"""Snapshots that are averaged together, to bound the memory."""
_LEAST_WEIGHT = 1e-6
"""Share of a coarse cell that must be known, for it to have a value."""


@final
@dataclass(frozen=True, eq=False)
class FieldData:
    """Snapshots of one or more variables on one grid.

    What is NaN, infinite, masked (a numpy masked array) or marked in `valid` is a gap: it is never
    asked or scored, and whatever number lies under it changes nothing.

    Attributes:
        variables: C of them, of different names.
        grid: Where the values are known: each is the average over a cell.
        values: Shape (S, *grid.shape, C), in the units of the variables; 0 in gaps.
        valid: False in gaps, of the shape of `values`; None: there are none.
        names: A name for each snapshot, length S; None: their numbers.
        groups: Snapshots of one group are copies of one another for statistics, shape (S,) int;
            None: each is its own group.
        splits: "train", "val" or "test" for each snapshot, shape (S,); None: all are "train".
        attributes: Labels by name, each of shape (S,).
        mirrored: Whether fields mirrored along the last axis are as good: so for pictures.

    Raises:
        ShapeError: If shapes or lengths disagree.
        ValuesError: If a variable comes twice or has no value at all, or values are no numbers.
    """

    variables: Sequence[Variable]
    grid: Grid
    values: np.ndarray
    valid: np.ndarray | None = None
    names: Sequence[str] = ()
    groups: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    splits: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype="U5"))
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)
    mirrored: bool = False

    def __post_init__(self) -> None:
        self._check_shape()
        count = len(self.values)
        put = object.__setattr__
        put(self, "variables", tuple(self.variables))
        put(self, "names", self.names if len(self.names) else [str(i) for i in range(count)])
        put(self, "groups", self.groups if len(self.groups) else np.arange(count))
        put(self, "splits", self.splits if len(self.splits) else np.full(count, "train"))
        if {len(self.names), len(self.groups), len(self.splits)} != {count}:
            raise ShapeError(
                f"FieldData holds {count} snapshots but {len(self.names)} names, "
                f"{len(self.groups)} groups and {len(self.splits)} splits; give one of each a "
                "snapshot."
            )
        values, valid = known_values(self.values, self.valid, self.grid.mask)
        put(self, "values", values)
        put(self, "valid", valid)
        self._check_known()

    def _check_shape(self) -> None:
        shape, expected = self.values.shape, (*self.grid.shape, len(self.variables))
        if shape[1:] != expected or not len(self.values):
            raise ShapeError(
                f"FieldData.values has shape {shape}; expected (S, "
                f"{', '.join(map(str, expected))}): snapshots, {', '.join(self.grid.names)}, "
                "variables."
            )
        if self.values.dtype.kind not in "iufb":
            raise ValuesError(
                f"FieldData.values has the type {self.values.dtype}; expected integers or floats: "
                "convert it, for example with array.astype(np.float32)."
            )

    def _check_known(self) -> None:
        names = [variable.name for variable in self.variables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValuesError(
                f"The variable {', '.join(twice)} is given twice; give each once, under a name of "
                "its own."
            )
        if self.valid is None:
            return
        known = self.valid.any(axis=tuple(range(self.valid.ndim - 1)))
        if not known.all():
            raise ValuesError(
                f"The variable {names[int(np.argmin(known))]!r} has no finite value in any of the "
                f"{len(self.values)} snapshots; leave it out, or check its mask and fill values."
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> Shape:
        """Native cells along each axis."""
        return self.grid.shape

    @property
    def n_variables(self) -> int:
        """Variables, C."""
        return len(self.variables)

    @property
    def complete(self) -> bool:
        """Whether there are no gaps, save cells that do not exist."""
        return self.valid is None

    def valid_mask(self) -> np.ndarray:
        """Where there are values, a view of shape (S, *shape, C), bool."""
        if self.valid is not None:
            return self.valid
        return np.broadcast_to(self.grid.exists[..., None], self.values.shape)

    def weights(self) -> np.ndarray:
        """What each value counts: the area of its cell, 0 in gaps; of the shape of `values`."""
        return self.grid.weights()[..., None] * self.valid_mask()

    def take(self, index: np.ndarray | slice) -> FieldData:
        """The snapshots at `index` (integers, a slice or a boolean mask), in that order."""
        rows = np.arange(len(self))[index]
        return self._with(
            values=self.values[rows],
            valid=None if self.valid is None else self.valid[rows],
            names=[self.names[i] for i in rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            attributes={k: v[rows] for k, v in self.attributes.items()},
        )

    def split(self, name: str) -> FieldData:
        """The snapshots of one split.

        Args:
            name: "train", "val" or "test".

        Raises:
            ValuesError: If no snapshot belongs to it.
        """
        chosen = self.splits == name
        if not chosen.any():
            raise ValuesError(
                f"No snapshot belongs to the split {name!r}; there are those of "
                f"{', '.join(sorted(set(self.splits.tolist())))}. Give three snapshots or more, or "
                "set their splits."
            )
        return self.take(chosen)

    def distinct(self, count: int) -> FieldData:
        """At most `count` snapshots, the first of each group, evenly spread over the stack."""
        first = np.sort(np.unique(self.groups, return_index=True)[1])
        spread = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
        return self.take(first[spread])

    def at(self, shape: Sequence[int] | Grid) -> FieldData:
        """The same snapshots averaged over the cells of a coarser grid, weighted by area.

        A cell has a value if a part of it has one.

        Args:
            shape: Cells along each axis, equally wide, at most the native ones; or a grid of the
                same region.

        Returns:
            Values float32, or float64 where the native ones are.

        Raises:
            ShapeError: If it is finer than the native grid, or of another region.
        """
        target = shape if isinstance(shape, Grid) else self._coarser(tuple(shape))
        if target == self.grid:
            return self
        if not self.grid.same_region(target):
            raise ShapeError(
                f"The fields lie on {self.grid.describe_region()}, but an average over "
                f"{target.describe_region()} was asked; give a grid of the same region."
            )
        kind = np.float64 if self.values.dtype == np.float64 else np.float32
        parts = [self._averaged(rows, target, kind) for rows in _slices(len(self))]
        values, valid = (np.concatenate(part) for part in zip(*parts, strict=True))
        return self._with(grid=target, values=values, valid=None if valid.all() else valid)

    def _coarser(self, shape: Shape) -> Grid:
        """The grid of a shape; a `ShapeError` if it is finer: enlarging gives no truth."""
        fits = len(shape) == self.grid.dim and all(
            1 <= n <= native for n, native in zip(shape, self.shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{' × '.join(map(str, shape))} cells were asked, but the fields have "
                f"{self.grid.describe_shape()} ({', '.join(self.grid.names)}): above the native "
                "shape there is no truth to compare with; ask for at most so many."
            )
        return self.grid if shape == self.shape else self.grid.regrid(shape)

    def _averaged(self, rows: slice, target: Grid, kind: type) -> tuple[np.ndarray, np.ndarray]:
        """Averages over the cells of a target, and where there are any."""
        matrices = self.grid.overlaps(target)
        if self.valid is None and self.grid.mask is None:
            measures = (axis.measures for axis in self.grid.axes)
            weighted = [m * w for m, w in zip(matrices, measures, strict=True)]
            means = [(w / w.sum(axis=1, keepdims=True)).astype(kind) for w in weighted]
            values = average(self.values[rows].astype(kind), means)
            return values, np.ones(values.shape, dtype=bool)
        weight = self.grid.weights()[..., None] * self.valid_mask()[rows]
        mass = average(self.values[rows] * weight, matrices)
        total, whole = (
            average(w, matrices) for w in (weight, self.grid.weights()[None, ..., None])
        )
        known = total > _LEAST_WEIGHT * np.where(whole > 0, whole, 1)
        values = np.divide(mass, total, out=np.zeros_like(mass), where=known)
        return values.astype(kind), known

    def unit_interval(self, values: np.ndarray) -> np.ndarray:
        """Values (..., C) to about [0, 1], each variable by its limits."""
        low, high = np.array([v.limits for v in self.variables]).T
        return ((values - low) * (1 / (high - low))).astype(np.float32)

    def _with(self, **changes: object) -> FieldData:
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]


def known_values(
    values: np.ndarray, valid: np.ndarray | None, exists: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values with 0 in their gaps, and where there are none; the same array if there are no gaps.

    Args:
        values: Shape (S, *shape, C), plain or masked.
        valid: Where they hold, of the same shape, or without the last axis for all variables;
            None: wherever they are finite and not masked.
        exists: Which cells there are, shape (*shape,); None: all.

    Raises:
        ShapeError: If `valid` has another shape.
    """
    known = np.isfinite(values.data if isinstance(values, np.ma.MaskedArray) else values)
    if isinstance(values, np.ma.MaskedArray):
        known, values = known & ~np.ma.getmaskarray(values), values.data
    if valid is not None:
        valid = np.asarray(valid)
        if valid.shape == values.shape[:-1]:
            valid = valid[..., None]
        if valid.dtype != bool or valid.shape not in (values.shape, (*values.shape[:-1], 1)):
            raise ShapeError(
                f"`valid` has shape {valid.shape} and type {valid.dtype}; expected bool of shape "
                f"{values.shape}, True where a value holds."
            )
        known = known & valid
    existing = known if exists is None else known & exists[..., None]
    if not existing.all():
        values = np.where(existing, values, 0).astype(values.dtype)
    if exists is not None and bool((known | ~exists[..., None]).all()):
        return values, None
    return values, None if existing.all() else existing


def _slices(count: int) -> list[slice]:
    return [slice(i, min(i + _AT_ONCE, count)) for i in range(0, count, _AT_ONCE)]
