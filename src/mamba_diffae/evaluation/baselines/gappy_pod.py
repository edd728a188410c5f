"""Gappy POD: the most probable combination of the principal components of the training fields."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self, final

import numpy as np

from mamba_diffae.evaluation.baselines.base import Baseline
from mamba_diffae.evaluation.baselines.components import box_averages_matrix, principal_components
from mamba_diffae.fields import (
    FieldData,
    Grid,
    NotFittedError,
    Observations,
    Prediction,
    Query,
    ShapeError,
    check_inside,
)

_AT_ONCE = 256


class Modes(NamedTuple):
    """What gappy POD learns; values are on the [0, 1] scale of their variable.

    Attributes:
        grid: Native grid, P cells.
        mean: Mean field, shape (P, C).
        modes: Principal components times their standard deviations, shape (P, C, M).
        low: Value of each variable that is 0 on that scale, shape (C,).
        span: What is 1 there, minus `low`, shape (C,).
    """

    grid: Grid
    mean: np.ndarray
    modes: np.ndarray
    low: np.ndarray
    span: np.ndarray


@final
class GappyPOD(Baseline):
    """A linear Gaussian model of native fields, seen through averages over the observed boxes.

    A field is mean + modesᵀ a with a ~ N(0, I); observations are its averages, plus noise. The most
    probable a is a ridge regression, weighted by the variance of each mode. Modes are principal
    components weighted by the area of the cells; where training fields have gaps, a place counts by
    the fields that are known there, with its variance among these.

    Finer than native, and at places, a field is constant over a native cell.

    Args:
        modes: How many, at most the number of fields and of native values.
        noise_variance: Variance of what the modes leave unexplained, on the [0, 1] scale. Stated
            noise of the observations is added.

    Raises:
        ValueError: If `modes` or `noise_variance` is not positive.

    Reference:
        Everson & Sirovich (1995). https://doi.org/10.1364/JOSAA.12.001657
    """

    name: ClassVar[str] = "gappy POD"

    def __init__(self, modes: int = 1024, noise_variance: float = 1e-3) -> None:
        if modes < 1 or noise_variance <= 0:
            raise ValueError(
                f"GappyPOD was given modes={modes} and noise_variance={noise_variance:g}; expected "
                "at least one mode and a variance above zero."
            )
        self.count, self.noise_variance = modes, noise_variance
        self._learned: Modes | None = None

    @property
    def learned(self) -> Modes:
        """Mean and modes.

        Raises:
            NotFittedError: Before `fit`.
        """
        if self._learned is None:
            raise NotFittedError("Gappy POD learns its modes from fields; call fit(data) first.")
        return self._learned

    def fit(self, data: FieldData) -> Self:
        """Learn mean and modes of the native training fields."""
        low, high = np.array([v.limits for v in data.variables]).T
        C, count = data.n_variables, data.grid.exists.sum()
        X, mean = _centred(data)
        weight = np.sqrt(np.repeat(data.grid.weights().ravel() * count, C)).astype(np.float32)
        X *= weight
        components = principal_components(X, self.count)
        components /= np.where(weight > 0, weight, 1)
        modes = np.ascontiguousarray(components.T).reshape(-1, C, len(components))
        self._learned = Modes(data.grid, mean.reshape(-1, C), modes, low, high - low)
        return self

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Baseline.predict`.

        Raises:
            NotFittedError: Before `fit`.
            ShapeError: If the variables are others than those of the training fields.
            CoordinateError: If an observation or a target lies outside the native grid.
        """
        learned = self.learned
        channels = learned.mean.shape[1]
        if channels != observations.n_variables:
            raise ShapeError(
                f"Gappy POD learned fields of {channels} variables, but the observations have "
                f"{observations.n_variables}; fit it on fields of their kind."
            )
        a = np.stack([self.coefficients(seen) for seen in observations.fields()])
        flat = learned.modes.reshape(-1, a.shape[1]) @ a.T.astype(np.float32)
        values = learned.mean + flat.T.reshape(-1, *learned.mean.shape)
        physical = learned.low + learned.span * values.astype(np.float64)
        query = Query.of(targets, learned.grid)
        there = physical[:, _cells(learned.grid, query.coords)]
        return Prediction.of_mean(query.finish(there), grid=query.grid)

    def coefficients(self, seen: Observations) -> np.ndarray:
        """Most probable a of one field, shape (M,).

        Args:
            seen: The observations of one field.
        """
        from scipy.linalg import solve

        if not seen.mask.any():
            return np.zeros(self.learned.modes.shape[-1])
        A, residual, variance = self._equations(seen)
        M = A.shape[1]
        # The ridge in its dual or its primal form, whichever has the smaller matrix.
        if len(A) <= M:
            return A.T @ solve(A @ A.T + np.diag(variance), residual, assume_a="pos")
        scaled = A / variance[:, None]
        return solve(A.T @ scaled + np.eye(M), scaled.T @ residual, assume_a="pos")

    def _equations(self, seen: Observations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What was observed: modes there (K, M), values minus the mean (K,), and variances (K,)."""
        grid, mean, modes, low, span = self.learned
        coords, values, mask = (
            part[0].cpu().numpy() for part in (seen.coords, seen.values, seen.mask)
        )
        centres = check_inside(coords, grid)
        support = np.zeros_like(centres)
        if seen.support is not None:
            support = seen.support[0].double().cpu().numpy()
        W = box_averages_matrix(grid, centres, support)
        P, C, M = modes.shape
        averaged = (W.astype(np.float32) @ modes.reshape(P, -1)).reshape(-1, C, M)
        residual = (values - low) / span - W @ mean
        variance = np.full(residual.shape, self.noise_variance)
        if seen.noise is not None:
            variance += np.square(seen.noise[0].double().cpu().numpy() / span)
        return averaged[mask].astype(np.float64), residual[mask], variance[mask]


def _centred(data: FieldData) -> tuple[np.ndarray, np.ndarray]:
    """Native fields on the [0, 1] scale without their mean, (S, P * C), and the mean.

    In gaps they are 0, and what is known at a place is enlarged so that its variance is that of the
    known fields. A place that no field knows has the mean of its variable.
    """
    parts = [data.values[i : i + _AT_ONCE] for i in range(0, len(data), _AT_ONCE)]
    X = np.concatenate([data.unit_interval(part).reshape(len(part), -1) for part in parts])
    if data.complete and data.grid.mask is None:
        mean = X.mean(axis=0)
        X -= mean
        return X, mean
    known = data.valid_mask().reshape(len(X), -1)
    X *= known
    total, count = X.sum(axis=0, dtype=np.float64), known.sum(axis=0)
    by_variable = (part.reshape(-1, data.n_variables).sum(axis=0) for part in (total, count))
    usual = np.tile(np.divide(*by_variable), data.grid.cells)
    mean = np.where(count > 0, total / np.maximum(count, 1), usual).astype(np.float32)
    X -= mean
    X *= known * np.sqrt(len(X) / np.maximum(count, 1), dtype=np.float32)
    return X, mean


def _cells(grid: Grid, coords: np.ndarray) -> np.ndarray:
    """Flat index of the cell around each place, shape (N,)."""
    index = [
        np.clip(np.searchsorted(axis.edges, column, side="right") - 1, 0, axis.cells - 1)
        for axis, column in zip(grid.axes, coords.T, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(index, grid.shape))
