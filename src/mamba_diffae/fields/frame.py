"""From the user's coordinates to the ones inside a model, and back.

Inside, a coordinate is a physical distance over one length: that of the longest spatial axis of the
training grid, which so spans 1. A cell that is as wide as high outside is so inside. An axis of
another dimension (time, depth) has a length scale of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import ShapeError
from mamba_diffae.fields.geometry import Geometry, Sphere
from mamba_diffae.fields.grid import Grid

_LAGS = 16
"""Distances, in cells, at which correlation along an axis is looked at, at most."""
_SNAPSHOTS = 64
"""Snapshots from which correlation is estimated, at most."""
_HALF = 0.5
"""Share of the variance that the semivariance reaches at an axis' characteristic distance."""


@final
@dataclass(frozen=True)
class Frame:
    """Where the inside coordinates of a model begin, and their unit.

    Attributes:
        names: Of the axes.
        units: Of the axes.
        origin: Physical coordinate that is 0 inside, of each axis.
        length: Physical length that is 1 inside, of each axis.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    origin: tuple[float, ...]
    length: tuple[float, ...]

    @classmethod
    def of(cls, data: FieldData) -> Self:
        """The frame of a model that is fitted on fields.

        Axes of the unit that most of them have (the last ones, if equally many) are space; the
        length of another one makes correlation fall alike along it and in space, unless the axis
        has a `length_scale`. See docs/concepts.md, eq. (5) and (6).
        """
        axes = data.grid.axes
        kinds = [_dimension(axis) for axis in axes]
        space = max(reversed(kinds), key=kinds.count)
        longest = max(axis.span for axis, kind in zip(axes, kinds, strict=True) if kind == space)
        reach = {d: correlation_length(data, d) for d in range(len(axes)) if set(kinds) != {space}}
        ours = [reach[d] for d, kind in enumerate(kinds) if kind == space and d in reach]
        in_space = math.exp(np.mean(np.log(ours))) / longest if ours else 1.0
        lengths = [
            longest if kind == space else axis.length_scale or reach[d] / in_space
            for d, (axis, kind) in enumerate(zip(axes, kinds, strict=True))
        ]
        units = tuple(axis.unit for axis in axes)
        return cls(data.grid.names, units, tuple(a.low for a in axes), tuple(lengths))

    def geometry(self, grid: Grid) -> Geometry:
        """Extents, periodic axes and the sphere of a grid, inside."""
        extent = tuple(a.span / length for a, length in zip(grid.axes, self.length, strict=True))
        return Geometry(extent=extent, periodic=grid.periodic, sphere=self._sphere(grid))

    def _sphere(self, grid: Grid) -> Sphere | None:
        latitude = [d for d, axis in enumerate(grid.axes) if axis.is_latitude]
        longitude = [d for d, axis in enumerate(grid.axes) if axis.is_longitude]
        if not (latitude and longitude):
            return None
        return Sphere(
            latitude_axis=latitude[0],
            longitude_axis=longitude[0],
            latitude_origin=math.radians(self.origin[latitude[0]]),
            radians=math.radians(self.length[latitude[0]]),
        )

    def inside(self, grid: Grid) -> Grid:
        """A grid in inside coordinates."""
        self.check_names(grid)
        axes = (
            Axis(
                axis.name,
                (axis.edges - origin) / length,
                periodic=axis.periodic,
                cell_measures=axis.measures,
            )
            for axis, origin, length in zip(grid.axes, self.origin, self.length, strict=True)
        )
        return Grid(tuple(axes), grid.mask)

    def coords(self, physical: np.ndarray) -> np.ndarray:
        """Physical coordinates (..., D) to inside ones; subtracted in double precision."""
        return (np.asarray(physical, np.float64) - self.origin) / self.length

    def physical(self, inside: np.ndarray) -> np.ndarray:
        """Inside coordinates (..., D) to physical ones."""
        return np.asarray(inside, np.float64) * self.length + self.origin

    def lengths(self, physical: np.ndarray) -> np.ndarray:
        """Physical lengths (..., D), such as supports, to inside ones."""
        return np.asarray(physical, np.float64) / self.length

    def check_names(self, grid: Grid) -> None:
        """Refuse a grid of other axes.

        Raises:
            ShapeError: As said.
        """
        if grid.names != self.names:
            raise ShapeError(
                f"A grid of the axes {', '.join(grid.names)} was given, but this model was fitted "
                f"on {', '.join(self.names)}; put the axes in that order, under those names."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{name: tuple(part) for name, part in data.items()})

    def describe(self) -> str:
        """Which length counts as 1 along each axis, in words.

        >>> Frame(("lat", "lon"), ("deg", "deg"), (-90.0, 0.0), (360.0, 360.0)).describe()
        'lat: 360 deg, lon: 360 deg'
        """
        parts = zip(self.names, self.length, self.units, strict=True)
        return ", ".join(f"{n}: {length:.4g}{unit and f' {unit}'}" for n, length, unit in parts)


def correlation_length(data: FieldData, axis: int) -> float:
    """Distance along an axis at which half of the variance is lost, in its unit.

    From the semivariance over pairs of cells, pooled over snapshots, variables (each by its own
    variance) and places; beyond the largest distance looked at it grows in proportion. Of an axis
    of one cell it is the span.
    """
    cells, widths = data.shape[axis], data.grid.axes[axis].widths
    if cells == 1:
        return data.grid.axes[axis].span
    data = data.distinct(_SNAPSHOTS)
    values, known = data.values.astype(np.float64), data.valid_mask()
    rest = tuple(range(data.values.ndim - 1))
    count = np.maximum(known.sum(axis=rest), 1)
    mean = values.sum(axis=rest, where=known) / count
    variance = np.square(values - mean).sum(axis=rest, where=known) / count
    scaled = (values - mean) / np.sqrt(np.where(variance > 0, variance, 1))
    lags, gamma = [0], [0.0]
    for lag in range(1, min(_LAGS, cells - 1) + 1):
        near, far = range(cells - lag), range(lag, cells)
        step = np.take(scaled, far, axis=axis + 1) - np.take(scaled, near, axis=axis + 1)
        both = np.take(known, far, axis=axis + 1) & np.take(known, near, axis=axis + 1)
        lags.append(lag)
        gamma.append(float(np.square(step).mean(where=both) / 2) if both.any() else gamma[-1])
    rising = np.maximum.accumulate(gamma)
    if rising[-1] < _HALF:
        reached = lags[-1] * _HALF / max(rising[-1], 1e-3)
    else:
        i = int(np.argmax(rising >= _HALF))
        reached = lags[i - 1] + (_HALF - rising[i - 1]) / (rising[i] - rising[i - 1])
    return float(reached * widths.mean())


def _dimension(axis: Axis) -> str:
    """What the unit measures: axes of one word share a length."""
    return "degrees" if axis.is_latitude or axis.is_longitude else axis.unit
