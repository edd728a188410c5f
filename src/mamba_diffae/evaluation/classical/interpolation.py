"""Interpolation of one picture from its own observations, with nothing learnt."""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.predictor import per_field
from mamba_diffae.fields import SparseField

NEIGHBOURS = 8


@per_field
def nearest(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """The value of the nearest observation."""
    return _nearest(field, targets)


@per_field
def inverse_distance(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """Mean of the 8 nearest observations, weighted by 1 / distance².

    Reference:
        Shepard (1968). https://doi.org/10.1145/800186.810616
    """
    from scipy.spatial import KDTree

    k = min(NEIGHBOURS, len(field.coords))
    distance, index = KDTree(field.coords).query(targets, k=k)
    distance, index = distance.reshape(-1, k), index.reshape(-1, k)
    # The floor makes an observation win at its own place without a division by zero.
    weights = 1 / np.maximum(distance, 1e-9) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkc->mc", weights, field.values[index])


@per_field
def linear(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """Linear on the triangles of Delaunay; the nearest observation outside their hull.

    Observations that span no triangle (fewer than three, or all on one line) leave the nearest.
    """
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    values = _nearest(field, targets)
    try:
        inner = LinearNDInterpolator(field.coords, field.values)(targets)
    except QhullError:
        return values
    return np.where(np.isnan(inner), values, inner)


@per_field
def thin_plate_spline(field: SparseField, targets: np.ndarray) -> np.ndarray:
    """The surface of least bending energy through all observations.

    Where it is not unique (fewer than three places, or all on one line, or two observations at one
    place) the nearest observation is taken.

    Reference:
        Duchon (1977). https://doi.org/10.1007/BFb0086566
    """
    from scipy.interpolate import RBFInterpolator

    if np.linalg.matrix_rank(np.insert(field.coords, 0, 1, axis=1)) < 3:
        return _nearest(field, targets)
    try:
        return RBFInterpolator(field.coords, field.values, kernel="thin_plate_spline")(targets)
    except np.linalg.LinAlgError:
        return _nearest(field, targets)


def _nearest(field: SparseField, targets: np.ndarray) -> np.ndarray:
    from scipy.spatial import KDTree

    return field.values[KDTree(field.coords).query(targets)[1]]
