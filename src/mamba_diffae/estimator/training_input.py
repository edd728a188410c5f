"""What `fit` takes: fields, what `open_field` opens, scattered observations, or a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, final

import numpy as np

from mamba_diffae.estimator.points import Points, inside, is_points, point_snapshots, scaler_of
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldData, FieldError, Grid, Observations, Variable, is_table
from mamba_diffae.fields.windows import WindowShape, cut_windows, window_shape
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


@final
class Prepared(NamedTuple):
    """What a model learns from.

    Attributes:
        snapshots: Inside coordinates, scaled values; no test snapshots.
        scaler: Between the user's fields and those.
        fields: In the user's units, with splits, to calibrate draws on: windows, if it learns on
            such; None: of points there is no truth to do so.
        window: The scaling of windows, if it learns on such.
    """

    snapshots: Snapshots
    scaler: FieldScaler
    fields: FieldData | None = None
    window: FieldScaler | None = None

    def summary(self) -> dict[str, Any]:
        """What tells these fields from others, in JSON values: a resumed run compares it."""
        moments = [self._moments(c) for c in range(self.snapshots.n_variables)]
        return {
            "snapshots": len(self.snapshots),
            "cells": list(self.snapshots.shape),
            "region": self.scaler.grid.describe_region(),
            "variables": [variable.to_dict() for variable in self.scaler.variables],
            "scaled mean": [mean for mean, _ in moments],
            "scaled deviation": [deviation for _, deviation in moments],
        }

    def _moments(self, variable: int) -> tuple[float, float]:
        """Mean and deviation of a variable's scaled values; (0, 0) if none is known."""
        known = self.snapshots.valid_mask()[..., variable]
        values = self.snapshots.values[..., variable][known]
        if not values.size:
            return 0.0, 0.0
        return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def training_input(
    data: TrainingInput,
    grid: Grid | None = None,
    variables: Sequence[str | Variable] | None = None,
    window: WindowShape | None = None,
    seed: int = 0,
    **options: Any,
) -> Prepared:
    """Snapshots to learn from, inside coordinates and scaled, and how they were scaled.

    Args:
        data: See `FieldAutoencoder.fit`.
        grid: Over the region of observations.
        variables: Of observations.
        window: See `FieldAutoencoder.fit`.
        seed: Of the places of windows.
        options: See `opened_input`.

    Raises:
        FieldError: If grid or variables are given with fields, a window with observations, or as
            `point_snapshots`.
        ValueError: As `opened_input`, `window_shape` and `cut_windows`.
    """
    data = opened_input(data, options)
    if not isinstance(data, FieldData):
        if window is not None:
            raise FieldError(
                "Windows are parts of fields on a grid, but scattered observations were given; "
                "leave out window, or fit on fields."
            )
        points = point_snapshots(data, grid, variables)
        scaler = scaler_of(points)
        return Prepared(inside(points, scaler), scaler)
    if grid is not None or variables is not None:
        raise FieldError(
            "grid and variables are those of scattered observations, but fields were given, which "
            "bring their own; leave them out."
        )
    learned = _learned(data)
    scaler = FieldScaler.of(learned)
    if window is None:
        return Prepared(FieldSnapshots(scaler.data(learned)), scaler, data)
    parts = cut_windows(learned, window_shape(window, data.grid), seed)
    part = replace(FieldScaler.of(parts), covariates=scaler.covariates)
    return Prepared(FieldSnapshots(part.data(_learned(parts))), scaler, parts, part)


def _learned(data: FieldData) -> FieldData:
    """Training and validation snapshots, one split after the other, so that each is a view."""
    rows = [np.flatnonzero(data.splits == split) for split in ("train", "val")]
    return data.take(np.concatenate(rows))
