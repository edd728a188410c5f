"""Fields held out of the training fields of gappy POD, and the modes of the others."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.evaluation.baselines.components import (
    centred,
    mode_weights,
    principal_components,
)
from mamba_diffae.fields import FieldData

FOLDS, ENOUGH = 5, 64
"""Folds at most, and the fields held out from which on no other fold is needed."""
MOST_TESTED = 512
"""Fields held out at most, for the time of their projections."""
ROUNDING, TINY = 1e-6, 1e-12
"""Share of a variance, and variance on the [0, 1] scale, that is nothing in single precision."""
_SHARES = np.geomspace(1 / 4096, 1, 33)
"""Ranks of modes, over the number of fields, at which the ratio of variances is tabulated."""


@final
class Fold(NamedTuple):
    """Modes of some fields, and fields held out, of P * C values weighted by `mode_weights`.

    Attributes:
        modes: Components times their deviations, shape (M, P * C).
        size: Fields that they were learned from, or P * C if that is less.
        values: Fields held out minus the mean, 0 in gaps, shape (S, P * C).
        known: Where they have values, same shape.
        weight: Of each value, shape (P * C,).
        deviation: Of each variable on the [0, 1] scale, shape (C,).
    """

    modes: np.ndarray
    size: int
    values: np.ndarray
    known: np.ndarray
    weight: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, data: FieldData, left_out: np.ndarray, count: int, mirrored: bool) -> Fold:
        """Learn from fields, but not from those that are held out.

        Args:
            data: Fields on the lattice.
            left_out: Which ones are, shape (S,), bool.
            count: Modes, at most.
            mirrored: Whether mirror images of the others are training fields too.
        """
        X, mean = centred(data.take(~left_out), mirrored)
        weight, deviation = mode_weights(X, data.grid)
        modes = principal_components(X * weight, count)
        rest = data.take(_spread(np.flatnonzero(left_out), MOST_TESTED))
        known = rest.valid_mask().reshape(len(rest), -1)
        values = (rest.unit_interval(rest.values).reshape(len(rest), -1) - mean) * weight * known
        return cls(modes, min(X.shape), values, known, weight, deviation)

    def scaled(self, ratio: np.ndarray | None) -> np.ndarray:
        """Modes with the deviations that a table of variance ratios tells; None: as they are."""
        if ratio is None:
            return self.modes
        return self.modes * np.sqrt(ranked(ratio, len(self.modes), self.size))[:, None]

    def ratio(self) -> np.ndarray:
        """Variance of the modes in fields held out over that in training fields, a table (R,).

        Pooled over bins of ranks, the wider the higher the rank.
        """
        M = len(self.modes)
        if not M:
            return np.ones(len(_SHARES))
        norm = np.square(self.modes).sum(axis=1)
        share = np.maximum(self.known.mean(axis=1, keepdims=True), TINY)
        z = (self.values / np.sqrt(share)) @ self.modes.T
        found = np.square(z).mean(axis=0, dtype=np.float64) / norm
        edges = np.unique(np.geomspace(1, M + 1, 2 * M.bit_length()).round().astype(int)) - 1
        pooled = [found[a:b].sum() / norm[a:b].sum() for a, b in pairwise(edges)]
        middle = np.sqrt((edges[:-1] + 1.0) * edges[1:]) / self.size
        return np.exp(np.interp(np.log(_SHARES), np.log(middle), _log(np.array(pooled))))

    def left(self) -> np.ndarray:
        """Mean square of what the modes leave of fields held out, on the [0, 1] scale, (C,).

        The same share of each variable's variance: a share of its own each did worse.
        """
        unit = self.modes / np.linalg.norm(self.modes, axis=1, keepdims=True)
        rest = (self.values - (self.values @ unit.T) @ unit) * self.known
        total, rest = (np.square(v).sum(dtype=np.float64) for v in (self.values, rest))
        share = max(rest, ROUNDING * total) / max(self.known.sum(), 1)
        return np.maximum(share * self.deviation**2, TINY)


def ranked(ratio: np.ndarray, count: int, size: int) -> np.ndarray:
    """A table of variance ratios at the ranks of `count` modes of `size` fields, float32."""
    share = np.log(np.arange(1, count + 1) / size)
    return np.exp(np.interp(share, np.log(_SHARES), np.log(ratio))).astype(np.float32)


def mean_ratio(tables: list[np.ndarray]) -> np.ndarray:
    """The geometric mean of tables of variance ratios."""
    return np.exp(np.mean(np.log(tables), axis=0))


def fold_rows(data: FieldData) -> list[np.ndarray]:
    """Which fields are held out in each fold, (S,) bool; none if all are of one group.

    The validation split of the data if it has one beside others; else a fifth of the groups, drawn
    with a fixed seed, and again of the others until there are enough fields.
    """
    validation = data.splits == "val"
    if validation.any() and not validation.all():
        return [validation]
    groups = np.unique(data.groups)
    order = np.random.default_rng(0).permutation(groups)
    folds = min(FOLDS, len(groups))
    if folds < 2:
        return []
    rows = [np.isin(data.groups, order[k::folds]) for k in range(folds)]
    enough = np.searchsorted(np.cumsum([row.sum() for row in rows]), ENOUGH) + 1
    return rows[:enough]


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most so many of some rows, evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, ROUNDING))
