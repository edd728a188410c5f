"""Scattered points to learn from, at the door: checked, with splits, variables and a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np
import torch

from mamba_diffae.estimator.bounding import bounding_grid
from mamba_diffae.estimator.checks import check_values
from mamba_diffae.estimator.scaling import FieldScaler, check_axes
from mamba_diffae.fields import (
    FieldData,
    Frame,
    Grid,
    Labels,
    Observations,
    ShapeError,
    ValuesError,
    Variable,
    as_observations,
    by_names,
    canonical_order,
    check_inside,
    in_units,
)
from mamba_diffae.sources.splits import MOST_VALIDATION
from mamba_diffae.training.data.binning import averages_on, cells_of
from mamba_diffae.training.data.point_snapshots import PointSnapshots

_LEAST = 2
"""Cells along an axis, at least."""
_SNAPSHOTS = 64
"""Snapshots from which the axes' length scales are taken, at most."""
_CELLS_PER_POINT = 2

Points = Observations | Sequence[Observations]


def is_points(data: object) -> TypeGuard[Points]:
    """Whether these are observations, one batch or several."""
    if isinstance(data, Observations):
        return True
    if not isinstance(data, list | tuple) or not data:
        return False
    return all(isinstance(part, Observations) for part in data)


def point_snapshots(
    given: Points,
    grid: Grid | None = None,
    variables: Sequence[str | Variable] | None = None,
) -> PointSnapshots:
    """What a user gave to learn from, in the user's units.

    Args:
        given: Each field of it is a snapshot; those without any value are left out.
        grid: Over the region; None: a regular lattice of about 1,024 cells over the bounding box.
        variables: Names, or variables with transforms; None: those of labels, or v0, v1, ...

    Raises:
        ShapeError: If snapshots differ in their kind, or grid or variables do not fit them.
        CoordinateError: If places are not finite, all the same, or on one line along an axis.
        ValuesError: If there are no values, they are not finite or all equal, or no snapshot has
            points at two places.
    """
    seen, notes = _with_values(as_observations(given))
    seen, named, axes = _by_name(seen, grid, variables)
    check_values(seen, named)
    if grid is None:
        grid = bounding_grid(seen, axes, seen.labels.axis_units if axes and seen.labels else ())
        notes.append(
            f"No grid was given: the field is that of a lattice of {grid.describe_shape()} cells "
            f"over all points, {grid.describe_region()}; give grid= for another."
        )
    elif not isinstance(grid, Grid):
        raise ShapeError(
            f"grid was given as {type(grid).__name__}; expected a Grid, such as "
            "Grid.regular(((0, 10), (0, 20)), (32, 64))."
        )
    check_axes(grid)
    seen = _within(in_units(seen, grid.axes, named), grid)
    splits, more = _splits(seen)
    train = seen[np.flatnonzero(splits == "train")]
    found = [_scaled(v, train.values[..., c][train.mask[..., c]]) for c, v in enumerate(named)]
    groups = np.empty(len(seen), np.int64)
    groups[np.argsort(splits != "train", kind="stable")] = np.arange(len(seen))
    return PointSnapshots(tuple(found), grid, seen, splits, groups, (*notes, *more))


def scaler_of(points: PointSnapshots) -> FieldScaler:
    """That of snapshots to fit a model on; length scales from averages in coarse cells."""
    grid, some = points.grid, points.observations[:_SNAPSHOTS]
    wanted = _CELLS_PER_POINT * int(some.counts.max())
    shape = np.minimum(np.maximum(grid.lattice_shape(wanted), _LEAST), grid.shape)
    coarse = grid.regrid(tuple(map(int, shape)))
    cells = torch.from_numpy(cells_of(coarse, some.coords.numpy()))
    mean, count = averages_on(cells, some.values, some.mask.double(), coarse.cells)
    flat = (len(some), *coarse.shape, some.n_variables)
    names = [Variable(variable.name) for variable in points.variables]
    averages = FieldData(
        names, Grid(coarse.axes), mean.reshape(flat).numpy(), (count > 0).reshape(flat).numpy()
    )
    frame = Frame.of(averages.transpose(canonical_order(grid.names)))
    return FieldScaler(points.variables, grid, frame)


