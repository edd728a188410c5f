"""Gappy POD: the most probable combination of the principal components of the training fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self, final

import numpy as np

from mamba_diffae.evaluation.baselines.base import Baseline
from mamba_diffae.evaluation.baselines.components import (
    box_averages_matrix,
    centred,
    mode_weights,
    principal_components,
)
from mamba_diffae.evaluation.baselines.gappy_folds import ranked
from mamba_diffae.evaluation.baselines.gappy_readings import (
    Readings,
    cells_around,
    merging_matrix,
    place_numbers,
    posterior,
    variance_at,
)
from mamba_diffae.evaluation.baselines.gappy_validation import Settings, validate
from mamba_diffae.evaluation.matching import matched
from mamba_diffae.fields import (
    FieldData,
    Grid,
    NotFittedError,
    Observations,
    Prediction,
    Query,
    ShapeError,
    Variable,
    check_inside,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_EXACT = 1e-6
"""Variance of an exact value, as a share of what the modes leave."""


class Modes(NamedTuple):
    """What gappy POD learns; values are on the [0, 1] scale of their variable.

    Attributes:
        grid: Native grid, P cells.
        mean: Mean field, shape (P, C).
        modes: Principal components times their standard deviations, shape (P, C, M).
        low: Value of each variable that is 0 on that scale, shape (C,).
        span: What is 1 there, minus `low`, shape (C,).
        settings: What was given or chosen.
    """

    grid: Grid
    mean: np.ndarray
    modes: np.ndarray
    low: np.ndarray
    span: np.ndarray
    settings: Settings


@final
class GappyPOD(Baseline):
    """A linear Gaussian model of native fields, seen through averages over the observed boxes.

    A field is mean + modesᵀ a + rest with a ~ N(0, I); observations are its averages. What the
    modes leave, the rest, is white between observed places and constant within: the most probable a
    is a ridge regression, weighted by the variance of each mode, and a place that was read keeps
    its rest. Readings of one native cell are averaged, since they share it. Modes are principal
    components weighted by the area of the cells, of variables divided by their deviation; where
    training fields have gaps, a place counts by the fields that are known there, with its variance
    among these.

    What is not given is chosen at `fit` by the error on training fields that are held out: modes;
    variance of the rest, for several numbers of observed places, interpolated in their logarithm;
    whether a mode has its variance in training fields or that in fields held out, which is smaller
    for the first modes and larger for the last; and, of few fields whose mirror images are as good,
    whether these are training fields too. So is a factor of the posterior variance. Places are
    random there: around a large gap the standard deviation is too small, on average by up to 40 %.

    Finer than native, and at places, a field is constant over a native cell.

    Args:
        modes: How many, at most the number of fields and of native values; None: chosen.
        noise_variance: Variance of what the modes leave unexplained, on the [0, 1] scale. Stated
            noise of the observations is added. None: chosen.
        with_std: Whether to compute the standard deviation, which takes longer than the mean.

    Raises:
        ValueError: If `modes` or `noise_variance` is not positive.

    Reference:
        Everson & Sirovich (1995). https://doi.org/10.1364/JOSAA.12.001657
    """

    name: ClassVar[str] = "gappy POD"

    def __init__(
        self,
        modes: int | None = None,
        noise_variance: float | None = None,
        with_std: bool = True,
    ) -> None:
        few = modes is not None and modes < 1
        if few or (noise_variance is not None and noise_variance <= 0):
            raise ValueError(
                f"GappyPOD was given modes={modes} and noise_variance={noise_variance}; expected "
                "at least one mode and a variance above zero, or None: chosen by validation."
            )
        self.count, self.noise_variance, self.with_std = modes, noise_variance, with_std
        self._learned: Modes | None = None
        self._variables: Sequence[Variable] | None = None

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
        """Learn mean and modes of the native training fields, and choose what is not given.

        If the data has a validation split beside others, that is what is held out for the choice.
        """
        settings = self._settings(data)
        low, high = np.array([v.limits for v in data.variables]).T
        X, mean = centred(data, settings.mirrored)
        weight, _ = mode_weights(X, data.grid)
        X *= weight
        components = principal_components(X, settings.modes)
        if settings.ratio is not None:
            variance = ranked(settings.ratio, len(components), min(X.shape))
            components *= np.sqrt(variance)[:, None]
        components /= np.where(weight > 0, weight, 1)
        P, C, M = data.grid.cells, data.n_variables, len(components)
        modes = np.ascontiguousarray(components.T).reshape(P, C, M)
        self._variables = data.variables
        self._learned = Modes(data.grid, mean.reshape(-1, C), modes, low, high - low, settings)
        return self

    def _settings(self, data: FieldData) -> Settings:
        noise = None
        if self.noise_variance is not None:
            noise = np.full(data.n_variables, self.noise_variance)
        if self.count is not None and noise is not None:
            return Settings.given(self.count, noise)
        return validate(data, self.count, noise)

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Baseline.predict`.

        Raises:
            NotFittedError: Before `fit`.
            ShapeError: If the variables are others than those of the training fields.
            CoordinateError: If an observation or a target lies outside the native grid.
        """
        grid, mean, modes, low, span, _ = self.learned
        observations = matched(observations, grid.axes, self._variables)
        if mean.shape[1] != observations.n_variables:
            raise ShapeError(
                f"Gappy POD learned fields of {mean.shape[1]} variables, but the observations have "
                f"{observations.n_variables}; fit it on fields of their kind."
            )
        query = Query.of(targets, grid)
        cells = cells_around(grid, query.coords)
        T = _target_matrix(query, cells, grid)
        asked = _averaged(T, modes) if self.with_std else modes[:0]
        means, stds = [], []
        for seen in observations.fields():
            readings, inflation = self._readings(seen)
            a = posterior(readings)
            native = mean + modes @ a.mean.astype(np.float32)
            for c, part in enumerate(readings):
                native[:, c] += part.gain @ (part.residual - part.A @ a.mean)
            means.append(low + span * native[cells].astype(np.float64))
            if self.with_std:
                parts = (variance_at(a, part, asked[:, c], T) for c, part in enumerate(readings))
                stds.append(span * np.sqrt(inflation * np.stack(list(parts), axis=-1)))
        found = query.finish(np.stack(means))
        if not stds:
            return Prediction.of_mean(found, grid=query.grid)
        std = np.where(np.isnan(found), np.nan, np.stack(stds).reshape(found.shape))
        return Prediction.of_mean(found, std, query.grid)

    def coefficients(self, seen: Observations) -> np.ndarray:
        """Most probable a of one field, shape (M,).

        Args:
            seen: The observations of one field.
        """
        return posterior(self._readings(seen)[0]).mean

    def _readings(self, seen: Observations) -> tuple[list[Readings], np.ndarray]:
        """What was observed of each variable of a field, and factors of its variance (C,)."""
        grid, mean, modes, low, span, settings = self.learned
        coords, values, mask = (
            part[0].double().cpu().numpy() for part in (seen.coords, seen.values, seen.mask)
        )
        mask = mask > 0
        centres = check_inside(coords, grid)
        support = np.zeros_like(centres)
        if seen.support is not None:
            support = seen.support[0].double().cpu().numpy()
        places = place_numbers(grid, centres, support)
        left, inflation = settings.at(len(np.unique(places[mask.any(axis=1)])))
        W = box_averages_matrix(grid, centres, support)
        values = (values - low) / span
        noise = None
        if seen.noise is not None:
            noise = np.square(seen.noise[0].double().cpu().numpy() / span)
        found = []
        for c, rows in enumerate(mask.T):
            error = None if noise is None else noise[rows, c] + _EXACT * left[c]
            weights, variance = merging_matrix(places[rows], error)
            V = (weights @ W[rows]).tocsr()
            A = (V.astype(np.float32) @ modes[:, c]).astype(np.float64)
            residual = weights @ values[rows, c] - V @ mean[:, c]
            found.append(Readings(V, A, residual, float(left[c]), variance))
        return found, inflation


def _target_matrix(query: Query, cells: np.ndarray, grid: Grid) -> csr_array:
    """From P native cells to N targets, what `Query.finish` does as a matrix; rows sum to 1."""
    from scipy.sparse import csr_array, diags_array, kron

    rows = np.flatnonzero(query.exists)
    shape = (len(query.exists), grid.cells)
    T = csr_array((np.ones(len(rows)), (rows, cells)), shape=shape)
    if query.asked is None or query.grid is None or query.asked.axes == query.grid.axes:
        return T
    overlap = reduce(kron, (csr_array(m) for m in query.asked.overlaps(query.grid)))
    weighted = csr_array(overlap @ diags_array(query.asked.weights().ravel() * query.exists))
    total = weighted.sum(axis=1)
    return csr_array(diags_array(1 / np.where(total > 0, total, 1)) @ weighted @ T)


def _averaged(T: csr_array, modes: np.ndarray) -> np.ndarray:
    """Modes (P, C, M) at N targets, (N, C, M)."""
    P, C, M = modes.shape
    found = np.asarray(T.astype(np.float32) @ modes.reshape(P, C * M))
    return found.reshape(len(found), C, M)
