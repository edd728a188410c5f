"""The readings of what a user gives, in the terms of a fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mamba_diffae.benchmark.verification.errors import VerificationError
from mamba_diffae.benchmark.verification.readings import (
    GriddedReadings,
    Readings,
    StationReadings,
)
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.training_input import TrainingInput, opened_input
from mamba_diffae.fields import (
    FieldData,
    Labels,
    Observations,
    Variable,
    as_observations,
    by_names,
    check_inside,
    data_in_units,
    in_units,
)
from mamba_diffae.registry import unknown

_CELLS = 2**16
"""Cells of fields that are scored, at most: larger ones are averaged first."""


def opened_readings(
    model: FieldAutoencoder, data: TrainingInput, options: Mapping[str, Any], notes: list[str]
) -> Readings:
    """Readings of a model's variables, axes in its order.

    Args:
        model: Fitted.
        data: Fields, observations, a table, or what `open_field` opens.
        options: Of `open_field`, or of `Observations.from_table`.
        notes: Takes sentences on what was changed.

    Raises:
        VerificationError: If a variable is none of the model's.
        ValueError: If the data cannot be opened, lie elsewhere, or are in units that cannot be
            converted.
    """
    opened = opened_input(data, options)
    if isinstance(opened, FieldData):
        return GriddedReadings(_as_of_model(model, opened, notes))
    return _stations(model, as_observations(opened), notes)


def columns_of(model: FieldAutoencoder, readings: Readings) -> list[int]:
    """Number of each variable of the readings among those of the model."""
    ours = [variable.name for variable in model.variables]
    return [ours.index(variable.name) for variable in readings.variables]


def _as_of_model(model: FieldAutoencoder, data: FieldData, notes: list[str]) -> FieldData:
    _check_names(model, [variable.name for variable in data.variables])
    ours = {variable.name: variable for variable in model.variables}
    names = model.grid.names
    if data.grid.names != names and sorted(data.grid.names) == sorted(names):
        data = data.transpose([data.grid.names.index(name) for name in names])
    wanted = [ours[variable.name] for variable in data.variables]
    axes = model.grid.axes if data.grid.names == names else data.grid.axes
    data = data_in_units(data, wanted, axes, "The data's")
    shape = data.grid.lattice_shape(_CELLS)
    if shape != data.shape:
        notes.append(
            f"The fields of {data.grid.describe_shape()} cells are averaged to "
            f"{' × '.join(map(str, shape))} before anything is withheld."
        )
        data = data.at(shape)
    return data


def _check_names(model: FieldAutoencoder, names: Sequence[str]) -> None:
    ours = [variable.name for variable in model.variables]
    for name in names:
        if name not in ours:
            raise VerificationError(f"{unknown('variable of the model', name, ours)}")


def _stations(model: FieldAutoencoder, given: Observations, notes: list[str]) -> StationReadings:
    ours, labels = list(model.variables), given.labels
    if labels is not None and labels.named:
        _check_names(model, labels.variables)
    elif given.n_variables != len(ours):
        raise VerificationError(
            f"The observations have {given.n_variables} variables without names, and the model "
            f"{len(ours)} ({', '.join(v.name for v in ours)}); give those, or name the columns."
        )
    names = _names(labels, len(given))
    some = np.flatnonzero(given.counts.cpu().numpy())
    if not len(some):
        raise VerificationError("The observations hold no value; give readings to withhold.")
    if len(some) < len(given):
        notes.append(f"{len(given) - len(some)} snapshots without any value are left out.")
    seen = by_names(given[some], model.grid.names, [v.name for v in ours])
    seen = in_units(seen.to("cpu").to(torch.float64), model.grid.axes, ours)
    seen = seen.replace(covariates=None)
    observed = np.flatnonzero(seen.mask.any(dim=(0, 1)).numpy())
    seen = _inside(_with_columns(seen, observed), model)
    if seen.support is not None and bool((seen.support > 0).any()):
        notes.append("Withheld averages over boxes are compared with the field at their centres.")
    variables: list[Variable] = [ours[c] for c in observed]
    return StationReadings(seen, model.grid, variables, [names[row] for row in some])


def _names(labels: Labels | None, count: int) -> list[str]:
    snapshots = () if labels is None else labels.snapshots
    return [str(name) for name in snapshots] or [str(number) for number in range(count)]


def _with_columns(seen: Observations, columns: np.ndarray) -> Observations:
    index = torch.from_numpy(columns)
    noise = None if seen.noise is None else seen.noise[..., index]
    return replace(seen, values=seen.values[..., index], mask=seen.mask[..., index], noise=noise)


def _inside(seen: Observations, model: FieldAutoencoder) -> Observations:
    """Places within the model's grid; absent points stand at its corner."""
    present = seen.present
    corner = torch.tensor([axis.low for axis in model.grid.axes], dtype=torch.float64)
    coords = corner.expand(seen.coords.shape).clone()
    coords[present] = torch.from_numpy(check_inside(seen.coords[present].numpy(), model.grid))
    return seen.replace(coords=coords)
