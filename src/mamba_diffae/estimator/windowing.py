"""How a model of windows sees a large grid: which windows there are, and what lies in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Geometry, Grid, Observations, Shape
from mamba_diffae.fields.windows import WindowCover, cell_positions
from mamba_diffae.priors.kriging.random_field import Origin

_ROUNDING = 1e-4
"""Share by which single precision may widen an average."""


@final
@dataclass(frozen=True, eq=False)
class Windowing:
    """Windows on a large grid, all in inside coordinates and the canonical order of axes.

    Attributes:
        whole: The scaling of the large grid.
        part: That of a window.
        tokens: Of a network's decoder along each axis of a window: windows begin at whole ones.
    """

    whole: FieldScaler
    part: FieldScaler
    tokens: Shape

    @cached_property
    def grid(self) -> Grid:
        """The large one."""
        return self.whole.inside_grid

    @cached_property
    def window(self) -> Grid:
        """The grid of a window."""
        return self.part.inside_grid

    @cached_property
    def cover(self) -> WindowCover:
        """Which windows there are."""
        shape = self.window.shape
        step = tuple(n / t for n, t in zip(shape, self.tokens, strict=True))
        return WindowCover(self.grid.shape, shape, step, self.grid.periodic)

    @cached_property
    def _cut(self) -> list[bool]:
        pairs = zip(self.window.shape, self.grid.shape, strict=True)
        return [ours < theirs for ours, theirs in pairs]

    def positions(self, coords: Tensor) -> np.ndarray:
        """Places (N, D) of the large grid, in cells."""
        return cell_positions(self.grid, coords.double().cpu().numpy())

    def coords(self, local: np.ndarray) -> Tensor:
        """Positions (N, D) in a window, in cells, as coordinates of the network."""
        columns = [
            np.interp(local[:, d], np.arange(axis.cells + 1.0), axis.edges)
            for d, axis in enumerate(self.window.axes)
        ]
        return torch.from_numpy(np.stack(columns, axis=-1).astype(np.float32))

    def holds(self, seen: Observations) -> bool:
        """Whether all averages that were observed are over no more than a window."""
        if seen.support is None:
            return True
        axes = zip(self.grid.axes, self.window.shape, self._cut, strict=True)
        sides = [n * float(np.median(a.widths)) if cut else math.inf for a, n, cut in axes]
        return bool((seen.support <= seen.support.new_tensor(sides) * (1 + _ROUNDING)).all())

    def origin(self, start: np.ndarray, geometry: Geometry) -> Origin:
        """Where a window that begins at a step (D,) lies in the whole, for the prior's draws."""
        at, period = [], []
        for axes in geometry.embedded_axes:
            d = axes[0]
            plain = len(axes) == 1 and self._cut[d]
            width = self.window.axes[d].span / self.window.shape[d]
            at.append(float(start[d]) * self.cover.step[d] * width if plain else 0.0)
            closes = plain and self.grid.periodic[d]
            period.append(self.grid.shape[d] * width if closes else math.inf)
        return Origin(torch.tensor(at).double(), torch.tensor(period).double())

    def token_numbers(self, start: np.ndarray) -> Tensor:
        """Numbers of a window's tokens among those of the whole, shape (T,)."""
        steps, number = self.cover.steps, np.zeros((), dtype=np.int64)
        axes = np.meshgrid(*map(np.arange, self.tokens), indexing="ij")
        for d, along in enumerate(axes):
            place = start[d] + along
            # A window that hangs over the end has tokens beyond the last one.
            size = steps[d] if self.grid.periodic[d] else steps[d] + self.tokens[d]
            number = number * size + place % size
        return torch.from_numpy(number.ravel())

    def observations(self, seen: Observations, start: np.ndarray) -> Observations:
        """Those of one field that lie in a window, in its coordinates; an absent one if none does.

        Args:
            seen: Of one field on the large grid, without padding.
            start: Step at which the window begins, (D,).
        """
        position = self.positions(seen.coords[0])
        local = self.cover.local(start, position)
        rows = np.flatnonzero(self.cover.inside(local))
        found = seen.points(torch.from_numpy(rows if len(rows) else np.zeros(1, dtype=np.int64)))
        if not len(rows):
            middle = np.array([self.window.shape]) / 2
            return self._placed(found, middle, start).replace(mask=torch.zeros_like(found.mask))
        placed = self._placed(found, local[rows], start)
        if found.support is None:
            return placed
        cell = np.minimum(position[rows].astype(int), np.array(self.grid.shape) - 1)
        ours = [axis.span / axis.cells for axis in self.window.axes]
        theirs = [axis.widths[cell[:, d]] for d, axis in enumerate(self.grid.axes)]
        ratio = np.stack([a / b for a, b in zip(ours, theirs, strict=True)], axis=-1)
        return placed.replace(support=found.support * torch.from_numpy(ratio).float())

    def _placed(self, found: Observations, local: np.ndarray, start: np.ndarray) -> Observations:
        background = found.background
        if background is not None:
            cut = background.values[0].numpy()[np.ix_(*self._background_cells(start))]
            background = replace(background, grid=self.window, values=torch.from_numpy(cut)[None])
        return found.replace(coords=self.coords(local)[None], background=background)

    def _background_cells(self, start: np.ndarray) -> list[np.ndarray]:
        """Numbers of a window's cells among the equally wide ones of a background."""
        cells = []
        for d, axis in enumerate(self.grid.axes):
            if not self._cut[d]:
                cells.append(np.arange(axis.cells))
                continue
            place = round(start[d] * self.cover.step[d]) + np.arange(self.window.shape[d])
            # A window that hangs over the end goes on as the last cell.
            wrapped = place % axis.cells if axis.periodic else place.clip(max=axis.cells - 1)
            even = ((axis.centres - axis.low) / axis.span * axis.cells).astype(np.int64)
            cells.append(even[wrapped])
        return cells


def touching(cover: WindowCover, positions: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Windows that hold some of the positions (N, D): their starts, and which positions (M,)."""
    every = ((start, cover.inside(cover.local(start, positions))) for start in cover.starts())
    return [(start, np.flatnonzero(inside)) for start, inside in every if inside.any()]


def in_parts(sizes: Sequence[int], most: int, count: int) -> list[slice]:
    """Consecutive runs of at most `count`, whose longest times their number is at most `most`."""
    runs, first = [], 0
    while first < len(sizes):
        end, longest = first, 0
        while end < len(sizes) and end - first < count:
            longest = max(longest, sizes[end])
            if end > first and longest * (end - first + 1) > most:
                break
            end += 1
        runs.append(slice(first, end))
        first = end
    return runs
