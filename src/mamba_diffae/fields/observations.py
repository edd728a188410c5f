"""The one batch type: what was observed of several fields, at any places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as parts_of
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields.errors import CoordinateError, ShapeError, ValuesError
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.inside import check_inside


@final
@dataclass(frozen=True, eq=False)
class Observations:
    """Scattered observations of B fields, padded to one length N.

    Outside a model coordinates and values are the user's, in double precision; the estimator's door
    makes the same type with inside coordinates and scaled values, in single precision.

    Attributes:
        coords: Places, shape (B, N, D), one column for each axis, in the order of the grid's axes.
        values: Shape (B, N, C); 0 where `mask` is False, whatever was given there.
        mask: True where a variable was observed, shape (B, N, C).
        support: Sides of the box over which a value is the average, shape (B, N, D), 0 for a point;
            None: all are points.
        noise: Standard deviation of the error of a value, in its own unit, shape (B, N, C); 0: the
            value is exact. None: to be estimated.
        noise_group: Points of one number share an unknown offset (the swath of a satellite), shape
            (B, N), int64; None: there are no such groups.
        covariates: What is known everywhere (elevation, season), shape (B, N, K), or None.

    Raises:
        ShapeError: If shapes disagree.
    """

    coords: Tensor
    values: Tensor
    mask: Tensor
    support: Tensor | None = None
    noise: Tensor | None = None
    noise_group: Tensor | None = None
    covariates: Tensor | None = None

    def __post_init__(self) -> None:
        B, N, D = self.coords.shape if self.coords.ndim == 3 else (-1, -1, -1)
        C = self.values.shape[-1] if self.values.ndim == 3 else -1
        expected = {
            "coords": (B, N, D),
            "values": (B, N, C),
            "mask": (B, N, C),
            "support": (B, N, D),
            "noise": (B, N, C),
            "noise_group": (B, N),
        }
        for name, shape in expected.items():
            given: Tensor | None = getattr(self, name)
            if given is not None and tuple(given.shape) != shape:
                raise ShapeError(
                    f"Observations.{name} has shape {tuple(given.shape)} beside coords of shape "
                    f"{tuple(self.coords.shape)} and values of shape {tuple(self.values.shape)}; "
                    "expected (B, N, D) coords, (B, N, C) values and mask: fields first."
                )
        if self.mask.dtype != torch.bool:
            raise ShapeError(f"Observations.mask is of {self.mask.dtype}; expected bool.")
        object.__setattr__(self, "values", torch.where(self.mask, self.values, 0))
        if self.noise is not None:
            object.__setattr__(self, "noise", torch.where(self.mask, self.noise, 0))

    @classmethod
    def from_points(
        cls,
        coords: Any,
        values: Any,
        *,
        support: Any = None,
        noise: Any = None,
        noise_group: Any = None,
        covariates: Any = None,
        grid: Grid | None = None,
    ) -> Self:
        """Observations of one field, as users have them: arrays, lists, columns of a table.

        >>> Observations.from_points([[0.2, 0.5], [0.7, 0.1]], [1.0, float("nan")]).mask.sum().item()
        1

        Args:
            coords: Places in physical coordinates, shape (N, D), or (N,) on one axis; columns in
                the order of the grid's axes, such as (lat, lon).
            values: Shape (N, C), or (N,) for one variable; NaN or masked where a variable was not
                observed.
            support: Sides of the averaged box: a number, D of them, or shape (N, D).
            noise: Standard deviation: a number, C of them, or shape (N, C).
            noise_group: Groups of points that share an offset, shape (N,), integers.
            covariates: Shape (N, K), or (N,).
            grid: To check the places against; a model checks them anyhow.

        Raises:
            ShapeError: If shapes disagree, or there are no points.
            ValuesError: If something is no number, or a support or noise is negative.
            CoordinateError: If a place is not finite, or outside the grid.
        """
        x, y = column_array(coords, "coords"), column_array(values, "values")
        _check_points(x, y)
        known = np.isfinite(y.data) & ~np.ma.getmaskarray(y)
        if not known.any():
            raise ValuesError(
                f"None of the {len(y)} observations has a finite value; give one at least."
            )
        places = check_inside(x.data, grid) if grid is not None else np.ascontiguousarray(x.data)
        like_x, like_y = (len(x), x.shape[1]), y.shape
        side = _spread(support, "support", like_x)
        if side is not None and grid is not None:
            _check_support(side, grid)
        group = None if noise_group is None else np.asarray(noise_group).astype(np.int64)
        parts = {
            "support": side,
            "noise": _spread(noise, "noise", like_y),
            "noise_group": group,
            "covariates": None
            if covariates is None
            else column_array(covariates, "covariates").data,
        }
        optional = {k: None if v is None else _tensor(v) for k, v in parts.items()}
        return cls(_tensor(places), _tensor(np.where(known, y.data, 0)), _tensor(known), **optional)

    @classmethod
    def stack(cls, parts: Sequence[Observations]) -> Self:
        """One batch of several, padded to the length of the longest.

        Raises:
            ShapeError: If there are none, or they differ in dimension, variables or in what is
                known beside the values.
        """
        if not parts:
            raise ShapeError("No observations were given; give those of at least one field.")
        kinds = {(p.dim, p.n_variables, *(getattr(p, n) is None for n in _OPTIONAL)) for p in parts}
        if len(kinds) > 1:
            raise ShapeError(
                f"Observations of {len(kinds)} different kinds were given (dimensions, variables, "
                "or with and without support, noise, groups, covariates); batch those of one kind."
            )
        n = max(part.coords.shape[1] for part in parts)
        padded = [part._padded(n) for part in parts]
        joined = {
            f.name: torch.cat([getattr(p, f.name) for p in padded])
            for f in parts_of(cls)
            if getattr(padded[0], f.name) is not None
        }
        return cls(**joined)

    def _padded(self, length: int) -> Observations:
        more = length - self.coords.shape[1]
        if not more:
            return self
        # A padded point stands where a real one does, so that no code meets a strange place.
        pads = {
            f.name: torch.cat([v, v[:, :1].expand(-1, more, *[-1] * (v.ndim - 2))], dim=1)
            for f in parts_of(self)
            if (v := getattr(self, f.name)) is not None
        }
        pads["mask"][:, self.coords.shape[1] :] = False
        return Observations(**pads)

    def __len__(self) -> int:
        return len(self.coords)

    def __getitem__(self, index: slice | Sequence[int] | np.ndarray | Tensor) -> Observations:
        """The chosen fields, in the given order."""
        return self._each(lambda v: v[torch.arange(len(self), device=v.device)[index]])

    @property
    def dim(self) -> int:
        """Axes, D."""
        return self.coords.shape[-1]

    @property
    def n_variables(self) -> int:
        """Variables, C."""
        return self.values.shape[-1]

    @property
    def present(self) -> Tensor:
        """True where any variable was observed, shape (B, N)."""
        return self.mask.any(dim=-1)

    def to(self, target: torch.device | torch.dtype) -> Observations:
        """The same on a device, or with the numbers of another type."""
        if isinstance(target, torch.device):
            return self._each(lambda v: v.to(target, non_blocking=True))
        return self._each(lambda v: v.to(target) if v.is_floating_point() else v)

    def with_values(self, values: Tensor) -> Observations:
        """The same points with other values, shape (B, N, C)."""
        return replace(self, values=values)

    def fields(self) -> list[Observations]:
        """Those of each field, without padding."""
        parts = (self[[b]] for b in range(len(self)))
        return [part._each(lambda v, p=part.present[0]: v[:, p]) for part in parts]

    def _each(self, change: Any) -> Observations:
        given = {f.name: getattr(self, f.name) for f in parts_of(self)}
        return Observations(**{k: None if v is None else change(v) for k, v in given.items()})


_OPTIONAL = ("support", "noise", "noise_group", "covariates")


def as_observations(given: Observations | Iterable[Observations]) -> Observations:
    """Observations of one field or several, as one batch.

    Raises:
        ShapeError: If they are of another type, or differ in kind.
    """
    if isinstance(given, Observations):
        return given
    if isinstance(given, Sequence) and all(isinstance(part, Observations) for part in given):
        return Observations.stack(given)
    raise ShapeError(
        f"Observations were given as {type(given).__name__}; expected Observations, as from "
        "observe(data) or Observations.from_points(coords, values), or a list of them."
    )


def column_array(given: Any, what: str) -> np.ma.MaskedArray:
    """Numbers of any kind (lists, columns, big-endian, read-only, masked) as (N, K), float64.

    Raises:
        ValuesError: If they are no numbers.
        ShapeError: If they are no columns.
    """
    try:
        array = np.ma.asarray(given).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValuesError(
            f"{what} are no numbers ({error}); give an array, a list, or columns of numbers."
        ) from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ShapeError(
            f"{what} have shape {array.shape}; expected (N, columns): one row for each point."
        )
    return array


def _check_points(x: np.ma.MaskedArray, y: np.ma.MaskedArray) -> None:
    if len(x) != len(y) or not len(x):
        raise ShapeError(
            f"{len(x)} places were given with {len(y)} values; give one or more, and a value for "
            "each place."
        )
    bad = ~np.isfinite(x.data) | np.ma.getmaskarray(x)
    if bad.any():
        raise CoordinateError(
            f"{int(bad.any(axis=1).sum())} of {len(x)} places are NaN, infinite or masked, the "
            f"first is number {int(bad.any(axis=1).argmax())}; drop those points."
        )


def _spread(given: Any, what: str, shape: tuple[int, int]) -> np.ndarray | None:
    """A number for every value: None, or shape `shape`, none negative."""
    if given is None:
        return None
    array = np.asarray(column_array(np.atleast_1d(np.ma.asarray(given)), what).data)
    if array.shape == (shape[1], 1) and shape[0] != shape[1]:
        array = array.T
    try:
        full = np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(
            f"{what} has shape {np.shape(given)}; expected a number, {shape[1]} numbers, or shape "
            f"{shape}."
        ) from None
    if not (np.isfinite(full) & (full >= 0)).all():
        raise ValuesError(
            f"{what} holds {int((~(full >= 0) | ~np.isfinite(full)).sum())} negative, NaN or "
            f"infinite numbers; a {what} is 0 or positive."
        )
    return full


def _check_support(side: np.ndarray, grid: Grid) -> None:
    for d, axis in enumerate(grid.axes):
        if (side[:, d] > axis.span * (1 + 1e-9)).any():
            raise ValuesError(
                f"A support of {side[:, d].max():g} {axis.unit} along {axis.name} is larger than "
                f"the field ({axis.describe()}); give the sides of the averaged box."
            )


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))[None]
