"""How observations are drawn from a complete field."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from mamba_diffae.fields.grid import GridField, pixel_centres
from mamba_diffae.fields.sparse import FieldBatch, SparseField, collate

Pattern = Literal["random", "regular", "block"]
CELLS = 32
"""Cells a side whose averages are observed by default (the native size, if that is smaller)."""


def observe(
    truth: GridField,
    fraction: float = 0.2,
    *,
    cells: int | None = None,
    pattern: Pattern = "random",
    seed: int = 0,
) -> FieldBatch:
    """Observe a share of the cells of every field; field b is drawn with the key (seed, b).

    Args:
        truth: Complete fields.
        fraction: Share of cells that are seen, in (0, 1].
        cells: Cells a side of the observed grid; each value is the average over a cell. By default
            32, or the native size where that is smaller.
        pattern: "random" cells; "regular", every so many cells, evenly; "block", all cells but
            those of one square at a random place.
        seed: Same seed, same observations.

    Returns:
        The observations, in the unit of the field.

    Raises:
        ValueError: If the fraction or the pattern is none, or `cells` is above the native size.
    """
    if cells is None:
        cells = min(CELLS, truth.size)
    check_fraction(fraction)
    averages = truth.at(cells).reshape(len(truth), -1, truth.channels)
    coords = pixel_centres(cells)
    fields = []
    for b, values in enumerate(averages):
        seen = draw_cells(np.random.default_rng((seed, b)), cells, fraction, pattern)
        fields.append(SparseField(coords[seen], values[seen], cells))
    return collate(fields)


def check_fraction(fraction: float) -> None:
    """Refuse a share of observed cells that is not in (0, 1], with a ValueError."""
    if not 0 < fraction <= 1:
        raise ValueError(
            f"fraction is {fraction:g}; expected a share of cells in (0, 1], such as 0.2."
        )


def draw_cells(
    rng: np.random.Generator, cells: int, fraction: float, pattern: Pattern = "random"
) -> np.ndarray:
    """Indices of the cells that are seen, at least one, on a grid of cells × cells.

    Args:
        rng: Source of randomness.
        cells: Cells a side.
        fraction: Share that is seen, in (0, 1].
        pattern: As in `observe`.

    Returns:
        Indices into the flattened grid (x fastest), shape (n,), sorted.

    Raises:
        ValueError: If the pattern is unknown.
    """
    total = cells * cells
    if pattern == "random":
        count = max(1, round(fraction * total))
        return np.sort(rng.choice(total, count, replace=False))
    row, column = np.divmod(np.arange(total), cells)
    if pattern == "regular":
        per_side = max(1, round(cells * fraction**0.5))
        kept = np.zeros(cells, dtype=bool)
        kept[((np.arange(per_side) + 0.5) * cells / per_side).astype(int)] = True
        return np.flatnonzero(kept[row] & kept[column])
    if pattern == "block":
        side = min(cells - 1, round(cells * (1 - fraction) ** 0.5))
        y, x = rng.integers(0, cells - side + 1, 2)
        hidden = (row >= y) & (row < y + side) & (column >= x) & (column < x + side)
        return np.flatnonzero(~hidden)
    raise ValueError(f"Unknown pattern {pattern!r}; choose one of {', '.join(get_args(Pattern))}.")
