"""What of an array is known: masked, missing everywhere, missing at times."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from mamba_diffae.fields import ShapeError, ValuesError
from mamba_diffae.fields.fill_values import may_be_fill, suspect_fill
from mamba_diffae.fields.rising import Order

_MARK = "set its attribute _FillValue"


@final
@dataclass(frozen=True)
class Stack:
    """An array on its way to become fields.

    Attributes:
        values: Shape (S, *shape, C).
        valid: Where they are known, of the same shape; None: everywhere.
        exists: Which cells there are, shape (*shape,); None: all, or those known at any time.
        noise: Standard deviation of the error of each value, of the shape of `values`, or None.
        ever: Cells that have a value at any time, shape (*shape,); None: as `valid` tells.
    """

    values: np.ndarray
    valid: np.ndarray | None = None
    exists: np.ndarray | None = None
    noise: np.ndarray | None = None
    ever: np.ndarray | None = None

    @classmethod
    def of(cls, values: np.ndarray, with_variables: bool) -> Stack:
        """What is not masked and finite is known; an axis for one variable is added if none is."""
        valid = None
        if isinstance(values, np.ma.MaskedArray):
            valid, values = ~np.ma.getmaskarray(values), values.data
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            valid = finite if valid is None else valid & finite
        if valid is not None and valid.all():
            valid = None
        if with_variables:
            return cls(values, valid)
        return cls(values[..., None], None if valid is None else valid[..., None])

    def masked(self, mask: np.ndarray | None, what: str) -> Stack:
        """With a mask that is True where there is a value.

        Args:
            mask: Shape (*shape,), the cells that exist; or (S, *shape) or that of the values.
            what: The name to use in messages.

        Raises:
            ShapeError: If it has another shape or type.
            ValuesError: If it leaves no value.
        """
        if mask is None:
            return self
        mask, shape = np.asarray(mask), self.values.shape
        if mask.dtype.kind in "iu" and bool(((mask == 0) | (mask == 1)).all()):
            mask = mask.astype(bool)
        if mask.dtype != bool or mask.shape not in (shape[1:-1], shape[:-1], shape):
            raise ShapeError(
                f"{what}: its mask has shape {mask.shape} and type {mask.dtype}; expected bool "
                f"of shape {shape[1:-1]}, {shape[:-1]} or {shape}, True where there is a value."
            )
        known = mask if mask.shape == shape else mask[..., None]
        known = np.broadcast_to(known, shape)
        valid = known if self.valid is None else known & self.valid
        if not valid.any():
            raise ValuesError(
                f"{what}: its mask leaves no value; it is True where there is one, so turn it "
                "about if it marks what is missing: ~mask."
            )
        if mask.shape != shape[1:-1]:
            return replace(self, valid=None if valid.all() else valid)
        return replace(self, exists=None if mask.all() else mask)

    def reordered(self, axis: int, order: Order) -> Stack:
        """With the cells along one axis of the grid in another order."""
        cells = (slice(None),) * axis
        valid, exists, noise = self.valid, self.exists, self.noise
        return Stack(
            np.ascontiguousarray(self.values[:, *cells, order]),
            None if valid is None else valid[:, *cells, order],
            None if exists is None else exists[*cells, order],
            None if noise is None else noise[:, *cells, order],
        )

    def with_quality(self, variables: int, what: str) -> Stack:
        """Without the last variables, which say where the first are good; said.

        What is land is still told by all values: cells that are never good are no land.

        Args:
            variables: How many are checked, C; as many check them.
            what: The name to use in messages.
        """
        known, good = self._known[..., :-variables].copy(), self.values[..., -variables:] > 0
        checked = known[..., :variables]
        warnings.warn(
            f"{what}: {int((checked & ~good).sum()):,} of {int(checked.sum()):,} values are left "
            "out, since their quality is not what was asked.",
            stacklevel=4,
        )
        ever = np.asarray(checked.any(axis=(0, -1)))
        checked &= good
        return Stack(self.values[..., :-variables], known, self.exists, ever=ever)

    def with_noise(self, variables: int, what: str) -> Stack:
        """With the variables behind the first ones as the noise of these; said where it is missing.

        Args:
            variables: How many have values, C; as many have noise.
            what: The name to use in messages.

        Raises:
            ValuesError: If a noise is negative.
        """
        values, noise = self.values[..., :variables], self.values[..., variables:]
        known, stated = self._known[..., :variables], self._known[..., variables:]
        least = noise[stated].min(initial=0)
        if least < 0:
            count = int((noise[stated] == least).sum())
            mend = f"; if that is a fill value, {_MARK}" if may_be_fill(least) else ""
            raise ValuesError(
                f"{what}: an error variable is {least:g} at {count:,} values; a standard deviation "
                f"is 0 or more{mend}."
            )
        suspect_fill(noise[stated], f"{what}, errors", _MARK)
        if lost := int((known & ~stated).sum()):
            warnings.warn(
                f"{what}: {lost:,} values without a stated error are left out.", stacklevel=4
            )
        ever = np.asarray(known.any(axis=(0, -1))) if self.ever is None else self.ever
        return Stack(values, known & stated, self.exists, noise, ever)

    @property
    def _known(self) -> np.ndarray:
        return np.ones(self.values.shape, bool) if self.valid is None else self.valid

    def with_land(self, what: str) -> Stack:
        """Cells that are missing in every one of several snapshots do not exist; said."""
        if self.valid is None or len(self.values) < 2:
            return self
        ever = self.valid.any(axis=(0, -1)) if self.ever is None else self.ever
        exists = ever if self.exists is None else ever & self.exists
        lost = (~ever if self.exists is None else ~ever & self.exists).sum()
        if not lost or not exists.any():
            return self
        warnings.warn(
            f"{what}: {int(lost):,} of {exists.size:,} cells have no value in any snapshot; they "
            "are taken for land, never asked and never scored.",
            stacklevel=4,
        )
        return replace(self, exists=exists)

    def without_empty(self, what: str) -> tuple[Stack, np.ndarray]:
        """Without the snapshots that have no value, and the numbers of those that are left; said.

        Raises:
            ValuesError: If none is left.
        """
        count = len(self.values)
        if self.valid is None:
            return self, np.arange(count)
        known = self.valid if self.exists is None else self.valid & self.exists[..., None]
        left = np.flatnonzero(known.reshape(count, -1).any(axis=1))
        if not len(left):
            raise ValuesError(
                f"{what} has no finite value in any of its {count} snapshots; check its mask and "
                "fill values."
            )
        if len(left) == count:
            return self, left
        first = int(np.setdiff1d(np.arange(count), left)[0])
        warnings.warn(
            f"{what}: {count - len(left)} of {count} snapshots have no value and are left out, "
            f"the first is number {first}.",
            stacklevel=4,
        )
        noise = None if self.noise is None else self.noise[left]
        return replace(self, values=self.values[left], valid=self.valid[left], noise=noise), left

    def known(self, variable: int, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The values of one variable, shape (n,)."""
        values = self.values[rows, ..., variable]
        if self.valid is None and self.exists is None:
            return values.ravel()
        known = (
            np.ones(values.shape, bool) if self.valid is None else self.valid[rows, ..., variable]
        )
        return values[known if self.exists is None else known & self.exists]
