"""Windows: equal parts of a large grid, on which a model learns, and which cover any grid.

A window is told by the number of the cell at which it begins, so that every axis, evenly spaced or
not, is one of equal cells. Latitude and longitude become a plane, on which a degree to the east
counts as long as it is on the grid's mean parallel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from mamba_diffae.fields.axis import CANONICAL, Axis
from mamba_diffae.fields.covariates import Covariates
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.grid import Grid, Shape

WindowShape = Mapping[str, int] | Sequence[int] | int
"""Cells of a window: by the names of axes, those that are left out whole; or of every axis."""
COVER = 4
"""Windows of training in which a cell lies, about."""
MOST_VALUES = 2**27
"""Values in all windows of training, at most."""
_KNOWN = 0.5
"""Share of a training window's cells in which some variable is known, at least."""
_TRIES = 16
"""Places that are tried for each window of training."""
_PLANE = {"lat": "north", "lon": "east"}


def window_shape(window: WindowShape, grid: Grid) -> Shape:
    """Cells of a window along each axis of a grid.

    >>> window_shape({"x": 16}, Grid.default((4, 64)))
    (4, 16)

    Raises:
        ShapeError: If an axis is unknown, or a window is larger than the grid or of one cell.
    """
    names = grid.names
    if isinstance(window, Mapping):
        for name in window:
            if name not in names:
                raise ShapeError(
                    f"A window was given along {name!r}, but the axes are {', '.join(names)}; name "
                    "those along which a window is shorter than the grid."
                )
        sizes = [window.get(axis.name, axis.cells) for axis in grid.axes]
    else:
        sizes = [window] * grid.dim if isinstance(window, int) else list(window)
    if len(sizes) != grid.dim or not all(isinstance(n, int | np.integer) for n in sizes):
        raise ShapeError(
            f"The window {window!r} was given for the axes {', '.join(names)}; give a whole number "
            f"of cells for each, such as {dict.fromkeys(names, 32)}."
        )
    for axis, n in zip(grid.axes, sizes, strict=True):
        if not 2 <= n <= axis.cells:
            raise ShapeError(
                f"A window of {n} cells was asked along {axis.name!r}, which has {axis.cells}; "
                "give 2 or more, at most those."
            )
    return tuple(map(int, sizes))


def window_grid(shape: Shape, grid: Grid) -> Grid:
    """The grid of every window: as if it began at 0.

    An axis along which a window is whole stays as it is; but latitude and longitude are a plane, or
    a sphere, together. A circle of longitudes of which windows hold all stays a circle.

    >>> window_grid((18, 36), Grid((Axis.regular("lat", -90, 90, 180, "degrees_north"),
    ...     Axis.regular("lon", 0, 360, 360, "degrees_east", True)))).names
    ('north', 'east')
    """
    cut = {axis.name for axis, n in zip(grid.axes, shape, strict=True) if n < axis.cells}
    round_earth = any(a.is_latitude or a.is_longitude for a in grid.axes if a.name in cut)
    parallels = [np.cos(np.radians(a.centres)).mean() for a in grid.axes if a.is_latitude]
    east = float(parallels[0]) if parallels else 1.0
    axes = []
    for axis, n in zip(grid.axes, shape, strict=True):
        width = float(np.median(axis.widths))
        if round_earth and axis.is_latitude:
            axes.append(Axis.regular(_PLANE["lat"], 0.0, n * width, n, "degrees"))
        elif round_earth and axis.is_longitude:
            closes = axis.periodic and axis.name not in cut
            axes.append(Axis.regular(_PLANE["lon"], 0.0, n * width * east, n, "degrees", closes))
        elif axis.name in cut:
            plain = Axis.regular(axis.name, 0.0, n * width, n, axis.unit)
            axes.append(replace(plain, length_scale=axis.length_scale))
        else:
            axes.append(axis)
    return Grid(tuple(axes))


