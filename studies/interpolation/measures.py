"""How smooth a path of fields is, and how true what lies on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import nearest_known, total_variation_ratio
from mamba_diffae.fields import LATTICE_LIMIT, FieldData, observe

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


def roughness(path: np.ndarray, ends: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Total variation in the middle of a path over that of the true ends.

    Args:
        path: Shape (K, *shape, C).
        ends: Both true fields, shape (2, *shape, C).
        weights: What each value of the ends counts, of their shape; None: all alike.
    """
    inside = middle(path)
    return total_variation_ratio(np.concatenate([inside] * (2 // len(inside))), ends, weights)


@final
class Nearest:
    """Distance to the nearest true field, those of some groups apart.

    Args:
        known: Fields that count as true.
        mirrored: Whether their mirror images do as well.
    """

    def __init__(self, known: FieldData, mirrored: bool) -> None:
        self.shape, self.mirrored = known.grid.lattice_shape(LATTICE_LIMIT), mirrored
        self.native, self.known = known, known.at(self.shape)

    def __call__(self, values: np.ndarray, exclude_groups: np.ndarray) -> np.ndarray:
        """Root mean square on [0, 1] of the averages over cells, shape (S,).

        Args:
            values: Native, shape (S, *shape, C), in the units of the variables.
            exclude_groups: Groups of which no field counts.
        """
        others = self.known.take(~np.isin(self.known.groups, exclude_groups))
        new = FieldData(self.native.variables, self.native.grid, values)
        return nearest_known(new, others, shape=self.shape, mirrored=self.mirrored)[0]


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
        values: The path, native, shape (K, *shape, C), in the units of the variables.
        ends: Both true fields, shape (2, *shape, C).
        nearest: Distance to the nearest true field.
        exclude_groups: Groups of which no field counts as true.
    """
    frames = FieldData(model.variables, model.grid, values)
    unit, weights = frames.unit_interval(values), frames.weights()
    by_area = unit * np.sqrt(weights / weights.mean())
    length = path_length(by_area)
    again = model.encode(observe(frames, 1.0))
    found: dict[Measure, float] = {
        "length": length,
        "straightness": length / max(endpoint_distance(by_area), 1e-12),
        "bend": second_difference(by_area),
        "encoded": path_length(again) / max(endpoint_distance(again), 1e-12),
        "nearest": float(nearest(middle(values), exclude_groups).mean()),
        "roughness": roughness(unit, frames.unit_interval(ends), weights[:2]),
    }
    return [found[measure] for measure in MEASURES]
