"""Methods that treat one field at a time: the loop over fields and over variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, final

import numpy as np

from mamba_diffae.evaluation.baselines.asking import ask
from mamba_diffae.evaluation.baselines.base import Baseline
from mamba_diffae.evaluation.baselines.space import Places, Space
from mamba_diffae.evaluation.matching import matched
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Grid,
    Observations,
    Prediction,
    ShapeError,
    Variable,
)

DENSE_LIMIT = 5000
"""Points of one field that a method which solves a full system takes, at most."""
_SAME_PLACE = 1e-9
"""Distance, in the unit of the space, below which two observations are at one place."""
_AT_ONCE = 64


@final
class TooManyPointsError(FieldError):
    """More observations of one field than a method can take."""


@final
@dataclass(frozen=True, eq=False)
class Samples:
    """What was observed of those variables of one field that were observed at the same places.

    Attributes:
        places: N different ones.
        values: Shape (N, V); repeats at one place are averaged, by their precision if it is known.
        variables: Which ones, shape (V,).
        repeats: How many observations each stands for, shape (N,); None: one.
        noise: Standard deviation of the error of each value, shape (N, V); None: unknown.
    """

    places: Places
    values: np.ndarray
    variables: np.ndarray
    repeats: np.ndarray | None = None
    noise: np.ndarray | None = None


class Estimate(NamedTuple):
    """What a method says of the variables of some samples, at M targets.

    Attributes:
        mean: Shape (M, V).
        std: The same shape, or None.
    """

    mean: np.ndarray
    std: np.ndarray | None = None


class Usual(NamedTuple):
    """What is known of the variables beside the observations of a field.

    Attributes:
        mean: Shape (C,).
        deviation: Shape (C,), positive.
    """

    mean: np.ndarray
    deviation: np.ndarray


class PerField(Baseline, ABC):
    """A method that reconstructs every field from its own observations.

    `fit` is optional: it tells the periodic axes and the sphere to predictions at places (a grid as
    target tells them itself), the scale of axes of different dimensions, and the usual values. A
    variable that was observed nowhere in a field gets its mean and deviation over the training
    fields; unfitted, over the other fields that are given, or 0 and 1 if there are none. Units of
    values are converted to those of the training fields.
    """

    def __init__(self) -> None:
        self._space: Space | None = None
        self._usual: Usual | None = None
        self._grid: Grid | None = None
        self._variables: Sequence[Variable] | None = None

    def fit(self, data: FieldData) -> Self:
        """Keep the geometry, and mean and deviation of every variable."""
        self._space, self._usual = Space.of_data(data), _usual_of_data(data)
        self._grid, self._variables = data.grid, data.variables
        return self

    @abstractmethod
    def estimate(
        self, samples: Sequence[Samples], targets: Places, deviation: np.ndarray | None
    ) -> list[Estimate]:
        """Interpolate one field.

        Args:
            samples: One entry for each set of variables that share their places.
            targets: M places.
            deviation: Usual deviation of every variable, shape (C,), or None.

        Returns:
            An estimate for each entry.
        """

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Baseline.predict`."""
        grid = targets if isinstance(targets, Grid) else self._grid
        if grid is not None:
            observations = matched(observations, grid.axes, self._variables)
        asked = ask(observations, targets)
        space = self._space or _space(observations, targets)
        usual = self._usual_of(observations)
        at = space.places(asked.coords)
        found = [self._field(seen, space, at, usual) for seen in observations.fields()]
        mean = asked.finish(np.stack([field.mean for field in found]))
        stds = [field.std for field in found if field.std is not None]
        std = asked.finish(np.stack(stds)) if len(stds) == len(found) else None
        return Prediction.of_mean(mean, std, asked.grid)

    def _usual_of(self, observations: Observations) -> Usual:
        if self._usual is None:
            return _usual_of_batch(observations)
        known, given = len(self._usual.mean), observations.n_variables
        if known != given:
            raise ShapeError(
                f"{self.name} was fitted on fields of {known} variables, but the observations have "
                f"{given}; fit it on fields of their kind."
            )
        return self._usual

    def _field(self, seen: Observations, space: Space, at: Places, usual: Usual) -> Estimate:
        samples = samples_of(seen, space)
        deviation = None if self._usual is None else usual.deviation
        found = self.estimate(samples, at, deviation) if samples else []
        mean, std = (np.tile(part, (len(at.flat), 1)) for part in usual)
        for part, estimate in zip(samples, found, strict=True):
            mean[:, part.variables] = estimate.mean
            if estimate.std is not None:
                std[:, part.variables] = estimate.std
        return Estimate(mean, None if any(e.std is None for e in found) else std)


