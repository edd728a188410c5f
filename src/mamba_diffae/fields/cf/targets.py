"""Targets that are an xarray object, and the answer in its terms."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.cf.coordinates import Coordinates, coordinates
from mamba_diffae.fields.cf.datasets import (
    QUANTILE,
    REALIZATION,
    SNAPSHOT,
    described,
    prediction_dataset,
    with_history,
)
from mamba_diffae.fields.cf.decoded import decoded
from mamba_diffae.fields.cf.roles import Dimension, dimensions, usual_role
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.prediction import Prediction
from mamba_diffae.fields.units import conversion
from mamba_diffae.fields.variable import Variable

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_SAME = 1e-6
"""Share of an axis by which edges may differ that are the same: coordinates are often float32."""
_CIRCLE = 1e-4


@final
@dataclass(frozen=True, eq=False)
class LabelledTargets:
    """What is asked, as an xarray object names, orders and directs it.

    Attributes:
        template: The object, with its coordinates and attributes.
        dims: Its dimensions in their order, those that are no axis of the model included.
        axes: The dimension of each axis of the model.
        index: Of each axis, the cell of `grid` that each place along the dimension is.
        grid: The same cells in the model's terms: its names, units, longitudes; rising.
        variables: Those of the model.
    """

    template: Dataset
    dims: tuple[Hashable, ...]
    axes: tuple[Hashable, ...]
    index: tuple[np.ndarray, ...]
    grid: Grid
    variables: tuple[Variable, ...]

    @classmethod
    def of(cls, targets: Dataset | DataArray, native: Grid, variables: Sequence[Variable]) -> Self:
        """The places of an xarray object in a model's terms.

        Args:
            targets: Its dimensions are recognised as those of a source are, see `from_xarray`.
            native: The grid of the model.
            variables: Those of the model.

        Raises:
            ShapeError: If an axis of the model is missing, or has no coordinates.
            ValueError: If units differ and cannot be converted, or coordinates do not fit.
        """
        dataset = decoded(targets)
        found = _dimensions(dataset, [v.name for v in variables], native)
        dims = tuple(d.name for d in found)
        matched = [_match(found, axis, dims) for axis in native.axes]
        placed = [_axis(d, dataset, axis) for d, axis in zip(matched, native.axes, strict=True)]
        axes = tuple(axis for axis, _ in placed)
        grid = native if axes == native.axes else Grid(axes)
        index = tuple(index for _, index in placed)
        return cls(dataset, dims, tuple(d.name for d in matched), index, grid, tuple(variables))

    @property
    def row_axis(self) -> int | None:
        """The longest axis whose places lie one behind the other; None: all begin inside a turn."""
        fits = [(len(x), -d) for d, x in enumerate(self.index) if (abs(np.diff(x)) == 1).all()]
        return -max(fits)[1] if fits else None

    def part(self, region: Mapping[Hashable, slice]) -> Self:
        """What lies in a region, by dimension: rows along `row_axis`, or snapshots."""
        axes, index = list(self.grid.axes), list(self.index)
        for d, dim in enumerate(self.axes):
            if dim in region:
                cells, axis = index[d][region[dim]], axes[d]
                low, high = int(cells.min()), int(cells.max()) + 1
                measures = None if axis.cell_measures is None else axis.cell_measures[low:high]
                if high - low < axis.cells:
                    edges = axis.edges[low : high + 1]
                    axes[d] = replace(axis, edges=edges, periodic=False, cell_measures=measures)
                index[d] = cells - low
        grid = self.grid if tuple(axes) == self.grid.axes else Grid(tuple(axes))
        template = self.template.isel({d: x for d, x in region.items() if d in self.template.dims})
        return replace(self, template=template, index=tuple(index), grid=grid)

    def dataset(self, prediction: Prediction) -> Dataset:
        """A prediction on `grid` in the terms of the targets.

        Returns:
            As `Prediction.to_xarray` has it, with the dimensions of the targets in their order and
            direction, their coordinates, attributes, and the units of their variables. Fields lie
            along the dimension of the targets that is as long as they are many, else along
            `snapshot`; a single field has none.

        Raises:
            ShapeError: If the targets have another dimension that is no axis of the model.
            ValuesError: If their variables are in units that cannot be converted to.
        """
        return self.answer(prediction, self.along(len(prediction.mean)))

    def answer(self, prediction: Prediction, along: Hashable | None) -> Dataset:
        """The same, with fields along a dimension of the targets, or `snapshot`; None: one field.

        Args:
            prediction: Of some of the fields, if these targets hold as many along the dimension.
            along: See `along`.
        """
        told = prediction_dataset(replace(prediction, variables=self.variables))
        names = dict(zip(self.grid.names, self.axes, strict=True))
        told = told.drop_vars(set(told.coords) - {QUANTILE, REALIZATION})
        pick = dict(zip(self.grid.names, self.index, strict=True))
        told = told.isel(pick).rename({k: v for k, v in names.items() if k != v})
        if along is None:
            told = told.isel({SNAPSHOT: 0})
        elif along != SNAPSHOT:
            told = told.rename({SNAPSHOT: along})
        told = self._converted(told)
        for dim in self.dims:
            if dim not in told.dims and self.template.sizes[dim] == 1:
                on = [name for name, array in told.data_vars.items() if self.axes[0] in array.dims]
                told = told.assign({name: told[name].expand_dims(dim) for name in on})
        told = self.with_coordinates(told)
        rest = [along] if along == SNAPSHOT else []
        told = told.transpose(QUANTILE, REALIZATION, *rest, *self.dims, ..., missing_dims="ignore")
        told.attrs = dict(self.template.attrs)
        return with_history(told, "prediction")

    def along(self, count: int) -> Hashable | None:
        """The dimension along which so many fields lie; None: there is one, without a dimension.

        Raises:
            ShapeError: If the targets have another dimension that is no axis of the model.
        """
        rest = [dim for dim in self.dims if dim not in self.axes]
        sizes = self.template.sizes
        fitting = [dim for dim in rest if sizes[dim] == count]
        other = [dim for dim in rest if sizes[dim] > 1 and dim not in fitting[:1]]
        if len(other) > 1 - len(fitting[:1]):
            raise ShapeError(
                f"The targets have the dimensions {', '.join(map(str, self.dims))}, but the model "
                f"has the axes {', '.join(self.grid.names)}; beside them one dimension of "
                f"snapshots is allowed: select one of the others, targets.isel({other[-1]!s}=0)."
            )
        if fitting:
            return fitting[0]
        return None if count == 1 else SNAPSHOT

    def _converted(self, told: Dataset) -> Dataset:
        """Values in the units that the targets state, with the attributes of their variables."""
        new: dict[str, Any] = {}
        for variable in self.variables:
            like = self.template.data_vars.get(variable.name)
            unit = variable.unit if like is None else str(like.attrs.get("units", variable.unit))
            factor, offset = conversion(variable.unit, unit, f"The variable {variable.name!r}")
            for end in ("", "_std", "_quantiles", "_draws"):
                array = told.get(f"{variable.name}{end}")
                if array is None:
                    continue
                shift = 0.0 if end == "_std" else offset
                if (factor, shift) != (1.0, 0.0):
                    array = (array * factor + shift).assign_attrs(array.attrs)
                about = described(array, like)
                if unit:
                    about = about.assign_attrs(units=unit)
                if end == "_std" and "standard_name" in about.attrs:
                    name = f"{about.attrs['standard_name']} standard_error"
                    about = about.assign_attrs(standard_name=name)
                new[f"{variable.name}{end}"] = about
        return told.assign(new)

    def with_coordinates(self, told: Dataset) -> Dataset:
        """With the coordinates of the targets, and what those name: bounds, a grid mapping."""
        sizes = told.sizes
        kept = {
            name: array.variable
            for name, array in self.template.coords.items()
            if all(sizes.get(dim) == size for dim, size in array.sizes.items())
        }
        told = told.assign_coords(kept)
        serving = self._serving(told)
        told = told.assign({name: self.template[name].variable for name in serving})
        return told.set_coords([name for name in serving if name in self.template.coords])

    def without_serving(self, told: Dataset) -> Dataset:
        """Without what `with_coordinates` adds beside the coordinates."""
        return told.drop_vars(self._serving(told))

    def _serving(self, told: Dataset) -> set[str]:
        """Variables of the targets that others name: bounds, a grid mapping."""
        named = {
            str(array.attrs.get(key, array.encoding.get(key, "")))
            for array in (*told.variables.values(), *self._likes())
            for key in ("bounds", "grid_mapping")
        }
        return named & set(map(str, self.template.variables))

    def _likes(self) -> list[DataArray]:
        names = [v.name for v in self.variables]
        return [self.template[name] for name in names if name in self.template.data_vars]


def _dimensions(dataset: Dataset, names: Sequence[str], native: Grid) -> list[Dimension]:
    """Those of what is asked: of a variable of the model, of the only one, or all that say it."""
    here = [name for name in names if name in dataset.data_vars] or list(dataset.data_vars)
    if len(here) == 1 or (here and here[0] in names):
        return dimensions(dataset, dataset[here[0]].dims, {})
    found = dimensions(dataset, dataset.dims, {})
    return [d for d in found if d.role or d.axis in native.names]


def _match(found: Sequence[Dimension], axis: Axis, dims: Sequence[Hashable]) -> Dimension:
    """The dimension that is an axis of the model: of its name, or of its kind."""
    role = usual_role(axis.name)
    for fits in (lambda d: d.axis == axis.name, lambda d: bool(role) and d.role == role):
        same = [d for d in found if fits(d)]
        if len(same) == 1:
            return same[0]
    raise ShapeError(
        f"The targets have the dimensions {', '.join(map(str, dims))}, but none of them is the "
        f"axis {axis.name!r} that the model was fitted on; rename it: targets.rename("
        f"{next((d.name for d in found), 'dim')!s}={axis.name!r})."
    )


def _axis(dimension: Dimension, dataset: Dataset, native: Axis) -> tuple[Axis, np.ndarray]:
    """The axis that a dimension is, in the model's terms, and the cell of each of its places."""
    since = native.unit if " since " in native.unit else None
    given = coordinates(dimension, dataset, since=since)
    if given is None:
        raise ShapeError(
            f"The dimension {dimension.name!s} of the targets has no coordinates, so it is not "
            f"known where its cells lie along {native.describe()}; give them: "
            f"targets.assign_coords({dimension.name!s}=...)."
        )
    scaled = _scaled(given, native, dimension)
    index = scaled.index()
    if native.is_longitude:
        return _longitudes(scaled, native, index)
    return _native_if_same(_made(scaled.centres, scaled.edges, native), native), index


