"""What `fit` takes: fields, what `open_field` opens, or scattered observations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamba_diffae.estimator.points import inside, is_points, point_snapshots, scaler_of
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldData, FieldError, Grid, Observations, Variable
from mamba_diffae.sources import open_field
from mamba_diffae.training.data.field_snapshots import FieldSnapshots
from mamba_diffae.training.data.snapshots import Snapshots

TrainingInput = FieldData | Observations | Sequence[Observations] | np.ndarray | str | Path
"""What a model is fitted on."""


def training_input(
    data: TrainingInput,
    grid: Grid | None = None,
    variables: Sequence[str | Variable] | None = None,
) -> tuple[Snapshots, FieldScaler]:
    """Snapshots to learn from, inside coordinates and scaled, and how they were scaled.

    Test snapshots of fields are left out.

    Args:
        data: See `FieldAutoencoder.fit`.
        grid: Over the region of observations.
        variables: Of observations.

    Raises:
        FieldError: If grid or variables are given with fields, or as `point_snapshots`.
        ValueError: As `open_field`.
    """
    if is_points(data):
        points = point_snapshots(data, grid, variables)
        scaler = scaler_of(points)
        return inside(points, scaler), scaler
    if grid is not None or variables is not None:
        raise FieldError(
            "grid and variables are those of scattered observations, but fields were given, which "
            "bring their own; leave them out."
        )
    fields = open_field(data)
    scaler = FieldScaler.of(fields)
    # One split after the other, so that each is a view and not a copy.
    rows = [np.flatnonzero(fields.splits == split) for split in ("train", "val")]
    return FieldSnapshots(scaler.data(fields.take(np.concatenate(rows)))), scaler
