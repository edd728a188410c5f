"""Fields of two and three axes in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from mamba_diffae.benchmark.colours import NEUTRAL, colour_map
from mamba_diffae.benchmark.painting import Beside, Painter, Picture, Shown, limits_in_words
from mamba_diffae.fields import Axis, Grid, Observations, Variable

_DOWNWARDS = {"depth", "pressure", "level", "lev", "plev"}
"""Axes whose coordinates rise downwards."""
_EIGHT_BITS = (0.0, 255.0)


@final
class MapPainter(Painter):
    """Colours of cells; of three axes, the middle slices one below the other.

    8-bit pictures of one or three variables are drawn in grey or in their own colours, any other
    variable in a part of its own by one map of colours.
    """

    def __init__(self, variables: Sequence[Variable], dim: int) -> None:
        super().__init__(variables)
        eight_bits = all(v.limits == _EIGHT_BITS and not v.unit for v in self.variables)
        self.is_picture = dim == 2 and eight_bits and len(self.variables) in (1, 3)

    @property
    def parts(self) -> list[str]:
        """See `Painter.parts`."""
        alone = self.is_picture or len(self.variables) == 1
        return [""] if alone else [v.name for v in self.variables]

    @property
    def legend(self) -> str:
        """See `Painter.legend`."""
        if self.is_picture:
            return ""
        return f"Dark to bright: {'; '.join(map(limits_in_words, self.variables))}."

    def paint(self, field: Shown, beside: Beside | None = None) -> list[Picture]:
        """See `Painter.paint`."""
        columns = zip(self.variables, np.moveaxis(field.values, -1, 0), strict=True)
        unit = [np.nan_to_num(v.unit_interval(x)).astype(np.float32) for v, x in columns]
        if self.is_picture:
            colours = np.stack(unit * (3 // len(unit)), axis=-1)
            return [_picture(colours, _anywhere(field.mask), field.grid)]
        known = np.moveaxis(field.mask, -1, 0)
        return [_picture(colour_map(u), k, field.grid) for u, k in zip(unit, known, strict=True)]

    def observed(self, seen: Observations, grid: Grid) -> list[Picture]:
        """See `Painter.observed`."""
        return self.paint(raster(seen, grid))

    def spread(self, field: Shown) -> list[Picture]:
        """See `Painter.spread`; in grey."""
        half = np.array([(high - low) / 2 for low, high in (v.limits for v in self.variables)])
        share, known = field.values / half, field.mask
        if self.is_picture:
            share, known = share.mean(axis=-1, keepdims=True), _anywhere(known)[..., None]
        return [
            _picture(np.repeat(share[..., c, None], 3, axis=-1), known[..., c], field.grid)
            for c in range(share.shape[-1])
        ]

    def together(self, mean: Shown, draws: Sequence[Shown], beside: Beside) -> None:
        """See `Painter.together`."""
        return


def raster(seen: Observations, grid: Grid) -> Shown:
    """What was observed of one field, in the cells that it was observed in.

    Args:
        seen: One field.
        grid: Its cells are drawn where observations are points or boxes of several sizes.
    """
    coords, mask = seen.coords[0].numpy(), seen.mask[0].numpy()
    here = mask.any(axis=-1)
    support = np.zeros_like(coords) if seen.support is None else seen.support[0].numpy()
    axes = tuple(_drawn(axis, support[here, d]) for d, axis in enumerate(grid.axes))
    values = np.zeros((*(axis.cells for axis in axes), seen.n_variables))
    known = np.zeros(values.shape, dtype=bool)
    places, sides = coords[here], support[here]
    read, given = seen.values[0].numpy()[here], mask[here]
    if all(_touches_one(axis, sides[:, d]) for d, axis in enumerate(axes)):
        cells = tuple(_around(axis, places[:, d]) for d, axis in enumerate(axes))
        for c, there in enumerate(given.T):
            cell = tuple(number[there] for number in cells)
            values[(*cell, c)], known[(*cell, c)] = read[there, c], True
        return Shown(values, Grid(axes), known)
    for place, side, value, there in zip(places, sides, read, given, strict=True):
        cells = np.ix_(*(_touched(a, x, w) for a, x, w in zip(axes, place, side, strict=True)))
        values[cells] = np.where(there, value, values[cells])
        known[cells] |= there
    return Shown(values, Grid(axes), known)


def _drawn(axis: Axis, sides: np.ndarray) -> Axis:
    """Cells of the width of the boxes, if they have one; else the native ones."""
    alike = len(sides) > 0 and sides.min() > 0 and np.ptp(sides) <= 1e-6 * sides[0]
    return axis.regrid(max(1, round(axis.span / float(sides[0])))) if alike else axis


def _touches_one(axis: Axis, sides: np.ndarray) -> bool:
    """Whether boxes of such sides, shape (N,), have no centre of a cell but that around them."""
    inside = min((axis.centres - axis.edges[:-1]).min(), (axis.edges[1:] - axis.centres).min())
    return bool(sides.max(initial=0) / 2 <= (1 + 1e-6) * inside)


def _around(axis: Axis, places: np.ndarray) -> np.ndarray:
    """Numbers of the cells that places lie in."""
    if axis.periodic:
        places = axis.low + (places - axis.low) % axis.span
    return np.clip(np.searchsorted(axis.edges, places, "right") - 1, 0, axis.cells - 1)


def _touched(axis: Axis, place: float, side: float) -> np.ndarray:
    """Numbers of the cell around a place, and of those with their centre in its box."""
    apart = np.abs(axis.centres - place)
    if axis.periodic:
        apart = np.abs((axis.centres - place + axis.span / 2) % axis.span - axis.span / 2)
    return np.union1d(np.flatnonzero(apart < side / 2), [_around(axis, np.asarray(place))])


def _anywhere(known: np.ndarray) -> np.ndarray:
    """Where any variable has a value, shape (*shape,)."""
    return np.asarray(known.any(axis=-1))


def _picture(colours: np.ndarray, known: np.ndarray, grid: Grid) -> Picture:
    """Colours (*shape, 3) as one picture."""
    neutral = np.array(NEUTRAL, np.float32)
    cells = np.where(known[..., None], colours, neutral).astype(np.float32)
    if grid.dim == 2:
        return _upright(cells, grid.axes[0])
    z, y, x = (n // 2 for n in grid.shape)
    first, second, _ = grid.axes
    slices = [
        _upright(cells[z], second),
        _upright(cells[:, y], first),
        _upright(cells[:, :, x], first),
    ]
    width = max(part.shape[1] for part in slices)
    between = np.ones((max(1, width // 24), width, 3), np.float32)
    padded = [
        np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=1) for p in slices
    ]
    return np.concatenate([padded[0], between, padded[1], between, padded[2]])


def _upright(cells: np.ndarray, vertical: Axis) -> np.ndarray:
    """Rows from above: with coordinates the highest is first, save depths and pressures."""
    rises = vertical.is_latitude or bool(vertical.unit)
    return cells[::-1] if rises and vertical.name.lower() not in _DOWNWARDS else cells
