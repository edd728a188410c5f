"""What a user can get wrong about a field: named errors, all of them `ValueError`."""

from __future__ import annotations

from typing import final


class FieldError(ValueError):
    """Something about a field, its grid, its values or its observations does not fit."""


@final
class AxisError(FieldError):
    """Coordinates of an axis that do not rise, are not finite, or are too few."""


@final
class ShapeError(FieldError):
    """An array of another shape than is needed."""


@final
class CoordinateError(FieldError):
    """Places outside the grid, or that are no coordinates."""


@final
class ValuesError(FieldError):
    """Values that are no numbers, or none at all, or outside the bounds of their transform."""


@final
class NotFittedError(FieldError):
    """A model was asked before it was fitted."""


@final
class MissingExtraError(FieldError):
    """A package that only an extra brings is not installed."""


@final
class TableError(FieldError):
    """A table that cannot be read, or whose columns are missing or hold something else."""


class PlacementError(FieldError):
    """Sensors that cannot be placed: too many, too far apart, or nowhere allowed."""


@final
class ExistingSensorsError(PlacementError):
    """More readings of existing sensors than can be taken into account."""
