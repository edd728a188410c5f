"""The fit of a model's calibration on validation fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.evaluation import data_bounds, untouched, value_step
from mamba_diffae.fields import Affine, FieldData, Observations, Prediction

LEAST_FIELDS = 8
"""Validation fields of distinct groups, below which nothing is fitted."""
MOST_FIELDS = 24
DRAWS = 20
"""Of each field: so many span an interval of 90 %."""
LEVELS = (0.5, 0.8, 0.9)
"""Of the intervals that shall cover as much as they say."""
SHARES, _BINS = 4, 4
"""Numbers of observations, and of distances, at which factors are fitted."""
_CELLS = 512
"""Unseen cells of a field that are looked at, at most."""
_TRIED = np.exp(np.linspace(np.log(0.4), np.log(2.5), 37))
"""Factors that are tried."""
_TINY = 1e-12
"""Added to squares, so that a field that is known exactly has a factor."""

Predict = Callable[[Observations, int], Prediction]
"""From observations and a number of draws to a prediction on the native grid, not calibrated."""
Distance = Callable[[Observations], np.ndarray]
"""From observations to the distance of each native cell from the nearest, shape (B, *shape)."""

Reading = Callable[[FieldData, float, int], Observations]
"""From fields, the fraction that is observed, and a seed to observations."""


@final
class Cells(NamedTuple):
    """Unseen values of validation fields, flattened: V of them.

    Attributes:
        draws: Around the mean, shape (K, V).
        truth: Around the mean, shape (V,).
        step: In which the data are stored, shape (V,); 0: none.
        low: Least value of the data around the mean, shape (V,).
        high: Greatest one, shape (V,).
        distance: From the nearest observation, shape (V,).
        uniform: Random numbers by which ties are broken, shape (V,).
    """

    draws: np.ndarray
    truth: np.ndarray
    step: np.ndarray
    low: np.ndarray
    high: np.ndarray
    distance: np.ndarray
    uniform: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Cells:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Cells(*(part[..., rows] for part in tuple(self)))

    def scaled(self, factor: float) -> Cells:
        """The same with draws so many times as far from the mean."""
        return self._replace(draws=factor * self.draws)

    def spread_for_error(self) -> float:
        """The factor that makes the squared error of a draw twice that of the mean.

        Truth and a reliable draw have one law around the mean: docs/concepts.md, eq. (51).
        """
        low, high, tried = self.low, self.high, np.append(_TRIED, 1.0)
        mean = np.clip(0.0, low, high)  # what is shown of it
        error = np.square(self.truth - mean).mean()
        spread = np.array(
            [np.square(np.clip(f * self.draws, low, high) - mean).mean() for f in tried]
        )
        return float(tried[np.abs(np.log((spread + _TINY) / (error + _TINY))).argmin()])

    def ranks(self, factor: float = 1.0) -> np.ndarray:
        """Rank of each true value among the draws, scaled, in (0, 1): see `randomised_ranks`."""
        step = np.where(self.step > 0, self.step, 1.0)
        # A data value is a whole number of steps from the true one.
        apart = np.clip(factor * self.draws, self.low, self.high) - self.truth
        apart = np.where(self.step > 0, np.rint(apart / step), apart)
        below, ties = (apart < 0).sum(axis=0), (apart == 0).sum(axis=0)
        return (below + self.uniform * (ties + 1)) / (len(self.draws) + 1)

    def coverage(self, levels: Sequence[float], factor: float = 1.0) -> np.ndarray:
        """Share of true values in the central interval of each level, of draws so scaled."""
        off = np.abs(self.ranks(factor) - 0.5)
        return np.array([(off <= level / 2).mean() for level in levels])


def calibration_fields(data: FieldData) -> int:
    """How many fields serve: of the split "val", one of a group."""
    return min(MOST_FIELDS, len(np.unique(data.groups[data.splits == "val"])))


def fit_calibration(
    predict: Predict,
    distance: Distance,
    data: FieldData,
    fractions: tuple[float, float],
    reading: Reading,
    seed: int,
) -> Calibration | None:
    """Factors by which intervals of validation fields cover as much as they say.

    Args:
        predict: The model's answers without calibration.
        distance: As the model measures it.
        data: Fields with splits; those of "val" are used, one of a group.
        fractions: Least and largest fraction that is observed.
        reading: What is observed of them.
        seed: Same seed, same factors.

    Returns:
        None if there are fewer than `LEAST_FIELDS` groups, or no cell is left unseen.
    """
    if calibration_fields(data) < LEAST_FIELDS:
        return None
    fields = data.split("val").distinct(MOST_FIELDS)
    counts, amplitude, parts = [], [], []
    for number, fraction in enumerate(np.geomspace(*fractions, SHARES)):
        seen = reading(fields, float(fraction), seed + number)
        cells = _cells(predict(seen, DRAWS), fields, seen, distance(seen), seed + number)
        if not cells.truth.size:  # every cell is observed: nothing is to be told of it
            continue
        found = cells.spread_for_error()
        counts.append(float(seen.counts.double().mean()))
        amplitude.append(found)
        parts.append(cells.scaled(found))
    if not parts:
        return None
    joined = Cells(*(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)))
    distances, factors = _by_distance(joined)
    return Calibration(tuple(counts), tuple(amplitude), distances, LEVELS, factors, len(fields))


def _by_distance(cells: Cells) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Mean distance of each bin, and the factors of all levels there."""
    edges = np.unique(np.quantile(cells.distance, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, cells.distance)
    distances, factors = [], []
    for number in np.unique(bins):
        here = cells[bins == number]
        distances.append(float(here.distance.mean()))
        covered = np.array([here.coverage(LEVELS, float(f)) for f in _TRIED])
        factors.append(tuple(_best((covered[:, k] - p) ** 2) for k, p in enumerate(LEVELS)))
    return tuple(distances), tuple(factors)


def _best(misfit: np.ndarray) -> float:
    """The factor of least misfit, of several alike the one nearest to 1."""
    close = misfit <= misfit.min() + 1e-6
    return float(_TRIED[close][np.abs(np.log(_TRIED[close])).argmin()])


def _cells(
    prediction: Prediction, fields: FieldData, seen: Observations, away: np.ndarray, seed: int
) -> Cells:
    """Unseen values of fields, some of each at random."""
    unseen = untouched(fields.grid, seen) & fields.valid_mask()
    rng, parts = np.random.default_rng(seed), []
    for c, variable in enumerate(fields.variables):
        known = fields.values[..., c][fields.valid_mask()[..., c]].astype(np.float64)
        step, (low, high) = value_step(known) or 0.0, data_bounds(variable, known)
        for b in range(len(fields)):
            where = np.flatnonzero(unseen[b, ..., c])
            where = rng.permutation(where)[:_CELLS]
            mean = prediction.mean[b, ..., c].ravel()[where]
            draws = prediction.draws[:, b, ..., c].reshape(len(prediction.draws), -1)[:, where]
            truth = fields.values[b, ..., c].ravel()[where].astype(np.float64)
            if not isinstance(variable.transform, Affine):
                # Draws spread about the mean where the network sees them; ranks stay the same.
                forward = variable.transform.forward
                draws, truth, step = forward(draws), forward(truth), 0.0
                mean, low, high = draws.mean(axis=0), -np.inf, np.inf
            each = np.full(len(where), step), low - mean, high - mean
            about = away[b].ravel()[where], rng.random(len(where))
            parts.append(Cells(draws - mean, truth - mean, *each, *about))
    return Cells(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))
