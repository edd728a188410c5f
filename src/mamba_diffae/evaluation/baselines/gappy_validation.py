"""How many modes gappy POD takes, and of what variance, by its error on fields held out."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np

from mamba_diffae.evaluation.baselines.components import ridge
from mamba_diffae.evaluation.baselines.gappy_folds import TINY, Fold, fold_rows, mean_ratio
from mamba_diffae.fields import LATTICE_LIMIT, FieldData, draw_cells

MOST_MODES = 1024
"""Modes at most, for the cost of a field."""
MOST_MIRRORED = 2048
"""Fields and mirror images at most, for the time of their components."""
FRACTIONS = (0.001, 0.005, 0.02, 0.05, 0.2, 0.6)
"""Shares of the cells that are observed in fields held out."""
RIDGES = 10 ** np.arange(-0.75, 2.3, 0.75)
"""Candidates of the ridge, in units of the variance that the modes leave."""
_CELLS, _LEAST, _MOST = 6144, 10, 64
"""Observed cells at one fraction, of all fields; the fewest and the most fields that have them."""

_LIMITS = 0.01, 100.0
"""Of the factor of the posterior variance."""


@final
class Settings(NamedTuple):
    """What validation sets.

    Attributes:
        modes: How many, at most.
        mirrored: Whether mirror images are training fields too.
        ratio: Table for `ranked`, by which the variances of modes are corrected, or None.
        counts: Numbers of observed places, rising, shape (n,).
        noise: Variance of what the modes leave on the [0, 1] scale, shape (n, C).
        inflation: Factor of the posterior variance, shape (n, C).
    """

    modes: int
    mirrored: bool
    ratio: np.ndarray | None
    counts: np.ndarray
    noise: np.ndarray
    inflation: np.ndarray

    @classmethod
    def given(cls, modes: int, noise: np.ndarray) -> Settings:
        """One noise, shape (C,), for every number of places, and variances as they are."""
        return cls(modes, False, None, np.ones(1), noise[None], np.ones((1, len(noise))))

    def at(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Noise and inflation (C,) for a number of places, interpolated in logarithms."""
        tables = np.log(np.column_stack([self.noise, self.inflation])).T
        x, xs = np.log(max(count, 1)), np.log(self.counts)
        found = np.exp([np.interp(x, xs, table) for table in tables])
        noise, inflation = np.split(found, 2)
        return noise, inflation


@final
class Case(NamedTuple):
    """A field held out, and what is observed of it.

    Attributes:
        fold: Number of its fold.
        row: Its number there.
        seen: Values that are observed, shape (P * C,), bool.
        asked: Values that are known but not observed, same shape.
    """

    fold: int
    row: int
    seen: np.ndarray
    asked: np.ndarray


