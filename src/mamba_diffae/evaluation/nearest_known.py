"""How far new fields are from the nearest known one: does a model invent, or does it remember?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import CELLS, GridField, area_average

_AT_ONCE = 512
NEAR = 0.1
"""Share of unseen fields that count as near: those nearest to a training field."""
MEMORY = 0.3
"""Share of new fields among them from which on one speaks of remembering: three times as many."""


def nearest_known(
    values: np.ndarray, known: GridField, *, cells: int, mirrored: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest known field, and which it is.

    Args:
        values: Fields of any size ≥ `cells`, shape (S, n, n, C), in the unit of the field.
        known: Complete fields.
        cells: Cells a side that both are averaged to.
        mirrored: Whether the mirror images (left and right) of the known fields count as well.

    Returns:
        Root mean square difference on the scale [0, 1], and the index of the known field, each of
        shape (S,).
    """
    x = known.scaling.unit(area_average(values, cells)).reshape(len(values), -1).astype(float)
    coarse = known.scaling.unit(known.at(cells))
    images = [coarse, coarse[:, :, ::-1]] if mirrored else [coarse]
    squared = np.full((len(x), len(known)), np.inf)
    for image in images:
        y = image.reshape(len(known), -1)
        for i in range(0, len(y), _AT_ONCE):
            part = y[i : i + _AT_ONCE].astype(float)
            # |x - y|² = |x|² - 2 x·y + |y|², in double precision: no digits are missed.
            found = np.square(x).sum(1)[:, None] - 2 * x @ part.T + np.square(part).sum(1)
            rows = squared[:, i : i + _AT_ONCE]
            np.minimum(rows, found, out=rows)
    index = squared.argmin(axis=1)
    nearest = np.clip(squared[np.arange(len(x)), index], 0, None)
    return np.sqrt(nearest / x.shape[1]), index


@final
@dataclass(frozen=True, eq=False)
class Novelty:
    """Distances to the nearest training field, of new fields and of unseen true ones.

    Attributes:
        cells: Cells a side at which they were compared.
        new: Root mean square on [0, 1], one for each new field.
        unseen: The same, for each test field.
        index: The nearest training field of each new one.
    """

    cells: int
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
            f"{self.cells} × {self.cells} averages, on [0, 1].",
            f"{self.near:.0%} of the samples are nearer than the nearest {NEAR:.0%} of the test "
            f"fields. {verdict}",
        ]


def novelty(values: np.ndarray, truth: GridField, *, mirrored: bool = False) -> Novelty:
    """How far new fields are from the training fields, beside the test fields.

    Args:
        values: New fields, shape (S, n, n, C), in the unit of the field.
        truth: Complete fields with the splits "train" and "test".
        mirrored: Whether mirror images of training fields count as well.

    Raises:
        ValueError: If a split is empty.
    """
    known, unseen = truth.split("train"), truth.split("test")
    cells = min(CELLS, truth.size, values.shape[1])
    new, index = nearest_known(values, known, cells=cells, mirrored=mirrored)
    theirs, _ = nearest_known(unseen.at(cells), known, cells=cells, mirrored=mirrored)
    return Novelty(cells, new, theirs, index)
