"""Averages of a gridded field over the cells of another grid, or over any boxes: exact integrals.

A field on a grid is taken as constant over each cell, the average that its value is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import reduce

import numpy as np


def overlap(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Share of each fine cell that lies in each coarse one, along one axis.

    Args:
        fine: Edges of n cells, rising, shape (n + 1,).
        coarse: Edges of m cells in the same unit, shape (m + 1,).

    Returns:
        Shape (m, n), float64; columns sum to 1 where the coarse cells cover the fine one.
    """
    low = np.maximum(fine[None, :-1], coarse[:-1, None])
    high = np.minimum(fine[None, 1:], coarse[1:, None])
    return np.clip(high - low, 0, None) / np.diff(fine)


def average(values: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Multiply every axis of a stack of fields by a matrix: a weighted sum over cells.

    Args:
        values: Shape (S, *shape, C).
        matrices: One an axis, shape (m_d, n_d).

    Returns:
        Shape (S, m_1, ..., m_D, C), of the matrices' type.
    """
    for axis, matrix in enumerate(matrices, start=1):
        values = np.moveaxis(np.tensordot(values, matrix, axes=([axis], [1])), -1, axis)
    return np.ascontiguousarray(values)


class BoxAverages:
    """Weighted averages of fields over axis-parallel boxes, by their cumulative integral.

    See docs/concepts.md, eq. (2).

    >>> boxes = BoxAverages(np.array([[[1.0], [3.0]]]), np.ones((1, 2, 1)), [np.arange(3)], [False])
    >>> boxes(np.array([[1.0]]), np.array([[2.0]]))[0].tolist()
    [[[2.0]]]

    Attributes:
        known: Which values count, shape (S, P, C).

    Args:
        values: Shape (S, *shape, C).
        weights: What each value counts, the same shape: 0 where it is missing.
        edges: Of the cells, one array an axis.
        periodic: Which axes close.
    """

    def __init__(
        self,
        values: np.ndarray,
        weights: np.ndarray,
        edges: Sequence[np.ndarray],
        periodic: Sequence[bool],
    ) -> None:
        self.edges, self.periodic = edges, periodic
        weights = np.asarray(weights, dtype=np.float64)
        values = np.where(weights > 0, values, 0)
        self.known = (weights > 0).reshape(len(weights), -1, weights.shape[-1])
        space = tuple(range(1, 1 + len(edges)))
        self.total = weights.sum(space)
        # Deviations from the mean: a difference of integrals of a large offset would lose digits.
        mean = (values * weights).sum(space, keepdims=True)
        whole = weights.sum(space, keepdims=True)
        mean = np.divide(mean, whole, out=np.zeros_like(mean), where=whole > 0)
        self.mean = mean.reshape(len(mean), 1, -1)
        mass = np.concatenate([(values - mean) * weights, weights], axis=-1)
        for axis in range(1, len(edges) + 1):
            mass = np.cumsum(mass, axis=axis)
            mass = np.concatenate([np.zeros_like(mass.take([0], axis)), mass], axis=axis)
        self.integral = mass.reshape(len(mass), -1, mass.shape[-1])

    def __call__(self, centres: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Averages over boxes; beyond the border of an axis that does not close they are cut.

        A support below the cell around is taken as that cell's width: the field is not known finer.

        Args:
            centres: Of the boxes, shape (N, D).
            support: Their sides, shape (N, D).

        Returns:
            Averages (S, N, C), 0 where nothing counts, and the weight in each box (S, N, C).
        """
        taps = [self._taps(d, centres[:, d], support[:, d]) for d in range(len(self.edges))]
        found = 0.0
        for choice in itertools.product(*(zip(*tap, strict=True) for tap in taps)):
            index = reduce(
                lambda at, step: at * len(step[0]) + step[1],
                zip(self.edges, (i for i, _ in choice), strict=True),
                np.zeros(len(centres), dtype=np.int64),
            )
            share = reduce(np.multiply, (w for _, w in choice))
            found = found + share[:, None] * self.integral[:, index]
        total, weight = np.split(np.asarray(found), 2, axis=-1)
        # What rounding leaves of nothing in a difference of integrals is nothing.
        weight = np.where(weight > 1e-9 * self.total[:, None] / self.integral.shape[1], weight, 0)
        deviation = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
        return np.where(weight > 0, self.mean + deviation, 0), weight

    def cells(self, places: np.ndarray) -> np.ndarray:
        """Number of the cell in which each place lies, shape (N,), the last axis fastest."""
        columns = (self._cell(d, places[:, d]) for d in range(len(self.edges)))
        return np.ravel_multi_index(tuple(columns), tuple(len(edges) - 1 for edges in self.edges))

    def _cell(self, d: int, place: np.ndarray) -> np.ndarray:
        edges = self.edges[d]
        if self.periodic[d]:
            place = edges[0] + np.mod(place - edges[0], edges[-1] - edges[0])
        return np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(edges) - 2)

    def _taps(
        self, d: int, centre: np.ndarray, side: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Nodes of the integral, and their weights, that give a box along one axis."""
        edges = self.edges[d]
        half = np.maximum(side, np.diff(edges)[self._cell(d, centre)]) / 2
        nodes, weights, turns = [], [], np.zeros(len(centre))
        for sign, end in ((1, centre + half), (-1, centre - half)):
            if self.periodic[d]:
                turn = np.floor((end - edges[0]) / (edges[-1] - edges[0]))
                end = end - turn * (edges[-1] - edges[0])
                turns += sign * turn
            end = end.clip(edges[0], edges[-1])
            node = np.clip(np.searchsorted(edges, end, side="right") - 1, 0, len(edges) - 2)
            f = (end - edges[node]) / (edges[node + 1] - edges[node])
            nodes += [node, node + 1]
            weights += [sign * (1 - f), sign * f]
        if self.periodic[d]:
            nodes.append(np.full(len(centre), len(edges) - 1))
            weights.append(turns)
        return nodes, weights
