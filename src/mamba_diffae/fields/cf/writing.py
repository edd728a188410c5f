"""Data sets written to NetCDF or Zarr, whole or not at all."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mamba_diffae.fields.atomic import atomic_file, atomic_folder
from mamba_diffae.fields.errors import FieldError
from mamba_diffae.fields.extras import load_extra

if TYPE_CHECKING:
    from xarray import Dataset

NETCDF, ZARR = (".nc", ".nc4", ".cdf", ".netcdf"), ".zarr"
"""Endings of NetCDF files and of Zarr stores."""


def checked_output(path: Path, overwrite: bool) -> bool:
    """Whether a data set is to be written as a Zarr store, not as a NetCDF file.

    Args:
        path: As `write_dataset`.
        overwrite: Likewise.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        FieldError: If something stands there, or the path ends otherwise.
    """
    suffix = path.suffix.lower()
    if suffix not in (*NETCDF, ZARR):
        raise FieldError(
            f"{path} ends neither as a NetCDF file ({', '.join(NETCDF)}) nor as a Zarr store "
            f"({ZARR}); give it one of these endings."
        )
    is_zarr = suffix == ZARR
    load_extra("zarr" if is_zarr else "netCDF4", str(path))
    if path.exists() and not overwrite:
        raise FieldError(f"{path} exists; give overwrite=True to replace it, or another path.")
    if path.exists() and path.is_dir() != is_zarr:
        kind = "a folder" if path.is_dir() else "a file"
        raise FieldError(f"{path} is {kind}, which is not replaced; give another path.")
    return is_zarr


def write_dataset(dataset: Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set; a crash leaves the old or the new one, never a part.

    Args:
        dataset: Such as `Prediction.to_xarray` makes.
        path: A file that ends in .nc (or .nc4, .cdf), or a store that ends in .zarr.
        overwrite: Replace what stands there.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        FieldError: If something stands there, or the path ends otherwise.
        DiskFullError: If the disk is full.
    """
    path = Path(path).expanduser()
    is_zarr = checked_output(path, overwrite)
    if is_zarr:
        with atomic_folder(path) as folder, warnings.catch_warnings():
            # Readers look for it, though version 3 of the format does not define it yet.
            warnings.filterwarnings("ignore", "Consolidated metadata")
            dataset.to_zarr(folder, mode="w", consolidated=True)
    else:
        with atomic_file(path) as file:
            dataset.to_netcdf(file, engine="netcdf4")
