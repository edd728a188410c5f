"""The lattice over scattered points: where none is given, the grid of their field."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mamba_diffae.fields import Axis, CoordinateError, Grid, Observations, ShapeError
from mamba_diffae.fields.axis import CANONICAL, LATITUDES
from mamba_diffae.fields.rising import LONGITUDES

CELLS = 1024
"""Cells of the lattice, at most."""
_LEAST = 2
"""Cells along an axis, at least."""
_OTHER = (*CANONICAL[0], *CANONICAL[1])
"""Axes that share no unit with the others: time and the vertical."""
_OPEN = 90.0
"""Degrees without any point from which longitudes do not close."""


def bounding_grid(
    seen: Observations, names: Sequence[str] | None = None, units: Sequence[str] = ()
) -> Grid:
    """Cells about as wide as high, the outermost points in the middle of the outermost cells.

    Axes that are named as latitude and longitude are those of the sphere. Longitudes close unless a
    quarter of the circle is empty; then they begin behind the widest gap.

    Args:
        seen: The points of all snapshots.
        names: Of the axes; None: those of `Grid.regular`, on a plane.
        units: Of the axes; none: not known.

    Raises:
        ShapeError: If there are no columns, or more than three.
        CoordinateError: If places are not finite, or do not span each axis.
    """
    if not 1 <= seen.dim <= 3:
        raise ShapeError(f"The points have {seen.dim} coordinates each; expected one to three.")
    coords = _checked(seen.coords[seen.present].numpy())
    named = names or Grid.default([1] * seen.dim).names
    kinds = [name.lower() for name in names or [""] * seen.dim]
    columns = zip(kinds, coords.T, strict=True)
    ends = np.array(
        [_round_globe(x) if kind in LONGITUDES else (x.min(), x.max()) for kind, x in columns]
    )
    shape = _shape(_lengths(kinds, *ends.T))
    spans = ends[:, 1] - ends[:, 0]
    half = np.where(
        np.isin(kinds, LONGITUDES) & (spans >= 360), 0, spans / (np.array(shape) - 1) / 2
    )
    low, high = (ends[:, 0] - half).tolist(), (ends[:, 1] + half).tolist()
    axes = zip(named, kinds, low, high, shape, units or [""] * seen.dim, strict=True)
    return Grid(tuple(_axis(*axis) for axis in axes))


def _axis(name: str, kind: str, low: float, high: float, cells: int, unit: str) -> Axis:
    if kind in LATITUDES:
        return Axis.regular(name, max(low, -90), min(high, 90), cells, "degrees_north")
    if kind not in LONGITUDES:
        return Axis.regular(name, low, high, cells, unit)
    return Axis.regular(name, low, high, cells, "degrees_east", periodic=high - low >= 360)


def _checked(coords: np.ndarray) -> np.ndarray:
    """Places (N, D) that span each axis.

    Raises:
        CoordinateError: As said.
    """
    bad = np.flatnonzero((~np.isfinite(coords)).any(axis=1))
    if len(bad):
        raise CoordinateError(
            f"{len(bad)} of {len(coords)} places are NaN or infinite; drop those points."
        )
    low, high = coords.min(axis=0), coords.max(axis=0)
    if (low == high).all():
        place = ", ".join(f"{x:g}" for x in low)
        raise CoordinateError(
            f"All {len(coords)} points lie at one place ({place}); a field has several: check the "
            "columns of the coordinates."
        )
    for d in np.flatnonzero(low == high):
        raise CoordinateError(
            f"All {len(coords)} points have {low[d]:g} as coordinate {d} of {coords.shape[1]}; "
            "leave that column out, or give the region by grid=."
        )
    return coords


def _round_globe(x: np.ndarray) -> tuple[float, float]:
    """Ends of longitudes (N,) of any convention, from behind their widest gap; or the circle."""
    order = np.argsort(np.mod(x, 360), kind="stable")
    turned = np.mod(x, 360)[order]
    gaps = np.diff(np.append(turned, turned[0] + 360))
    widest = int(gaps.argmax())
    if gaps[widest] < _OPEN:
        return (-180.0, 180.0) if x.min() < 0 else (0.0, 360.0)
    low = float(x[order[(widest + 1) % len(x)]])
    return low, low + 360 - float(gaps[widest])


def _lengths(kinds: Sequence[str], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How long the axes are beside each other, (D,); on those of another unit as the others."""
    spans = high - low
    latitudes = [d for d, kind in enumerate(kinds) if kind in LATITUDES]
    for d, kind in enumerate(kinds):
        if kind in LONGITUDES and latitudes:
            middle = (low[latitudes[0]] + high[latitudes[0]]) / 2
            spans[d] *= math.cos(math.radians(middle))
    others = [d for d, kind in enumerate(kinds) if kind in _OTHER]
    space = [d for d in range(len(kinds)) if d not in others]
    if others and space:
        spans[others] = math.exp(np.mean(np.log(spans[space])))
    return spans


def _shape(spans: np.ndarray) -> tuple[int, ...]:
    """Nearly `CELLS` cells of equal sides; axes too short for two such cells have two."""
    shape, rest, cells = np.full(len(spans), _LEAST), list(range(len(spans))), CELLS
    while rest:
        width = math.exp(np.mean(np.log(spans[rest])) - math.log(cells) / len(rest))
        short = [d for d in rest if spans[d] < _LEAST * width]
        if not short or len(short) == len(rest):
            for d in rest:
                shape[d] = max(_LEAST, math.floor(spans[d] / width))
            break
        rest = [d for d in rest if d not in short]
        cells = max(1, cells // _LEAST ** len(short))
    return tuple(map(int, shape))
