"""How smooth a path of fields is, and how true what lies on it."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import numpy as np

from mamba_diffae.evaluation import nearest_known, total_variation_ratio
from mamba_diffae.fields import CELLS, GridField


def path_length(path: np.ndarray) -> float:
    """Sum of the steps, root mean squares, of a path of any things, shape (K, ...)."""
    return float(_rms(np.diff(path, axis=0)).sum())


def chord(path: np.ndarray) -> float:
    """The step from the first to the last, shape (K, ...)."""
    return float(_rms(path[-1:] - path[:1])[0])


def second_difference(path: np.ndarray) -> float:
    """Mean root mean square of x_{k+1} - 2 x_k + x_{k-1}, over an even step of the chord.

    0 on a straight line that is walked evenly; 1 where each step turns by as much as it goes.

    Args:
        path: Shape (K, ...), K ≥ 3.
    """
    even = chord(path) / (len(path) - 1)
    return float(_rms(np.diff(path, n=2, axis=0)).mean() / max(even, 1e-12))


def middle(path: np.ndarray) -> np.ndarray:
    """The one or two in the middle of a path, shape (K, ...)."""
    return path[(len(path) - 1) // 2 : len(path) // 2 + 1]


def grain(path: np.ndarray, ends: np.ndarray) -> float:
    """Total variation in the middle of a path over that of the true ends.

    Args:
        path: Shape (K, n, n, C).
        ends: Both true fields, shape (2, n, n, C).
    """
    inside = middle(path)
    return total_variation_ratio(np.concatenate([inside] * (2 // len(inside))), ends)


@final
class Nearest:
    """Distance to the nearest true field, those of some groups apart.

    Args:
        known: Complete fields that count as true.
        mirrored: Whether their mirror images do as well.
    """

    def __init__(self, known: GridField, mirrored: bool) -> None:
        self.cells, self.mirrored = min(CELLS, known.size), mirrored
        self.known = replace(known, values=known.at(self.cells))

    def __call__(self, values: np.ndarray, but: np.ndarray) -> np.ndarray:
        """Root mean square on [0, 1] of the averages over cells, shape (S,).

        Args:
            values: Shape (S, n, n, C), in the unit of the field.
            but: Groups of which no field counts.
        """
        others = self.known.take(~np.isin(self.known.groups, but))
        return nearest_known(values, others, cells=self.cells, mirrored=self.mirrored)[0]


def _rms(values: np.ndarray) -> np.ndarray:
    """Of each, shape (K, ...) to (K,)."""
    return np.sqrt(np.square(values.reshape(len(values), -1)).mean(axis=1))
