"""What a user asks for, in a model's terms, and the answer in the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Labels, Prediction, TableTargets, Targets, is_table
from mamba_diffae.fields.cf.decoded import is_labelled
from mamba_diffae.fields.cf.targets import LabelledTargets

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import DataArray, Dataset

Asked: TypeAlias = "Targets | Dataset | DataArray | DataFrame | str | Path"
"""Targets; an object of xarray, whose coordinates are asked at; a table, or its path: its rows."""


def asked_of(
    targets: Asked, scaler: FieldScaler, labels: Labels | None = None
) -> tuple[Targets, Callable[[Prediction], Any]]:
    """Targets that a network can be asked at, and what makes the answer of its prediction.

    Args:
        targets: See `FieldAutoencoder.predict`.
        scaler: Of the model: its grid and variables.
        labels: Of the observations, if they have some.

    Returns:
        The targets, and a function from a prediction there to what the kind of targets asks for: a
        Dataset for an xarray object, a DataFrame for a table, else a Prediction.

    Raises:
        ValueError: As `LabelledTargets.of` and `TableTargets.of`.
    """
    if is_table(targets):
        rows, snapshots = TableTargets.of(targets, scaler.grid), labels.snapshots if labels else ()
        return rows.places, lambda told: rows.answer(told, scaler.variables, snapshots)
    if is_labelled(targets):
        found = LabelledTargets.of(targets, scaler.grid, scaler.variables)
        return found.grid, found.dataset
    given = cast(Targets, targets)
    return given, lambda prediction: replace(prediction, variables=scaler.variables)
