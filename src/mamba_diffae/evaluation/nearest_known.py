"""How far new fields are from the nearest known one: are they new, or memorised?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.fields import LATTICE_LIMIT, FieldData

_AT_ONCE = 512
NEAR = 0.1
"""Share of unseen fields that count as near: those nearest to a training field."""
MEMORY = 0.3
"""Share of new fields among them from which on one speaks of memorising: three times as many."""


class _Flat(NamedTuple):
    """Fields on the [0, 1] scale and what each value counts, each of shape (S, P * C)."""

    values: np.ndarray
    weights: np.ndarray


def nearest_known(
    values: np.ndarray | FieldData,
    known: FieldData,
    *,
    shape: Sequence[int],
    mirrored: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest known field, and which it is.

    Args:
        values: Fields of any shape as fine as `shape` or finer, in the region and the units of the
            known ones: an array (S, *shape, C), or data.
        known: Fields, with gaps or without; only cells that both have are compared, by their area.
        shape: Cells along each axis that both are averaged to.
        mirrored: Whether the images of the known fields, mirrored along the last axis, count too.

    Returns:
        Root mean square difference on the scale [0, 1], and the index of the known field, each of
        shape (S,).
    """
    x = _flat(_as_data(values, known), shape)
    coarse = known.at(shape)
    squared = np.full((len(x.values), len(known)), np.inf)
    for i in range(0, len(known), _AT_ONCE):
        part = coarse.take(slice(i, i + _AT_ONCE))
        found = _mean_square(x, _flat(part, shape))
        if mirrored:
            found = np.minimum(found, _mean_square(x, _flat(part, shape, turned=True)))
        squared[:, i : i + _AT_ONCE] = found
    index = squared.argmin(axis=1)
    return np.sqrt(squared[np.arange(len(index)), index]), index


@final
@dataclass(frozen=True, eq=False)
class Novelty:
    """Distances to the nearest training field, of new fields and of unseen true ones.

    Attributes:
        shape: Cells along each axis at which they were compared.
        new: Root mean square on [0, 1], one for each new field.
        unseen: The same, for each test field.
        index: The nearest training field of each new one.
    """

    shape: tuple[int, ...]
    new: np.ndarray
    unseen: np.ndarray
    index: np.ndarray

    @property
    def near(self) -> float:
        """Share of new fields nearer than the nearest tenth of the unseen ones: 0.1 if alike."""
        return float((self.new < np.quantile(self.unseen, NEAR)).mean())

    def sentences(self) -> list[str]:
        """What was measured, and what it says."""
        median = f"{np.median(self.new):.3f} (median; least {self.new.min():.3f})"
        theirs = f"{np.median(self.unseen):.3f} (least {self.unseen.min():.3f})"
        verdict = (
            "That looks like memorising."
            if self.near >= MEMORY
            else "That does not look like memorising."
        )
        return [
            f"To the nearest training field the samples' distance is {median}, that of the "
            f"{len(self.unseen)} test fields {theirs}: root mean square of the "
            f"{' × '.join(map(str, self.shape))} averages, on [0, 1].",
            f"{self.near:.0%} of the samples are nearer than the nearest {NEAR:.0%} of the test "
            f"fields. {verdict}",
        ]


def novelty(values: np.ndarray | FieldData, truth: FieldData, *, mirrored: bool = False) -> Novelty:
    """How far new fields are from the training fields, beside the test fields.

    Args:
        values: New fields, shape (S, *shape, C), in the region and the units of the true ones.
        truth: Fields with the splits "train" and "test".
        mirrored: Whether mirrored images of training fields count as well.

    Raises:
        ValuesError: If a split is empty.
    """
    known, unseen = truth.split("train"), truth.split("test")
    new = _as_data(values, known)
    lattice = truth.grid.lattice_shape(LATTICE_LIMIT)
    shape = tuple(min(a, b) for a, b in zip(lattice, new.shape, strict=True))
    distance, index = nearest_known(new, known, shape=shape, mirrored=mirrored)
    theirs, _ = nearest_known(unseen, known, shape=shape, mirrored=mirrored)
    return Novelty(shape, distance, theirs, index)


def _as_data(values: np.ndarray | FieldData, like: FieldData) -> FieldData:
    """An array as fields in the region of others."""
    if isinstance(values, FieldData):
        return values
    shape = values.shape[1:-1]
    grid = like.grid if shape == like.shape else like.grid.regrid(shape)
    return FieldData(like.variables, grid, values)


def _flat(data: FieldData, shape: Sequence[int], *, turned: bool = False) -> _Flat:
    coarse = data.at(shape)
    parts = (data.unit_interval(coarse.values).astype(np.float64), coarse.weights())
    return _Flat(*((np.flip(p, -2) if turned else p).reshape(len(p), -1) for p in parts))


def _mean_square(x: _Flat, y: _Flat) -> np.ndarray:
    """Weighted mean square difference of every pair, shape (S, T); inf without a common cell."""
    u, v = (x.weights > 0).astype(np.float64), y.weights
    # Σ w (x - y)² = Σ w x² - 2 Σ w x y + Σ w y², in double precision: no digits are missed.
    total = (u * x.values**2) @ v.T - 2 * (u * x.values) @ (v * y.values).T
    total += u @ (v * y.values**2).T
    weight = u @ v.T
    mean = np.divide(total, weight, out=np.full_like(total, np.inf), where=weight > 0)
    return np.clip(mean, 0, None)
