"""Files of separated values: read as they are written, or refused with what they seem to be."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mamba_diffae.fields.errors import TableError

if TYPE_CHECKING:
    from pandas import DataFrame

DELIMITED = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_GZIP = b"\x1f\x8b"
_UTF_16 = "is UTF-16; give the DataFrame that pandas.read_csv(path, encoding='utf-16') makes"
_KINDS = {
    b"PAR1": "is a Parquet file; end its name in .parquet",
    b"PK\x03\x04": "is a zip archive or a workbook; unpack it, or give the DataFrame that "
    "pandas.read_excel(path) makes",
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}
"""How files of other kinds begin, and what to do with them."""


def read_delimited(path: Path, pandas: Any) -> DataFrame:
    """The rows of a file of separated values; blank lines are rows without any value.

    Columns have the names of the file, also where one comes twice.

    Raises:
        TableError: If the file is of another kind or encoding, damaged, or its rows are longer
            than its header.
    """
    _check_kind(path)
    tabs = ".tsv" in path.name.lower()
    kind = {"sep": "\t" if tabs else ",", "encoding": "utf-8-sig", "index_col": False}
    header: list[str] = []
    try:
        header = [str(name) for name in pandas.read_csv(path, nrows=0, **kind).columns]
        _check_separator(path, header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = pandas.read_csv(
                path, skip_blank_lines=False, skipinitialspace=True, low_memory=False, **kind
            )
            written = pandas.read_csv(
                path, nrows=1, header=None, dtype=str, skipinitialspace=True, **kind
            ).iloc[0]
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path} is not UTF-8 (byte 0x{error.object[error.start]:02x}); give the DataFrame "
            "that pandas.read_csv(path, encoding='latin-1') makes, or that of its encoding."
        ) from error
    except pandas.errors.EmptyDataError as error:
        raise TableError(f"{path} is empty; its first line names the columns.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TableError(f"{path} is damaged or cut short ({error}); copy it again.") from error
    except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        raise TableError(_too_long(path, header, error)) from error
    # Pandas numbers a name that comes twice, which would hide that two columns could be meant.
    names = zip(frame.columns, written, strict=True)
    frame.columns = [(name if pandas.isna(own) else own).strip() for name, own in names]
    return frame


def _too_long(path: Path, header: Sequence[str], error: Exception) -> str:
    comments = header and header[0].lstrip().startswith("#")
    what, how = ("lines are comments", "comment='#'") if comments else ("commas are decimal", "")
    how = how or "sep=';', decimal=','"
    return (
        f"{path} has rows of more fields than its header has names "
        f"({' '.join(str(error).split())}); where {what}, give the DataFrame that "
        f"pandas.read_csv(path, {how}) makes."
    )


def _check_kind(path: Path) -> None:
    """Refuse a file whose first bytes are not those of what its name says."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(4)
    packed = path.name.lower().endswith(".gz")
    if head.startswith(_GZIP) and not packed:
        raise TableError(f"{path} is compressed by gzip; end its name in .gz.")
    if packed and head and not head.startswith(_GZIP):
        raise TableError(f"{path} is not compressed by gzip; take .gz off its name.")
    for start, what in _KINDS.items():
        if head.startswith(start):
            raise TableError(f"{path} {what}.")


def _check_separator(path: Path, header: Sequence[str]) -> None:
    found = next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None)
    if found is not None:
        decimal = ", decimal=','" if found == ";" else ""
        raise TableError(
            f"{path} separates its columns by {found!r}, but a comma was expected; give the "
            f"DataFrame that pandas.read_csv(path, sep={found!r}{decimal}) makes, decimal being "
            "how its numbers are written."
        )
