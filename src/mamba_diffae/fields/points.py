"""Points as users have them: lists, columns of a table, arrays of any type; checked."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mamba_diffae.fields.errors import CoordinateError, ShapeError, ValuesError
from mamba_diffae.fields.given import plain
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.inside import check_inside, check_support


def checked_points(
    coords: Any,
    values: Any,
    *,
    support: Any = None,
    noise: Any = None,
    noise_group: Any = None,
    covariates: Any = None,
    grid: Grid | None = None,
) -> dict[str, np.ndarray]:
    """The given parts of `Observations` of one field, as arrays without the axis of fields.

    Args and errors: see `Observations.from_points`.
    """
    x, y = column_array(coords, "coords"), column_array(values, "values")
    _check_places(x, y)
    known = np.isfinite(y.data) & ~np.ma.getmaskarray(y)
    if not known.any():
        raise ValuesError(
            f"None of the {len(y)} observations has a finite value; give one at least."
        )
    places = np.asarray(x.data) if grid is None else check_inside(x.data, grid)
    side = _spread(support, "support", places.shape, np.any(known, axis=1)[:, None])
    if side is not None and grid is not None:
        check_support(side, grid)
    parts = {
        "coords": places,
        "values": np.where(known, y.data, 0),
        "mask": known,
        "support": side,
        "noise": _spread(noise, "noise", known.shape, known),
        "noise_group": None if noise_group is None else _groups(noise_group, len(x)),
        "covariates": None if covariates is None else _covariates(covariates, len(x)),
    }
    given = {name: part for name, part in parts.items() if part is not None}
    return _without_exact_repeats(given) if "noise" in given else given


def column_array(given: Any, what: str) -> np.ma.MaskedArray:
    """Numbers of any kind (lists, columns, big-endian, read-only, masked) as (N, K), float64.

    Raises:
        ValuesError: If they are no numbers.
        ShapeError: If they are no columns.
    """
    try:
        array = np.ma.asarray(plain(given))
        if array.dtype.kind not in "biufO":
            raise TypeError(f"they are of type {array.dtype}")
        array = np.ma.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValuesError(
            f"{what} are no numbers ({error}); give an array, a list, or columns of numbers."
        ) from error
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise ShapeError(
            f"{what} have shape {array.shape}; expected (N, columns): one row for each point."
        )
    return array


def _check_places(x: np.ma.MaskedArray, y: np.ma.MaskedArray) -> None:
    if len(x) != len(y) or not x.size or not y.size:
        raise ShapeError(
            f"Coords of shape {x.shape} were given with values of shape {y.shape}; expected (N, D) "
            "and (N, C): one place or more, and a value for each place."
        )
    bad = (~np.isfinite(x.data) | np.ma.getmaskarray(x)).any(axis=1)
    if bad.any():
        raise CoordinateError(
            f"{int(bad.sum())} of {len(x)} places are NaN, infinite or masked, the first is number "
            f"{int(bad.argmax())}; drop those points."
        )


def _spread(given: Any, what: str, shape: tuple[int, ...], used: np.ndarray) -> np.ndarray | None:
    """A number for every value, shape (N, K), none negative; 0 where it is not used."""
    if given is None:
        return None
    array = column_array(np.atleast_1d(np.ma.asarray(plain(given))), what)
    if np.ndim(given) == 1 and len(array) == shape[1] > 1:
        array = array.reshape(1, -1)
    try:
        full = np.broadcast_to(np.ma.filled(array, np.nan), shape)
    except ValueError:
        raise ShapeError(
            f"{what} has shape {np.shape(given)}; expected a number, {shape[1]} numbers (one for "
            f"each column), or shape {shape}."
        ) from None
    bad = used & ~(np.isfinite(full) & (full >= 0))
    if bad.any():
        raise ValuesError(
            f"{what} holds {int(bad.sum())} negative, NaN or infinite numbers, such as "
            f"{full[bad][0]:g} at point {int(bad.any(axis=1).argmax())}; a {what} is 0 or positive."
        )
    return np.where(used, full, 0)


def _groups(given: Any, count: int) -> np.ndarray:
    array = column_array(given, "noise_group")
    numbers = array.data
    if array.shape != (count, 1) or (numbers != np.round(numbers)).any() or np.ma.is_masked(array):
        raise ShapeError(
            f"noise_group has shape {np.shape(given)}; expected {count} integers, one for each "
            "point, equal where points share an offset."
        )
    return numbers[:, 0].astype(np.int64)


def _covariates(given: Any, count: int) -> np.ndarray:
    array = column_array(given, "covariates")
    bad = int((~np.isfinite(array.data) | np.ma.getmaskarray(array)).sum())
    if len(array) != count or bad:
        raise ValuesError(
            f"covariates have shape {array.shape} and {bad} numbers that are NaN, infinite or "
            f"masked; expected shape ({count}, K): what is known at each of the {count} points."
        )
    return np.asarray(array.data)


def _without_exact_repeats(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Exact values of one place and support become one, with a warning where they differ."""
    merged, differing, places = average_repeats(parts, parts["mask"] & (parts["noise"] == 0))
    if differing:
        warnings.warn(
            f"At {differing} of {places} places several values with noise 0 differ, which "
            "cannot all be exact; they are averaged. Give noise=None to have it estimated, or its "
            "standard deviation.",
            stacklevel=4,
        )
    return merged


def average_repeats(
    parts: dict[str, np.ndarray], chosen: np.ndarray
) -> tuple[dict[str, np.ndarray], int, int]:
    """Chosen values of one place, support and group become one, their average; else a gap.

    Args:
        parts: Those of `Observations` of one field, and `snapshot` (N,) where they are of several.
        chosen: Which values are merged, shape (N, C), bool.

    Returns:
        The parts; how many places (of each variable) had values that differ; places in all.
    """
    same = [parts[k] for k in ("coords", "support", "noise_group", "snapshot") if k in parts]
    keys = np.concatenate([part.reshape(len(part), -1) for part in same], axis=1) + 0.0
    place = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    values, mask, differing = parts["values"].copy(), parts["mask"].copy(), 0
    for c in range(values.shape[1]):
        rows = np.flatnonzero(chosen[:, c])
        _, first, of, count = np.unique(
            place[rows], return_index=True, return_inverse=True, return_counts=True
        )
        if len(first) == len(rows):
            continue
        kept, start = rows[first], values[rows[first], c]
        offset = values[rows, c] - start[of]
        differing += int((np.bincount(of, offset != 0) > 0).sum())
        values[rows, c], mask[rows, c] = 0, False
        values[kept, c], mask[kept, c] = start + np.bincount(of, offset) / count, True
    return {**parts, "values": values, "mask": mask}, differing, int(place.max()) + 1
