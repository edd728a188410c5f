"""The one batch type: what was observed of several fields, at any places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as parts_of
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields.background import Background
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.labels import Labels
from mamba_diffae.fields.observation_checks import check_alike, check_parts
from mamba_diffae.fields.points import checked_points

if TYPE_CHECKING:
    from mamba_diffae.fields.data import FieldData
    from mamba_diffae.fields.tables import Side


@final
@dataclass(frozen=True, eq=False)
class Observations:
    """Scattered observations of B fields, padded to one length N.

    Outside a model coordinates and values are the user's, in double precision; the estimator's door
    makes the same type with inside coordinates and scaled values, in single precision.

    Attributes:
        coords: Places, shape (B, N, D), one column for each axis, in the order of the grid's axes.
        values: Shape (B, N, C); 0 where `mask` is False, whatever was given there.
        mask: True where a variable was observed, shape (B, N, C).
        support: Sides of the box over which a value is the average, shape (B, N, D), 0 for a point;
            None: all are points.
        noise: Standard deviation of the error of a value, in its own unit, shape (B, N, C); 0: the
            value is exact. None: to be estimated.
        noise_group: Points of one number share an unknown offset (a satellite's swath), (B, N) int.
        covariates: What is known everywhere (elevation, season), at these points, shape (B, N, K);
            None: read from `background`.
        labels: Names of the columns, by which a model then finds them, or None.
        background: What is known everywhere, of the whole fields, or None.

    Raises:
        ShapeError: If shapes disagree.
    """

    coords: Tensor
    values: Tensor
    mask: Tensor
    support: Tensor | None = None
    noise: Tensor | None = None
    noise_group: Tensor | None = None
    covariates: Tensor | None = None
    labels: Labels | None = None
    background: Background | None = None

    def __post_init__(self) -> None:
        check_parts(self)
        object.__setattr__(self, "values", torch.where(self.mask, self.values, 0))
        if self.noise is not None:
            object.__setattr__(self, "noise", torch.where(self.mask, self.noise, 0))

    @classmethod
    def from_points(
        cls,
        coords: Any,
        values: Any,
        *,
        support: Any = None,
        noise: Any = None,
        noise_group: Any = None,
        covariates: Any = None,
        grid: Grid | None = None,
    ) -> Self:
        """Observations of one field, as users have them: arrays, lists, columns of a table.

        >>> stations = Observations.from_points([[54.2, 7.9], [55.0, 8.4]], [11.2, float("nan")])
        >>> stations.counts.tolist()
        [1]

        Exact values (noise 0) of one place become one, their average, with a warning if they
        differ.

        Args:
            coords: Places in physical coordinates, shape (N, D), or (N,) on one axis; columns in
                the order of the grid's axes, such as (lat, lon).
            values: Shape (N, C), or (N,) for one variable; NaN or masked where a variable was not
                observed.
            support: Sides of the averaged box, in the units of the axes: a number, D of them, or
                shape (N, D); None: points.
            noise: Standard deviation, in the unit of the values: a number, C of them, or shape
                (N, C); 0: exact; None: to be estimated.
            noise_group: Groups of points that share an offset, shape (N,), integers.
            covariates: Shape (N, K), or (N,).
            grid: To check the places against; a model checks them anyhow.

        Raises:
            ShapeError: If shapes disagree, or there are no points.
            ValuesError: If something is no number, a support or noise is negative, or a support is
                larger than the grid.
            CoordinateError: If a place is not finite, or outside the grid.
        """
        parts = checked_points(
            coords,
            values,
            support=support,
            noise=noise,
            noise_group=noise_group,
            covariates=covariates,
            grid=grid,
        )
        given = {name: torch.from_numpy(np.array(part))[None] for name, part in parts.items()}
        return cls(**given, labels=None, background=None)

    @classmethod
    def from_table(
        cls,
        table: Any,
        values: str | Sequence[str] | Mapping[str, str] | None = None,
        *,
        coords: str | Sequence[str] | Mapping[str, str] | None = None,
        noise: Side = None,
        support: Side = None,
        time: str | None = None,
        noise_group: str | None = None,
        **axes: str,
    ) -> Self:
        """Observations from the rows of a table, of one field or, with `time`, of several.

        Columns are found by name, and a model finds its axes and variables by their names too.
        Rows without any value are left out. Values of one place and time are averaged where their
        noise is 0 or not stated. A `TableWarning` says so.

        Args:
            table: A DataFrame, a pyarrow table, or the path of a CSV or Parquet file.
            values: Columns of what was measured, or columns by the names of the variables; empty
                (NaN) where one was not observed. None: the only other column of numbers.
            coords: Columns of the coordinates, or columns by the names of the axes.
            noise: Standard deviation, in the unit of the values: a number, a column, or either by
                the name of each variable; 0: exact; None: to be estimated.
            support: Sides of the averaged box, likewise by the name of each axis; None: points.
            time: A column; rows of one time are a snapshot. None: all rows are one.
            noise_group: A column; rows of one group share an unknown offset (a satellite's swath).
            axes: Columns of coordinates by the usual names of their axes, such as
                `lon="LONGITUDE"`, instead of `coords`; neither: recognised by their names.

        Raises:
            TableError: If the table cannot be read, a column is missing, or holds something else.
            CoordinateError: If a coordinate is missing, or lies beyond the poles.
            ValuesError: If there is no value, or a noise or support is missing or negative.
            MissingExtraError: If pandas is not installed.
        """
        from mamba_diffae.fields.tables import TableColumns, table_observations

        given = TableColumns(values, coords, noise, support, time, axes, noise_group)
        parts, labels = table_observations(table, given)
        return replace(cls.stack([cls(**part) for part in parts]), labels=labels)

    @classmethod
    def stack(cls, parts: Sequence[Observations]) -> Self:
        """One batch of several, padded to the length of the longest.

        Raises:
            ShapeError: If there are none, or they differ in dimension, variables or in what is
                known beside the values.
        """
        check_alike(parts)
        length = max(part.coords.shape[1] for part in parts)
        labels = Labels.joined([part.labels for part in parts], [len(part) for part in parts])
        padded = [part._padded(length)._given() for part in parts]
        joined = {name: torch.cat([part[name] for part in padded]) for name in padded[0]}
        background = Background.joined([part.background for part in parts])
        return cls(**joined, labels=labels, background=background)

    def _padded(self, length: int) -> Observations:
        count = self.coords.shape[1]
        if count == length:
            return self

        def longer(v: Tensor) -> Tensor:
            # A padded point stands where a real one does, so that no code meets a strange place.
            pad = v[:, :1] if count else v.new_zeros(v[:, :1].shape[0], 1, *v.shape[2:])
            return torch.cat([v, pad.expand(-1, length - count, *v.shape[2:])], dim=1)

        padded = {name: longer(part) for name, part in self._given().items()}
        padded["mask"][:, count:] = False
        return Observations(**padded, labels=self.labels, background=self.background)

    def __len__(self) -> int:
        return len(self.coords)

    def __repr__(self) -> str:
        optional = ("support", "noise", "noise_group", "covariates", "background")
        stated = "".join(f", {name}" for name in optional if getattr(self, name) is not None)
        B, N, D = self.coords.shape
        numbers = f"fields: {B:,}, places: {N:,}, axes: {D}, variables: {self.n_variables}"
        return f"Observations({numbers}{stated})"

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray | Tensor) -> Observations:
        """The chosen fields, in the given order; a number alone gives a batch of one."""
        if isinstance(index, Tensor):
            index = index.reshape(-1).cpu().numpy()
        rows = torch.from_numpy(np.atleast_1d(np.arange(len(self))[index]))
        taken = {name: part[rows.to(part.device)] for name, part in self._given().items()}
        labels = None if self.labels is None else self.labels.take(rows.tolist())
        background = None if self.background is None else self.background[rows]
        return Observations(**taken, labels=labels, background=background)

    @property
    def dim(self) -> int:
        """Axes, D."""
        return self.coords.shape[-1]

    @property
    def n_variables(self) -> int:
        """Variables, C."""
        return self.values.shape[-1]

    @property
    def present(self) -> Tensor:
        """True where any variable was observed, shape (B, N)."""
        return self.mask.any(dim=-1)

    @property
    def counts(self) -> Tensor:
        """Points of each field, shape (B,)."""
        return self.present.sum(dim=-1)

    def to(self, target: str | torch.device | torch.dtype) -> Observations:
        """The same on a device, or with the numbers of another type."""
        background = None if self.background is None else self.background.to(target)
        if isinstance(target, torch.dtype):
            moved = self._each(lambda v: v.to(target) if v.is_floating_point() else v)
        else:
            moved = self._each(lambda v: v.to(target, non_blocking=True))
        return replace(moved, background=background)

    def replace(self, **parts: Tensor | Labels | Background | None) -> Observations:
        """The same with other parts."""
        return replace(self, **parts)  # pyright: ignore[reportArgumentType]

    def with_values(self, values: Tensor) -> Observations:
        """The same points with other values, shape (B, N, C)."""
        return replace(self, values=values)

    def with_background(self, data: FieldData) -> Observations:
        """The same with the covariates of fields, number b those of snapshot b.

        Raises:
            ValuesError: If the fields have no covariates.
            ShapeError: If they are not as many.
        """
        return replace(self, background=Background.of(data))

    def fields(self) -> list[Observations]:
        """Those of each field, without padding."""
        return [self[b].points(self.present[b]) for b in range(len(self))]

    def points(self, chosen: Tensor) -> Observations:
        """Some points of every field: their numbers, or a mask of shape (N,)."""
        return self._each(lambda v: v[:, chosen.to(v.device)])

    def _given(self) -> dict[str, Tensor]:
        """The tensors that are known, by name."""
        named = ((part.name, getattr(self, part.name)) for part in parts_of(self))
        return {name: part for name, part in named if isinstance(part, Tensor)}

    def _each(self, change: Callable[[Tensor], Tensor]) -> Observations:
        return replace(self, **{name: change(part) for name, part in self._given().items()})


def as_observations(given: Observations | Iterable[Observations]) -> Observations:
    """Observations of one field or several, as one batch.

    Raises:
        ShapeError: If they are of another type, or differ in kind.
    """
    if isinstance(given, Observations):
        return given
    if isinstance(given, Sequence) and all(isinstance(part, Observations) for part in given):
        return Observations.stack(given)
    raise ShapeError(
        f"Observations were given as {type(given).__name__}; expected Observations, as from "
        "observe(data) or Observations.from_points(coords, values), or a list of them; or a table: "
        "a DataFrame, or the path of a .csv, .tsv or .parquet file."
    )
