"""The .npy and .npz files of NumPy as fields."""

from __future__ import annotations

import errno
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.lib.npyio import NpzFile

from mamba_diffae.fields import FieldData, FieldError, Shape
from mamba_diffae.sources.array_axes import Header, find_axes, read_header
from mamba_diffae.sources.arrays import from_array
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.memory import check_memory, too_large

SUFFIXES = (".npy", ".npz")
WORDS = ("variables", "units", "periodic")
"""Lists of texts that `from_array` takes."""


@final
class ArrayFileSource(Source):
    """A .npy or .npz file; nothing is ever unpickled.

    A .npz file holds the fields under the key `values`, or as its only array. Beside `values` it
    may hold `mask` or `valid` (True where there is a value), `variables`, `units`, `periodic`,
    `axis_names` and, under the name of an axis, its coordinates: n centres or n + 1 edges. See
    `from_array`. `axis_names` are the names of the axes behind the snapshots, in the order of
    `values`: np.savez(path, values=array, axis_names=["lat", "lon"], lat=lat, lon=lon). Without
    them, coordinates called as an axis usually is ("time", "depth", "lat", "x" …) are used if their
    lengths fit the axes in one way only, which is said.
    """

    form: ClassVar[str] = "the path of a .npy or .npz file"

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        if not isinstance(spec, str | os.PathLike):
            return False
        path = Path(spec).expanduser()
        return path.suffix.lower() in SUFFIXES and path.is_file()

    def open(
        self,
        spec: str | os.PathLike[str],
        *,
        shape: Shape | int | None = None,
        skip_broken: bool = False,
    ) -> FieldData:
        """Read the fields.

        Raises:
            ValueError: If the file is damaged, pickled, above the free memory, of several arrays
                without `values`, or as `from_array`.
        """
        path = Path(spec).expanduser()
        return from_array(what=str(path), **array_arguments(path))


def array_arguments(path: Path) -> dict[str, Any]:
    """What `from_array` takes of a .npy or .npz file: `values`, and what else a .npz file tells.

    Raises:
        ValueError: If the file is damaged, pickled, above the free memory, or of several arrays
            without `values`.
    """
    with _damage_told(path):
        # Mapped first: the header tells the size before any memory is taken.
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        needed = loaded.nbytes if isinstance(loaded, np.ndarray) else 0
        if needed:
            del loaded  # a mapping counts where the system limits addresses
            check_memory(needed, str(path))
            loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"values": loaded}
    with loaded, _damage_told(path):
        return _arguments(loaded, path)


def _arguments(loaded: NpzFile, path: Path) -> dict[str, Any]:
    """What `from_array` takes, from a .npz file."""
    key = _key(loaded.files, path)
    used = [name for name in (key, "mask", "valid") if name in loaded.files]
    with zipfile.ZipFile(path) as archive:
        sizes = {i.filename.removesuffix(".npy"): i.file_size for i in archive.infolist()}
        headers = {name: read_header(archive, name) for name in loaded.files}
    check_memory(sum(sizes[name] for name in used), str(path))
    for name, header in headers.items():
        if name in ("axis_names", *WORDS) or len(header.shape) == 1:  # what may be read beside
            check_memory(sizes.get(name, 0), f"{path}, array {name!r},")
    found: dict[str, Any] = {"values": loaded[key]}
    if key != "values":
        return found
    if len(used) > 2:
        raise FieldError(
            f"{path} holds both 'mask' and 'valid'; keep one, True where there is a value."
        )
    if len(used) == 2:
        found["mask"] = loaded[used[1]]
    found |= {n: w for n in WORDS if (w := _words(loaded, n)) is not None}
    names = _axis_names(loaded, headers, path)
    if names is not None:
        along = zip(names, found["values"].shape[1:], strict=False)
        found["axes"] = {n: loaded[n] if n in loaded.files else cells for n, cells in along}
    return found


def _axis_names(loaded: NpzFile, headers: Mapping[str, Header], path: Path) -> Sequence[str] | None:
    """Names of the axes, as told or as found; what is not used is said."""
    told = _words(loaded, "axis_names")
    own = {"values", "mask", "valid", "axis_names", *WORDS}
    others = {name: header for name, header in headers.items() if name not in own}
    names, why = told, ""
    if told is None:
        variables = _words(loaded, "variables")
        count = None if variables is None else len(variables)
        names, why = find_axes(headers["values"].shape, others, count)
    unused = [name for name in others if name not in (names or [])]
    if told is None and names is not None:
        warnings.warn(
            f"{path} names no axes; the coordinates {', '.join(names)} fit them in this order only "
            f"and are used. Save axis_names={list(names)}, and this is not said.",
            stacklevel=5,
        )
    if unused:
        warnings.warn(
            f"{path} holds arrays that are not used: {', '.join(sorted(unused))}.{why} Coordinates "
            "are those of the names in axis_names, in the order of the axes of 'values'; what is "
            "no coordinate can be left out.",
            stacklevel=5,
        )
    return names


def _words(loaded: NpzFile, key: str) -> list[str] | None:
    """A list of texts; None if it is not there."""
    return np.ravel(loaded[key]).astype(str).tolist() if key in loaded.files else None


def _key(keys: list[str], path: Path) -> str:
    """Which array of a .npz file holds the fields."""
    if "values" in keys:
        return "values"
    if len(keys) == 1:
        return keys[0]
    raise FieldError(
        f"{path} holds {len(keys)} arrays ({', '.join(sorted(keys))}) and none is called 'values'; "
        "save the fields alone or under that key: np.savez(path, values=array)."
    )


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what NumPy raises on a bad file into an error that says how to mend it."""
    try:
        yield
    except (FieldError, Warning):
        raise
    except MemoryError as error:
        raise FieldError(f"{path} needs more memory than there is ({error}).") from error
    # Headers that are none make NumPy, tokenize and zipfile raise nearly anything.
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise too_large(path.stat().st_size, str(path)) from error
        if "pickle" in str(error) or "Python objects" in str(error):
            raise FieldError(
                f"{path} holds no plain numbers but pickled Python objects, or is no NumPy file; "
                "such files are never loaded: np.save(path, array.astype(np.float32))."
            ) from error
        raise FieldError(
            f"{path} cannot be read as a NumPy file: truncated or damaged ({error}); "
            "write it again."
        ) from error
