"""How observations are drawn from complete fields, or from fields with gaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import ValuesError
from mamba_diffae.fields.given import check_seed
from mamba_diffae.fields.labels import Labels
from mamba_diffae.fields.observations import Observations
from mamba_diffae.fields.overlap import BoxAverages
from mamba_diffae.fields.patterns import Pattern, check_fraction, check_pattern, draw_cells

LATTICE_LIMIT = 1024
"""Cells of the lattice whose averages are observed by default, at most: 32 × 32 of a picture."""


def observe(
    data: FieldData,
    fraction: float = 0.2,
    *,
    shape: Sequence[int] | None = None,
    pattern: Pattern = "random",
    seed: int = 0,
) -> Observations:
    """Observe a share of the cells of every snapshot; number b is drawn with the key (seed, b).

    >>> from mamba_diffae.fields import Grid, Variable
    >>> values = np.arange(32.0).reshape(2, 4, 4, 1) / 31
    >>> observe(FieldData([Variable("v")], Grid.default((4, 4)), values), 0.5).counts.tolist()
    [8, 8]

    Args:
        data: Fields, with gaps or without; what is a gap is not observed.
        fraction: Share of the known cells that are seen, in (0, 1].
        shape: Of the lattice whose cells are observed; each value is the average over a cell. None:
            the native one, or a coarser one of about its aspect and at most 1,024 cells.
        pattern: "random" cells; "regular", every so many, evenly; "block", all but those of one
            block; "stripes", bands across one axis; "track", along straight lines; "clusters",
            around a few centres; "scattered", as many places off the lattice, as points.
        seed: Same seed, same observations.

    Returns:
        In physical coordinates and the units of the variables, which a model of other units
        converts, with the covariates of the fields and the noise that they state, but for the
        pattern "scattered", where it is to be estimated.

    Raises:
        ValueError: If the fraction or the pattern is none, the shape is finer than the native one,
            or a snapshot has no value at all.
    """
    check_fraction(fraction)
    check_pattern(pattern)
    check_seed(seed)
    coarse = data.at(data.grid.lattice_shape(LATTICE_LIMIT) if shape is None else shape)
    known = coarse.valid_mask()
    blind = np.flatnonzero(~known.reshape(len(data), -1).any(axis=1))
    if len(blind):
        raise ValuesError(
            f"{len(blind)} of {len(data)} snapshots have no value at all, the first is "
            f"{data.names[int(blind[0])]!r}; leave them out: data.take(...)."
        )
    labels = _units(data)
    if pattern == "scattered":
        seen = _scattered(data, known, fraction, seed).replace(labels=labels)
        return with_covariates(seen, data)
    centres, supports = coarse.grid.centres(), coarse.grid.supports()
    parts, values_of = [], (-1, data.n_variables)
    for b in range(len(coarse)):
        rng = np.random.default_rng((seed, b))
        anywhere = None if coarse.complete and coarse.grid.mask is None else known[b].any(axis=-1)
        cells = draw_cells(rng, coarse.shape, fraction, pattern, anywhere)
        values = coarse.values[b].reshape(values_of)[cells]
        here = known[b].reshape(values_of)[cells]
        noise = None if coarse.noise is None else coarse.noise[b].reshape(values_of)[cells]
        parts.append(_one(centres[cells], values, here, supports[cells], noise))
    return with_covariates(Observations.stack(parts).replace(labels=labels), data)


def with_covariates(seen: Observations, data: FieldData) -> Observations:
    """Observations of fields with the covariates of these, if they have any."""
    return seen if data.covariates is None else seen.with_background(data)


def _units(data: FieldData) -> Labels | None:
    """Units of axes and variables, as far as some are known."""
    axes, own = tuple(a.unit for a in data.grid.axes), tuple(v.unit for v in data.variables)
    return Labels(axis_units=axes, units=own) if any((*axes, *own)) else None


def _scattered(data: FieldData, known: np.ndarray, fraction: float, seed: int) -> Observations:
    """Points anywhere; what a point reads is what the native cells around it say."""
    parts = []
    for b in range(len(data)):
        rng = np.random.default_rng((seed, b))
        count = max(1, round(fraction * int(known[b].any(axis=-1).sum())))
        boxes = box_averages(data.take(slice(b, b + 1)))
        coords, values, here = known_points(boxes, rng, data, count)
        parts.append(_one(coords, values[0], here[0], None))
    return Observations.stack(parts)


def known_points(
    boxes: BoxAverages, rng: np.random.Generator, data: FieldData, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random places at which the fields have values, each cell as often as its area is large.

    Args:
        boxes: From `box_averages`, of S fields.
        rng: Source of randomness.
        data: Their grid.
        count: How many places, N.

    Returns:
        Places (N, D), values there (S, N, C), and where they are known (S, N, C).
    """
    cells = np.flatnonzero(boxes.known.any(axis=(0, 2)))
    supports = data.grid.supports()[cells]
    index = np.unravel_index(cells, data.shape)
    measures = [axis.measures[i] for axis, i in zip(data.grid.axes, index, strict=True)]
    volume = np.stack(measures, axis=1).prod(axis=1)
    drawn = rng.choice(len(cells), count, p=volume / volume.sum())
    offset = (rng.random((count, data.grid.dim)) - 0.5) * supports[drawn]
    coords = data.grid.centres()[cells[drawn]] + offset
    values, _ = boxes(coords, np.zeros_like(coords))
    known = boxes.known[:, cells[drawn]]
    return coords, np.where(known, values, 0), known


def box_averages(data: FieldData, values: np.ndarray | None = None) -> BoxAverages:
    """Averages of fields over any boxes, in the coordinates of their grid.

    Args:
        data: The fields.
        values: What to average in place of theirs, of their shape.
    """
    edges = [axis.edges for axis in data.grid.axes]
    values = data.values if values is None else values
    return BoxAverages(values, data.weights(), edges, data.grid.periodic)


def _one(
    coords: np.ndarray,
    values: np.ndarray,
    known: np.ndarray,
    support: np.ndarray | None,
    noise: np.ndarray | None = None,
) -> Observations:
    """The observations of one field."""
    arrays = [
        torch.from_numpy(np.array(a))[None] for a in (coords, values.astype(np.float64), known)
    ]
    side = torch.zeros_like(arrays[0]) if support is None else torch.from_numpy(support)[None]
    error = None if noise is None else torch.from_numpy(noise.astype(np.float64))[None]
    return Observations(*arrays, support=side, noise=error)
