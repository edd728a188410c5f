"""How observations are drawn in training: as users have them, anew in every step.

All fields of a step are observed at the same places, so that nothing is padded and a prior factors
one matrix for all; only a field that has no value at any of them gets one of its own.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple, cast, final

import numpy as np
import torch

from mamba_diffae.fields import BoxAverages, FieldData, Observations, Pattern, draw_cells
from mamba_diffae.priors.kriging import EXACT, NODES
from mamba_diffae.training.data.config import BOXES, DataConfig
from mamba_diffae.training.data.lattice import Lattice

Stream = Callable[[int], np.random.Generator]
"""Random numbers of a step, a stream of its own for every purpose."""

LAYOUT = "layout"
"""Sensors at given places: `DataConfig.layout`."""
P_FAILING, MOST_FAILING = 0.5, 0.5
"""Probability that sensors of a layout fail, and the largest probability that one of them does."""
FRACTION, PLACES, PATTERN, NOISE, VARIABLES, MENDING = 1, 2, 5, 6, 7, 8
"""Purposes; 0, 3 and 4 are those of `FieldBatches`."""

LARGEST_BOX = 4.0
"""Largest side of an averaged box, in observed cells."""
NOISE_RANGE = (0.01, 0.5)
"""Least and largest deviation of the errors, on the scale of about [-1, 1], log-uniform."""


class Seen(NamedTuple):
    """What F fields say at the N places of a view.

    Attributes:
        coords: Shape (N, D), or (F, N, D) where fields have places of their own.
        support: Sides of the averaged boxes, 0 for points, of the same shape.
        values: Shape (F, N, C).
        known: Which of them there are, shape (F, N, C).
    """

    coords: np.ndarray
    support: np.ndarray
    values: np.ndarray
    known: np.ndarray


@final
class ObservationSampler:
    """Draws what is observed of fields (inside coordinates, scaled values).

    Args:
        data: The fields.
        config: What is observed; see `DataConfig.for_data`.

    Attributes:
        lattice: The cells that are observed by default.
        places: Numbers of those that exist.
    """

    def __init__(self, data: FieldData, config: DataConfig) -> None:
        self.data, self.config = data, config
        self.lattice = Lattice.of(data, config.observed_shape)
        grid = self.lattice.grid
        self.centres, self.supports = grid.centres(), grid.supports()
        self.exists = grid.exists
        self.places = np.flatnonzero(self.exists)
        self._area = data.grid.weights()[..., None]
        self.further: FieldData | None = None

    def joined(self, further: FieldData) -> ObservationSampler:
        """A sampler of the same fields and, numbered after them, of others on the same grid."""
        other = copy.copy(self)
        other.further = further
        other.lattice = self.lattice.joined(Lattice.of(further, self.config.observed_shape))
        return other

    def views(
        self, stream: Stream, rows: np.ndarray, mirror: np.ndarray, count: int
    ) -> list[Observations]:
        """Several views of the same fields: of one pattern and fraction, at other places.

        Args:
            stream: The step's.
            rows: Which fields, shape (F,).
            mirror: Which of them are mirrored along the last axis, shape (F,).
            count: How many views.
        """
        pattern, fraction = self._pattern(stream), self._fraction(stream)
        places, noise, variables = stream(PLACES), stream(NOISE), stream(VARIABLES)
        with_noise = noise.random() < self.config.p_noise
        lacking = self.data.n_variables > 1 and variables.random() < self.config.p_variables
        if lacking:  # readings of single variables, of which a prior solves one system
            fraction = min(fraction, EXACT / (len(self.places) * self.data.n_variables))
        views = []
        for view in range(count):
            seen = self._seen(places, rows, mirror, pattern, fraction)
            if lacking:
                kept = draw_variables(variables, *seen.known.shape[1:])
                seen = seen._replace(known=seen.known & kept)
            seen = self._mended(seen, rows, mirror, stream(MENDING + view))
            views.append(as_observations(seen, noise if with_noise else None))
        return views

    def cells(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        mirror: np.ndarray,
        fraction: float,
        pattern: str = "random",
    ) -> Observations:
        """A share of the lattice's cells, at random or in a pattern, exact values; see `views`.

        Where there is a layout, its sensors.
        """
        pattern = pattern if self.config.layout is None else LAYOUT
        seen = self._seen(rng, rows, mirror, pattern, fraction)
        return as_observations(self._mended(seen, rows, mirror, rng), None)

    def observed_fraction(self, observations: Observations) -> np.ndarray:
        """Observed values of each field as a share of those of the lattice, shape (B,), float32."""
        total = len(self.places) * self.data.n_variables
        return (observations.mask.sum(dim=(1, 2)).numpy() / total).astype(np.float32)

    def _pattern(self, stream: Stream) -> str:
        if self.config.layout is not None:
            return LAYOUT
        names, weights = zip(*self.config.patterns.items(), strict=True)
        share = np.array(weights) / sum(weights)
        return names[int(stream(PATTERN).choice(len(names), p=share))]

    def _fraction(self, stream: Stream) -> float:
        """Log-uniform: as many steps between 2 % and 6 % as between 20 % and 60 %."""
        rng, (low, high) = stream(FRACTION), self.config.fractions
        u = rng.random()
        if rng.random() < self.config.p_sparse:
            low = min(high, 1 / len(self.places))
        return math.exp(math.log(low) + u * math.log(high / low))

    def _seen(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        mirror: np.ndarray,
        pattern: str,
        fraction: float,
    ) -> Seen:
        """Values at places of a pattern."""
        if pattern == LAYOUT:
            coords = self._working(rng)
            return self._read(rows, mirror, lambda _: (coords, np.zeros_like(coords)))
        if pattern in ("scattered", BOXES):
            count, boxes = max(1, round(fraction * len(self.places))), pattern == BOXES
            if boxes and self.data.valid is not None:  # then each field has a system of its own
                count = min(count, EXACT // NODES**self.data.grid.dim)
            return self._off_lattice(rng, rows, mirror, count, with_boxes=boxes)
        on = cast(Pattern, pattern)
        cells = draw_cells(rng, self.lattice.grid.shape, fraction, on, self.exists)
        values, known = self.lattice.at(rows, cells, mirror)
        return Seen(self.centres[cells], self.supports[cells], values, known)

    def _off_lattice(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        mirror: np.ndarray,
        count: int,
        *,
        with_boxes: bool,
    ) -> Seen:
        """Points or boxes anywhere, each where one of the fields has a value."""
        dim = self.data.grid.dim

        def placed(area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            sides = self._boxes(rng, count) if with_boxes else np.zeros((count, dim))
            return self._centres(rng, area, sides), sides

        return self._read(rows, mirror, placed)

    def _working(self, rng: np.random.Generator) -> np.ndarray:
        """Places of the sensors that do not fail, shape (N, D); one at least."""
        places = np.array(self.config.layout, dtype=np.float64)
        share = MOST_FAILING * rng.random() if rng.random() < P_FAILING else 0.0
        works = rng.random(len(places)) >= share
        works[rng.integers(len(places))] = True
        return places[works]

    def _read(
        self,
        rows: np.ndarray,
        mirror: np.ndarray,
        placed: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    ) -> Seen:
        """Averages over boxes, whose centres and sides follow from the known area of cells."""
        grid = self.data.grid
        flip = mirror.reshape(-1, *[1] * (grid.dim + 1))
        values, known = self._native(rows)
        values = np.where(flip, values[..., ::-1, :], values)
        weights = np.where(flip, known[..., ::-1, :], known) * self._area
        averages = BoxAverages(values, weights, [axis.edges for axis in grid.axes], grid.periodic)
        coords, sides = placed(weights.max(axis=(0, -1)).ravel())
        found, weight = averages(coords, sides)
        return Seen(coords, sides, found.astype(np.float32), weight > 0)

    def _native(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Native values of fields (F, *shape, C), and where they are known."""
        own, added = np.minimum(rows, len(self.data) - 1), rows >= len(self.data)
        values, known = self.data.values[own], self.data.valid_mask()[own]
        if self.further is not None and added.any():
            place = rows[added] - len(self.data)
            values[added] = self.further.values[place]
            known[added] = self.further.valid_mask()[place]
        return values, known

    def _boxes(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Sides (count, D) of boxes: log-uniform, from a native cell to a few observed ones."""
        axes = self.data.grid.axes
        native = np.array([axis.widths.mean() for axis in axes])
        span = np.array([axis.span for axis in axes])
        largest = np.minimum(LARGEST_BOX * span / self.lattice.grid.shape, span)
        return native * (largest / native) ** rng.random((count, 1))

    def _centres(self, rng: np.random.Generator, area: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Centres (N, D) of boxes that hold a place of a cell, each drawn by area (P,)."""
        axes = self.data.grid.axes
        cells = rng.choice(len(area), len(sides), p=area / area.sum())
        jitter = rng.random(sides.shape)
        columns = []
        for d, index in enumerate(np.unravel_index(cells, self.data.shape)):
            axis, half = axes[d], sides[:, d] / 2
            places = axis.edges[index] + axis.widths[index] * jitter[:, d]
            inside = places.clip(axis.low + half, axis.high - half)
            columns.append(places if axis.periodic else inside)
        return np.stack(columns, axis=-1)

    def _mended(
        self, seen: Seen, rows: np.ndarray, mirror: np.ndarray, rng: np.random.Generator
    ) -> Seen:
        """Give fields of which nothing was seen a cell of the lattice where they have a value."""
        blind = np.flatnonzero(~seen.known.any(axis=(1, 2)))
        if not len(blind):
            return seen
        full = (len(rows), *seen.coords.shape)
        coords, support = (np.broadcast_to(x, full).copy() for x in (seen.coords, seen.support))
        values, known = seen.values.copy(), seen.known.copy()
        for f in blind:
            everywhere = np.arange(len(self.centres))
            found, here = self.lattice.at(rows[f, None], everywhere, mirror[f, None])
            cell = rng.choice(np.flatnonzero(here[0].any(axis=-1)))
            coords[f, 0], support[f, 0] = self.centres[cell], self.supports[cell]
            values[f, 0], known[f, 0] = found[0, cell], here[0, cell]
        return Seen(coords, support, values, known)


def draw_variables(rng: np.random.Generator, points: int, variables: int) -> np.ndarray:
    """Which variables are observed at which points, (points, variables): one at each at least.

    In every second draw some are missing at all points, else each here and there.
    """
    if rng.random() < 0.5:
        kept = rng.permutation(variables)[: rng.integers(1, variables)]
        return np.broadcast_to(np.isin(np.arange(variables), kept), (points, variables))
    present = rng.random((points, variables)) < rng.uniform(0.2, 0.8)
    present[np.arange(points), rng.integers(variables, size=points)] = True
    return present


def as_observations(seen: Seen, noise: np.random.Generator | None) -> Observations:
    """Single-precision observations, with errors of a known deviation if there is a generator."""
    F, N, C = seen.values.shape
    coords, support = (
        torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).expand(F, N, -1)
        for x in (seen.coords, seen.support)
    )
    mask, values = torch.from_numpy(np.array(seen.known)), seen.values
    if noise is None:
        return Observations(coords, torch.from_numpy(values), mask, support)
    low, high = np.log(NOISE_RANGE)
    # One deviation for all fields of a step, so that they share their systems.
    sigma = np.exp(noise.uniform(low, high, (1, 1, C))).astype(np.float32)
    errors = sigma * noise.standard_normal(values.shape, dtype=np.float32)
    deviation = torch.from_numpy(np.broadcast_to(sigma, values.shape).copy())
    return Observations(coords, torch.from_numpy(values + errors), mask, support, deviation)
