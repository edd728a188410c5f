"""Arrays, and the .npy and .npz files that hold them, as fields."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mamba_diffae.fields import GridField, Scaling
from mamba_diffae.sources.splits import split_by_name

CHANNEL_LIMIT = 16
"""Channels at most: more in the last axis are taken for a mistaken order of axes."""
EXPECTED = "expected (S, n, n) or (S, n, n, C): S square fields of n × n pixels"


def from_array(values: np.ndarray, what: str = "The array") -> GridField:
    """Take an array, without a copy, as a stack of complete fields in the unit it has.

    Args:
        values: Shape (S, n, n) or (S, n, n, C) with C at most 16, integers or floats. uint8 has the
            limits 0 and 255, any other type its own minimum and maximum.
        what: The name to use in messages.

    Returns:
        The fields, named "0" to "S - 1", each its own group, split by `split_by_name`.

    Raises:
        ValueError: If type or shape is another, a value is NaN or infinite, or all are equal.
    """
    _check_type(values, what)
    _check_shape(values.shape, what)
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"{what}: {int((~finite).sum())} of {values.size} values are NaN or infinite; "
            "a complete field has a number everywhere: fill the gaps, or drop such fields."
        )
    if values.ndim == 3:
        values = values[..., None]
    is_picture = values.dtype == np.uint8
    low, high = (0.0, 255.0) if is_picture else (float(values.min()), float(values.max()))
    names = [str(i) for i in range(len(values))]
    return GridField(values, Scaling(low, high), names, np.arange(len(names)), split_by_name(names))


def open_array_file(path: Path) -> GridField:
    """Read fields from a .npy file, or from a .npz file under the key `values` or its only key.

    Args:
        path: The file; never unpickled.

    Returns:
        As `from_array`.

    Raises:
        ValueError: If the file is damaged, pickled, of several arrays without `values`, or as
            `from_array`.
    """
    with _damage_told(path):
        loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return from_array(loaded, str(path))
    with loaded:
        key = _key(loaded.files, path)
        with _damage_told(path):
            values = loaded[key]
    return from_array(values, str(path))


def _key(keys: list[str], path: Path) -> str:
    """Which array of a .npz file holds the fields."""
    if "values" in keys:
        return "values"
    if len(keys) == 1:
        return keys[0]
    raise ValueError(
        f"{path} holds {len(keys)} arrays ({', '.join(sorted(keys))}) and none is called 'values'; "
        "save the fields alone or under that key: np.savez(path, values=array)."
    )


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what NumPy raises on a bad file into a ValueError that says how to mend it."""
    try:
        yield
    except (OSError, EOFError, MemoryError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if "pickle" in str(error):
            raise ValueError(
                f"{path} holds no plain numbers but pickled Python objects, or is no NumPy file; "
                "such files are never loaded: np.save(path, array.astype(np.float32))."
            ) from error
        raise ValueError(
            f"{path} cannot be read as a NumPy file: truncated or damaged ({error}); "
            "write it again."
        ) from error


def _check_type(values: np.ndarray, what: str) -> None:
    if values.dtype.kind not in "iuf":
        raise ValueError(
            f"{what} has the type {values.dtype}; expected integers or floats: convert it, for "
            "example with array.astype(np.float32)."
        )


def _check_shape(shape: tuple[int, ...], what: str) -> None:
    hint = None
    if len(shape) not in (3, 4):
        hint = "add or merge axes; one field alone is array[None]"
    elif 0 in shape:
        hint = "none of them may be zero"
    elif len(shape) == 4 and shape[2] == shape[3] and shape[1] != shape[2]:
        hint = "channels come last: np.moveaxis(array, 1, -1)"
    elif len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        hint = "one field alone is array[None]"
    elif shape[1] != shape[2]:
        hint = "crop or resample the fields to squares"
    elif len(shape) == 4 and shape[3] > CHANNEL_LIMIT:
        hint = f"the last axis is C, at most {CHANNEL_LIMIT} channels"
    if hint:
        raise ValueError(f"{what} has shape {shape}; {EXPECTED}; {hint}.")
