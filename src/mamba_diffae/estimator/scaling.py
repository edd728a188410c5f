"""Between a user's fields and what a network sees: units, coordinates and gaps, in both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch

from mamba_diffae.estimator.checks import checked_observations
from mamba_diffae.estimator.covariates import CovariateScaler
from mamba_diffae.fields import (
    Background,
    Covariates,
    FieldData,
    Frame,
    Geometry,
    Grid,
    Observations,
    ShapeError,
    ValuesError,
    Variable,
    canonical_order,
)

_AT_ONCE = 256
"""Snapshots that are scaled together, to bound the memory."""


@final
@dataclass(frozen=True)
class FieldScaler:
    """What a model has to know of the fields that it was fitted on.

    Attributes:
        variables: Names, units and transforms, C of them.
        grid: The native one, its axes in the user's order.
        frame: From physical coordinates to inside ones, its axes in the canonical order (time, the
            vertical, north, east), so that the user's order of dimensions does not matter.
        covariates: That it was fitted with, or None.
    """

    variables: tuple[Variable, ...]
    grid: Grid
    frame: Frame
    covariates: CovariateScaler | None = None

    @classmethod
    def of(cls, data: FieldData) -> Self:
        """That of fields to fit a model on.

        Raises:
            ShapeError: If an axis has a single cell.
        """
        check_axes(data.grid)
        order = canonical_order(data.grid.names)
        ordered = data.transpose(order)
        known = CovariateScaler.of(ordered)
        return cls(tuple(data.variables), data.grid, Frame.of(ordered), known)

    @property
    def order(self) -> tuple[int, ...]:
        """Number in the user's order of each axis in the canonical one."""
        return tuple(self.grid.names.index(name) for name in self.frame.names)

    @property
    def inside_grid(self) -> Grid:
        """The native grid in inside coordinates and canonical order."""
        return self.frame.inside(self.grid.transpose(self.order))

    @property
    def geometry(self) -> Geometry:
        """Of the native region."""
        return self.frame.geometry(self.grid.transpose(self.order))

    @property
    def curved(self) -> bool:
        """Whether a mean is no image of a mean, for one of the variables."""
        return any(variable.transform.curved for variable in self.variables)

    def data(self, data: FieldData) -> FieldData:
        """Fields in inside coordinates, scaled, in single precision; gaps stay gaps.

        Raises:
            ShapeError: If they have other variables or lie on another grid.
        """
        self.check_variables([v.name for v in data.variables])
        if data.grid.axes != self.grid.axes:
            raise ShapeError(
                f"Fields on {data.grid.describe_shape()} cells ({data.grid.describe_region()}) "
                f"were given, but the model was fitted on {self.grid.describe_shape()} cells "
                f"({self.grid.describe_region()}); give fields on that grid."
            )
        data = data.transpose(self.order)
        scaled = np.empty(data.values.shape, np.float32)
        for i in range(0, len(data), _AT_ONCE):
            scaled[i : i + _AT_ONCE] = self._forward(data.values[i : i + _AT_ONCE])
        return FieldData(
            [Variable(v.name) for v in self.variables],
            self.frame.inside(data.grid),
            scaled,
            data.valid,
            data.names,
            data.groups,
            data.splits,
            data.attributes,
            data.mirrored,
            covariates=self._covariates(data),
        )

    def _covariates(self, data: FieldData) -> Covariates | None:
        """Normalised ones of fields in canonical order.

        Raises:
            ValuesError: If they have none, but the model was fitted with some.
        """
        if self.covariates is None:
            return None
        if data.covariates is None:
            raise ValuesError(
                f"The fields have no covariates, but the model was fitted with "
                f"{', '.join(self.covariates.names)}; open them with covariates=[...]."
            )
        return self.covariates.scaled(data.covariates)

    def _forward(self, values: np.ndarray) -> np.ndarray:
        scaled = np.empty(values.shape, np.float32)
        for c, variable in enumerate(self.variables):
            # A gap holds 0, which need not lie within the bounds of a transform.
            with np.errstate(divide="ignore", invalid="ignore"):
                z = variable.transform.forward(values[..., c].astype(np.float64))
            scaled[..., c] = np.nan_to_num(z, nan=0.0, posinf=0.0, neginf=0.0)
        return scaled

    def observations(self, observations: Observations) -> Observations:
        """Observations in inside coordinates, scaled, in single precision.

        Raises:
            ValueError: As `checked_observations`, and if values lie outside the bounds of their
                transform.
        """
        given = checked_observations(observations, self.grid, self.variables)
        mask, values = given.mask.numpy(), given.values.numpy()
        noise = None if given.noise is None else given.noise.numpy()
        scaled, error = np.zeros_like(values), np.zeros_like(values)
        for c, variable in enumerate(self.variables):
            here, transform = mask[..., c], variable.transform
            transform.check(values[here, c], variable.name)
            scaled[here, c] = transform.forward(values[here, c])
            if noise is not None:
                error[here, c] = transform.derivative(values[here, c]) * noise[here, c]
        parts = {"values": _single(scaled), "noise": None if noise is None else _single(error)}
        order = list(self.order)
        if given.support is not None:
            parts["support"] = _single(self.frame.lengths(given.support.numpy()[..., order]))
        if given.covariates is not None:
            parts["covariates"] = given.covariates.float()
        if self.covariates is not None and given.covariates is not None:
            parts["covariates"] = self.covariates.at_points(given.covariates)
        placed = given.replace(coords=self._inside(given.coords.numpy()), **parts)
        return placed.replace(background=self._background(given))

    def _background(self, given: Observations) -> Background | None:
        """Covariates of whole fields as a network reads them; None: the model has none."""
        if self.covariates is None:
            return None
        grid = self.grid.transpose(self.order)
        return self.covariates.background(given.background, len(given), grid)

    def places(self, coords: np.ndarray) -> torch.Tensor:
        """Physical places (N, D) within the grid as inside ones, shape (1, N, D)."""
        return self._inside(coords)[None]

    def physical(self, places: np.ndarray) -> np.ndarray:
        """Inside places (N, D) as physical ones, in the user's order of axes."""
        return self.frame.physical(places)[:, np.argsort(self.order)]

    def _inside(self, coords: np.ndarray) -> torch.Tensor:
        return _single(self.frame.coords(coords[..., list(self.order)]))

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Native values (S, P, C), in canonical order, as (S, *shape, C) in the user's."""
        order = self.order
        shape = [self.grid.shape[d] for d in order]
        gridded = values.reshape(len(values), *shape, values.shape[-1])
        back = [0, *(order.index(d) + 1 for d in range(len(order))), len(order) + 1]
        return gridded.transpose(back)

    def values(self, z: np.ndarray) -> np.ndarray:
        """Scaled values (..., C), such as draws, in the units of the variables."""
        columns = [v.transform.inverse(z[..., c]) for c, v in enumerate(self.variables)]
        return self._typed(np.stack(columns, axis=-1))

    def mean(self, z: np.ndarray, std: np.ndarray) -> np.ndarray:
        """The mean of variables whose scaled values are N(z, std²), in their units.

        Args:
            z: Shape (..., C).
            std: Shape (..., C), or one that broadcasts to it; what it is does not matter where no
                transform is curved.
        """
        std = np.broadcast_to(std, z.shape)
        parts = (
            v.transform.moments(z[..., c], std[..., c])[0] for c, v in enumerate(self.variables)
        )
        return self._typed(np.stack(list(parts), axis=-1))

    def _typed(self, values: np.ndarray) -> np.ndarray:
        """Single precision where it resolves the variables' limits to a millionth."""
        offset = max(max(abs(v.limits[0]), abs(v.limits[1])) for v in self.variables)
        least = min(v.limits[1] - v.limits[0] for v in self.variables)
        return values.astype(np.float32 if offset < 10 * least else np.float64)

    def check_variables(self, names: list[str]) -> None:
        """Refuse other variables than those the model was fitted on."""
        ours = [variable.name for variable in self.variables]
        if names != ours:
            raise ShapeError(
                f"Fields of the variables {', '.join(names)} were given, but this model was fitted "
                f"on {', '.join(ours)}; give those, in that order."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return {
            "variables": [variable.to_dict() for variable in self.variables],
            "grid": self.grid.to_dict(),
            "frame": self.frame.to_dict(),
            **({} if self.covariates is None else {"covariates": self.covariates.to_dict()}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        variables = tuple(Variable.from_dict(v) for v in data["variables"])
        stored = data.get("covariates")
        covariates = None if stored is None else CovariateScaler.from_dict(stored)
        grid, frame = Grid.from_dict(data["grid"]), Frame.from_dict(data["frame"])
        return cls(variables, grid, frame, covariates)


def check_axes(grid: Grid) -> None:
    """Refuse an axis of a single cell.

    Raises:
        ShapeError: As said.
    """
    for axis in grid.axes:
        if axis.cells < 2:
            raise ShapeError(
                f"The axis {axis.name!r} has one cell; a field varies along each of its axes: "
                "drop this one (values.squeeze(axis))."
            )


def _single(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
