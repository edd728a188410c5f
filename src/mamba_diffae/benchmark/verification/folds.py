"""What is withheld together, and in which fold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark.verification.errors import VerificationError
from mamba_diffae.benchmark.verification.readings import Readings
from mamba_diffae.fields.given import check_seed
from mamba_diffae.registry import unknown


@final
@dataclass(frozen=True)
class Splitting:
    """How readings are withheld; see `verify`.

    Attributes:
        by: "station", "block", "cloud" or "time".
        folds: How many, two or more.
        seed: Same seed, same folds.
        block: Side of a block as a share of the region's along each axis; None: the correlation
            length of the data.
        fraction: Of `by="time"`: share of the stations of a snapshot that is given.
    """

    by: str
    folds: int
    seed: int = 0
    block: float | None = None
    fraction: float = 0.5

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise unknown("way to withhold", str(self.by), WAYS)
        check_seed(self.seed)
        if not isinstance(self.folds, int | np.integer) or self.folds < 2:
            raise VerificationError(
                f"folds is {self.folds!r}; give 2 or more: what one withholds the others give."
            )
        for name, share in (("block", self.block), ("fraction", self.fraction)):
            if share is not None and not 0 < share < 1:
                raise VerificationError(
                    f"{name} is {share!r}; give a share between 0 and 1, such as 0.25."
                )


@final
@dataclass(frozen=True, eq=False)
class Fold:
    """One fold.

    Attributes:
        hidden: Readings that neither the model nor another method is given, shape (S, N, C).
        learn: Snapshots that the simple methods learn from, shape (S,), bool.
        rows: Snapshots whose hidden readings are scored, shape (B,).
    """

    hidden: np.ndarray
    learn: np.ndarray
    rows: np.ndarray


def assigned(units: int, folds: int, seed: int, what: str) -> np.ndarray:
    """The fold of each unit, shape (units,): drawn, as many in one fold as in another.

    Args:
        units: How many.
        folds: How many.
        seed: Same seed, same folds.
        what: Units as messages name them.

    Raises:
        VerificationError: If there are fewer than two units, or fewer than folds.
    """
    if units < 2:
        raise VerificationError(
            f"The data have {units} {what}; 2 or more are needed, so that some are withheld and "
            "some are given."
        )
    if units < folds:
        raise VerificationError(
            f"{folds} folds were asked, but the data have {units} {what}; give folds={units} or "
            "fewer, or withhold in another way."
        )
    found = np.empty(units, dtype=np.int64)
    found[np.random.default_rng(seed).permutation(units)] = np.arange(units) % folds
    return found


def block_numbers(readings: Readings, splitting: Splitting) -> np.ndarray:
    """Number of the block in which each place lies, shape (places,), from 0 on; -1 for none.

    Blocks are boxes along the axes; where they begin is drawn. Of the correlation length there are
    about two for each fold at least.
    """
    rng, dim = np.random.default_rng((splitting.seed, 1)), readings.grid.dim
    least, columns = math.ceil((2 * splitting.folds) ** (1 / dim) - 1e-9), []
    lengths = readings.correlation_lengths() if splitting.block is None else ()
    for axis, x in zip(readings.grid.axes, readings.places.T, strict=True):
        if splitting.block is None:
            cells = max(least, round(axis.span / lengths[len(columns)]))
        else:
            cells = max(1, round(1 / splitting.block))
        offset = rng.random() if cells > 1 else 0.0
        along = np.floor((x - axis.low) / axis.span * cells + offset).astype(np.int64)
        # Of a periodic axis a whole number of blocks goes round.
        columns.append(along % cells if axis.periodic else along)
    there, found = readings.exists.any(axis=1), np.full(len(readings.places), -1)
    boxes = np.stack(columns, axis=-1)[there]
    found[there] = np.unique(boxes, axis=0, return_inverse=True)[1].ravel()
    return found


def _by_unit(
    readings: Readings, splitting: Splitting, rows: np.ndarray, units: np.ndarray, what: str
) -> Iterator[Fold]:
    """Whole units withheld in all snapshots, by the unit of each place, shape (places,)."""
    fold = assigned(int(units.max()) + 1, splitting.folds, splitting.seed, what)
    every = np.ones(len(readings), dtype=bool)
    for k in range(splitting.folds):
        mine = (units >= 0) & (fold[np.maximum(units, 0)] == k)
        yield Fold(readings.known & mine[readings.place][..., None], every, rows)


def _by_station(readings: Readings, splitting: Splitting, rows: np.ndarray) -> Iterator[Fold]:
    return _by_unit(readings, splitting, rows, readings.station, "stations")


def _by_block(readings: Readings, splitting: Splitting, rows: np.ndarray) -> Iterator[Fold]:
    return _by_unit(readings, splitting, rows, block_numbers(readings, splitting), "blocks")


def _by_cloud(readings: Readings, splitting: Splitting, rows: np.ndarray) -> Iterator[Fold]:
    """In each snapshot of a fold what the gaps of another snapshot hide."""
    hidden = {int(row): _overlaid(readings, int(row), splitting.seed) for row in rows}
    found = {row: part for row, part in hidden.items() if part is not None}
    if not found:
        raise VerificationError(
            "No snapshot has gaps that hide a part of another one, so nothing can be withheld "
            "by='cloud'; withhold by='block' or by='station'."
        )
    usable = np.array(list(found))
    fold = assigned(len(usable), splitting.folds, splitting.seed, "snapshots with gaps of others")
    every = np.ones(len(readings), dtype=bool)
    for k in range(splitting.folds):
        mine, total = usable[fold == k], np.zeros_like(readings.known)
        for row in mine:
            total[row] = found[int(row)]
        yield Fold(total, every, mine)


def _overlaid(readings: Readings, row: int, seed: int) -> np.ndarray | None:
    """What the gaps of a snapshot that is drawn hide of this one, (N, C); None: none fits."""
    known, place = readings.known[row], readings.place[row]
    for donor in np.random.default_rng((seed, row)).permutation(len(readings)):
        if donor == row:
            continue
        hidden = known & readings.gaps(int(donor))[np.maximum(place, 0)]
        if hidden.any() and (known & ~hidden).any():
            return hidden
    return None


def _by_time(readings: Readings, splitting: Splitting, rows: np.ndarray) -> Iterator[Fold]:
    """Blocks of snapshots that nothing is learned from; in each a part of the stations."""
    assigned(len(rows), splitting.folds, splitting.seed, "snapshots to withhold in blocks of time")
    for part in np.array_split(rows, splitting.folds):
        hidden, learn = np.zeros_like(readings.known), np.ones(len(readings), dtype=bool)
        # All snapshots between the first and the last of the block, also those not scored.
        learn[part[0] : part[-1] + 1] = False
        for row in part:
            hidden[row] = _random_part(readings, int(row), splitting)
        yield Fold(hidden, learn, part)


def _random_part(readings: Readings, row: int, splitting: Splitting) -> np.ndarray:
    """Readings of a random part of the stations of a snapshot, shape (N, C)."""
    station, known = readings.station[readings.place[row]], readings.known[row]
    there = np.unique(station[known.any(axis=-1)])
    count = min(max(1, round(splitting.fraction * len(there))), len(there))
    rng = np.random.default_rng((splitting.seed, 2, row))
    given = rng.permutation(there)[:count]
    return known & ~np.isin(station, given)[:, None]


WAYS: Mapping[str, Callable[[Readings, Splitting, np.ndarray], Iterator[Fold]]] = {
    "station": _by_station,
    "block": _by_block,
    "cloud": _by_cloud,
    "time": _by_time,
}
"""The folds of readings, of which some snapshots (rows) are scored."""


def unit_count(readings: Readings, splitting: Splitting, rows: np.ndarray) -> int:
    """Stations, blocks or snapshots that are withheld one fold after the other."""
    if splitting.by == "station":
        return int(readings.station.max()) + 1
    if splitting.by == "block":
        return int(block_numbers(readings, splitting).max()) + 1
    return len(rows)
