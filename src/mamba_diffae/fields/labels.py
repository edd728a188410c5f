"""Names and units of what observations hold: a model finds columns by names, converts units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, final

import torch

from mamba_diffae.fields.axis_names import same_axis
from mamba_diffae.fields.errors import CoordinateError, ShapeError, ValuesError

if TYPE_CHECKING:
    from mamba_diffae.fields.observations import Observations


@final
@dataclass(frozen=True)
class Labels:
    """What the columns and the fields of observations are.

    Attributes:
        axes: Names of the columns of coordinates, D of them.
        variables: Names of the columns of values, C of them.
        snapshots: What each field is of, such as its time, B of them; none: nothing is known.
        axis_units: Units of the coordinates, D of them, "" where one is not known; none: of none.
        units: Likewise of the values, C of them.
    """

    axes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    snapshots: tuple[Any, ...] = ()
    axis_units: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether axes and variables have names; without them their order tells them apart."""
        return bool(self.axes or self.variables)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Refuse labels of another number of fields, axes or variables, (B, D, C).

        Raises:
            ShapeError: As said.
        """
        B, D, C = shape
        names = (len(self.axes), len(self.variables)) if self.named else (D, C)
        for counts in (names, (len(self.axis_units) or D, len(self.units) or C)):
            if (len(self.snapshots) or B, *counts) != (B, D, C):
                raise ShapeError(
                    f"Observations of {B} fields, {D} axes and {C} variables were given labels of "
                    f"{len(self.snapshots) or B}, {counts[0]} and {counts[1]}; give one for each."
                )

    def take(self, rows: Sequence[int]) -> Labels:
        """Those of some fields."""
        if not self.snapshots:
            return self
        return replace(self, snapshots=tuple(self.snapshots[row] for row in rows))

    @classmethod
    def joined(cls, parts: Sequence[Labels | None], counts: Sequence[int]) -> Self | None:
        """Those of one batch of several.

        Args:
            parts: Of each.
            counts: Fields of each.

        Raises:
            ShapeError: If they name other axes, variables or units, or some name none.
        """
        every = [part or Labels() for part in parts]
        named = {(part.axes, part.variables) for part in every}
        if len(named) > 1:
            raise ShapeError(
                "Observations of different names cannot be one batch "
                f"({', '.join(sorted(map(str, named)))}); make all of them alike."
            )
        units = {(part.axis_units, part.units) for part in every} - {((), ())}
        if len(units) > 1:
            told = "; ".join(sorted(", ".join((*of_axes, *own)) for of_axes, own in units))
            raise ShapeError(
                f"Observations in different units cannot be one batch ({told}); predict them one "
                "by one, or convert their files."
            )
        if not any(parts):
            return None
        snapshots = tuple(
            label
            for part, count in zip(every, counts, strict=True)
            for label in part.snapshots or (None,) * count
        )
        known = any(x is not None for x in snapshots)
        return cls(*named.pop(), snapshots if known else (), *(units.pop() if units else ()))


def by_names(
    observations: Observations, axes: Sequence[str], variables: Sequence[str]
) -> Observations:
    """Labelled observations with their columns in an order of names; others as they are.

    A variable that they lack was not observed.

    Args:
        observations: What was observed.
        axes: Names of a grid's axes, D of them.
        variables: Names of variables, C of them.

    Returns:
        Observations without names; their units stay.

    Raises:
        CoordinateError: If an axis is not among theirs, or they have more.
        ValuesError: If they hold variables that are not among these.
    """
    labels = observations.labels
    if labels is None or not labels.named:
        return observations
    found = [[d for d, own in enumerate(labels.axes) if same_axis(own, name)] for name in axes]
    if len(labels.axes) != len(axes) or any(len(numbers) != 1 for numbers in found):
        raise CoordinateError(
            f"The observations have the coordinates {', '.join(labels.axes)}, but the grid has "
            f"the axes {', '.join(axes)}; name their columns as the axes: "
            f"{', '.join(f'{name}=' for name in axes)}."
        )
    other = [name for name in labels.variables if name not in variables]
    if other:
        raise ValuesError(
            f"The observations hold {', '.join(other)}, but the variables are "
            f"{', '.join(variables)}; leave the others out, or name their columns as the "
            f"variables: values={{{variables[0]!r}: {other[0]!r}}}."
        )
    order = [numbers[0] for numbers in found]
    taken = [labels.variables.index(v) if v in labels.variables else -1 for v in variables]
    absent = torch.tensor([number < 0 for number in taken])
    noise = observations.noise
    of_axes = tuple(labels.axis_units[d] for d in order) if labels.axis_units else ()
    units = tuple(labels.units[c] if c >= 0 else "" for c in taken) if labels.units else ()
    return replace(
        observations,
        coords=observations.coords[..., order],
        support=None if observations.support is None else observations.support[..., order],
        values=observations.values[..., taken],
        mask=observations.mask[..., taken] & ~absent,
        noise=None if noise is None else noise[..., taken],
        labels=Labels(axis_units=of_axes, units=units) if of_axes or units else None,
    )
