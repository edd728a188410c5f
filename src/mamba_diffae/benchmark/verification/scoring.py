"""Withheld readings beside what methods said of them, and the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.benchmark.verified import (
    CLIMATOLOGY,
    KRIGING,
    LEVEL,
    MODEL,
    DistanceBin,
    Scatter,
    Scores,
    WithheldScore,
)
from mamba_diffae.evaluation import Interval, Method, bootstrap_interval, crps, gaussian_crps
from mamba_diffae.evaluation.binning import quantile_bins
from mamba_diffae.fields import Prediction
from mamba_diffae.fields.functional import tails

BINS = 5
"""Bins of the distance, of equally many readings, at most."""
_POINTS = 1000
"""Readings of a variable that are kept for a scatter plot, at most."""


class Answers(NamedTuple):
    """What a method said of n readings.

    Attributes:
        error: Mean minus reading, shape (n,).
        crps: Shape (n,).
        covered: Whether the interval holds the reading, shape (n,); NaN: it states none.
    """

    error: np.ndarray
    crps: np.ndarray
    covered: np.ndarray


class Asked(NamedTuple):
    """n withheld readings.

    Attributes:
        snapshot: Number of the snapshot, shape (n,).
        variable: Number of the variable, shape (n,).
        value: What was read, shape (n,).
        noise: Standard deviation of its error, shape (n,); 0 where none is stated.
        weight: What it counts, shape (n,).
        distance: To the nearest given reading of the snapshot, shape (n,).
    """

    snapshot: np.ndarray
    variable: np.ndarray
    value: np.ndarray
    noise: np.ndarray
    weight: np.ndarray
    distance: np.ndarray


def answers(prediction: Prediction, at: tuple[np.ndarray, ...], asked: Asked, seed: int) -> Answers:
    """What a prediction says of readings.

    A stated error of a reading widens draws, deviation and interval: what is predicted is a reading
    and not the field.

    Args:
        prediction: Mean of shape (B, *shape, C).
        at: Field, place and variable of each reading, three arrays (n,).
        asked: The readings.
        seed: Of errors that are added to draws.
    """

    def of(values: np.ndarray, leading: int) -> np.ndarray:
        shape = values.shape
        flat = values.reshape(*shape[: leading + 1], -1, shape[-1])
        return flat[(..., *at)].astype(np.float64)

    mean = of(prediction.mean, 0)
    error = mean - asked.value
    if len(prediction.draws) > 1:
        draws = of(prediction.draws, 1)
        rng = np.random.default_rng((seed, 4, int(asked.snapshot[0])))
        draws = draws + asked.noise * rng.standard_normal(draws.shape)
        score = crps(draws, asked.value)
        low, high = (of(part, 0) for part in prediction.interval(LEVEL))
    elif prediction.stated_std is not None:
        from scipy.special import ndtri

        std = np.hypot(of(prediction.stated_std, 0), asked.noise)
        half = ndtri(tails(LEVEL)[1]) * std
        covered = np.abs(error) <= half
        return Answers(error, gaussian_crps(mean, std, asked.value), covered.astype(np.float64))
    else:
        return Answers(error, np.abs(error), np.full(error.shape, np.nan))
    low, high = _of_readings(mean, low, high, asked.noise)
    covered = (low <= asked.value) & (asked.value <= high)
    return Answers(error, score, covered.astype(np.float64))


def _of_readings(
    mean: np.ndarray, low: np.ndarray, high: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of an interval of the field as those of a reading: half widths add in squares."""
    from scipy.special import ndtri

    extra = ndtri(tails(LEVEL)[1]) * noise
    below, above = (np.maximum(mean - low, 0), np.maximum(high - mean, 0))
    low = np.where(extra > 0, mean - np.hypot(below, extra), low)
    return low, np.where(extra > 0, mean + np.hypot(above, extra), high)


