"""Arrays in memory as fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, final

import numpy as np

from mamba_diffae.fields import (
    Affine,
    Covariates,
    FieldData,
    Grid,
    Shape,
    ShapeError,
    Transform,
    Variable,
)
from mamba_diffae.fields.fill_values import suspect_fill
from mamba_diffae.registry import unknown
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.coordinates import Coordinates, make_grid
from mamba_diffae.sources.gaps import Stack
from mamba_diffae.sources.layout import as_array, last_is_variables, numbers
from mamba_diffae.sources.splits import split_by_name

_MASK = "mask it: np.ma.masked_equal(array, ...); of a data set, set its attribute _FillValue"


@final
class ArraySource(Source):
    """An array in memory; `from_array` takes what else is known of it."""

    form: ClassVar[str] = "an array"

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return isinstance(spec, np.ndarray)

    def open(
        self, spec: np.ndarray, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `from_array`."""
        return from_array(spec)


def from_array(
    values: np.ndarray | Sequence[object],
    what: str = "The array",
    *,
    variables: str | Sequence[str | Variable] | None = None,
    axes: Mapping[str, Coordinates] | Grid | None = None,
    units: Mapping[str, str] | Sequence[str] | str | None = None,
    periodic: Collection[str] | None = None,
    mask: np.ndarray | None = None,
    transforms: Mapping[str, str | Transform] | str | Transform | None = None,
) -> FieldData:
    """Take an array as a stack of fields, without a copy if nothing has to be changed.

    >>> temperature = np.arange(60.0).reshape(5, 3, 4)
    >>> data = from_array(temperature, variables="t", axes={"y": 3, "depth": [0, 5, 10, 20]})
    >>> data.shape, data.variables[0].name, data.grid.axes[1].widths.tolist()
    ((3, 4), 't', [5.0, 5.0, 7.5, 10.0])

    What is NaN, infinite or masked is a gap; cells that are missing in every snapshot are land;
    snapshots without a value are left out. What is said in a warning can be told in an argument.

    Args:
        values: Integers or floats, or lists of them, shape (S, *shape) or (S, *shape, C): S
            snapshots of one to three axes, C variables. Without `axes` and `variables`, (S, n) are
            profiles, (S, a, b) fields and (S, a, b, c) volumes of one variable; the last axis of
            (S, a, b, C) holds variables if they are at most 16 and fewer than the cells along
            either axis; so does that of (S, a, b, c, C).
        what: The name to use in messages.
        variables: Names, or variables that are scaled already.
        axes: Coordinates by name, in the order of the array: n centres, or n + 1 edges, or the
            number n alone; or a grid. Falling ones are turned together with the values. Names such
            as "lat" and "lon" are degrees unless `units` says otherwise.
        units: Of the variables in order, or of the variables and then the axes; or by name.
        periodic: Names of the axes that close; None: longitudes once round the globe do.
        mask: True where there is a value: for the cells that exist (sea), shape (*shape,), or for
            each snapshot, (S, *shape) or (S, *shape, C).
        transforms: By variable, or bare for a single one, a transform or its kind ("affine",
            "log", "logit", "bounded", "normal_score"), fitted to the training split.

    Returns:
        The fields, named "0" to "S - 1", each its own group, split by `split_by_name`. Limits are
        those of the training split, spikes left out; of uint8 they are 0 and 255.

    Raises:
        ValueError: If type or shape do not fit, coordinates neither rise nor fall, a variable comes
            twice, has no value or always the same one, or values outside its transform's bounds.
    """
    given = [variables] if isinstance(variables, str) else variables
    count = None if given is None else len(given)
    dim = None if axes is None else axes.dim if isinstance(axes, Grid) else len(axes)
    array = numbers(as_array(values, what), what)
    stack = Stack.of(array, last_is_variables(array.shape, what, dim, count)).masked(mask, what)
    known_variables = _named(given, stack.values.shape[-1])
    named_axes = axes.names if isinstance(axes, Grid) else list(axes or [])
    known_units = _units(units, [*map(_name, known_variables), *named_axes], len(known_variables))
    grid, stack = _placed(stack, axes, known_units, periodic, what)
    return fields_of(stack, grid, known_variables, known_units, transforms, what=what)


@final
@dataclass(frozen=True)
class Labels:
    """Names, groups and splits of snapshots, as `FieldData` has them."""

    names: Sequence[str]
    groups: np.ndarray
    splits: np.ndarray

    @classmethod
    def by_number(cls, rows: np.ndarray) -> Self:
        """Of snapshots, rows (S,), of which nothing is known but their number."""
        names = [str(i) for i in rows]
        return cls(names, np.arange(len(rows)), split_by_name(names))


