"""Observations as a grid and its variables have them, for methods and scores without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mamba_diffae.fields import Axis, Observations, Variable, by_names, in_units
from mamba_diffae.fields.inside import other_turn


def matched(
    observations: Observations,
    axes: Sequence[Axis],
    variables: Sequence[Variable] | None = None,
) -> Observations:
    """Observations with columns in the order, and numbers in the units, of axes and variables.

    What they say of themselves decides: see `Labels`. Longitudes of the other convention are turned
    by 360 degrees.

    Args:
        observations: As a user made them, of B fields.
        axes: Of a grid, D of them.
        variables: C of them; None: not known, so that values stay as they are.

    Returns:
        Observations without labels.

    Warns:
        UserWarning: What was converted.

    Raises:
        CoordinateError: If they have other axes by name.
        ValuesError: If they have other variables by name, or it is not known how to convert a unit.
    """
    labels = observations.labels
    if labels is not None:
        names = labels.variables if variables is None else [v.name for v in variables]
        named = by_names(observations, [axis.name for axis in axes], names).to("cpu")
        if variables is None:
            variables = [Variable(f"v{c}") for c in range(named.n_variables)]
        observations = in_units(named, axes, variables)
    if observations.dim != len(axes):  # refused by who knows what they were given for
        return observations
    if all(axis.periodic or not axis.is_longitude for axis in axes):
        return observations
    columns = zip(axes, observations.coords.double().cpu().unbind(-1), strict=True)
    turned = [torch.from_numpy(other_turn(x.numpy(), axis)) for axis, x in columns]
    return replace(observations, coords=torch.stack(turned, dim=-1).to(observations.coords.device))
