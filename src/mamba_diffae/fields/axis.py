"""One axis of a grid: cells side by side, given by their edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.fields.errors import AxisError
from mamba_diffae.fields.given import float_array, whole_number
from mamba_diffae.fields.rising import LONGITUDES, check_direction, check_rising

LATITUDES = ("lat", "latitude")
CANONICAL = (
    ("time", "t", "date"),
    ("level", "lev", "depth", "height", "altitude", "pressure", "z"),
    ("y", "north", "northing", *LATITUDES),
    ("x", "east", "easting", *LONGITUDES),
)
"""Names of axes by their place in the canonical order: time, the vertical, north, east."""
_ROUNDING = 1e-6
"""Relative difference of cell widths that counts as equal: coordinates are often float32."""
_CIRCLE = 1e-4
"""Share by which longitudes all around the globe may miss 360 degrees."""
_FARTHEST = 1e75
"""Largest coordinate, in its unit: a volume of three such sides can still be computed."""
MOST = 10**8
"""Cells along an axis, at most."""
WIDEST = 2.0
"""The widest cell, in medians, of longitudes that close: a wider one bridges a gap."""


@final
@dataclass(frozen=True, eq=False)
class Axis:
    """Cells along one axis.

    >>> depth = Axis("depth", np.array([0.0, 10.0, 30.0, 100.0]), "m")
    >>> depth.cells, depth.centres.tolist()
    (3, [5.0, 20.0, 65.0])

    Attributes:
        name: Such as "lat", "depth" or "x".
        edges: Of the cells, rising, shape (cells + 1,), float64, in `unit`.
        unit: Such as "m" or "degrees_north".
        periodic: Whether the last edge is the first again (longitude around the globe).
        length_scale: Length along this axis that counts as much as the unit length of the others,
            for an axis of another dimension (time, depth); None: estimated when a model is fitted.
        cell_measures: What each cell counts in an average, shape (cells,); None: its width, and on
            latitudes in degrees its area.

    Raises:
        AxisError: If the edges do not rise throughout, are not finite, or bound no cell, latitudes
            lie beyond the poles, degrees grow to the west or south, periodic longitudes do not span
            360 degrees or have unlike cells, or the length scale or a measure is not positive.
    """

    name: str
    edges: np.ndarray
    unit: str = ""
    periodic: bool = False
    length_scale: float | None = None
    cell_measures: np.ndarray | None = None

    def __post_init__(self) -> None:
        edges = float_array(self.edges, f"The edges of the axis {self.name!r}", AxisError)
        if edges.ndim != 1 or len(edges) < 2:
            raise AxisError(
                f"The axis {self.name!r} has edges of shape {edges.shape}; expected (cells + 1,) "
                "with one cell or more."
            )
        check_rising(edges, self.name, "edges")
        check_direction(self.unit, self.name)
        if abs(edges).max() > _FARTHEST:
            raise AxisError(
                f"The axis {self.name!r} has edges as far as {abs(edges).max():g}, which are no "
                "coordinates; leave out fill values, or take a larger unit."
            )
        edges.flags.writeable = False
        object.__setattr__(self, "edges", edges)
        self._check_angles()
        if self.length_scale is not None and not 0 < self.length_scale < np.inf:
            raise AxisError(
                f"The axis {self.name!r} has the length scale {self.length_scale}; give a positive "
                f"length in its unit{self.unit and f' ({self.unit})'}."
            )
        if self.cell_measures is not None:
            self._check_measures(np.array(self.cell_measures, dtype=np.float64))

    def _check_angles(self) -> None:
        if self.is_latitude and (self.low < -90 or self.high > 90):
            raise AxisError(
                f"The axis {self.name!r} reaches from {self.low:g} to {self.high:g}, but latitudes "
                "lie within -90 and 90 degrees; is it a longitude?"
            )
        if self.is_longitude and self.periodic and abs(self.span - 360) > 360 * _CIRCLE:
            raise AxisError(
                f"The axis {self.name!r} was said to be periodic, but its cells span "
                f"{self.span:g} of 360 degrees; leave it not periodic, or give the whole circle."
            )
        if self.is_longitude and self.periodic and not self.even_cells:
            raise AxisError(
                f"The axis {self.name!r} was said to be periodic, but its widest cell spans "
                f"{self.widths.max():g} degrees and the median one {np.median(self.widths):g}; "
                "longitudes close with cells of about one width: leave it not periodic, or, if "
                "those west of 0 belong behind the others, add 360 to them."
            )

    def _check_measures(self, measures: np.ndarray) -> None:
        if measures.shape != (self.cells,) or not ((measures > 0) & np.isfinite(measures)).all():
            raise AxisError(
                f"The axis {self.name!r} of {self.cells} cells was given measures of shape "
                f"{measures.shape}; give a positive number for each cell."
            )
        measures.flags.writeable = False
        object.__setattr__(self, "cell_measures", measures)

    @classmethod
    def regular(
        cls, name: str, low: float, high: float, cells: int, unit: str = "", periodic: bool = False
    ) -> Self:
        """Equally wide cells between two edges.

        >>> Axis.regular("x", 0.0, 1.0, 4).centres.tolist()
        [0.125, 0.375, 0.625, 0.875]
        """
        count = whole_number(cells, f"Cells of the axis {name!r}", 1, MOST, AxisError)
        ends = float_array((low, high), f"The ends of the axis {name!r}", AxisError)
        if ends.shape != (2,) or not np.isfinite(ends).all():
            raise AxisError(
                f"The axis {name!r} was given the ends {low!r} and {high!r}; give two numbers."
            )
        return cls(name, np.linspace(ends[0], ends[1], count + 1), unit, periodic)

    @classmethod
    def from_centres(
        cls,
        name: str,
        centres: Sequence[float] | np.ndarray,
        unit: str = "",
        periodic: bool = False,
    ) -> Self:
        """Cells around given centres: edges half-way between them.

        The outermost cells reach as far outwards as inwards; latitudes end at the poles.

        >>> Axis.from_centres("lat", [-90, -30, 30, 90], "degrees_north").edges.tolist()
        [-90.0, -60.0, 0.0, 60.0, 90.0]

        Args:
            name: Of the axis.
            centres: Rising, two or more, in `unit`.
            unit: Of the centres.
            periodic: Whether the axis closes.

        Raises:
            AxisError: If there are fewer than two centres, or they do not rise throughout.
        """
        x = float_array(centres, f"The coordinates of the axis {name!r}", AxisError)
        if x.ndim != 1 or len(x) < 2:
            raise AxisError(
                f"The axis {name!r} has coordinates of shape {x.shape}; expected two cells or "
                "more along it: an axis of one cell has no extent, so drop it "
                "(values.squeeze(axis))."
            )
        check_rising(x, name, "coordinates")
        middle = (x[1:] + x[:-1]) / 2
        edges = np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])
        if name.lower() in LATITUDES and abs(x).max() <= 90:
            edges = edges.clip(-90, 90)
        return cls(name, edges, unit, periodic)

    @property
    def cells(self) -> int:
        """How many."""
        return len(self.edges) - 1

    @property
    def centres(self) -> np.ndarray:
        """Of the cells, shape (cells,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def widths(self) -> np.ndarray:
        """Of the cells, shape (cells,)."""
        return np.diff(self.edges)

    @property
    def low(self) -> float:
        """First edge."""
        return float(self.edges[0])

    @property
    def high(self) -> float:
        """Last edge."""
        return float(self.edges[-1])

    @property
    def span(self) -> float:
        """From the first to the last edge."""
        return self.high - self.low

    @property
    def regular_cells(self) -> bool:
        """Whether all cells are equally wide."""
        return bool(np.ptp(self.widths) <= _ROUNDING * self.span)

    @property
    def even_cells(self) -> bool:
        """Whether no cell is much wider than the median one."""
        return bool(self.widths.max() <= WIDEST * np.median(self.widths))

    @property
    def measures(self) -> np.ndarray:
        """What each cell counts in an average, shape (cells,)."""
        if self.cell_measures is not None:
            return self.cell_measures
        if self.is_latitude:
            return np.diff(np.sin(np.deg2rad(self.edges)))
        return self.widths

    @property
    def is_latitude(self) -> bool:
        """Whether it is a latitude in degrees."""
        return self.name.lower() in LATITUDES and _degrees(self.unit)

    @property
    def is_longitude(self) -> bool:
        """Whether it is a longitude in degrees."""
        return self.name.lower() in LONGITUDES and _degrees(self.unit)

    def regrid(self, cells: int) -> Axis:
        """So many equally wide cells over the same span; the same axis if nothing changes."""
        if cells == self.cells and self.regular_cells:
            return self
        edges, measures = np.linspace(self.low, self.high, cells + 1), self.cell_measures
        if measures is not None:
            total = np.concatenate([[0.0], np.cumsum(measures)])
            measures = np.diff(np.interp(edges, self.edges, total))
        return Axis(self.name, edges, self.unit, self.periodic, self.length_scale, measures)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        measures = None if self.cell_measures is None else self.cell_measures.tolist()
        return {
            "name": self.name,
            "edges": self.edges.tolist(),
            "unit": self.unit,
            "periodic": self.periodic,
            "length_scale": self.length_scale,
            "cell_measures": measures,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        measures, scale = data.get("cell_measures"), data.get("length_scale")
        return cls(
            data["name"],
            np.asarray(data["edges"], np.float64),
            data["unit"],
            bool(data["periodic"]),
            None if scale is None else float(scale),
            None if measures is None else np.asarray(measures, np.float64),
        )

    def describe(self) -> str:
        """In words, for messages: "lat from -90 to 90 degrees_north"."""
        return f"{self.name} from {self.low:g} to {self.high:g}{self.unit and f' {self.unit}'}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        same = (self.name, self.unit, self.periodic) == (other.name, other.unit, other.periodic)
        pairs = ((self.edges, other.edges), (self.measures, other.measures))
        return same and all(np.array_equal(ours, theirs) for ours, theirs in pairs)

    def __hash__(self) -> int:
        return hash((self.name, self.edges.tobytes(), self.periodic))


def _degrees(unit: str) -> bool:
    return unit.lower().startswith(("deg", "°"))


def canonical_order(names: Sequence[str]) -> tuple[int, ...]:
    """Numbers of axes in the canonical order, if all have names of it; else as they are.

    >>> canonical_order(("lon", "lat"))
    (1, 0)
    """
    places = [
        next((p for p, known in enumerate(CANONICAL) if name.lower() in known), None)
        for name in names
    ]
    if None in places or len(set(places)) < len(places):
        return tuple(range(len(names)))
    return tuple(sorted(range(len(names)), key=lambda d: places[d] or 0))