def fields_of(
    stack: Stack,
    grid: Grid,
    variables: Sequence[str | Variable],
    units: Mapping[str, str],
    transforms: Mapping[str, str | Transform] | str | Transform | None = None,
    *,
    label: Callable[[np.ndarray], Labels] = Labels.by_number,
    covariates: Covariates | None = None,
    what: str,
) -> FieldData:
    """Fields of a stack whose axes are known; see `from_array`.

    Args:
        stack: Values and gaps.
        grid: Of its cells.
        variables: Names, or variables that are scaled already.
        units: By the names of variables.
        transforms: See `from_array`.
        label: From the numbers of the snapshots that have a value to their labels.
        covariates: Of all snapshots.
        what: The name to use in messages.

    Raises:
        ValueError: See `from_array`.
    """
    stack, left = stack.with_land(what).without_empty(what)
    labels = label(left)
    scaled = _scaled(stack, labels.splits == "train", variables, units, transforms)
    return FieldData(
        scaled,
        Grid(grid.axes, stack.exists),
        stack.values,
        valid=stack.valid,
        names=labels.names,
        groups=labels.groups,
        splits=labels.splits,
        noise=stack.noise,
        covariates=None if covariates is None else covariates.take(left),
    )


def _named(given: Sequence[str | Variable] | None, count: int) -> list[str | Variable]:
    """Variables as given, or names for those that have none."""
    if given is not None:
        return list(given)
    return ["value"] if count == 1 else [f"value_{i}" for i in range(count)]


def _name(variable: str | Variable) -> str:
    return variable if isinstance(variable, str) else variable.name


def _units(
    units: Mapping[str, str] | Sequence[str] | str | None, names: Sequence[str], variables: int
) -> dict[str, str]:
    """Units by the names of variables, which come first, and axes."""
    if isinstance(units, Mapping):
        for name in units:
            if name not in names:
                raise unknown("variable or axis", name, names)
        return dict(units)
    given = [units] if isinstance(units, str) else list(units or [])
    if len(given) not in (0, variables, len(names)):
        raise ShapeError(
            f"{len(given)} units were given for {variables} variables "
            f"({', '.join(names[:variables])}); give one of each, or units by name."
        )
    return dict(zip(names, given, strict=False))


def _placed(
    stack: Stack,
    axes: Mapping[str, Coordinates] | Grid | None,
    units: Mapping[str, str],
    periodic: Collection[str] | None,
    what: str,
) -> tuple[Grid, Stack]:
    """The grid of a stack, and the stack with its axes turned to rise."""
    shape = stack.values.shape[1:-1]
    if isinstance(axes, Grid):
        if axes.shape != shape:
            raise ShapeError(
                f"{what} has {' × '.join(map(str, shape))} cells, but its grid "
                f"{axes.describe_shape()} ({', '.join(axes.names)})."
            )
        return axes, stack if axes.mask is None else stack.masked(axes.mask, what)
    grid, orders = make_grid(shape, axes, units, periodic, what)
    for axis, order in orders.items():
        stack = stack.reordered(axis, order)
    return grid, stack


def _transforms(
    transforms: Mapping[str, str | Transform] | str | Transform | None, names: Sequence[str]
) -> Mapping[str, str | Transform]:
    """Transforms by the names of variables."""
    if transforms is None:
        return {}
    if isinstance(transforms, str | Transform):
        if len(names) > 1:
            raise ShapeError(
                f"One transform was given for {len(names)} variables ({', '.join(names)}); give "
                f'it by name: transforms={{"{names[0]}": ...}}.'
            )
        return {names[0]: transforms}
    for name in transforms:
        if name not in names:
            raise unknown("variable", name, names)
    return transforms


def _scaled(
    stack: Stack,
    train: np.ndarray,
    variables: Sequence[str | Variable],
    units: Mapping[str, str],
    transforms: Mapping[str, str | Transform] | str | Transform | None,
) -> list[Variable]:
    """Variables with the limits and transforms that their training values ask for."""
    kinds = _transforms(transforms, [_name(variable) for variable in variables])
    scaled = []
    for c, variable in enumerate(variables):
        known = stack.known(c)
        suspect_fill(known, _name(variable), _MASK)
        if isinstance(variable, str):
            unit, transform = units.get(variable, ""), kinds.get(variable)
            if transform is None and known.dtype == np.uint8:
                variable = Variable(variable, unit, Affine(0.0, 255.0))
            else:
                training = stack.known(c, train)
                variable = Variable.of_values(variable, training, unit, transform or "affine")
            variable.transform.check(known, variable.name)
        scaled.append(variable)
    return scaled
