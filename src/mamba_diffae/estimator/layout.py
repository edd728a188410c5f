"""A fixed layout of sensors, as a user gives it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import ShapeError, check_inside


def checked_layout(
    layout: np.ndarray | Sequence[Sequence[float]], scaler: FieldScaler
) -> tuple[tuple[float, ...], ...]:
    """Places of sensors as settings hold them: inside coordinates.

    Args:
        layout: Physical places, shape (M, D), or (M,) on one axis.
        scaler: Of the fields.

    Raises:
        ShapeError: If they are of another shape.
        CoordinateError: If one lies outside the grid.
    """
    try:
        places = np.atleast_1d(np.asarray(layout, dtype=np.float64))
    except (TypeError, ValueError):
        places = np.zeros(0)
    if places.ndim == 1 and scaler.grid.dim == 1:
        places = places[:, None]
    if places.shape != (max(1, len(places)), scaler.grid.dim):
        raise ShapeError(
            f"layout is {str(layout)[:60]!r}; give the places of the sensors, one row for each, "
            f"with the columns {', '.join(scaler.grid.names)}."
        )
    inside = scaler.places(check_inside(places, scaler.grid, "sensors of the layout"))[0]
    return tuple(tuple(map(float, row)) for row in inside.tolist())
