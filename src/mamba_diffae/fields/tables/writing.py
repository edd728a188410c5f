"""A table as a file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.errors import TableError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.tables.opening import DELIMITED, PARQUET

if TYPE_CHECKING:
    from pandas import DataFrame

TABLES = (*DELIMITED, *PARQUET)
"""Endings of the names of tables."""


def write_table(frame: DataFrame, path: str | Path, *, index: bool = False) -> None:
    """Write a table as CSV (UTF-8) or Parquet, by the ending of its name.

    Args:
        frame: The table.
        path: The file to write or replace.
        index: Whether to write its index as columns.

    Raises:
        TableError: If the name has another ending.
        MissingExtraError: If it is Parquet, and pyarrow is not installed.
        DiskFullError: If the disk is full; what stood there is untouched.
    """
    name = Path(path).name.lower()
    if not name.endswith(TABLES):
        raise TableError(f"{path} is no name of a table; give one that ends in .csv or .parquet.")
    if name.endswith(PARQUET):
        load_extra("pyarrow", str(path))
    with atomic_file(path) as temporary:
        if name.endswith(PARQUET):
            frame.to_parquet(temporary, index=index)
        else:
            frame.to_csv(temporary, index=index, sep="\t" if ".tsv" in name else ",")
