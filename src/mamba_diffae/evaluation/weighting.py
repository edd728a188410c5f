"""Averages over known values: one of weight 0 changes nothing, whatever number lies there."""

from __future__ import annotations

import numpy as np

from mamba_diffae.fields import ShapeError


def check_weights(weights: np.ndarray | None, shape: tuple[int, ...]) -> None:
    """Refuse weights of another shape than the values.

    Raises:
        ShapeError: As said.
    """
    if weights is not None and weights.shape != shape:
        raise ShapeError(
            f"Weights of shape {weights.shape} were given for values of shape {shape}; expected "
            "one for each value: the area of its cell, 0 where it is not known."
        )


def known(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Values with 0 where their weight is 0.

    Args:
        values: Shape (..., *weights.shape).
        weights: Or None: every value is known.
    """
    return values if weights is None else np.where(weights > 0, values, 0)


def weighted_mean(
    values: np.ndarray, weights: np.ndarray | None, axis: tuple[int, ...] | None = None
) -> np.ndarray:
    """Mean of values by their weights, over all axes or some; nan where nothing is known.

    Args:
        values: Finite where the weight is not 0.
        weights: Of the same shape, or None: all alike.
        axis: Over which to average; None: all.
    """
    if weights is None:
        return np.asarray(values.mean(axis=axis, dtype=np.float64))
    mass = (known(values, weights) * weights).sum(axis=axis, dtype=np.float64)
    total = np.asarray(weights.sum(axis=axis, dtype=np.float64))
    nothing = np.full(np.shape(mass), np.nan)
    return np.divide(mass, total, out=nothing, where=total > 0)


def complete_fields(weights: np.ndarray | None, count: int) -> np.ndarray:
    """Which of S fields have no gap, shape (S,)."""
    if weights is None:
        return np.ones(count, dtype=bool)
    return np.asarray((weights > 0).reshape(count, -1).all(axis=1))
