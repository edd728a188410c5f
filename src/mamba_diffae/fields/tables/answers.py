"""Targets that are rows of a table, and a prediction as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from mamba_diffae.fields.errors import TableError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.in_units import scales_of
from mamba_diffae.fields.prediction import Prediction
from mamba_diffae.fields.tables.naming import column_of
from mamba_diffae.fields.tables.observing import places
from mamba_diffae.fields.tables.opening import OpenedTable
from mamba_diffae.fields.variable import Variable

if TYPE_CHECKING:
    from pandas import DataFrame

SNAPSHOT = "snapshot"
"""Name of the level of the index that tells fields apart."""


@final
@dataclass(frozen=True, eq=False)
class TableTargets:
    """Places that are asked in the rows of a table.

    Attributes:
        frame: The columns of the coordinates, in the table's order, with its index.
        places: Shape (N, D), in the order of the grid's axes.
    """

    frame: DataFrame
    places: np.ndarray

    @classmethod
    def of(cls, given: Any, grid: Grid) -> Self:
        """The places of a table that has a column for each axis of a grid.

        Args:
            given: A DataFrame, a pyarrow table, or the path of a CSV or Parquet file.
            grid: Whose axes name the columns, in one of their usual spellings.

        Raises:
            TableError: If it cannot be read, or lacks a column.
            CoordinateError: If a coordinate is missing.
            ValuesError: If it is in a unit that cannot be converted to that of its axis.
        """
        table = OpenedTable.of(given)
        columns = {axis: column_of(table, axis) for axis in grid.names}
        x = places(table, columns, np.ones(len(table.frame), dtype=bool))
        units = [(axis.name, table.unit(columns[axis.name]), axis.unit) for axis in grid.axes]
        factors, offsets = np.array(scales_of(f"The places of {table.name}:", units)).T
        wanted = [str(name) in columns.values() for name in table.frame.columns]
        return cls(table.frame.loc[:, wanted], x * factors + offsets)

    def answer(
        self, prediction: Prediction, variables: Sequence[Variable], snapshots: Sequence[Any] = ()
    ) -> DataFrame:
        """A prediction at the places, in the table's rows.

        Args:
            prediction: At `places`, of B fields.
            variables: Those of the prediction.
            snapshots: What each field is of, B of them; none: their numbers.

        Returns:
            The coordinates, and for a variable `sst` the columns `sst` (the mean), `sst_std`,
            quantiles such as `sst_q0.05`, and draws `sst_draw_0`, …, as far as they are there. With
            the table's index; of several fields one under the other, the snapshot being the first
            level of the index.

        Raises:
            TableError: If two columns would have one name.
        """
        pandas = load_extra("pandas", "A prediction as a table")
        count = len(prediction.mean)
        frames = [_joined(self.frame, _columns(prediction, variables, b)) for b in range(count)]
        if count == 1:
            told = frames[0]
        else:
            keys = list(snapshots) or list(range(count))
            told = pandas.concat(frames, keys=keys, names=[SNAPSHOT, *self.frame.index.names])
        told.attrs["units"] = {v.name: v.unit for v in variables}
        return told


def grid_answer(prediction: Prediction, grid: Grid, variables: Sequence[Variable]) -> DataFrame:
    """A prediction on a grid as a table, a row for each cell; see `TableTargets.answer`."""
    pandas = load_extra("pandas", "A prediction as a table")
    centres = grid.centres()
    frame = pandas.DataFrame(dict(zip(grid.names, centres.T, strict=True)))
    return TableTargets(frame, centres).answer(prediction, variables)


def with_snapshots(told: DataFrame, name: str, snapshots: Sequence[Any]) -> DataFrame:
    """An answer with a first column that says of each row which snapshot it is of.

    Args:
        told: Of B fields, one under the other, as `TableTargets.answer` makes it.
        name: Of the column.
        snapshots: What each field is of, B of them.

    Raises:
        TableError: If the answer has a column of that name.
    """
    pandas = load_extra("pandas", "A prediction as a table")
    _distinct([(str(column), None) for column in (name, *told.columns)])
    told = told.copy(deep=False)
    rows = len(told) // len(snapshots)
    told.insert(0, name, pandas.Series(list(snapshots)).repeat(rows).array)
    return told


def _columns(
    prediction: Prediction, variables: Sequence[Variable], field: int
) -> dict[str, np.ndarray]:
    """Columns (N,) of one field, by name.

    Raises:
        TableError: If two have one name.
    """
    found: list[tuple[str, np.ndarray]] = []
    stated = prediction.stated_std is not None or len(prediction.draws) > 1
    for c, variable in enumerate(variables):
        name, rows = variable.name, prediction.mean[..., c].size // len(prediction.mean)
        parts = [(name, prediction.mean), *([(f"{name}_std", prediction.std)] if stated else [])]
        if prediction.quantiles is not None:
            levels = [f"{name}_q{level:g}" for level in prediction.levels]
            parts += zip(levels, prediction.quantiles, strict=True)
        parts += [(f"{name}_draw_{k}", draw) for k, draw in enumerate(prediction.draws)]
        found += [(label, values[field, ..., c].reshape(rows)) for label, values in parts]
    return _distinct(found)


def _distinct(found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise TableError(f"Two columns of the answer would be named {twice[0]!r}; rename one.")
    return dict(found)


def _joined(frame: DataFrame, columns: dict[str, np.ndarray]) -> DataFrame:
    _distinct([(str(name), None) for name in (*frame.columns, *columns)])
    return frame.assign(**columns)