def inside(points: PointSnapshots, scaler: FieldScaler) -> PointSnapshots:
    """The same in inside coordinates, scaled, in single precision.

    Raises:
        ValueError: As `FieldScaler.observations`.
    """
    return replace(
        points,
        variables=tuple(Variable(variable.name) for variable in points.variables),
        grid=scaler.inside_grid,
        observations=scaler.observations(points.observations),
    )


def _with_values(given: Observations) -> tuple[Observations, list[str]]:
    """Snapshots that have a value, in double precision; and what was left out."""
    known, notes = given.to("cpu").to(torch.float64), []
    rows = np.flatnonzero(known.counts.numpy())
    if not len(rows):
        raise ValuesError(
            f"None of the {len(given)} snapshots has an observation; give points with values."
        )
    if len(rows) < len(known):
        notes.append(f"{len(known) - len(rows)} snapshots without any value are left out.")
    if known.covariates is not None or known.background is not None:
        notes.append("Covariates are left out: of points alone networks do not learn from them.")
    return known[rows].replace(covariates=None, background=None), notes


def _by_name(
    seen: Observations, grid: Grid | None, variables: Sequence[str | Variable] | None
) -> tuple[Observations, list[Variable], Sequence[str] | None]:
    """Columns in the order of grid and variables; the variables; names of the axes, if known."""
    labels = seen.labels
    if labels is None or not labels.named:
        return seen, _with_units(_named(variables, seen.n_variables), labels), None
    named = _named(labels.variables if variables is None else variables, seen.n_variables)
    axes = grid.names if isinstance(grid, Grid) else labels.axes
    found = by_names(seen, axes, [variable.name for variable in named])
    return found, _with_units(named, found.labels), axes


def _with_units(named: list[Variable], labels: Labels | None) -> list[Variable]:
    """Variables that are given no unit have that of their columns."""
    if labels is None or not labels.units:
        return named
    pairs = zip(named, labels.units, strict=True)
    return [v if v.unit else replace(v, unit=unit) for v, unit in pairs]


def _within(seen: Observations, grid: Grid) -> Observations:
    """The same, places within the grid; absent points stand at its corner."""
    inside, present = check_inside(seen.coords[seen.present].numpy(), grid), seen.present
    corner = torch.tensor([axis.low for axis in grid.axes], dtype=torch.float64)
    coords = corner.expand(seen.coords.shape).clone()
    coords[present] = torch.from_numpy(inside)
    return seen.replace(coords=coords)


def _named(given: Sequence[str | Variable] | None, count: int) -> list[Variable]:
    names = [f"v{c}" for c in range(count)] if given is None else list(given)
    if isinstance(given, str) or len(names) != count:
        raise ShapeError(
            f"The observations have {count} variables, but variables is {given!r}; give a list of "
            f"{count} names."
        )
    named = [name if isinstance(name, Variable) else Variable(name) for name in names]
    if len({variable.name for variable in named}) < count:
        raise ValuesError(
            f"variables holds a name twice ({', '.join(v.name for v in named)}); give each its own."
        )
    return named


def _scaled(variable: Variable, values: torch.Tensor) -> Variable:
    """A variable with limits from the training snapshots, unless it came with its own."""
    if variable != Variable(variable.name, variable.unit):
        return variable
    return Variable.of_values(variable.name, values.numpy(), variable.unit)


def _splits(seen: Observations) -> tuple[np.ndarray, list[str]]:
    """A tenth for validation, drawn with a fixed seed, of those that have points at two places.

    Of one or two snapshots none is.
    """
    splits, present = np.full(len(seen), "train"), seen.present[..., None]
    low = seen.coords.masked_fill(~present, torch.inf).amin(dim=1)
    high = seen.coords.masked_fill(~present, -torch.inf).amax(dim=1)
    several = np.flatnonzero((low != high).any(dim=1).numpy())
    if not len(several):
        raise ValuesError(
            f"None of the {len(seen)} snapshots has points at two places, so nothing of one can be "
            "held back to learn from; give snapshots of two points or more."
        )
    if len(several) > _LEAST:
        count = min(MOST_VALIDATION, max(1, len(several) // 10))
        splits[np.random.default_rng(0).choice(several, count, replace=False)] = "val"
    single = len(seen) - len(several)
    if not single:
        return splits, []
    return splits, [
        f"{single} of {len(seen)} snapshots have points at one place alone: nothing of them can be "
        "held back, so the prior learns from them and the network does not."
    ]
