"""What is given in other units than a model's: converted where that is obvious, and said."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.observations import Observations
from mamba_diffae.fields.units import conversion
from mamba_diffae.fields.variable import Variable

Scale = tuple[float, float]
"""Factor and offset: wanted = factor · given + offset."""


def in_units(
    observations: Observations, axes: Sequence[Axis], variables: Sequence[Variable]
) -> Observations:
    """Observations in the units of axes and variables, as far as their own are known.

    >>> from mamba_diffae.fields import Labels
    >>> seen = Observations.from_points([[0.5]], [[20.0]])
    >>> seen = seen.replace(labels=Labels(units=("degC",)))
    >>> import warnings; warnings.simplefilter("ignore")
    >>> in_units(seen, [Axis.regular("x", 0, 1, 2)], [Variable("sst", "K")]).values.item()
    293.15

    Args:
        observations: From `by_names`: columns as the axes and the variables.
        axes: D of them.
        variables: C of them.

    Returns:
        Observations without labels.

    Warns:
        UserWarning: What was converted.

    Raises:
        ValuesError: If it is not known how.
    """
    labels = observations.labels
    if labels is None:
        return observations
    found = replace(observations, labels=None)
    # Another number of columns is refused by who knows what they were given for.
    if len(labels.units) == len(variables):
        factor, offset = _columns(labels.units, variables)
        values = torch.where(found.mask, found.values.double() * factor + offset, 0.0)
        noise = None if found.noise is None else found.noise.double() * factor
        found = replace(found, values=values, noise=noise)
    if len(labels.axis_units) == len(axes):
        factor, offset = _columns(labels.axis_units, axes)
        support = None if found.support is None else found.support.double() * factor
        found = replace(found, coords=found.coords.double() * factor + offset, support=support)
    return found


def data_in_units(
    data: FieldData, variables: Sequence[Variable], axes: Sequence[Axis], what: str
) -> FieldData:
    """Fields in the units of variables and axes, under these variables.

    Args:
        data: Its variables and axes are those, in that order.
        variables: C of them, in whose units and with whose limits the fields are wanted.
        axes: D of them.
        what: The name to use in messages.

    Warns:
        UserWarning: What was converted.

    Raises:
        ValuesError: If it is not known how.
    """
    pairs = zip(data.variables, variables, strict=True)
    scales = scales_of(what, [(v.name, v.unit, own.unit) for v, own in pairs])
    grid = grid_in_units(data.grid, axes, what)
    values, noise = data.values, data.noise
    if any(scale != (1.0, 0.0) for scale in scales):
        factors, offsets = np.array(scales).T
        values = values * factors + offsets
        noise = None if noise is None else noise * factors
    return replace(data, variables=variables, grid=grid, values=values, noise=noise)


def grid_in_units(grid: Grid, axes: Sequence[Axis], what: str) -> Grid:
    """A grid in the units of axes of the same names; see `data_in_units`."""
    pairs = zip(grid.axes, axes, strict=True)
    scales = scales_of(what, [(axis.name, axis.unit, own.unit) for axis, own in pairs])
    if all(scale == (1.0, 0.0) for scale in scales):
        return grid
    made = [
        axis
        if (factor, offset) == (1.0, 0.0)
        else replace(axis, edges=axis.edges * factor + offset, unit=own.unit, length_scale=None)
        for axis, own, (factor, offset) in zip(grid.axes, axes, scales, strict=True)
    ]
    return Grid(tuple(made), grid.mask)


def scales_of(what: str, named: Sequence[tuple[str, str, str]]) -> list[Scale]:
    """Factors and offsets between units, by name, given and wanted ones.

    Warns:
        UserWarning: What is converted.

    Raises:
        ValuesError: If it is not known how.
    """
    found = [conversion(given, wanted, f"{what} {name!r}") for name, given, wanted in named]
    told = [
        f"{name!r} from {given} to {wanted}"
        for (name, given, wanted), scale in zip(named, found, strict=True)
        if scale != (1.0, 0.0)
    ]
    if told:
        warnings.warn(
            f"{what} {', '.join(told)}: converted to the units that the model was fitted on.",
            stacklevel=5,
        )
    return found


def _columns(
    given: Sequence[str], wanted: Sequence[Axis] | Sequence[Variable]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors and offsets of columns, in double precision, shape (K,) each."""
    named = [(own.name, unit, own.unit) for unit, own in zip(given, wanted, strict=True)]
    scales = torch.tensor(scales_of("The observed", named), dtype=torch.float64)
    return scales[:, 0], scales[:, 1]
