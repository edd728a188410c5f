"""A stack of fields on one grid: the truth, at its native shape or averaged to a coarser one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from mamba_diffae.fields.averages import averaged, coarser_grid
from mamba_diffae.fields.covariates import Covariates
from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.gaps import checked_noise, known_values
from mamba_diffae.fields.grid import Grid, Shape
from mamba_diffae.fields.variable import Variable

_AT_ONCE = 256
"""Snapshots that are averaged together, to bound the memory."""


@final
@dataclass(frozen=True, eq=False)
class FieldData:
    """Snapshots of one or more variables on one grid.

    What is NaN, infinite, masked (a numpy masked array) or marked in `valid` is a gap: it is never
    asked or scored, and whatever number lies under it changes nothing.

    >>> values = np.array([[[1.0], [3.0], [np.nan], [7.0]]])
    >>> data = FieldData([Variable("sst", "degC")], Grid.default((4,)), values)
    >>> data.at((2,)).values[..., 0].tolist()
    [[2.0, 7.0]]

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
        noise: Standard deviation of the error of each value, in the unit of its variable, of the
            shape of `values`; what is observed states it. None: it is not known. Averages have the
            average: errors are taken as shared within a coarse cell.
        covariates: What is known everywhere beside the values, or None.

    Raises:
        ShapeError: If shapes or lengths disagree, or there is no variable.
        ValuesError: If a variable comes twice or has no value at all, values are no numbers or
            outside the bounds of their variable's transform, a noise is missing or negative, or a
            covariate is missing somewhere.
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
    noise: np.ndarray | None = None
    covariates: Covariates | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "variables", tuple(self.variables))
        put(self, "values", np.asanyarray(self.values))
        self._check_shape()
        self._label()
        values, valid = known_values(self.values, self.valid, self.grid.mask)
        put(self, "values", values)
        put(self, "valid", valid)
        if self.noise is not None:
            put(self, "noise", checked_noise(self.noise, self.valid_mask()))
        if self.covariates is not None:
            put(self, "covariates", self.covariates.checked(self.grid, self.names))
        self._check_known()

    def _label(self) -> None:
        """Names, groups and splits where none are given; one label of each kind a snapshot."""
        count = len(self.values)
        labels = {
            "names": _given(self.names, [str(i) for i in range(count)]),
            "groups": np.asarray(_given(self.groups, np.arange(count))),
            "splits": np.asarray(_given(self.splits, np.full(count, "train"))),
        }
        attributes = {name: np.asarray(given) for name, given in self.attributes.items()}
        for name, given in {**labels, **attributes}.items():
            if np.shape(given)[:1] != (count,):
                count_of = len(given) if np.ndim(given) else "no list of"
                raise ShapeError(
                    f"FieldData holds {count} snapshots but {count_of} {name}; give one for each "
                    "snapshot."
                )
        for name, given in {**labels, "attributes": attributes}.items():
            object.__setattr__(self, name, given)

    def _check_shape(self) -> None:
        shape, expected = self.values.shape, (*self.grid.shape, len(self.variables))
        if shape[1:] != expected or 0 in shape:
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
        known = self.valid_mask()
        for c, variable in enumerate(self.variables):
            if self.valid is not None and not known[..., c].any():
                raise ValuesError(
                    f"The variable {variable.name!r} has no finite value in any of the {len(self)} "
                    "snapshots; leave it out, or check its mask and fill values."
                )
            if np.isfinite(variable.transform.bounds).any():
                variable.transform.check(self.values[..., c][known[..., c]], variable.name)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        names = ", ".join(v.name for v in self.variables)
        counts = {name: int((self.splits == name).sum()) for name in ("train", "val", "test")}
        splits = ", ".join(f"{name}: {count:,}" for name, count in counts.items() if count)
        return f"FieldData({names}; {splits}; {self.grid!r})"

    @property
    def shape(self) -> Shape:
        """Native cells along each axis."""
        return self.grid.shape

    @property
    def n_variables(self) -> int:
        """Variables, C."""
        return len(self.variables)

    @property
    def n_covariates(self) -> int:
        """Covariates, K."""
        return 0 if self.covariates is None else len(self.covariates)

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

    def take(self, index: Sequence[int] | np.ndarray | slice) -> FieldData:
        """The snapshots at `index` (integers, a slice or a boolean mask), in that order.

        Those that follow one another share their memory with these.

        Raises:
            ShapeError: If that is none.
        """
        rows = np.arange(len(self))[index]
        if not len(rows):
            raise ShapeError(f"None of the {len(self)} snapshots was taken; take one at least.")
        here = slice(rows[0], rows[-1] + 1) if (np.diff(rows) == 1).all() else rows
        return self._with(
            values=self.values[here],
            valid=None if self.valid is None else self.valid[here],
            names=[self.names[i] for i in rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            attributes={k: v[rows] for k, v in self.attributes.items()},
            noise=None if self.noise is None else self.noise[here],
            covariates=None if self.covariates is None else self.covariates.take(here),
        )

    def with_values(self, values: np.ndarray) -> FieldData:
        """The same snapshots with other finite values of the same shape; 0 in gaps."""
        whole = self.complete and self.grid.mask is None
        return self._with(values=values if whole else np.where(self.valid_mask(), values, 0))

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

    def transpose(self, order: Sequence[int]) -> FieldData:
        """The same snapshots with the axes of their grid in another order."""
        if tuple(order) == tuple(range(self.grid.dim)):
            return self
        axes = (0, *(d + 1 for d in order), self.grid.dim + 1)
        valid = None if self.valid is None else self.valid.transpose(axes)
        grid, values = self.grid.transpose(order), self.values.transpose(axes)
        noise = None if self.noise is None else self.noise.transpose(axes)
        known = None if self.covariates is None else self.covariates.transpose(order)
        return self._with(grid=grid, values=values, valid=valid, noise=noise, covariates=known)

    def at(self, shape: int | Sequence[int] | Grid) -> FieldData:
        """The same snapshots averaged over the cells of a coarser grid, weighted by area.

        A cell has a value if a part of it has one.

        Args:
            shape: Cells along each axis, equally wide, at most the native ones; a number of cells
                along the longest axis; or a grid of the same region and no more cells.

        Returns:
            Values float32, or float64 where single precision does not hold the native ones.

        Raises:
            ShapeError: If it is finer than the native grid, or of another region.
        """
        target = coarser_grid(self, shape)
        kind = np.float32 if np.can_cast(self.values.dtype, np.float32) else np.float64
        if target == self.grid:
            return self._with(values=self.values.astype(kind, copy=False))
        values, valid = self._averages(self.values, target, kind)
        values, valid = known_values(values, None if valid.all() else valid, target.mask)
        noise = None if self.noise is None else self._averages(self.noise, target, kind)[0]
        beside = None if self.covariates is None else self.covariates.at(self.grid, target)
        return self._with(grid=target, values=values, valid=valid, noise=noise, covariates=beside)

    def _averages(
        self, values: np.ndarray, target: Grid, kind: type
    ) -> tuple[np.ndarray, np.ndarray]:
        parts = [averaged(self, values, rows, target, kind) for rows in _slices(len(self))]
        found, known = (np.concatenate(part) for part in zip(*parts, strict=True))
        return found, known

    def unit_interval(self, values: np.ndarray) -> np.ndarray:
        """Values (..., C) to about [0, 1], each variable by its limits."""
        low, high = np.array([v.limits for v in self.variables]).T
        return ((values - low) * (1 / (high - low))).astype(np.float32)

    def _with(self, **changes: Any) -> FieldData:
        """The same with other parts, which come from checked ones and are not checked again.

        A variable may lack all values in the snapshots that are taken.
        """
        other = object.__new__(FieldData)
        other.__dict__.update(self.__dict__ | changes)
        return other


def _given(labels: Any, default: Any) -> Any:
    return default if labels is None or not np.size(labels) else labels


def _slices(count: int) -> list[slice]:
    return [slice(i, min(i + _AT_ONCE, count)) for i in range(0, count, _AT_ONCE)]
