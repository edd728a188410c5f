"""NetCDF files and Zarr stores as fields."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, FieldError, Shape, load_extra
from mamba_diffae.fields.cf.writing import NETCDF, ZARR
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.labelled import from_xarray

if TYPE_CHECKING:
    from xarray import Dataset

_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""Files of which a Zarr store has one."""
_CLASSIC = (b"CDF\x01", b"CDF\x02")
"""How NetCDF files of version 3 begin."""
_WIDE = b"CDF\x05"
"""The same with 64-bit sizes, which scipy does not read."""


_ABOUT = (".zmetadata", ".zarray", "zarr.json")
"""Files of a Zarr store that say how the values of its arrays are encoded."""
_PICKLED = re.compile(r'"(?:id|name)"\s*:\s*"[^"]*pickle"')


@final
class NetcdfSource(Source):
    """A NetCDF file, of version 3 or 4, or a Zarr store; see `from_xarray`."""

    form: ClassVar[str] = "the path of a NetCDF file or a Zarr store"

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        if not isinstance(spec, str | os.PathLike):
            return False
        path = Path(spec).expanduser()
        return path.exists() and (path.suffix.lower() in NETCDF or _may_be_zarr(path))

    def open(
        self,
        spec: str | os.PathLike[str],
        *,
        shape: Shape | int | None = None,
        skip_broken: bool = False,
        variable: str | Sequence[str] | None = None,
        snapshot_dim: str | None = None,
        dims: Mapping[str, str] | None = None,
        periodic: Collection[str] | None = None,
        noise: str | Sequence[str] | None = None,
        quality: str | Sequence[str] | None = None,
        covariates: str | Sequence[str] | None = None,
    ) -> FieldData:
        """Read the fields; see `from_xarray`.

        Raises:
            MissingExtraError: If a package of the extra `fields` is missing.
            ValueError: If it is no such file, damaged or still being written, or as `from_xarray`.
        """
        path = Path(spec).expanduser()
        given = {"variable": variable, "snapshot_dim": snapshot_dim, "noise": noise}
        with opened(path) as dataset:
            about = {"dims": dims, "periodic": periodic, "quality": quality}
            return from_xarray(dataset, str(path), covariates=covariates, **given, **about)


_BROKEN = (OSError, RuntimeError, EOFError, MemoryError, OverflowError)
"""What libraries answer where bytes are not what they should be: lengths and times may be any."""


def _may_be_zarr(path: Path) -> bool:
    return path.suffix.lower() == ZARR or any((path / mark).is_file() for mark in _MARKS)


@contextmanager
def opened(path: Path) -> Iterator[Dataset]:
    """A file or store as a lazy data set, closed afterwards.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        FieldError: If it is no such file, damaged or still being written.
    """
    xarray = load_extra("xarray", str(path))
    is_zarr = path.suffix.lower() not in NETCDF
    load_extra("zarr" if is_zarr else "netCDF4", str(path))
    _check_store(path) if is_zarr else _check_file(path)
    engine, options = "zarr" if is_zarr else "netcdf4", {"decode_timedelta": False}
    try:
        dataset = xarray.open_dataset(path, engine=engine, **options)
    except (*_BROKEN, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _damaged(path, is_zarr, error) from error
    with dataset:
        try:
            yield dataset
        except _BROKEN as error:
            raise _damaged(path, is_zarr, error) from error


def _damaged(path: Path, is_zarr: bool, error: Exception) -> FieldError:
    why = str(error) or "a part of it asks for more memory than there is"
    return FieldError(
        f"{path} cannot be read as {'a Zarr store' if is_zarr else 'a NetCDF file'}: it is "
        f"damaged, cut short or still being written ({why}); wait until it is complete, or write "
        "it again."
    )


def _check_store(path: Path) -> None:
    """Refuse what is no Zarr store, or one whose values are pickled: reading them would run code.

    Raises:
        FieldError: As said.
    """
    if not any((path / mark).is_file() for mark in _MARKS):
        raise FieldError(
            f"{path} is no Zarr store: it holds none of {', '.join(_MARKS)}; give the folder that "
            "does, or write it anew with data.to_zarr(path)."
        )
    for file in (f for mark in _ABOUT for f in (path / mark, *path.glob(f"*/{mark}"))):
        if file.is_file() and _PICKLED.search(file.read_text(encoding="utf-8", errors="replace")):
            raise FieldError(
                f"{file} says that values are pickled Python objects, which are never loaded; "
                "write the store anew with plain numbers."
            )


def _check_file(path: Path) -> None:
    """Refuse what is no NetCDF file, or a classic one that is shorter than its header says.

    The library reads zeros where a classic file ends early.

    Raises:
        FieldError: As said.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start[:4] not in (*_CLASSIC, _WIDE) and start != b"\x89HDF\r\n\x1a\n":
        raise FieldError(
            f"{path} is no NetCDF file: it begins with {start!r}, neither as one of version 3 nor "
            "as HDF5; was it unpacked (.gz), and downloaded to its end?"
        )
    if not _is_whole(path, start[:4]):
        raise FieldError(
            f"{path} ends before the values that its header announces: it was cut short, or is "
            "still being written; wait until it is complete, or write it again."
        )


def _is_whole(path: Path, kind: bytes) -> bool:
    """Whether a classic file is as long as its header says; of HDF5 the library sees to that."""
    if kind in _CLASSIC:
        from scipy.io import netcdf_file

        try:
            netcdf_file(path, mmap=True).close()
        except Exception:  # as many kinds as there are of damaged headers
            return False
    if kind == _WIDE:
        import netCDF4

        with netCDF4.Dataset(path) as opened:
            each = (v.size * np.dtype(v.dtype).itemsize for v in opened.variables.values())
            return path.stat().st_size >= sum(each)
    return True