@final
@dataclass(eq=False)
class Collected:
    """All withheld readings, fold after fold, and what each method said of them."""

    asked: list[Asked] = field(default_factory=list)
    answers: dict[Method, list[Answers]] = field(default_factory=dict)

    def add(self, asked: Asked, said: Mapping[Method, Answers]) -> None:
        """Take in the readings of some snapshots."""
        for method, part in said.items():
            self.answers.setdefault(method, []).append(part)
        self.asked.append(asked)

    def joined(self) -> tuple[Asked, dict[Method, Answers]]:
        """All of them; methods that were not asked of every reading are left out."""
        asked = Asked(*map(np.concatenate, zip(*self.asked, strict=True)))
        whole = {
            method: Answers(*map(np.concatenate, zip(*parts, strict=True)))
            for method, parts in self.answers.items()
            if len(parts) == len(self.asked)
        }
        return asked, whole


def withheld_scores(
    asked: Asked, said: Mapping[Method, Answers], variables: Sequence[str]
) -> tuple[tuple[tuple[DistanceBin, ...], ...], tuple[WithheldScore, ...]]:
    """Bins of the distance of each variable, and scores of each method and variable."""
    bins, found = [], []
    for c, name in enumerate(variables):
        mine = asked.variable == c
        weight, distance = asked.weight[mine], asked.distance[mine]
        index = quantile_bins(distance, None, BINS)
        some = [index == b for b in range(int(index.max(initial=-1)) + 1)]
        bins.append(tuple(_bin(distance[rows]) for rows in some))
        usual = next((a for m, a in said.items() if m.key == CLIMATOLOGY), None)
        reference = None if usual is None else np.square(usual.error[mine])
        for method, all_answers in said.items():
            own = Answers(*(part[mine] for part in all_answers))
            parts = tuple(_scores(own, weight, reference, rows) for rows in some)
            overall = _scores(own, weight, reference, np.ones(len(weight), dtype=bool))
            found.append(WithheldScore(method, name, overall, parts))
    return tuple(bins), tuple(found)


def excesses(
    asked: Asked, said: Mapping[Method, Answers], groups: np.ndarray, count: int, seed: int
) -> tuple[Interval | None, ...]:
    """Mean squared error of the model minus kriging's over snapshots, for each variable.

    Args:
        asked: Readings.
        said: By method.
        groups: Of the snapshots, shape (S,).
        count: Variables.
        seed: Of the bootstrap.
    """
    keyed = {method.key: own for method, own in said.items()}
    if not {MODEL, KRIGING} <= set(keyed):
        return (None,) * count
    apart = np.square(keyed[MODEL].error) - np.square(keyed[KRIGING].error)
    found = []
    for c in range(count):
        mine = asked.variable == c
        rows, index = np.unique(asked.snapshot[mine], return_inverse=True)
        weight = asked.weight[mine]
        if not len(rows):
            found.append(None)
            continue
        each = np.bincount(index, weight * apart[mine]) / np.bincount(index, weight)
        found.append(bootstrap_interval(each, groups[rows], seed=seed))
    return tuple(found)


def scatters(
    asked: Asked, said: Mapping[Method, Answers], variables: Sequence[str], seed: int
) -> tuple[Scatter, ...]:
    """Some readings of each variable, and what the model and kriging made of them."""
    found = []
    for c, name in enumerate(variables):
        rows = np.flatnonzero(asked.variable == c)
        rows = np.sort(np.random.default_rng((seed, 3, c)).permutation(rows)[:_POINTS])
        values = tuple(asked.value[rows].tolist())
        for method, own in said.items():
            if method.key in (MODEL, KRIGING):
                predicted = (asked.value[rows] + own.error[rows]).tolist()
                found.append(Scatter(method, name, values, tuple(predicted)))
    return tuple(found)


def _bin(distance: np.ndarray) -> DistanceBin:
    return DistanceBin(float(distance.min()), float(distance.max()), len(distance))


def _scores(
    own: Answers, weight: np.ndarray, reference: np.ndarray | None, rows: np.ndarray
) -> Scores:
    """Of some readings, those of `rows`."""
    w, squared = weight[rows], np.square(own.error[rows])

    def mean(values: np.ndarray) -> float | None:
        found = float((w * values).sum() / w.sum()) if w.sum() > 0 else np.nan
        return None if np.isnan(found) else found

    mse, skill = mean(squared), None
    usual = None if reference is None else mean(reference[rows])
    if usual and mse is not None:
        skill = 1 - mse / usual
    rmse = None if mse is None else mse**0.5
    return Scores(rmse, mean(own.error[rows]), mean(own.crps[rows]), mean(own.covered[rows]), skill)
