"""Where a field has values, and 0 where it has none."""

from __future__ import annotations

import numpy as np

from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.given import float_array


def known_values(
    values: np.ndarray, valid: np.ndarray | None, exists: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values with 0 in their gaps, and where there are none; the same array if there are no gaps.

    Args:
        values: Shape (S, *shape, C), plain or masked.
        valid: Where they hold, of the same shape, or without the last axis for all variables;
            None: wherever they are finite and not masked.
        exists: Which cells there are, shape (*shape,); None: all.

    Raises:
        ShapeError: If `valid` has another shape.
    """
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    # The machine's own byte order: torch knows no other.
    values = np.asarray(np.ma.getdata(values), values.dtype.newbyteorder("="))
    known = np.isfinite(values) if masked is None else np.isfinite(values) & ~masked
    if valid is not None:
        valid = np.asarray(valid)
        if valid.shape == values.shape[:-1]:
            valid = valid[..., None]
        if valid.dtype != bool or valid.shape not in (values.shape, (*values.shape[:-1], 1)):
            raise ShapeError(
                f"`valid` has shape {valid.shape} and type {valid.dtype}; expected bool of shape "
                f"{values.shape}, True where a value holds."
            )
        known = known & valid
    existing = known if exists is None else known & exists[..., None]
    if not existing.all():
        values = np.where(existing, values, np.zeros((), values.dtype))
    if exists is not None and bool((known | ~exists[..., None]).all()):
        return values, None
    return values, None if existing.all() else existing


def checked_noise(noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The standard deviation of each value, 0 in gaps.

    Args:
        noise: Of the shape of the values.
        known: Where these are known.

    Raises:
        ShapeError: If it has another shape.
        ValuesError: If it is negative, or missing where a value is known.
    """
    given = np.asarray(noise)
    if given.shape != known.shape:
        raise ShapeError(
            f"`noise` has shape {given.shape}; expected that of the values, {known.shape}: a "
            "standard deviation for each."
        )
    if given.dtype.kind not in "biuf":
        given = float_array(given, "the numbers of `noise`")
    bad = known & ~(np.isfinite(given) & (given >= 0))
    if bad.any():
        raise ValuesError(
            f"{int(bad.sum()):,} of {int(known.sum()):,} known values have no noise, or a negative "
            "one; give a standard deviation of 0 or more for each, or make them gaps."
        )
    return np.where(known, given, np.zeros((), given.dtype))