@final
class Candidate:
    """Modes to be tried on the fields held out.

    Args:
        folds: With those modes.
        shrunk: Whether modes have the variances of fields held out, not of training fields.
        mirrored: Whether mirror images are training fields too.
        noise: What the modes leave, shape (C,); None: as in fields held out.
    """

    def __init__(
        self, folds: list[Fold], shrunk: bool, mirrored: bool, noise: np.ndarray | None
    ) -> None:
        self.folds, self.shrunk, self.mirrored, self.given = folds, shrunk, mirrored, noise
        self.noise = np.mean([fold.left() for fold in folds], axis=0) if noise is None else noise
        self.ratio: np.ndarray | None = None
        modes = [fold.modes for fold in folds]
        if shrunk:
            tables = [fold.ratio() for fold in folds]
            self.ratio = mean_ratio(tables)
            # A fold takes the tables of others: its own know the fields that it is tried on.
            others = [[*tables[:k], *tables[k + 1 :]] or tables for k in range(len(folds))]
            pairs = zip(folds, others, strict=True)
            modes = [fold.scaled(mean_ratio(other)) for fold, other in pairs]
        self._modes = [np.ascontiguousarray(part.T) for part in modes]

    @property
    def size(self) -> int:
        """Modes of the fold that has most."""
        return max(modes.shape[1] for modes in self._modes)

    def leading(self, count: int) -> Candidate:
        """The same with at most so many modes."""
        folds = [fold._replace(modes=fold.modes[:count]) for fold in self.folds]
        return Candidate(folds, self.shrunk, self.mirrored, self.given)

    def rmse(self, cases: list[Case], ridges: np.ndarray) -> np.ndarray:
        """Root mean square error at what is asked, the mean over fields, shape (R,)."""
        squares = [np.square(self._errors(case, ridges)).mean(axis=0) for case in cases]
        return np.sqrt(squares).mean(axis=0, dtype=np.float64)

    def inflation(self, cases: list[Case], factor: float) -> np.ndarray:
        """Squared error over posterior variance with one ridge, of each variable, shape (C,)."""
        sums = np.zeros((2, len(self.noise)))
        for case in cases:
            variable = np.flatnonzero(case.asked) % len(self.noise)
            error = np.square(self._errors(case, np.array([factor]))[:, 0])
            for total, part in zip(sums, (error, self._variance(case, factor)), strict=True):
                total += np.bincount(variable, part, len(self.noise))
        return np.clip(np.divide(*sums, out=np.ones(len(self.noise)), where=sums[1] > 0), *_LIMITS)

    def _errors(self, case: Case, ridges: np.ndarray) -> np.ndarray:
        """At what is asked, shape (N, R)."""
        from scipy.linalg import solve

        fold, modes = self.folds[case.fold], self._modes[case.fold]
        scale = 1 / self._deviation(fold)[case.seen]
        B, x = modes[case.seen] * scale[:, None].astype(np.float64), fold.values[case.row]
        y, few = x[case.seen] * scale, B.shape[0] <= B.shape[1]
        gram, right = (B @ B.T, y) if few else (B.T @ B, B.T @ y)
        eye = np.eye(len(gram))
        a = np.stack([solve(gram + r * eye, right, assume_a="pos") for r in ridges], axis=1)
        a = (B.T @ a if few else a).astype(np.float32)
        return x[case.asked, None] - (modes @ a)[case.asked]

    def _variance(self, case: Case, factor: float) -> np.ndarray:
        """Posterior variance at what is asked, shape (N,)."""
        fold, modes = self.folds[case.fold], self._modes[case.fold]
        noise = factor * np.square(self._deviation(fold))
        A = modes[case.seen].astype(np.float64)
        a = ridge(A, np.zeros(len(A)), noise[case.seen])
        return a.spread(modes[case.asked]) + noise[case.asked]

    def _deviation(self, fold: Fold) -> np.ndarray:
        """Of what the modes leave of each weighted value, shape (P * C,)."""
        cells = len(fold.weight) // len(self.noise)
        return fold.weight * np.tile(np.sqrt(self.noise), cells)


@final
class Outcome(NamedTuple):
    """What a candidate came to.

    Attributes:
        candidate: The candidate.
        score: Mean over fractions of the logarithm of its error.
        factors: Its ridge at each fraction, in units of what its modes leave.
    """

    candidate: Candidate
    score: float
    factors: np.ndarray


