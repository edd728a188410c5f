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
    if pattern in ("random", "scattered"):
        count = max(1, round(fraction * len(places)))
        return np.sort(rng.choice(places, count, replace=False))
    kinds = {
        "regular": _regular,
        "block": _outside_a_block,
        "stripes": _between_stripes,
        "track": _along_tracks,
        "clusters": _in_clusters,
    }
    chosen = np.intersect1d(kinds[pattern](rng, tuple(shape), fraction), places)
    return chosen if len(chosen) else rng.choice(places, 1)


def _index(shape: Sequence[int]) -> np.ndarray:
    """Number along each axis of every cell, shape (D, P)."""
    return np.indices(shape).reshape(len(shape), -1)


def _regular(rng: np.random.Generator, shape: tuple[int, ...], fraction: float) -> np.ndarray:
    """Every so many cells along each axis, evenly."""
    chosen = np.ones(math.prod(shape), dtype=bool)
    for place, n in zip(_index(shape), shape, strict=True):
        count = max(1, round(n * fraction ** (1 / len(shape))))
        kept = np.zeros(n, dtype=bool)
        kept[((np.arange(count) + 0.5) * n / count).astype(int)] = True
        chosen &= kept[place]
    return np.flatnonzero(chosen)


def _outside_a_block(
    rng: np.random.Generator, shape: tuple[int, ...], fraction: float
) -> np.ndarray:
    """All but one block of the lattice's aspect, anywhere."""
    hidden = np.ones(math.prod(shape), dtype=bool)
    for place, n in zip(_index(shape), shape, strict=True):
        side = min(n - 1, round(n * (1 - fraction) ** (1 / len(shape))))
        start = rng.integers(0, n - side + 1)
        hidden &= (place >= start) & (place < start + side)
    return np.flatnonzero(~hidden)


def _between_stripes(
    rng: np.random.Generator, shape: tuple[int, ...], fraction: float
) -> np.ndarray:
    """Bands across one axis: a few are seen, the rest missing."""
    axis = int(rng.integers(len(shape)))
    period = max(2.0, shape[axis] / float(rng.integers(2, 6)))
    phase = rng.uniform(0, period)
    return np.flatnonzero((_index(shape)[axis] + phase) % period < fraction * period)


def _along_tracks(rng: np.random.Generator, shape: tuple[int, ...], fraction: float) -> np.ndarray:
    """Cells that straight lines cross, as ships and satellites go, until the share is reached."""
    wanted = max(1, round(fraction * math.prod(shape)))
    chosen: set[int] = set()
    steps = np.linspace(-2, 2, 8 * max(shape))[:, None]
    for _ in range(64 * max(shape)):
        direction = rng.standard_normal(len(shape))
        line = rng.random(len(shape)) + steps * direction / np.linalg.norm(direction)
        line = line[((line >= 0) & (line < 1)).all(axis=1)]
        cells = np.ravel_multi_index(tuple((line * shape).astype(int).T), shape)
        chosen.update(cells.tolist())
        if len(chosen) >= wanted:
            break
    return np.sort(np.fromiter(chosen, dtype=np.int64))[:]


def _in_clusters(rng: np.random.Generator, shape: tuple[int, ...], fraction: float) -> np.ndarray:
    """Cells around a few centres, as stations crowd around cities."""
    wanted = max(1, round(fraction * math.prod(shape)))
    centres = rng.random((max(1, round(wanted**0.5 / 2)), len(shape)))
    places = (_index(shape).T + 0.5) / shape
    distance = np.linalg.norm(places[:, None] - centres, axis=-1).min(axis=1)
    likelihood = np.exp(-distance / 0.05) + 1e-9
    return np.sort(rng.choice(len(places), wanted, replace=False, p=likelihood / likelihood.sum()))
