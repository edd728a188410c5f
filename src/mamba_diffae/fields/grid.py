"""The grid of a field: one to three axes, and which of its cells exist."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.overlap import average, overlap

NAMES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}
"""Names of axes that were given none, by their number."""
Shape = tuple[int, ...]


@final
@dataclass(frozen=True, eq=False)
class Grid:
    """Cells in one to three dimensions.

    Arrays over a grid have its shape; flattened, the last axis runs fastest. Coordinates have one
    column for each axis, in the order of the axes.

    Attributes:
        axes: One to three, of different names.
        mask: True where a cell exists (sea, not land), of the grid's shape; None: everywhere.

    Raises:
        ShapeError: If there are no axes or more than three, or the mask has another shape.
        ValuesError: If the mask leaves no cell.
    """

    axes: tuple[Axis, ...]
    mask: np.ndarray | None = None

    def __post_init__(self) -> None:
        axes = tuple(self.axes)
        object.__setattr__(self, "axes", axes)
        if not 1 <= len(axes) <= 3:
            raise ShapeError(
                f"A grid was given {len(axes)} axes ({', '.join(a.name for a in axes)}); expected "
                "one to three. Take one level or one time after the other as snapshots."
            )
        if len(set(self.names)) < len(axes):
            raise ShapeError(
                f"A grid was given axes named {', '.join(self.names)}; name each once."
            )
        if self.mask is not None:
            object.__setattr__(self, "mask", self._checked(np.asarray(self.mask)))

    def _checked(self, mask: np.ndarray) -> np.ndarray | None:
        if mask.shape != self.shape or mask.dtype != bool:
            raise ShapeError(
                f"The mask of a grid of {self.describe_shape()} cells has shape {mask.shape} and "
                f"type {mask.dtype}; expected bool of shape {self.shape}, True where a cell exists."
            )
        if not mask.any():
            raise ValuesError(
                f"The mask leaves none of the {self.describe_shape()} cells of the grid "
                f"({', '.join(self.names)}); it is True where a cell exists."
            )
        if mask.all():
            return None
        mask = mask.copy()
        mask.flags.writeable = False
        return mask

    @classmethod
    def regular(
        cls,
        region: Sequence[tuple[float, float]],
        shape: Sequence[int],
        names: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        periodic: Sequence[bool] | None = None,
    ) -> Self:
        """Equally wide cells over a region.

        >>> Grid.regular(((0, 10), (0, 20)), (2, 4)).centres()[:2].tolist()
        [[2.5, 2.5], [2.5, 7.5]]

        Args:
            region: Lower and upper edge of each axis.
            shape: Cells along each axis.
            names: Of the axes; None: those of `NAMES`.
            units: Of the axes; None: none.
            periodic: Which axes close; None: none.

        Raises:
            ShapeError: If these are of different lengths.
        """
        dim = len(shape)
        names = names or NAMES.get(dim, [f"axis {i}" for i in range(dim)])
        units, periodic = units or [""] * dim, periodic or [False] * dim
        if not len(region) == len(names) == len(units) == len(periodic) == dim:
            raise ShapeError(
                f"Grid.regular was given {len(region)} regions, {dim} sizes, {len(names)} names, "
                f"{len(units)} units and {len(periodic)} flags; give one of each for every axis."
            )
        parts = zip(names, region, shape, units, periodic, strict=True)
        return cls(tuple(Axis.regular(n, *r, c, u, p) for n, r, c, u, p in parts))

    @classmethod
    def default(cls, shape: Sequence[int]) -> Self:
        """The grid of arrays without coordinates: square cells, the longest axis from 0 to 1.

        >>> Grid.default((2, 4)).describe_region()
        'y from 0 to 0.5, x from 0 to 1'
        """
        longest = max(1, *shape)
        return cls.regular([(0.0, n / longest) for n in shape], shape)

    @property
    def shape(self) -> Shape:
        """Cells along each axis."""
        return tuple(axis.cells for axis in self.axes)

    @property
    def dim(self) -> int:
        """Axes, D."""
        return len(self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def cells(self) -> int:
        """Cells in all, P."""
        return math.prod(self.shape)

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which axes close."""
        return tuple(axis.periodic for axis in self.axes)

    @property
    def exists(self) -> np.ndarray:
        """Which cells there are, of the grid's shape."""
        return np.ones(self.shape, dtype=bool) if self.mask is None else self.mask

    def centres(self) -> np.ndarray:
        """Centres of the cells, shape (P, D), float64."""
        return _product([axis.centres for axis in self.axes])

    def supports(self) -> np.ndarray:
        """Widths of the cells, shape (P, D), float64."""
        return _product([axis.widths for axis in self.axes])

    def weights(self) -> np.ndarray:
        """What each cell counts in an average, of the grid's shape: area, none where masked.

        They sum to 1: docs/concepts.md, eq. (1). On latitudes the area is that on the sphere.
        """
        weight = self.exists.astype(np.float64)
        for d, axis in enumerate(self.axes):
            weight = weight * axis.measures.reshape([-1 if i == d else 1 for i in range(self.dim)])
        return weight / weight.sum()

    def transpose(self, order: Sequence[int]) -> Grid:
        """The same grid with its axes in another order."""
        mask = None if self.mask is None else self.mask.transpose(order)
        return Grid(tuple(self.axes[d] for d in order), mask)

    def regrid(self, shape: Sequence[int]) -> Grid:
        """Equally wide cells over the same region; a cell exists if a part of it does."""
        if len(shape) != self.dim:
            raise ShapeError(
                f"The shape {tuple(shape)} was asked on a grid of the axes {', '.join(self.names)};"
                f" give {self.dim} numbers."
            )
        axes = tuple(axis.regrid(n) for axis, n in zip(self.axes, shape, strict=True))
        if axes == self.axes:
            return self
        coarse = Grid(axes)
        if self.mask is None:
            return coarse
        existing = average(self.mask[None, ..., None].astype(np.float64), self.overlaps(coarse))
        return replace(coarse, mask=existing[0, ..., 0] > 1e-9)

    def overlaps(self, other: Grid) -> list[np.ndarray]:
        """Share of each cell of this grid in each of another, one matrix (theirs, ours) an axis."""
        pairs = zip(self.axes, other.axes, strict=True)
        return [overlap(ours.edges, theirs.edges) for ours, theirs in pairs]

    def lattice_shape(self, limit: int) -> Shape:
        """The shape of a coarser lattice: about the native aspect, at most `limit` cells in all.

        >>> Grid.default((96, 96)).lattice_shape(1024), Grid.default((2000, 2)).lattice_shape(100)
        ((32, 32), (100, 1))
        """
        chosen, rest = dict.fromkeys(range(self.dim), 1), set(range(self.dim))
        while rest:
            cells = math.prod(self.shape[d] for d in rest)
            factor = min(1.0, (limit / cells) ** (1 / len(rest)))
            short = {d for d in rest if self.shape[d] * factor < 1}  # they keep one cell
            if not short:
                chosen |= {d: math.floor(self.shape[d] * factor + 1e-9) for d in rest}
                break
            rest -= short
        return tuple(chosen.values())

    def scaled_shape(self, cells: int) -> Shape:
        """The shape with so many cells along the longest axis, the others in proportion."""
        longest = max(self.shape)
        return tuple(max(1, round(n * cells / longest)) for n in self.shape)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; the mask as base64 of its packed bits."""
        axes, mask = [axis.to_dict() for axis in self.axes], self.mask
        packed = None if mask is None else base64.b64encode(np.packbits(mask).tobytes()).decode()
        return {"axes": axes, "mask": packed}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ShapeError: If the mask has other cells than the axes.
        """
        axes, packed = tuple(Axis.from_dict(axis) for axis in data["axes"]), data.get("mask")
        if packed is None:
            return cls(axes)
        shape = [axis.cells for axis in axes]
        bits = np.frombuffer(base64.b64decode(packed), np.uint8)
        if len(bits) != math.ceil(math.prod(shape) / 8):
            raise ShapeError(
                f"The mask of a saved grid holds {len(bits)} bytes, but its {math.prod(shape)} "
                "cells need one bit each; the file is damaged, save the grid again."
            )
        return cls(axes, np.unpackbits(bits, count=math.prod(shape)).astype(bool).reshape(shape))

    def describe_shape(self) -> str:
        """In words: "36 × 72"."""
        return " × ".join(map(str, self.shape))

    def describe_region(self) -> str:
        """In words: "lat from -90 to 90 degrees_north, lon from 0 to 360 degrees_east"."""
        return ", ".join(axis.describe() for axis in self.axes)

    def same_region(self, other: Grid) -> bool:
        """Whether the axes have the same names, in order, and the same spans."""
        close = (
            np.allclose([a.low, a.high], [b.low, b.high], rtol=0, atol=1e-6 * a.span)
            for a, b in zip(self.axes, other.axes, strict=False)
        )
        return self.names == other.names and all(close)

    def __repr__(self) -> str:
        exist = "" if self.mask is None else f"; {self.mask.sum():,} exist"
        return f"Grid({self.describe_shape()} cells: {self.describe_region()}{exist})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return self.axes == other.axes and np.array_equal(self.exists, other.exists)

    def __hash__(self) -> int:
        return hash(self.axes)


def _product(columns: Sequence[np.ndarray]) -> np.ndarray:
    """All combinations of numbers of each axis, the last axis fastest, shape (P, D)."""
    return np.stack([c.ravel() for c in np.meshgrid(*columns, indexing="ij")], axis=-1)