def validate(data: FieldData, modes: int | None, noise: np.ndarray | None) -> Settings:
    """Choose what is not given by the error on fields held out.

    They are observed on a lattice of at most `LATTICE_LIMIT` cells, at several fractions; what is
    not observed is asked. Errors are divided by the deviation of their variable and pooled over
    fractions as logarithms; the ridge may differ between fractions. All modes are tried, then a
    quarter of them, as long as that lowers the error.

    Args:
        data: Training fields.
        modes: How many, or None.
        noise: Variance of what modes leave on the [0, 1] scale, shape (C,), or None.
    """
    limit = MOST_MODES if modes is None else modes
    lattice = data.at(data.grid.lattice_shape(LATTICE_LIMIT))
    rows = fold_rows(lattice)
    if not rows:
        return Settings.given(limit, _spatial_variance(lattice) if noise is None else noise)
    folds = [Fold.of(lattice, row, limit, False) for row in rows]
    trials = _trials(folds, lattice.shape)
    candidates = [Candidate(folds, False, False, noise)]
    if noise is None:
        candidates.append(Candidate(folds, True, False, None))
        if data.mirrored and 2 * len(data) <= MOST_MIRRORED:
            folds = [Fold.of(lattice, row, limit, True) for row in rows]
            candidates += [Candidate(folds, shrunk, True, None) for shrunk in (False, True)]
    ridges = RIDGES if noise is None else np.ones(1)
    best = min((_try(c, trials, ridges) for c in candidates), key=lambda found: found.score)
    count = best.candidate.size
    while modes is None and count > 1:
        count = -(-count // 4)
        fewer = _try(best.candidate.leading(count), trials, ridges)
        if fewer.score >= best.score:
            break
        best, limit = fewer, count
    return _settings(best, trials, limit)


def _trials(folds: list[Fold], shape: tuple[int, ...]) -> dict[int, list[Case]]:
    """Cases by the number of observed places; none if no field has two places or more."""
    pairs = [(k, row) for k, fold in enumerate(folds) for row in _any_known(fold)]
    places = [folds[k].known[row].reshape(*shape, -1).any(axis=-1) for k, row in pairs]
    if not pairs:
        return {}
    usual = float(np.median([known.sum() for known in places]))
    trials: dict[int, list[Case]] = {}
    for fraction in FRACTIONS:
        n = max(1, round(fraction * usual))
        fields = min(len(pairs), int(np.clip(_CELLS // n, _LEAST, _MOST)))
        chosen = np.linspace(0, len(pairs) - 1, fields).round().astype(int)
        cases = [_case(folds, pairs[i], places[i], fraction) for i in chosen]
        trials[n] = [case for case in cases if case.asked.any() and case.seen.any()]
    return {n: cases for n, cases in trials.items() if cases}


def _any_known(fold: Fold) -> list[int]:
    return np.flatnonzero(fold.known.any(axis=1)).tolist()


def _case(folds: list[Fold], at: tuple[int, int], places: np.ndarray, fraction: float) -> Case:
    k, row = at
    known, rng = folds[k].known[row], np.random.default_rng((k, row, round(1e6 * fraction)))
    seen = np.zeros(places.size, dtype=bool)
    seen[draw_cells(rng, places.shape, fraction, known=places)] = True
    seen = np.repeat(seen, len(known) // places.size)
    return Case(k, row, seen & known, ~seen & known)


def _try(candidate: Candidate, trials: dict[int, list[Case]], ridges: np.ndarray) -> Outcome:
    """The best ridge at each fraction; its neighbours have a say, so that it does not jump."""
    if not trials:
        return Outcome(candidate, 0.0, np.ones(0))
    rmse = np.array([candidate.rmse(cases, ridges) for cases in trials.values()])
    errors = np.log(np.maximum(rmse, TINY))
    around = np.pad(errors, ((1, 1), (0, 0)), "edge")
    smooth = around[:-2] + 2 * around[1:-1] + around[2:]
    score = float(np.take_along_axis(errors, smooth.argmin(axis=1)[:, None], axis=1).mean())
    return Outcome(candidate, score, np.exp([_lowest(np.log(ridges), row) for row in smooth]))


def _lowest(x: np.ndarray, y: np.ndarray) -> float:
    """Where a function on a regular lattice is lowest, by the parabola through three points."""
    i = int(y.argmin())
    if not 0 < i < len(x) - 1:
        return float(x[i])
    left, right = y[i - 1] - y[i], y[i + 1] - y[i]
    shift = 0.5 * (left - right) / (left + right) if left + right > 0 else 0.0
    return float(x[i] + shift * (x[i + 1] - x[i]))


def _settings(best: Outcome, trials: dict[int, list[Case]], modes: int) -> Settings:
    candidate, factors = best.candidate, best.factors
    if not trials:
        return Settings.given(modes, candidate.noise)
    counts, noise = np.array(list(trials), dtype=float), factors[:, None] * candidate.noise
    inflation = np.ones_like(noise)
    if candidate.given is None:
        pairs = zip(trials.values(), factors, strict=True)
        inflation = np.array([candidate.inflation(cases, factor) for cases, factor in pairs])
    return Settings(modes, candidate.mirrored, candidate.ratio, counts, noise, inflation)


def _spatial_variance(data: FieldData) -> np.ndarray:
    """Of each variable within the fields, on the [0, 1] scale, shape (C,).

    It stands for the variance between fields where all fields are copies of one.
    """
    known = data.valid_mask().reshape(-1, data.n_variables)
    values = data.unit_interval(data.values).reshape(known.shape).astype(np.float64)
    columns = zip(values.T, known.T, strict=True)
    return np.maximum([np.var(value[here]) for value, here in columns], TINY)
