"""The folds of a verification, one after the other: fit, predict, take in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.benchmark.verification.errors import VerificationError
from mamba_diffae.benchmark.verification.folds import Fold, Splitting
from mamba_diffae.benchmark.verification.methods import OURS, SIMPLE, ModelMethod, fitted_simple
from mamba_diffae.benchmark.verification.readings import GriddedReadings, Readings
from mamba_diffae.benchmark.verification.scoring import (
    Answers,
    Asked,
    Collected,
    answers,
    excesses,
    scatters,
    withheld_scores,
)
from mamba_diffae.benchmark.verified import ShownFields, ShownSnapshot, Verification
from mamba_diffae.evaluation import Baseline, Method
from mamba_diffae.fields import Prediction
from mamba_diffae.training.loop.progress import CountMeter

_READINGS = 4096
"""Withheld readings of a snapshot that are scored, at most."""
_VALUES, _AT_ONCE = 2**24, 8
"""Values in all draws that are made together, and snapshots, at most."""
_LEARNED = 2**23
"""Values of the snapshots that the simple methods learn from, about."""
_SHOWN = 3
"""Snapshots in maps."""


class Part(NamedTuple):
    """Some snapshots of a fold.

    Attributes:
        rows: Which, shape (B,).
        given: Which readings are given, shape (B, N, C).
        wanted: Which are scored, of the same shape.
    """

    rows: np.ndarray
    given: np.ndarray
    wanted: np.ndarray


@final
@dataclass(eq=False)
class FoldWork:
    """The folds, one after the other.

    Attributes:
        readings: All of them.
        splitting: How they are withheld.
        ours: The model.
        notes: Sentences for the user; it grows.
        collected: What was withheld and what was said of it.
        shown: Snapshots for maps.
        skipped: Snapshots of a fold that had nothing to give or to score.
    """

    readings: Readings
    splitting: Splitting
    ours: ModelMethod
    notes: list[str]
    collected: Collected = field(default_factory=Collected)
    shown: list[ShownSnapshot] = field(default_factory=list)
    skipped: int = 0

    def steps(self, rows: np.ndarray) -> int:
        """Fits, and snapshots that are predicted, in all folds and by all methods."""
        whole = self.splitting.by in ("station", "block")
        predicted = len(rows) * (self.splitting.folds if whole else 1)
        return self.splitting.folds * len(SIMPLE) + predicted * (len(SIMPLE) + 1)

    def run(self, fold: Fold, meter: CountMeter) -> None:
        """Fit the simple methods on what a fold leaves, and score all methods."""
        kept = self.readings.known & ~fold.hidden & fold.learn[:, None, None]
        learned = self._learned(np.flatnonzero(kept.any(axis=(1, 2))), fold.rows)
        if not len(learned):
            raise VerificationError(
                "One fold withholds every reading, so nothing is left to learn from or to give; "
                "give more folds, or smaller blocks."
            )
        data = self.readings.training(learned, kept[learned])
        methods: dict[Method, ModelMethod | Baseline] = {OURS: self.ours}
        methods |= fitted_simple(data, self.notes, partial(meter.advance, 1))
        for start in range(0, len(fold.rows), self._together):
            part = self._part(fold, fold.rows[start : start + self._together])
            if len(part.rows):
                self._score(part, methods, meter)

    def _learned(self, rows: np.ndarray, scored: np.ndarray) -> np.ndarray:
        """Snapshots that simple methods learn from: of many those scored, and others spread."""
        most = max(2, _LEARNED // self.readings.values[0].size)
        if len(rows) <= most:
            return rows
        note = f"The simple methods learn from about {most:,} of {len(rows):,} snapshots."
        if note not in self.notes:
            self.notes.append(note)
        spread = rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
        return np.union1d(spread, np.intersect1d(scored, rows))

    @property
    def _together(self) -> int:
        cells = self.readings.values[0].size * max(1, self.ours.n_draws)
        return max(1, min(_AT_ONCE, _VALUES // cells))

    def _part(self, fold: Fold, rows: np.ndarray) -> Part:
        """What is given and scored of snapshots that have something of both."""
        known, hidden = self.readings.known[rows], fold.hidden[rows]
        given, wanted = known & ~hidden, known & hidden
        for row, part in zip(rows, wanted, strict=True):
            index = np.flatnonzero(part)
            rng = np.random.default_rng((self.splitting.seed, 5, int(row)))
            part.flat[rng.permutation(index)[_READINGS:]] = False
        some = given.any(axis=(1, 2)) & wanted.any(axis=(1, 2))
        self.skipped += int((~some & wanted.any(axis=(1, 2))).sum())
        return Part(rows[some], given[some], wanted[some])

    def _score(
        self, part: Part, methods: Mapping[Method, ModelMethod | Baseline], meter: CountMeter
    ) -> None:
        seen = self.readings.observations(part.rows, part.given)
        targets, columns = self.readings.asked(part.rows, np.asarray(part.wanted.any(axis=-1)))
        b, n, c = np.nonzero(part.wanted)
        asked, at = self._asked(part), (b, columns[b, n], c)
        said: dict[Method, Answers] = {}
        predictions: dict[Method, Prediction] = {}
        for method, predictor in methods.items():
            predictions[method] = predictor.predict(seen, targets)
            said[method] = answers(predictions[method], at, asked, self.splitting.seed)
            meter.advance(len(part.rows))
        self.collected.add(asked, said)
        self._show(part, predictions)

    def _asked(self, part: Part) -> Asked:
        b, n, c = np.nonzero(part.wanted)
        rows = part.rows[b]
        noise = self.readings.noise
        stated = np.zeros(len(b)) if noise is None else noise[rows, n, c]
        value = self.readings.values[rows, n, c].astype(np.float64)
        weight = self.readings.weight[n]
        return Asked(rows, c, value, stated, weight, self._distances(part)[b, n])

    def _distances(self, part: Part) -> np.ndarray:
        """From each reading to the nearest one that is given, shape (B, N)."""
        from scipy.spatial import KDTree

        space, found = self.readings.space, np.zeros(part.given.shape[:2])
        for i, row in enumerate(part.rows):
            places = space.places(self.readings.coords[row])
            given = places.take(part.given[i].any(axis=-1))
            wanted = part.wanted[i].any(axis=-1)
            asked = places.take(wanted)
            nearest = np.asarray(KDTree(given.embedded).query(asked.embedded)[1])
            found[i, wanted] = space.distances(asked, given.take(nearest))
        return found * space.length[-1]

    def _show(self, part: Part, predictions: Mapping[Method, Prediction]) -> None:
        if not isinstance(self.readings, GriddedReadings):
            return
        data = self.readings.data
        for i in range(min(len(part.rows), _SHOWN - len(self.shown))):
            row = int(part.rows[i])
            given = self.readings.left(part.rows[i : i + 1], part.given[i : i + 1])
            ours = predictions[OURS]
            spread = ours.stated_std is not None or len(ours.draws) > 1
            self.shown.append(
                ShownSnapshot(
                    str(data.names[row]),
                    data.values[row],
                    data.valid_mask()[row],
                    given.values[0],
                    given.valid_mask()[0],
                    {method: np.array(told.mean[i]) for method, told in predictions.items()},
                    ours.std[i].copy() if spread else None,
                )
            )

    def result(self, units: int) -> Verification:
        """What all folds together say.

        Raises:
            VerificationError: If nothing was scored.
        """
        self._check()
        asked, said = self.collected.joined()
        readings, seed = self.readings, self.splitting.seed
        names = tuple(variable.name for variable in readings.variables)
        bins, scores = withheld_scores(asked, said, names)
        some = [c for c in range(len(names)) if bins[c]]
        if len(some) < len(names):
            lost = ", ".join(names[c] for c in range(len(names)) if c not in some)
            self.notes.append(f"No reading of {lost} was withheld, so it has no scores.")
        grid = isinstance(readings, GriddedReadings) and bool(self.shown)
        shown = ShownFields(readings.variables, readings.grid, self.shown) if grid else None
        return Verification(
            by=self.splitting.by,
            folds=self.splitting.folds,
            units=units,
            snapshots=len(np.unique(asked.snapshot)),
            readings=len(asked.value),
            n_draws=self.ours.n_draws,
            variables=names,
            variable_units=tuple(variable.unit for variable in readings.variables),
            distance_unit=readings.distance_unit,
            bins=bins,
            scores=scores,
            excess=excesses(asked, said, np.asarray(readings.groups), len(names), seed),
            notes=tuple(dict.fromkeys(self.notes)),
            scatter=scatters(asked, said, names, seed),
            shown=shown,
        )

    def _check(self) -> None:
        """Note what was left out.

        Raises:
            VerificationError: If nothing was scored.
        """
        if self.skipped:
            self.notes.append(
                f"{self.skipped} times a snapshot had no reading left to give in a fold, and was "
                "left out there."
            )
        if not self.collected.asked:
            raise VerificationError(
                f"Nothing is left to score by={self.splitting.by!r}: of no snapshot are there both "
                "readings that are given and readings that are withheld; give snapshots of several "
                "stations, or withhold in another way."
            )
