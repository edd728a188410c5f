"""A model of windows on the whole globe, beside simple methods: the table of its card.

    python -m studies.fields.globe --model weather-96

Random cells of the globe are observed at hours of the last two days; what is scored are cells that
were not, in the sectors of longitude that are for test: neither their days nor their sectors were
learned from. A block is an hour of twelve degrees of longitude.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae import FieldAutoencoder, FieldData, Observations, Prediction, observe, open_field
from mamba_diffae.evaluation import classical_baselines, crps, gaussian_crps, untouched
from mamba_diffae.fields import UnfamiliarFieldsWarning

FRACTIONS = (0.05, 0.2)
DEGREES = 12
"""Longitudes of a block."""
DRAWS, ENDS = 40, (0.05, 0.95)
"""Draws of the model, and quantiles between which 90 % lie."""
WIDE = 1.6448536
"""Deviations on both sides of a Gaussian mean between which 90 % lie."""
_LEFT_OUT = ("gappy POD",)
"""It learns from whole fields, of which the sectors have none."""
Ask = Callable[[Observations, np.ndarray], Prediction]


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """Of one method at one fraction.

    Attributes:
        squared: Mean squared error of each variable, shape (C,).
        crps: Mean CRPS of each variable, (C,): the absolute error, where no spread is stated.
        covered: Share of values in the interval of 90 % by block, shape (blocks,); none: not
            stated.
    """

    squared: np.ndarray
    crps: np.ndarray
    covered: np.ndarray | None


@final
class Globe:
    """Test hours of the embedded weather.

    Args:
        count: Hours, evenly spread over the test days.
        seed: Of what is observed.
    """

    def __init__(self, count: int, seed: int) -> None:
        truth = open_field("weather").split("test")
        rows = np.linspace(0, len(truth) - 1, count).round().astype(int)
        self.truth, self.seed = truth.take(rows), seed
        known = open_field("weather:sectors").split("test").valid_mask()[0, ..., 0]
        self.cells = np.flatnonzero(known)
        self.places = truth.grid.centres()[self.cells]

    def observe(self, hour: FieldData, fraction: float) -> Observations:
        """Random cells of the whole globe."""
        return observe(hour, fraction, shape=hour.grid.shape, seed=self.seed)

    def score(self, ask: Ask, fraction: float) -> Scores:
        """A method on all hours; rows of latitude count by their area."""
        grid, hours = self.truth.grid, []
        area = grid.weights().ravel()[self.cells]
        block = np.unique(self.places[:, 1] // DEGREES, return_inverse=True)[1]
        for s in range(len(self.truth)):
            hour = self.truth.take(slice(s, s + 1))
            seen = self.observe(hour, fraction)
            told = ask(seen, self.places)
            true = hour.values.reshape(grid.cells, -1)[self.cells][None]
            weight = area * untouched(grid, seen).reshape(grid.cells, -1)[self.cells].any(axis=1)
            hours.append(_hour(told, true, weight, block))
        squared, scored, covered = zip(*hours, strict=True)
        inside = None if covered[0] is None else np.concatenate([np.asarray(c) for c in covered])
        return Scores(np.mean(squared, axis=0), np.mean(scored, axis=0), inside)


def _hour(
    told: Prediction, true: np.ndarray, weight: np.ndarray, block: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Squared error and CRPS of each variable, and coverage by block, at one hour."""
    share, error = (weight / weight.sum())[:, None], told.mean[0] - true[0]
    squared = (share * error**2).sum(axis=0)
    if len(told.draws):
        each, (low, high) = crps(told.draws, true)[0], told.interval(0.9)
    elif told.stated_std is not None:
        std = told.stated_std
        each = gaussian_crps(told.mean, std, true)[0]
        low, high = told.mean - WIDE * std, told.mean + WIDE * std
    else:
        return squared, (share * np.abs(error)).sum(axis=0), None
    inside = ((low[0] <= true[0]) & (true[0] <= high[0])).mean(axis=1)
    mass = np.bincount(block, weight)
    return squared, (share * each).sum(axis=0), np.bincount(block, weight * inside) / mass


def asked_methods(model: FieldAutoencoder, learned: FieldData) -> dict[str, Ask]:
    """What is compared, by name."""

    def ours(seen: Observations, places: np.ndarray) -> Prediction:
        return model.predict(seen, targets=places, n_draws=DRAWS, quantiles=ENDS)

    asked: dict[str, Ask] = {"the model": ours}
    for baseline in classical_baselines():
        if baseline.name not in _LEFT_OUT:
            asked[baseline.name] = baseline.fit(learned).predict
    return asked


def rows_of(name: str, found: Scores, units: Sequence[str], best: Scores) -> list[str]:
    """Cells of a line of the table."""
    rmse = [f"{np.sqrt(x):.4g} {unit}" for x, unit in zip(found.squared, units, strict=True)]
    ratio = np.sqrt(found.squared / best.squared).mean()
    spread = (found.crps / best.crps).mean()
    covered = "–"
    if found.covered is not None:
        half = 2 * found.covered.std(ddof=1) / len(found.covered) ** 0.5
        covered = f"{found.covered.mean():.1%} ± {half:.1%}"
    return [name, *rmse, f"{ratio:.3f}", f"{spread:.3f}", covered]


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="weather-96")
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--count", type=int, default=3, help="Hours.")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
    globe = Globe(given.count, given.seed)
    units = [v.unit for v in globe.truth.variables]
    model = FieldAutoencoder.from_pretrained(given.model)
    methods = asked_methods(model, open_field("weather").split("train").take(slice(0, 14, 4)))
    heads = [
        "method",
        *(v.name for v in globe.truth.variables),
        "RMSE ratio",
        "CRPS ratio",
        "in 90 %",
    ]
    for fraction in given.fractions:
        found = {name: globe.score(ask, fraction) for name, ask in methods.items()}
        simple = [scores for name, scores in found.items() if name != "the model"]
        best = min(simple, key=lambda s: float(np.log(s.squared).mean()))
        lines = [heads, ["---"] * len(heads)]
        lines += [rows_of(name, scores, units, best) for name, scores in found.items()]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        said = f"{fraction:.0%} of the cells, {len(globe.truth)} hours, seed {given.seed}"
        sys.stdout.write(f"\n**{said}**\n\n{table}\n")


if __name__ == "__main__":
    main()