class Interpolator(PerField, ABC):
    """A method that treats every variable alike and states no uncertainty."""

    def estimate(
        self, samples: Sequence[Samples], targets: Places, deviation: np.ndarray | None
    ) -> list[Estimate]:
        """See `PerField.estimate`."""
        return [Estimate(self.interpolate(part, targets)) for part in samples]

    @abstractmethod
    def interpolate(self, samples: Samples, targets: Places) -> np.ndarray:
        """Values at M targets from one or more samples, shape (M, V)."""


def samples_of(seen: Observations, space: Space) -> list[Samples]:
    """The observations of one field, sorted by which variables were observed together."""
    places = space.places(seen.coords[0].double().cpu().numpy())
    values, mask = seen.values[0].double().cpu().numpy(), seen.mask[0].cpu().numpy()
    noise = None if seen.noise is None else seen.noise[0].double().cpu().numpy()
    patterns, which = np.unique(mask, axis=1, return_inverse=True)
    parts = []
    for g, observed in enumerate(patterns.T):
        variables = np.flatnonzero(which.ravel() == g)
        if observed.any():
            inner = np.ix_(observed, variables)
            error = None if noise is None else noise[inner]
            samples = Samples(places.take(observed), values[inner], variables, noise=error)
            parts.append(_distinct(samples))
    return parts


def check_count(samples: Samples, name: str) -> None:
    """Refuse more points than a full system can be solved for.

    Raises:
        TooManyPointsError: As said.
    """
    count = len(samples.values)
    if count > DENSE_LIMIT:
        raise TooManyPointsError(
            f"{name} was given {count:,} observations of one field and solves a system of as many "
            f"unknowns; it takes {DENSE_LIMIT:,} at most. Give fewer, or average them over cells."
        )


def _distinct(samples: Samples) -> Samples:
    """Samples with repeats at one place averaged, otherwise in their order."""
    rounded = np.round(samples.places.embedded / _SAME_PLACE)
    _, first, which = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(samples.values):
        return samples
    which, weight = which.ravel(), np.ones_like(samples.values)
    if samples.noise is not None:
        # An exact value outweighs all others of its place, whatever their number.
        least = np.min(samples.noise, where=samples.noise > 0, initial=np.inf)
        floor = 1e-9 * least if np.isfinite(least) else 1.0
        weight = np.maximum(samples.noise, floor) ** -2
    sums = np.zeros((2, len(first), samples.values.shape[1]))
    np.add.at(sums[0], which, weight)
    np.add.at(sums[1], which, weight * samples.values)
    order, noise = np.argsort(first), None
    if samples.noise is not None:
        exact = np.zeros(sums[0].shape, dtype=bool)
        np.logical_or.at(exact, which, samples.noise == 0)
        noise = np.where(exact, 0, sums[0] ** -0.5)[order]
    places, repeats = samples.places.take(first[order]), np.bincount(which)[order]
    means = (sums[1] / sums[0])[order]
    return Samples(places, means, samples.variables, repeats.astype(np.float64), noise)


def _space(observations: Observations, targets: Grid | np.ndarray) -> Space:
    if isinstance(targets, Grid):
        return Space.of_grid(targets)
    seen = observations.coords[observations.present].double().cpu().numpy()
    return Space.around(np.concatenate([seen.reshape(-1, observations.dim), targets]))


def _usual_of_batch(observations: Observations) -> Usual:
    """Mean and deviation of every variable over all observations."""
    mask = observations.mask
    count = mask.sum(dim=(0, 1)).clamp(min=1)
    mean = observations.values.double().sum(dim=(0, 1)) / count
    apart = (observations.values.double() - mean) * mask
    deviation = (apart.square().sum(dim=(0, 1)) / count).sqrt().cpu().numpy()
    return Usual(mean.cpu().numpy(), np.where(deviation > 0, deviation, 1))


def _usual_of_data(data: FieldData) -> Usual:
    """Weighted mean and deviation of every variable over all fields.

    Variables of one unit and one range, as the colours of a picture are, share their deviation.
    """
    middle = np.array([sum(v.limits) / 2 for v in data.variables])  # costs no digits
    sums = np.zeros((3, *data.shape, data.n_variables))
    for i in range(0, len(data), _AT_ONCE):
        part = data.take(slice(i, i + _AT_ONCE))
        x, valid = part.values - middle, part.valid_mask()
        if not part.complete:
            x = x * valid
        sums += [valid.sum(axis=0), x.sum(axis=0), np.einsum("s...,s...->...", x, x)]
    weight = data.grid.weights()[None, ..., None]
    total, first, second = (sums * weight).reshape(3, -1, data.n_variables).sum(axis=1)
    mean = first / total
    variance = np.maximum(second / total - mean**2, 0)
    kinds = [(v.unit, v.limits) for v in data.variables]
    alike = np.array([[a == b for b in kinds] for a in kinds])
    deviation = np.sqrt(alike @ variance / alike.sum(axis=1))
    return Usual(mean + middle, np.where(deviation > 0, deviation, 1))
