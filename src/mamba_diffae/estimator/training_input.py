"""What `fit` takes: fields, what `open_field` opens, scattered observations, or a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mamba_diffae.estimator.points import Points, inside, is_points, point_snapshots, scaler_of
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldData, FieldError, Grid, Observations, Variable, is_table
from mamba_diffae.sources import open_field
from mamba_diffae.training.data.field_snapshots import FieldSnapshots
from mamba_diffae.training.data.snapshots import Snapshots

if TYPE_CHECKING:
    from pandas import DataFrame

TrainingInput: TypeAlias = (
    "FieldData | Observations | Sequence[Observations] | np.ndarray | DataFrame | str | Path"
)
"""What a model is fitted on."""


def opened_input(data: TrainingInput, options: Mapping[str, Any]) -> FieldData | Points:
    """Fields or observations.

    Args:
        data: See `FieldAutoencoder.fit`.
        options: Of a table those of `Observations.from_table`, else those of `open_field`.

    Raises:
        FieldError: If there are options with observations.
        ValueError: As these.
    """
    if is_points(data):
        if options:
            raise FieldError(
                f"{', '.join(options)} are of tables and files, but observations were given, which "
                "are complete; leave them out."
            )
        return data
    if is_table(data):
        return Observations.from_table(data, **options)
    return open_field(data, **options)


def training_input(
    data: TrainingInput,
    grid: Grid | None = None,
    variables: Sequence[str | Variable] | None = None,
    **options: Any,
) -> tuple[Snapshots, FieldScaler]:
    """Snapshots to learn from, inside coordinates and scaled, and how they were scaled.

    Test snapshots of fields are left out.

    Args:
        data: See `FieldAutoencoder.fit`.
        grid: Over the region of observations.
        variables: Of observations.
        options: See `opened_input`.

    Raises:
        FieldError: If grid or variables are given with fields, or as `point_snapshots`.
        ValueError: As `opened_input`.
    """
    data = opened_input(data, options)
    if not isinstance(data, FieldData):
        points = point_snapshots(data, grid, variables)
        scaler = scaler_of(points)
        return inside(points, scaler), scaler
    if grid is not None or variables is not None:
        raise FieldError(
            "grid and variables are those of scattered observations, but fields were given, which "
            "bring their own; leave them out."
        )
    scaler = FieldScaler.of(data)
    # One split after the other, so that each is a view and not a copy.
    rows = [np.flatnonzero(data.splits == split) for split in ("train", "val")]
    return FieldSnapshots(scaler.data(data.take(np.concatenate(rows)))), scaler