def _scaled(given: Coordinates, native: Axis, dimension: Dimension) -> Coordinates:
    """Coordinates in the unit of the model's axis."""
    factor, offset = conversion(
        given.unit or "", native.unit, f"The dimension {dimension.name!s} of the targets"
    )
    if (factor, offset) == (1.0, 0.0):
        return given
    edges = None if given.edges is None else given.edges * factor + offset
    return replace(given, centres=given.centres * factor + offset, edges=edges)


def _longitudes(given: Coordinates, native: Axis, index: np.ndarray) -> tuple[Axis, np.ndarray]:
    """Longitudes in the convention of the model, and the cell of each of the targets' places."""
    x, n = given.centres, len(given.centres)
    axis = _made(x, given.edges, native)
    if abs(axis.span / 360 - 1) >= _CIRCLE:
        turn = 360 * round(((native.low + native.high) - (axis.low + axis.high)) / 720)
        shifted = replace(axis, edges=axis.edges + turn)
        return _native_if_same(shifted, native), index
    turned = native.low + np.mod(x - native.low, 360)
    order = np.argsort(turned, kind="stable")
    place = np.empty(n, int)
    place[order] = np.arange(n)
    return _native_if_same(_made(turned[order], None, native), native), place[index]


def _made(centres: np.ndarray, edges: np.ndarray | None, native: Axis) -> Axis:
    """Cells under the name and in the unit of the model's axis; they close if they span as much."""
    axis = Axis.from_centres(native.name, centres, native.unit)
    if edges is not None:
        axis = Axis(native.name, edges, native.unit)
    closes = native.periodic and abs(axis.span / native.span - 1) < _CIRCLE and axis.even_cells
    return replace(axis, periodic=closes)


def _native_if_same(axis: Axis, native: Axis) -> Axis:
    """The model's own axis if the cells are the same but for rounding."""
    same = axis.cells == native.cells and np.allclose(
        axis.edges, native.edges, rtol=0, atol=_SAME * native.span
    )
    return native if same else axis
