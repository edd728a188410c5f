"""Distances and neighbourhoods of the region a field lives on: flat, periodic, or on a sphere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, final

from pydantic import BaseModel, ConfigDict, model_validator

if TYPE_CHECKING:
    from torch import Tensor

_FULL_CIRCLE = 1e-4
"""Relative error of a full circle of longitudes: coordinates are often given as float32."""


@final
class Sphere(BaseModel):
    """Which axes are latitude and longitude, and how coordinates become angles.

    Attributes:
        latitude_axis: Index of the axis of latitudes.
        longitude_axis: Index of the axis of longitudes.
        latitude_origin: Latitude at coordinate 0, in radians.
        radians: Radians per unit of either coordinate; the radius of the sphere is 1 / radians.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    latitude_axis: int
    longitude_axis: int
    latitude_origin: float
    radians: float

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.radians <= 0 or self.latitude_axis == self.longitude_axis:
            raise ValueError(
                f"A sphere was given the axes {self.latitude_axis} and {self.longitude_axis} and "
                f"{self.radians} radians per unit; expected two different axes and a positive "
                "number of radians."
            )
        return self


@final
class Geometry(BaseModel):
    """The shape of a region of D axes, whose coordinates run from 0 to `extent`.

    A periodic axis of length a is a circle of circumference a. Latitude and longitude are a sphere.
    Distances are straight lines in the space in which circle and sphere lie, so that points close
    to each other have their true distance.

    Attributes:
        extent: Length of every axis, positive, shape (D,).
        periodic: Whether the end of an axis is joined to its start, shape (D,); default: no axis.
        sphere: The two axes that are latitude and longitude, or None.

    Raises:
        ValueError: If there are not 1 to 3 axes, or the parts do not fit each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    extent: tuple[float, ...]
    periodic: tuple[bool, ...] = ()
    sphere: Sphere | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_periodic(cls, data: Any) -> Any:
        """Fill in the default, which depends on the number of axes."""
        if isinstance(data, Mapping) and "extent" in data and not data.get("periodic"):
            return {**data, "periodic": (False,) * len(data["extent"])}
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        fits = 1 <= self.dim <= 3 and len(self.periodic) == self.dim and min(self.extent) > 0
        if not fits:
            raise ValueError(
                f"A geometry was given the extent {self.extent} and periodic={self.periodic}; "
                "expected 1 to 3 positive lengths, and one True or False for each."
            )
        if self.sphere is not None:
            self._check_sphere(self.sphere)
        return self

    def _check_sphere(self, sphere: Sphere) -> None:
        latitude, longitude = sphere.latitude_axis, sphere.longitude_axis
        axes = range(self.dim)
        if latitude not in axes or longitude not in axes or self.periodic[latitude]:
            raise ValueError(
                f"A sphere was given the axes {latitude} and {longitude} of {self.dim}, with "
                f"periodic={self.periodic}; expected axes from 0 to {self.dim - 1}, and a latitude "
                "that is not periodic."
            )
        angle = self.extent[longitude] * sphere.radians
        if self.periodic[longitude] and abs(angle / (2 * math.pi) - 1) > _FULL_CIRCLE:
            raise ValueError(
                f"Longitudes that span {math.degrees(angle):g} degrees were given as periodic; "
                "expected 360 degrees. Leave them not periodic, or give the whole circle."
            )

    @classmethod
    def unit(cls, dim: int) -> Self:
        """The flat unit square of `dim` axes."""
        return cls(extent=(1.0,) * dim)

    @property
    def dim(self) -> int:
        """Number of axes, D."""
        return len(self.extent)

    @property
    def embedded_axes(self) -> tuple[tuple[int, ...], ...]:
        """For every embedded coordinate the axes on which it depends, length E."""
        axes: list[tuple[int, ...]] = []
        pair = self._sphere_axes
        for axis in range(self.dim):
            if axis in pair:
                axes += [pair] * 3 if axis == min(pair) else []
            else:
                axes += [(axis,)] * (2 if self.periodic[axis] else 1)
        return tuple(axes)

    @property
    def embedded_dim(self) -> int:
        """Number of embedded coordinates, E."""
        return len(self.embedded_axes)

    @property
    def diameter(self) -> float:
        """Norm of the extent: no two points lie further apart."""
        return math.sqrt(sum(a**2 for a in self.extent))

    def embed(self, coords: Tensor) -> Tensor:
        """Points of a space in which the Euclidean distance is that of the geometry.

        The embedded coordinates are in the order of the axes. A periodic axis gives two, a sphere
        three, at the place of the first of its axes. See docs/concepts.md, eq. (7).

        Args:
            coords: Shape (..., D).

        Returns:
            Shape (..., E); `coords` itself where everything is flat.
        """
        if not any(self.periodic) and self.sphere is None:
            return coords
        import torch

        parts: list[Tensor] = []
        pair = self._sphere_axes
        for axis, extent in enumerate(self.extent):
            if axis in pair:
                parts += self._on_sphere(coords) if axis == min(pair) else []
            elif self.periodic[axis]:
                radius = extent / (2 * math.pi)
                angle = coords[..., axis].remainder(extent) / radius
                parts += [radius * angle.cos(), radius * angle.sin()]
            else:
                parts.append(coords[..., axis])
        return torch.stack(parts, dim=-1)

    def displacement(self, a: Tensor, b: Tensor) -> Tensor:
        """From a to b along the axes, the short way round those that are periodic.

        On a sphere the longitude's part is multiplied by the cosine of the latitude of a: it is a
        length on the parallel of a.

        Args:
            a: Shape (..., D).
            b: Shape (..., D), broadcast with a.

        Returns:
            Shape (..., D), in the unit of the coordinates.
        """
        offset = b - a
        if not any(self.periodic) and self.sphere is None:
            return offset
        import torch

        parts = list(offset.unbind(-1))
        for axis, (extent, periodic) in enumerate(zip(self.extent, self.periodic, strict=True)):
            if periodic:
                parts[axis] = parts[axis] - extent * (parts[axis] / extent).round()
        if self.sphere is not None:
            longitude = self.sphere.longitude_axis
            parts[longitude] = parts[longitude] * self._latitude(a).cos()
        return torch.stack(parts, dim=-1)

    def tangent(self, a: Tensor, b: Tensor) -> Tensor:
        """From a to b as a chord projected on the axes: smooth all the way round.

        On a periodic axis of length l an offset δ becomes (l / 2π) sin(2π δ / l): like
        `displacement` for short distances, and without its jump from l / 2 to -l / 2.

        Args:
            a: Shape (..., D).
            b: Shape (..., D), broadcast with a.

        Returns:
            Shape (..., D), in the unit of the coordinates.
        """
        if not any(self.periodic):
            return self.displacement(a, b)
        import torch

        parts = list((b - a).unbind(-1))
        for axis, (extent, periodic) in enumerate(zip(self.extent, self.periodic, strict=True)):
            if periodic:
                parts[axis] = (extent / math.tau) * (math.tau / extent * parts[axis]).sin()
        if self.sphere is not None:
            longitude = self.sphere.longitude_axis
            parts[longitude] = parts[longitude] * self._latitude(a).cos()
        return torch.stack(parts, dim=-1)

    def wrap(self, coords: Tensor) -> Tensor:
        """Coordinates (..., D), those of periodic axes taken modulo the extent."""
        if not any(self.periodic):
            return coords
        import torch

        axes = zip(coords.unbind(-1), self.extent, self.periodic, strict=True)
        return torch.stack([c.remainder(a) if p else c for c, a, p in axes], dim=-1)

    @property
    def _sphere_axes(self) -> tuple[int, ...]:
        """Axes of latitude and longitude, or none."""
        s = self.sphere
        return () if s is None else (s.latitude_axis, s.longitude_axis)

    def _latitude(self, coords: Tensor) -> Tensor:
        """Latitudes in radians, shape (...)."""
        assert self.sphere is not None
        scaled = coords[..., self.sphere.latitude_axis] * self.sphere.radians
        return self.sphere.latitude_origin + scaled

    def _on_sphere(self, coords: Tensor) -> list[Tensor]:
        """The three coordinates on a sphere of radius 1 / radians, each of shape (...)."""
        assert self.sphere is not None
        longitudes = self.wrap(coords)[..., self.sphere.longitude_axis]
        longitude = longitudes * self.sphere.radians
        latitude = self._latitude(coords)
        ring, radius = latitude.cos(), 1 / self.sphere.radians
        return [
            radius * ring * longitude.cos(),
            radius * ring * longitude.sin(),
            radius * latitude.sin(),
        ]