@final
@dataclass(frozen=True)
class WindowCover:
    """Windows that overlap and cover a grid, each but the outermost by half; positions in cells.

    They begin at multiples of a step along each axis, so that what lies in steps (tokens) of one
    window lies in those of its neighbours.

    Attributes:
        cells: Of the grid along each axis.
        window: Cells of a window along each axis.
        step: Cells between two places where windows may begin, along each axis.
        closed: Which axes close.
    """

    cells: Shape
    window: Shape
    step: tuple[float, ...]
    closed: tuple[bool, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps along each axis, of all windows together."""
        return tuple(math.ceil(n / s - 1e-6) for n, s in zip(self.cells, self.step, strict=True))

    def starts(self) -> np.ndarray:
        """Numbers of the steps at which windows begin, shape (W, D)."""
        axes = [self._along(d) for d in range(len(self.cells))]
        return np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=-1)

    def _along(self, d: int) -> np.ndarray:
        n, w, step = self.cells[d], self.window[d], self.step[d]
        if w >= n:
            return np.zeros(1, dtype=np.int64)
        stride = max(1, math.floor(w / step / 2 + 1e-6))
        if self.closed[d]:
            count = math.ceil(n / step / stride - 1e-6)
            places = np.arange(count) * (n / step / count)
        else:
            # The last one may hang over the end by less than a step.
            last = math.ceil((n - w) / step - 1e-6)
            places = np.linspace(0, last, math.ceil(last / stride) + 1)
        return np.unique(np.ceil(places - 1e-6).astype(np.int64))

    def local(self, start: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Positions (N, D) in the grid as those in a window that begins at a step (D,)."""
        moved = position - start * np.array(self.step)
        for d, (n, w) in enumerate(zip(self.cells, self.window, strict=True)):
            if self.closed[d] and w < n:
                moved[:, d] %= n
        return moved

    def inside(self, local: np.ndarray) -> np.ndarray:
        """Which positions (N, D) in a window lie in it, shape (N,), bool."""
        within = (local >= 0) & (local <= np.array(self.window))
        return np.asarray(within.all(axis=1))

    def weight(self, local: np.ndarray) -> np.ndarray:
        """What a window counts at positions (N, D) in it, (N,): 1 in its middle, 0 at its edges.

        Divided by their sum over windows, weights are a partition of unity.
        """
        total = np.ones(len(local))
        for d, (n, w) in enumerate(zip(self.cells, self.window, strict=True)):
            if w < n:
                total *= np.sin(np.pi * np.clip(local[:, d] / w, 0, 1)) ** 2
        return total + 1e-9  # at the very edge of the grid there is one window alone


def cell_positions(grid: Grid, coords: np.ndarray) -> np.ndarray:
    """Coordinates (N, D) in a grid as positions in cells: 0 at the first edge, cells at the last.

    >>> cell_positions(Grid((Axis("z", np.array([0.0, 10.0, 30.0])),)), np.array([[20.0]])).tolist()
    [[1.5]]
    """
    columns = []
    for d, axis in enumerate(grid.axes):
        x = coords[:, d]
        if axis.periodic:
            x = axis.low + (x - axis.low) % axis.span
        columns.append(np.interp(x, axis.edges, np.arange(axis.cells + 1.0)))
    return np.stack(columns, axis=-1)


def cut_windows(data: FieldData, shape: Shape, seed: int = 0) -> FieldData:
    """Windows at random places of all snapshots, each at least half known.

    A cell lies in about `COVER` of them. A window has the split of its snapshot; of snapshots
    without any for validation or test windows are split by place, along time if it is an axis, else
    along the axis that holds most of them: the first ones are for training. Windows of a snapshot's
    group that lie at about one place are a group.

    Args:
        data: Snapshots on a large grid.
        shape: From `window_shape`.
        seed: Same seed, same windows.

    Returns:
        On the grid of `window_grid`, named by snapshot and the cell at which a window begins.

    Raises:
        ValuesError: If no window is half known.
    """
    cells, rng = data.shape, np.random.default_rng(seed)
    per_snapshot = math.ceil(COVER * math.prod(cells) / math.prod(shape))
    size = math.prod(shape) * data.n_variables
    most = max(1, MOST_VALUES // (size * len(data)))
    every = [_places(data, s, shape, min(per_snapshot, most), rng) for s in range(len(data))]
    rows = np.repeat(np.arange(len(data)), [len(places) for places in every])
    starts = np.concatenate(every)
    if not len(rows):
        raise ValuesError(
            f"None of the windows of {' × '.join(map(str, shape))} cells that were tried has values"
            " in half of its cells; give smaller windows, or data with fewer gaps."
        )
    tiles = [math.ceil(n / w) for n, w in zip(cells, shape, strict=True)]
    tile = np.asarray(np.ravel_multi_index(tuple((starts // np.array(shape)).T), tiles))
    splits = data.splits[rows]
    if not {"val", "test"} & set(splits.tolist()):
        splits = _by_place(data.grid, starts, shape)
    kept = splits != ""
    rows, starts = rows[kept], starts[kept]
    values, valid = (_take(x, rows, starts, shape) for x in (data.values, data.valid_mask()))
    pairs = zip(rows, starts.tolist(), strict=True)
    return FieldData(
        data.variables,
        window_grid(shape, data.grid),
        values,
        None if valid.all() else valid,
        [f"{data.names[s]} at {', '.join(map(str, at))}" for s, at in pairs],
        (data.groups[rows] * math.prod(tiles) + tile[kept]).astype(np.int64),
        splits[kept],
        mirrored=data.mirrored,
        noise=None if data.noise is None else _take(data.noise, rows, starts, shape),
        covariates=_covariates(data.covariates, rows, starts, shape),
    )


def _covariates(
    known: Covariates | None, rows: np.ndarray, starts: np.ndarray, shape: Shape
) -> Covariates | None:
    if known is None:
        return None
    cut = [_take(x, rows if len(x) > 1 else 0 * rows, starts, shape) for x in known.values]
    return replace(known, values=cut)


def _places(
    data: FieldData, snapshot: int, shape: Shape, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Cells at which windows of one snapshot begin, shape (W, D)."""
    axes, known = data.grid.axes, data.valid_mask()[snapshot].any(axis=-1)
    ends = [
        axis.cells if axis.periodic and n < axis.cells else axis.cells - n + 1
        for axis, n in zip(axes, shape, strict=True)
    ]
    if known.all():
        return rng.integers(0, ends, size=(count, len(ends)))
    tried = rng.integers(0, ends, size=(_TRIES * count, len(ends)))
    share = [known[np.ix_(*_cells(data.shape, start, shape))].mean() for start in tried]
    return tried[np.array(share) >= _KNOWN][:count]


def _cells(cells: Shape, start: np.ndarray, shape: Shape) -> list[np.ndarray]:
    """Numbers of a window's cells along each axis."""
    parts = zip(start, shape, cells, strict=True)
    return [(first + np.arange(n)) % m for first, n, m in parts]


def _take(values: np.ndarray, rows: np.ndarray, starts: np.ndarray, shape: Shape) -> np.ndarray:
    """Windows (W, *shape, ...) of values (S, *cells, ...)."""
    cells = values.shape[1 : 1 + len(shape)]
    found = np.empty((len(rows), *shape, *values.shape[1 + len(shape) :]), values.dtype)
    for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
        found[i] = values[row][np.ix_(*_cells(cells, start, shape))]
    return found


def _by_place(grid: Grid, starts: np.ndarray, shape: Shape) -> np.ndarray:
    """A split of each window by where it lies along one axis; "" across a border, shape (W,)."""
    of_time = [d for d, axis in enumerate(grid.axes) if axis.name.lower() in CANONICAL[0]]
    counts = [n / w for n, w in zip(grid.shape, shape, strict=True)]
    d = of_time[0] if of_time and counts[of_time[0]] >= _SIDE_BY_SIDE else int(np.argmax(counts))
    if counts[d] < _SIDE_BY_SIDE:
        return np.full(len(starts), "train")
    borders = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}
    first, last = starts[:, d], starts[:, d] + shape[d]
    found = np.full(len(starts), "", dtype="U5")
    for split, (low, high) in borders.items():
        n = grid.shape[d]
        found[(first >= round(low * n)) & (last <= round(high * n))] = split
    return found


_SIDE_BY_SIDE = 5.0
"""Windows that stand side by side along an axis by which they are split, at least: a fifth of the
axis holds one."""
