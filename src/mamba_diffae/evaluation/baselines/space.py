"""Where observations and targets lie, in coordinates in which distances can be taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch

from mamba_diffae.fields import Axis, FieldData, Frame, Geometry, Grid, ShapeError


@final
@dataclass(frozen=True, eq=False)
class Places:
    """Places of one field.

    Attributes:
        flat: Along the axes, in the unit of length of the space, shape (N, D).
        embedded: Where the Euclidean distance is the true one, shape (N, E).
        geometry: Of the region.
    """

    flat: np.ndarray
    embedded: np.ndarray
    geometry: Geometry

    def take(self, index: np.ndarray) -> Places:
        """The places at an index, or where a mask is True."""
        return Places(self.flat[index], self.embedded[index], self.geometry)


@final
@dataclass(frozen=True, eq=False)
class Space:
    """The map from physical coordinates to places: the longest spatial axis has the length 1.

    Attributes:
        origin: Physical coordinates that become 0, shape (D,).
        length: Physical lengths that become 1, shape (D,).
        geometry: Which axes are periodic, and which are those of a sphere.
    """

    origin: np.ndarray
    length: np.ndarray
    geometry: Geometry

    @classmethod
    def of_data(cls, data: FieldData) -> Self:
        """That of fields; the scale of an axis of another dimension (time) is learned from them."""
        return cls._of_frame(Frame.of(data), data.grid)

    @classmethod
    def of_grid(cls, grid: Grid) -> Self:
        """That of a grid alone: without a `length_scale`, an axis of another dimension spans 1."""
        kinds = [_dimension(axis) for axis in grid.axes]
        space = max(reversed(kinds), key=kinds.count)
        longest = max(a.span for a, kind in zip(grid.axes, kinds, strict=True) if kind == space)
        length = tuple(
            longest if kind == space else axis.length_scale or axis.span
            for axis, kind in zip(grid.axes, kinds, strict=True)
        )
        units, origin = tuple(a.unit for a in grid.axes), tuple(a.low for a in grid.axes)
        return cls._of_frame(Frame(grid.names, units, origin, length), grid)

    @classmethod
    def around(cls, coords: np.ndarray) -> Self:
        """A flat box around places, shape (N, D), with one unit of length for all axes."""
        low, span = coords.min(axis=0), np.ptp(coords, axis=0)
        longest = float(span.max()) or 1.0
        extent = tuple(np.maximum(span / longest, 1e-6).tolist())
        return cls(low, np.full(len(low), longest), Geometry(extent=extent))

    @classmethod
    def _of_frame(cls, frame: Frame, grid: Grid) -> Self:
        return cls(np.array(frame.origin), np.array(frame.length), frame.geometry(grid))

    def places(self, coords: np.ndarray) -> Places:
        """Physical coordinates (N, D) as places.

        Raises:
            ShapeError: If there is not one column for each axis.
        """
        if coords.ndim != 2 or coords.shape[1] != len(self.origin):
            raise ShapeError(
                f"Coordinates of shape {coords.shape} were given in a space of "
                f"{len(self.origin)} axes; expected (N, {len(self.origin)}), a column for each."
            )
        inside = (np.asarray(coords, np.float64) - self.origin) / self.length
        flat = self.geometry.wrap(torch.from_numpy(inside))
        return Places(flat.numpy(), self.geometry.embed(flat).numpy(), self.geometry)

    def distances(self, a: Places, b: Places) -> np.ndarray:
        """How far each of N places is from the other one of its number, shape (N,).

        Along the arc of a periodic axis and the great circle of the sphere, where `embedded` has
        the chord; in the unit of length of the space.
        """
        columns, squared = self.geometry.embedded_axes, np.square(a.embedded - b.embedded)
        found = np.zeros(len(squared))
        for axes in dict.fromkeys(columns):
            own = [column == axes for column in columns]
            length, radius = np.sqrt(squared[:, own].sum(axis=1)), self._radius(axes)
            if radius is not None:
                length = 2 * radius * np.arcsin(np.minimum(length / (2 * radius), 1))
            found += np.square(length)
        return np.sqrt(found)

    def _radius(self, axes: tuple[int, ...]) -> float | None:
        """Of the circle or the sphere that axes are embedded as; None: they are straight."""
        sphere = self.geometry.sphere
        if sphere is not None and sphere.longitude_axis in axes:
            return 1 / sphere.radians
        axis = axes[0]
        return self.geometry.extent[axis] / math.tau if self.geometry.periodic[axis] else None


def _dimension(axis: Axis) -> str:
    """What the unit measures: axes of one word share a length."""
    return "degrees" if axis.is_latitude or axis.is_longitude else axis.unit
