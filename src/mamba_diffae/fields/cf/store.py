"""A data set that is written region by region: what is done outlives a crash."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from mamba_diffae.fields.atomic import atomic_file, move_into_place, named_full_disk
from mamba_diffae.fields.cf.writing import checked_output
from mamba_diffae.fields.errors import CoordinateError, FieldError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.one_owner import OneOwner

if TYPE_CHECKING:
    from xarray import Dataset

Region = Mapping[Hashable, slice]
"""Part of a data set, by dimension."""
_REQUEST, _DONE, _DATA, _WHOLE = "request.json", "done.txt", "data.zarr", "whole.nc"
_MEND = "give the same command again, which goes on from there"


@final
class RegionStore:
    """Regions of a data set, kept in a Zarr store beside its place until all are there.

    The folder `.partial-NAME` holds the request, the store, and the names of regions that are
    written. A store of another request is begun anew. One process writes at a time: a second one is
    refused, until the first has left the context of its store or has ended, even killed.

    Args:
        path: The NetCDF file or Zarr store that is to stand there at the end.
        request: What tells its contents from all others.
        overwrite: Replace what stands there, at the end.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        FieldError: If something stands at the path, it ends otherwise, or is being written.
        DiskFullError: If the disk is full.
    """

    def __init__(self, path: Path, request: Mapping[str, Any], *, overwrite: bool) -> None:
        self.path = path
        self.folder = path.with_name(f".partial-{path.name}")
        self._data, self._whole = self.folder / _DATA, self.folder / _WHOLE
        self._lock = path.with_name(f".lock-{path.name}")
        self._forget_finished()
        self._is_zarr = checked_output(path, overwrite)
        for package in ("zarr", "dask"):  # a NetCDF file is written from a Zarr store
            load_extra(package, str(path))
        self._owner = OneOwner(self._lock, str(path))
        try:
            self._open(request)
        except BaseException:
            self._owner.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._owner.release()

    def _forget_finished(self) -> None:
        """Remove what a run left that was killed when the whole already had its place."""
        kept = self._data.is_dir() or self._whole.is_file()
        if kept or not self.path.exists() or not (self.folder.is_dir() or self._lock.exists()):
            return
        with suppress(FieldError):  # another one begins at this moment
            owner = OneOwner(self._lock, str(self.path))
            self._remove()
            owner.release()

    def _open(self, request: Mapping[str, Any]) -> None:
        """Go on with what is there for this request, or begin."""
        kept, wanted = self.folder / _REQUEST, json.dumps(request, sort_keys=True, default=str)
        if not kept.is_file() or kept.read_text(encoding="utf-8") != wanted:
            self._remove()
            with atomic_file(kept) as file:
                file.write_text(wanted, encoding="utf-8")
        done = self.folder / _DONE
        lines = done.read_text(encoding="utf-8").split("\n") if done.is_file() else [""]
        self._begun = self._data.is_dir() or self._whole.is_file()
        # What follows the last line break was not written whole.
        self.done = set(lines[:-1]) if self._begun else set()

    def begin(
        self,
        like: Dataset,
        region: Region,
        sizes: Mapping[Hashable, int],
        described: Callable[[Dataset], Dataset],
    ) -> None:
        """Lay out the whole from its first part, unless that is done.

        Args:
            like: The part as it will be written.
            region: Which it is; its lengths are those of the chunks.
            sizes: Lengths of the whole along the dimensions of the region.
            described: Gives the whole its coordinates, and what those name.
        """
        if self._begun:
            return
        import dask.array

        laid_out = self._data.with_name(f".tmp-{_DATA}")
        shutil.rmtree(laid_out, ignore_errors=True)
        chunks = {dim: cut.stop - cut.start for dim, cut in region.items()}
        full, layout = {}, {}
        for name, array in like.data_vars.items():
            if not set(region) & set(array.dims):
                continue
            shape = [sizes.get(dim, array.sizes[dim]) for dim in array.dims]
            one = dict.fromkeys(_ONE_BY_ONE, 1)
            parts = tuple({**array.sizes, **one, **chunks}[dim] for dim in array.dims)
            layout[name] = {"chunks": parts, "_FillValue": np.nan}
            empty = dask.array.full(shape, np.nan, dtype=array.dtype, chunks=parts)
            full[name] = (array.dims, empty, array.attrs)
        whole = described(like.drop_dims(list(region)).assign(full))
        # What the targets bring is written here and now, also if it is lazy.
        brought = whole.drop_vars(list(full)).compute()
        whole = brought.assign({name: whole[name] for name in full})
        with named_full_disk(self.path, mend=_MEND), _quiet():
            whole.to_zarr(laid_out, mode="w", compute=False, encoding=layout, consolidated=False)
            laid_out.rename(self._data)  # whole, or not begun
        self._begun = True

    def write(self, part: Dataset | None, region: Region, name: str) -> None:
        """Write one region and note it.

        Args:
            part: Of the layout that was begun with; None: gaps alone.
            region: Where it lies.
            name: By which `done` knows it.
        """
        with named_full_disk(self.path, mend=_MEND), _quiet():
            for dims, chosen in _by_dims(part, region).items():
                where = {str(dim): region[dim] for dim in dims}
                chosen.to_zarr(self._data, mode="r+", region=where, consolidated=False)
            with (self.folder / _DONE).open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
                file.flush()
                os.fsync(file.fileno())
        self.done.add(name)

    def finish(self) -> None:
        """Put the whole in its place, and remove what was beside it.

        Raises:
            CoordinateError: If no region has a value.
            DiskFullError: If the disk is full.
        """
        import zarr

        if not self._begun:
            self._remove()
            raise CoordinateError(
                f"None of the targets lies in a cell that exists, so {self.path} is not written; "
                "the mask of the model's grid leaves them out."
            )
        with named_full_disk(self.path, mend=_MEND), _quiet():
            if self._is_zarr:
                zarr.consolidate_metadata(self._data)
                move_into_place(self._data, self.path)
            else:
                self._write_whole()
                move_into_place(self._whole, self.path)
        self._remove()

    def _write_whole(self) -> None:
        """The NetCDF file, beside the store that it is made of, which then goes."""
        import xarray

        if not self._whole.is_file():
            with (
                xarray.open_zarr(self._data, consolidated=False) as whole,
                atomic_file(self._whole) as file,
            ):
                whole.to_netcdf(file, engine="netcdf4")
        shutil.rmtree(self._data, ignore_errors=True)

    def _remove(self) -> None:
        """Remove the folder, first what says that it may be gone on with."""
        (self.folder / _REQUEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _by_dims(part: Dataset | None, region: Region) -> Mapping[tuple[Hashable, ...], Dataset]:
    """Variables of a part by those of its region's dimensions that they have, one at least."""
    if part is None:
        return {}
    found: dict[tuple[Hashable, ...], list[Hashable]] = {}
    for name, array in part.data_vars.items():
        if dims := tuple(dim for dim in region if dim in array.dims):
            found.setdefault(dims, []).append(name)
    parts = {dims: part[names] for dims, names in found.items()}
    return {dims: chosen.drop_vars(list(chosen.coords)) for dims, chosen in parts.items()}


_ONE_BY_ONE: Sequence[str] = ("realization", "quantile")
"""Dimensions along which each chunk has one."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that version 3 of Zarr does not define consolidated metadata yet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata")
        yield
