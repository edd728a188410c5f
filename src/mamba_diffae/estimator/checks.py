"""Observations as they come through the door: refused in the words of the user's axes and units."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import (
    Grid,
    Observations,
    ShapeError,
    ValuesError,
    Variable,
    by_names,
    check_inside,
    check_support,
    in_units,
)
from mamba_diffae.fields.variable import SPIKE

_BEYOND = 2**23
"""How many spans of the training fields a value may lie beyond them: beside more, single precision
keeps no digit of the others."""
_MOST = 0.5
"""Share of a variable's values that are in another unit, if they all lie a span or more outside."""


def checked_observations(
    observations: Observations, grid: Grid, variables: Sequence[Variable]
) -> Observations:
    """Observations that a model of a grid can read, in physical coordinates and double precision.

    Args:
        observations: As a user made them; with labels their columns are found by name, and
            converted from other units.
        grid: That of the model.
        variables: Those of the model.

    Returns:
        Places within the grid. Where a point is absent, whatever was given there: its place is the
        grid's corner, its support and covariates are 0.

    Raises:
        ShapeError: If they have other variables or dimensions.
        CoordinateError: If they lie outside the grid, it says which; or have labels of other axes.
        ValuesError: If a field has none, they have labels of other variables, or of units that
            cannot be converted, values are not finite, or a support or noise is negative.
    """
    named = by_names(observations, grid.names, [v.name for v in variables])
    given = in_units(named.to("cpu").to(torch.float64), grid.axes, variables)
    _check_variables(given, variables)
    check_values(given, variables)
    warn_if_far(given, variables)
    present = given.present[..., None]
    corner = given.coords.new_tensor([axis.low for axis in grid.axes])
    if given.dim == grid.dim:
        given = given.replace(coords=torch.where(present, given.coords, corner))
    places = [_inside(x, grid, b, len(given)) for b, x in enumerate(given.coords.numpy())]
    parts = {"coords": torch.from_numpy(np.stack(places))}
    if given.support is not None:
        parts["support"] = torch.where(present, given.support, 0)
        _check_support(parts["support"], grid)
    if given.covariates is not None:
        parts["covariates"] = torch.where(present, given.covariates, 0)
        _check_covariates(parts["covariates"])
    return given.replace(**parts)


def _check_variables(given: Observations, variables: Sequence[Variable]) -> None:
    theirs, ours = given.n_variables, len(variables)
    if theirs != ours:
        names = ", ".join(v.name for v in variables)
        raise ShapeError(
            f"The observations have {theirs} variables, but this model was fitted on {ours} "
            f"({names}); give those, NaN where one was not observed."
        )


def check_values(given: Observations, variables: Sequence[Variable]) -> None:
    """Refuse values or noise that are not finite, and fields without any.

    Raises:
        ValuesError: It names the variable.
    """
    blind = torch.nonzero(given.counts == 0).flatten().tolist()
    if blind or not len(given):
        raise ValuesError(
            f"Fields {blind[:8]} have no observation at all; give each at least one."
            if blind
            else "There are observations of no field; give those of one at least."
        )
    for c, variable in enumerate(variables):
        unit = variable.unit and f" {variable.unit}"
        bad = ~given.values[..., c].isfinite()
        if bad.any():
            raise ValuesError(
                f"{int(bad.sum())} observed values of {variable.name!r} are NaN or infinite; mark "
                "them False in the mask, or leave those points out."
            )
        if given.noise is None:
            continue
        noise = given.noise[..., c]
        bad = ~(noise.isfinite() & (noise >= 0))
        if bad.any():
            raise ValuesError(
                f"The noise of {variable.name!r} holds {int(bad.sum())} negative, NaN or infinite "
                f"numbers, such as {float(noise[bad][0]):g}{unit}; a noise is a standard "
                "deviation, 0 or more."
            )


def warn_if_far(given: Observations, variables: Sequence[Variable]) -> None:
    """Warn where values lie far outside those of the training fields: in another unit, maybe.

    Far are `SPIKE` spans of these; of most values of a variable, one span.

    Raises:
        ValuesError: If one lies so far that no network could compute with it.
    """
    for c, variable in enumerate(variables):
        values = given.values[..., c][given.mask[..., c]].numpy()
        low, high = variable.limits
        outside = np.maximum(low - values, values - high)
        far = outside > SPIKE * (high - low)
        if not far.any() and (outside > high - low).sum() > _MOST * values.size:
            far = outside > high - low
        beyond = np.abs(values) > max(abs(low), abs(high)) + _BEYOND * (high - low)
        if beyond.any():
            raise ValuesError(
                f"{int(beyond.sum())} of {values.size} values of {variable.name!r} are as large as "
                f"{values[beyond][0]:g}, where those that the model was fitted on are {low:g} to "
                f"{high:g}{variable.unit and f' {variable.unit}'}; leave out fill values, or mark "
                "them False in the mask."
            )
        if far.any():
            unit = variable.unit and f" {variable.unit}"
            warnings.warn(
                f"{int(far.sum())} of {values.size} values of {variable.name!r} lie far outside "
                f"those that the model was fitted on ({low:g} to {high:g}{unit}), such as "
                f"{values[far][0]:g}; are they in another unit?",
                stacklevel=4,
            )


def _inside(coords: np.ndarray, grid: Grid, number: int, count: int) -> np.ndarray:
    """Places of one field within the grid."""
    what = "observations" if count == 1 else f"observations of field {number}"
    return check_inside(coords, grid, what)


def _check_support(support: Tensor, grid: Grid) -> None:
    bad = ~(support.isfinite() & (support >= 0))
    if bad.any():
        first = int(bad.nonzero()[0, -1])
        axis, side = grid.axes[first], float(support[bad][0])
        unit = axis.unit and f" {axis.unit}"
        raise ValuesError(
            f"support holds {int(bad.sum())} negative, NaN or infinite numbers, such as "
            f"{side:g}{unit} along {axis.name}; a support is the side of a box, 0 or more."
        )
    check_support(support.reshape(-1, grid.dim).numpy(), grid)


def _check_covariates(covariates: Tensor) -> None:
    bad = int((~covariates.isfinite()).sum())
    if bad:
        raise ValuesError(
            f"covariates hold {bad} NaN or infinite numbers; give what is known at each point."
        )


def check_finite(answer: Tensor) -> None:
    """Refuse what a network made of numbers that are too large for it.

    Raises:
        ValuesError: If the answer holds NaN or infinite numbers.
    """
    if not torch.isfinite(answer).all():
        raise ValuesError(
            "The network's answer holds NaN or infinite numbers: what it was given is too large "
            "for single precision. Check the latents (those of `encode` are seldom beyond 10) "
            "and the values of the observations."
        )
