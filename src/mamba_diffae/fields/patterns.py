"""Which cells of a lattice are observed: at random, but for blocks, in stripes, along tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from mamba_diffae.fields.errors import FieldError
from mamba_diffae.registry import unknown

Pattern = Literal["random", "regular", "block", "stripes", "track", "clusters", "scattered"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
"""`scattered` is off the lattice: see `observe`."""
_REACH = 0.05
"""Distance from a centre, as a share of the lattice, over which a cluster thins out by e."""


def check_fraction(fraction: float) -> None:
    """Refuse a share of observed cells that is not in (0, 1]."""
    if not 0 < fraction <= 1:
        raise FieldError(
            f"fraction is {fraction:g}; expected a share of cells in (0, 1], such as 0.2."
        )


def check_pattern(pattern: str) -> None:
    """Refuse an unknown pattern; the error names the nearest."""
    if pattern not in PATTERNS:
        raise unknown("pattern", pattern, PATTERNS)


def draw_cells(
    rng: np.random.Generator,
    shape: Sequence[int],
    fraction: float,
    pattern: Pattern = "random",
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Indices of the cells of a lattice that are observed, at least one.

    >>> draw_cells(np.random.default_rng(0), (4, 4), 0.25, "regular").tolist()
    [5, 7, 13, 15]

    Args:
        rng: Source of randomness.
        shape: Cells along each axis.
        fraction: Share that is observed, in (0, 1].
        pattern: See `observe`; "scattered" draws cells as "random" does.
        known: Which cells have a value at all, of the lattice's shape; None: all.

    Returns:
        Indices into the flattened lattice (last axis fastest), shape (n,), sorted.

    Raises:
        ValueError: If the pattern is unknown.
    """
    check_pattern(pattern)
    total = math.prod(shape)
    places = np.arange(total) if known is None else np.flatnonzero(known)
    wanted = max(1, round(fraction * len(places)))
    if pattern in ("random", "scattered"):
        return np.sort(rng.choice(places, wanted, replace=False))
    if pattern == "track":
        return _along_tracks(rng, tuple(shape), places, wanted)
    if pattern == "clusters":
        return _in_clusters(rng, tuple(shape), places, wanted)
    kinds = {"regular": _regular, "block": _outside_a_block, "stripes": _in_stripes}
    chosen = np.intersect1d(kinds[pattern](rng, tuple(shape), fraction), places)
    return chosen if len(chosen) else rng.choice(places, 1)


def _index(shape: Sequence[int]) -> np.ndarray:
    """Number along each axis of every cell, shape (D, P)."""
    return np.indices(shape).reshape(len(shape), -1)


def _regular(rng: np.random.Generator, shape: tuple[int, ...], fraction: float) -> np.ndarray:
    """Every so many cells along each axis, evenly."""
    chosen = np.ones(math.prod(shape), dtype=bool)
    for place, n, count in zip(_index(shape), shape, _regular_counts(shape, fraction), strict=True):
        kept = np.zeros(n, dtype=bool)
        kept[((np.arange(count) + 0.5) * n / count).astype(int)] = True
        chosen &= kept[place]
    return np.flatnonzero(chosen)


def _regular_counts(shape: tuple[int, ...], fraction: float) -> list[int]:
    """Lines across each axis; for one too short for its share the others make up."""
    counts, rest = [1] * len(shape), set(range(len(shape)))
    while rest:
        share = min(1.0, fraction) ** (1 / len(rest))
        counts = [round(n * share) if d in rest else counts[d] for d, n in enumerate(shape)]
        short = {d for d in rest if not 0 < counts[d] < shape[d]}
        if not short:
            break
        for d in short:
            counts[d] = max(1, counts[d])
            fraction *= shape[d] / counts[d]
        rest -= short
    return counts


def _outside_a_block(
    rng: np.random.Generator, shape: tuple[int, ...], fraction: float
) -> np.ndarray:
    """All but one block of the lattice's aspect, anywhere."""
    hidden = np.ones(math.prod(shape), dtype=bool)
    for place, n, side in zip(_index(shape), shape, _block_sides(shape, 1 - fraction), strict=True):
        start = rng.integers(0, n - side + 1)
        hidden &= (place >= start) & (place < start + side)
    return np.flatnonzero(~hidden)


def _block_sides(shape: tuple[int, ...], hidden: float) -> list[int]:
    """Cells of the block along each axis: all of an axis that is too short, but not of all axes."""
    sides, rest = list(shape), set(range(len(shape)))
    while rest:
        share = hidden ** (1 / len(rest))
        full = {d for d in rest if round(shape[d] * share) >= shape[d]}
        if not full or full == rest:
            for d in rest:
                sides[d] = min(shape[d] - 1, round(shape[d] * share))
            break
        rest -= full
    return sides


def _in_stripes(rng: np.random.Generator, shape: tuple[int, ...], fraction: float) -> np.ndarray:
    """Two to five bands of cells across one axis, none of the shortest; the rest is missing."""
    axis = int(rng.choice([d for d, n in enumerate(shape) if 2 * n >= max(shape)]))
    n = shape[axis]
    count = max(1, round(fraction * n))
    bands = min(count, int(rng.integers(2, 6)))
    within = (np.arange(n) + rng.uniform(0, n)) / n * bands % 1
    seen = np.zeros(n, dtype=bool)
    seen[np.argsort(within, kind="stable")[:count]] = True
    return np.flatnonzero(seen[_index(shape)[axis]])


def _along_tracks(
    rng: np.random.Generator, shape: tuple[int, ...], places: np.ndarray, wanted: int
) -> np.ndarray:
    """Cells that straight lines cross, as ships and satellites go, until the share is reached."""
    left = np.zeros(math.prod(shape), dtype=bool)
    left[places] = True
    steps = np.linspace(-2, 2, 8 * max(shape))[:, None]
    chosen: list[np.ndarray] = []
    for _ in range(64 * max(shape)):
        direction = rng.standard_normal(len(shape))
        line = rng.random(len(shape)) + steps * direction / np.linalg.norm(direction)
        line = line[((line >= 0) & (line < 1)).all(axis=1)]
        cells = np.asarray(np.ravel_multi_index(tuple((line * shape).astype(int).T), shape))
        cells = cells[np.sort(np.unique(cells, return_index=True)[1])]
        cells = cells[left[cells]]
        if len(cells) > wanted:  # a part of the last line is enough
            start = int(rng.integers(0, len(cells) - wanted + 1))
            cells = cells[start : start + wanted]
        left[cells] = False
        chosen.append(cells)
        wanted -= len(cells)
        if not wanted:
            break
    return np.sort(np.concatenate(chosen))


def _in_clusters(
    rng: np.random.Generator, shape: tuple[int, ...], places: np.ndarray, wanted: int
) -> np.ndarray:
    """Cells around a few centres, as stations crowd around cities."""
    centres = rng.random((max(1, round(wanted**0.5 / 2)), len(shape)))
    where = ((_index(shape).T + 0.5) / shape)[places]
    distance = np.linalg.norm(where[:, None] - centres, axis=-1).min(axis=1)
    likelihood = np.exp(-distance / _REACH) + 1e-9
    return np.sort(rng.choice(places, wanted, replace=False, p=likelihood / likelihood.sum()))
