"""Covariates between a user's units and a network's: normalised, on the model's cells."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import (
    Axis,
    Background,
    CoordinateError,
    Covariates,
    FieldData,
    Grid,
    ShapeError,
    ValuesError,
    average,
    overlap,
)
from mamba_diffae.fields.units import conversion

_AT_ONCE = 256
"""Snapshots that are averaged together, to bound the memory."""
_UNCOVERED = 1e-3
"""Share of a cell over which a covariate may be unknown."""


@final
@dataclass(frozen=True, eq=False)
class CovariateScaler:
    """What a model has to know of the covariates that it was fitted with, K of them.

    Attributes:
        names: Of the covariates.
        units: "" where unknown.
        mean: Over the training snapshots.
        deviation: Likewise; 1 where they never differ.
        fixed: Of those that are the same for all snapshots the normalised values, on equally wide
            cells, axes in canonical order, shape (1, *shape) or one that broadcasts to it; else
            None.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    fixed: tuple[np.ndarray | None, ...]

    @classmethod
    def of(cls, data: FieldData) -> Self | None:
        """That of fields whose axes are in canonical order; None: they have no covariates."""
        if data.covariates is None:
            return None
        known = data.covariates
        moments = [_moments(data, array) for array in known.values]
        mean, deviation = zip(*moments, strict=True)
        bare = cls(tuple(known.names), tuple(known.units), mean, deviation, ())
        even = bare.scaled(known.evenly(data.grid)[1]).values
        kept = zip(even, known.fixed, strict=True)
        return replace(bare, fixed=tuple(array if same else None for array, same in kept))

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of those that differ between snapshots, which have to be given."""
        pairs = zip(self.names, self.fixed, strict=True)
        return tuple(name for name, array in pairs if array is None)

    def scaled(self, known: Covariates) -> Covariates:
        """Normalised covariates of fields, in single precision.

        Raises:
            ValuesError: If they are others than those the model was fitted with.
        """
        if tuple(known.names) != self.names:
            raise ValuesError(
                f"Fields with the covariates {', '.join(known.names)} were given, but this model "
                f"was fitted with {', '.join(self.names)}; give those, in that order."
            )
        each = enumerate(zip(known.values, known.units, strict=True))
        values = tuple(self._normalised(k, array, unit) for k, (array, unit) in each)
        return Covariates(self.names, values, ("",) * len(values))

    def at_points(self, given: Tensor) -> Tensor:
        """Normalised covariates of points (B, N, K).

        Raises:
            ShapeError: If they are more or fewer.
        """
        if given.shape[-1] != len(self.names):
            raise ShapeError(
                f"The observations have {given.shape[-1]} covariates, but this model was fitted "
                f"with {len(self.names)} ({', '.join(self.names)}); give those, in that order."
            )
        mean, deviation = given.new_tensor(self.mean), given.new_tensor(self.deviation)
        return ((given - mean) / deviation).float()

    def background(self, given: Background | None, count: int, grid: Grid) -> Background:
        """The covariates of whole fields as a network reads them.

        Args:
            given: In the user's units, on cells that cover the grid; or None.
            count: Fields, B.
            grid: Of the model, its axes in canonical order.

        Raises:
            ValuesError: If one that differs between snapshots is not given, or in another unit.
            CoordinateError: If they do not cover the grid.
        """
        even = grid.regrid(grid.shape)
        theirs: dict[str, tuple[np.ndarray, str]] = {}
        if given is not None and set(given.names) & set(self.names):
            values, named = _placed(given, even), zip(given.names, given.units, strict=True)
            theirs = {name: (values[..., k], unit) for k, (name, unit) in enumerate(named)}
        if lost := [name for name in self.varying if name not in theirs]:
            raise ValuesError(
                f"This model was fitted with the covariates {', '.join(self.names)}, and "
                f"{', '.join(lost)} of these fields is not known. Give it with the fields, opened "
                "with covariates=[...]: observe(data), or observations.with_background(data); or "
                "as a variable of the targets, if these are a Dataset."
            )
        columns = [
            self._normalised(k, *theirs[name]) if name in theirs else self.fixed[k]
            for k, name in enumerate(self.names)
        ]
        stacked = Covariates(self.names, [c for c in columns if c is not None], ())
        made = stacked.stacked(even.shape, np.arange(count)).astype(np.float32, copy=False)
        return Background(self.names, ("",) * len(self.names), even, torch.from_numpy(made))

    def _normalised(self, k: int, values: np.ndarray, unit: str) -> np.ndarray:
        factor, offset = conversion(unit, self.units[k], f"The covariate {self.names[k]!r}")
        found = (values.astype(np.float64) * factor + offset - self.mean[k]) / self.deviation[k]
        return found.astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return {
            "names": list(self.names),
            "units": list(self.units),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "fixed": [None if array is None else _packed(array) for array in self.fixed],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        plain = {name: tuple(data[name]) for name in ("names", "units", "mean", "deviation")}
        fixed = tuple(None if x is None else _unpacked(x) for x in data["fixed"])
        return cls(**plain, fixed=fixed)


def _moments(data: FieldData, array: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of a covariate over the training snapshots."""
    rows = np.array([0]) if len(array) == 1 else np.flatnonzero(data.splits == "train")
    parts = np.array_split(rows, max(1, len(rows) // _AT_ONCE))

    def mean(of: np.ndarray | None) -> float:
        total = count = 0.0
        for part in parts:
            values = np.broadcast_to(array[part], (len(part), *data.shape))[:, data.grid.exists]
            values = values.astype(np.float64)
            total += float((values if of is None else np.square(values - of)).sum())
            count += values.size
        return total / max(count, 1)

    centre = mean(None)
    deviation = float(np.sqrt(mean(np.array(centre))))
    # What rounding leaves of one number is no deviation.
    return centre, deviation if deviation > 1e-6 * abs(centre) else 1.0


def _placed(given: Background, even: Grid) -> np.ndarray:
    """Values (B, *even.shape, K) averaged over cells, axes in their order."""
    names = given.grid.names
    if sorted(names) != sorted(even.names):
        raise CoordinateError(
            f"The covariates lie on the axes {', '.join(names)}, but the model was fitted on "
            f"{', '.join(even.names)}; give them on those."
        )
    order = [names.index(name) for name in even.names]
    values = given.values.cpu().numpy().transpose(0, *(d + 1 for d in order), len(order) + 1)
    pairs = zip((given.grid.axes[d] for d in order), even.axes, strict=True)
    return average(values, [_averages(theirs, ours) for theirs, ours in pairs])


def _averages(theirs: Axis, ours: Axis) -> np.ndarray:
    """The matrix that averages one axis over the cells of another.

    Raises:
        CoordinateError: If it does not cover them.
    """
    factor, offset = conversion(theirs.unit, ours.unit, f"The axis {ours.name!r} of covariates")
    edges = theirs.edges * factor + offset
    turn = 360.0 if ours.is_longitude else theirs.span * factor if theirs.periodic else 0.0
    turns = (-turn, 0.0, turn) if turn else (0.0,)
    widths = np.diff(edges)
    mass = sum(overlap(edges + t, ours.edges) * widths for t in turns)
    covered = np.asarray(mass).sum(axis=1)
    if (covered < (1 - _UNCOVERED) * ours.widths).any():
        raise CoordinateError(
            f"The covariates are known for {theirs.describe()}, but the model needs them for all "
            f"of {ours.describe()}; give them there."
        )
    return np.asarray(mass) / covered[:, None]


def _packed(array: np.ndarray) -> dict[str, Any]:
    data = zlib.compress(np.ascontiguousarray(array, "<f4").tobytes())
    return {"shape": list(array.shape), "values": base64.b64encode(data).decode()}


def _unpacked(stored: Mapping[str, Any]) -> np.ndarray:
    data = zlib.decompress(base64.b64decode(stored["values"]))
    return np.frombuffer(data, "<f4").reshape(stored["shape"]).astype(np.float32)
