"""Observations as a user gives them to a fitted model: `Observations`, or a table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mamba_diffae.estimator.asked import Asked
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Observations, TableError, TableWarning, as_observations, is_table
from mamba_diffae.fields.axis_names import simple
from mamba_diffae.fields.cf.background import target_background
from mamba_diffae.fields.cf.decoded import is_labelled
from mamba_diffae.fields.cf.targets import LabelledTargets
from mamba_diffae.fields.tables import OpenedTable, column_of

if TYPE_CHECKING:
    from pandas import DataFrame

Seen: TypeAlias = "Observations | Sequence[Observations] | DataFrame | str | Path"
"""Observations of fields, or a table of those of one: a DataFrame, the path of a CSV or Parquet."""


def observed(given: Seen, scaler: FieldScaler, targets: Asked = None) -> Observations:
    """Observations in the user's units.

    Args:
        given: Observations are returned as they are. In a table axes and variables of the model are
            found by their names; variables that it lacks were not observed.
        scaler: Of the model.
        targets: What is asked; an xarray object may hold covariates that the observations lack.

    Raises:
        TableError: If there is no column for an axis, or for none of the variables.
        ValueError: As `Observations.from_table` and `as_observations`.
    """
    if not is_table(given):
        found = as_observations(given)  # pyright: ignore[reportArgumentType]
        return _with_covariates(found, targets, scaler)
    table = OpenedTable.of(given)
    coords = {axis: column_of(table, axis) for axis in scaler.grid.names}
    values = _values(table, [variable.name for variable in scaler.variables])
    _say_unread(table, scaler, coords | values)
    other = {name: c for name, c in (coords | values).items() if name != c}
    if other:
        told = ", ".join(f"{name} = {column!r}" for name, column in other.items())
        warnings.warn(
            f"Columns of {table.name} recognised by their names: {told}.",
            TableWarning,
            stacklevel=4,
        )
    found = Observations.from_table(table, values, coords=coords)
    return _with_covariates(found, targets, scaler)


def _say_unread(table: OpenedTable, scaler: FieldScaler, read: Mapping[str, str]) -> None:
    """Warn of variables without a column where other columns are left: of another name, maybe."""
    lacking = [variable.name for variable in scaler.variables if variable.name not in read]
    unread = [column for column in table.names if column not in read.values()]
    if lacking and unread:
        warnings.warn(
            f"{table.title} has no column {', '.join(map(repr, lacking))}, which counts as not "
            f"observed, and {', '.join(map(repr, unread))} is not read; rename it if it is meant.",
            TableWarning,
            stacklevel=5,
        )


def _with_covariates(seen: Observations, targets: Asked, scaler: FieldScaler) -> Observations:
    """With the covariates of targets, if the model needs some and the observations have none."""
    known = scaler.covariates
    if known is None or seen.background is not None or not is_labelled(targets):
        return seen
    places = LabelledTargets.of(targets, scaler.grid, scaler.variables)
    return seen.replace(background=target_background(places, known.varying, len(seen)))


def _values(table: OpenedTable, variables: Sequence[str]) -> dict[str, Any]:
    """The column of each variable that the table has."""
    found = {v: [c for c in table.names if simple(c) == simple(v)] for v in variables}
    found |= {v: [v] for v in variables if v in table.names}
    for variable, columns in found.items():
        if len(columns) > 1:
            raise TableError(
                f"{table.title} has {len(columns)} columns for {variable!r} "
                f"({', '.join(columns)}); rename the one that is meant to {variable!r}."
            )
    present = {variable: columns[0] for variable, columns in found.items() if columns}
    if not present:
        raise TableError(
            f"{table.title} has no column of the model's variables ({', '.join(variables)}), but "
            f"{', '.join(table.names)}; name it: Observations.from_table(table, "
            f"values={{{variables[0]!r}: column}}, ...)."
        )
    return present
