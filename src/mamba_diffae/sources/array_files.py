"""The .npy and .npz files of NumPy as fields."""

from __future__ import annotations

import errno
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.lib.npyio import NpzFile

from mamba_diffae.fields import FieldData, FieldError, Shape
from mamba_diffae.sources.arrays import from_array
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.memory import check_memory, too_large

SUFFIXES = (".npy", ".npz")


@final
class ArrayFileSource(Source):
    """A .npy or .npz file; nothing is ever unpickled.

    A .npz file holds the fields under the key `values`, or as its only array. Beside `values` it
    may hold `mask` or `valid` (True where there is a value), `variables`, `units`, `periodic`, the
    `axis_names` in order and, under the name of an axis, its coordinates. See `from_array`.
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
        with _damage_told(path):
            # Mapped first: the header tells the size before any memory is taken.
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            needed = loaded.nbytes if isinstance(loaded, np.ndarray) else 0
            if needed:
                del loaded  # a mapping counts where the system limits addresses
                check_memory(needed, str(path))
                loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return from_array(loaded, str(path))
        with loaded, _damage_told(path):
            arguments = _arguments(loaded, path)
        return from_array(what=str(path), **arguments)


def _arguments(loaded: NpzFile, path: Path) -> dict[str, Any]:
    """What `from_array` takes, from a .npz file."""
    key = _key(loaded.files, path)
    used = [name for name in (key, "mask", "valid") if name in loaded.files]
    with zipfile.ZipFile(path) as archive:
        sizes = {i.filename.removesuffix(".npy"): i.file_size for i in archive.infolist()}
    check_memory(sum(sizes[name] for name in used), str(path))
    found: dict[str, Any] = {"values": loaded[key]}
    if key != "values":
        return found
    if len(used) > 2:
        raise FieldError(
            f"{path} holds both 'mask' and 'valid'; keep one, True where there is a value."
        )
    if len(used) == 2:
        found["mask"] = loaded[used[1]]
    names = _words(loaded, "axis_names")
    if names is not None:
        along = zip(names, found["values"].shape[1:], strict=False)
        found["axes"] = {n: loaded[n] if n in loaded.files else cells for n, cells in along}
    words = {name: _words(loaded, name) for name in ("variables", "units", "periodic")}
    return found | {name: given for name, given in words.items() if given is not None}


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
    except FieldError:
        raise
    except MemoryError as error:
        raise FieldError(f"{path} needs more memory than there is ({error}).") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
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
