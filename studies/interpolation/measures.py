"""How smooth a path of fields is, and how true what lies on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import nearest_known, total_variation_ratio
from mamba_diffae.fields import CELLS, GridField, observe

PathKind = Literal["latent", "blend", "reconstructed", "true"]
"""Through the latent, the blend of the pictures, of their reconstructions; "true": no path."""
PATHS: Sequence[PathKind] = ("latent", "blend", "reconstructed", "true")
Measure = Literal["length", "straightness", "bend", "encoded", "nearest", "roughness"]
MEASURES: Sequence[Measure] = (
    "length",
    "straightness",
    "bend",
    "encoded",
    "nearest",
    "roughness",
)
"""Length; length over the endpoint distance; second difference; that ratio of the latents of the
path's own pictures; distance of the middle from the nearest true picture; its roughness."""


def path_length(path: np.ndarray) -> float:
    """Sum of the steps, root mean squares, of a path of any things, shape (K, ...)."""
    return float(_rms(np.diff(path, axis=0)).sum())


def endpoint_distance(path: np.ndarray) -> float:
    """The step from the first to the last, shape (K, ...)."""
    return float(_rms(path[-1:] - path[:1])[0])


def second_difference(path: np.ndarray) -> float:
    """Mean root mean square of x_{k+1} - 2 x_k + x_{k-1}, over the mean step.

    The mean step is the endpoint distance over the number of steps.

    0 on a straight line that is walked evenly; 1 where each step turns by as much as it goes.

    Args:
        path: Shape (K, ...), K ≥ 3.
    """
    even = endpoint_distance(path) / (len(path) - 1)
    return float(_rms(np.diff(path, n=2, axis=0)).mean() / max(even, 1e-12))


def middle(path: np.ndarray) -> np.ndarray:
    """The one or two in the middle of a path, shape (K, ...)."""
    return path[(len(path) - 1) // 2 : len(path) // 2 + 1]


def roughness(path: np.ndarray, ends: np.ndarray) -> float:
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

    def __call__(self, values: np.ndarray, exclude_groups: np.ndarray) -> np.ndarray:
        """Root mean square on [0, 1] of the averages over cells, shape (S,).

        Args:
            values: Shape (S, n, n, C), in the unit of the field.
            exclude_groups: Groups of which no field counts.
        """
        others = self.known.take(~np.isin(self.known.groups, exclude_groups))
        return nearest_known(values, others, cells=self.cells, mirrored=self.mirrored)[0]


def _rms(values: np.ndarray) -> np.ndarray:
    """Of each, shape (K, ...) to (K,)."""
    return np.sqrt(np.square(values.reshape(len(values), -1)).mean(axis=1))


def path_measures(
    model: FieldAutoencoder,
    values: np.ndarray,
    ends: np.ndarray,
    nearest: Nearest,
    exclude_groups: np.ndarray,
) -> list[float]:
    """One path, in the order of `MEASURES`.

    Args:
        model: Encodes the path's pictures again.
        values: The path, shape (K, n, n, C), in the unit of the field.
        ends: Both true fields, shape (2, n, n, C).
        nearest: Distance to the nearest true field.
        exclude_groups: Groups of which no field counts as true.
    """
    unit = model.scaling.unit(values)
    length = path_length(unit)
    index = np.arange(len(values))
    frames = GridField(values, model.scaling, [""] * len(values), index, index.astype(str))
    again = model.encode(observe(frames, 1.0))
    found: dict[Measure, float] = {
        "length": length,
        "straightness": length / max(endpoint_distance(unit), 1e-12),
        "bend": second_difference(unit),
        "encoded": path_length(again) / max(endpoint_distance(again), 1e-12),
        "nearest": float(nearest(middle(values), exclude_groups).mean()),
        "roughness": roughness(unit, model.scaling.unit(ends)),
    }
    return [found[measure] for measure in MEASURES]
