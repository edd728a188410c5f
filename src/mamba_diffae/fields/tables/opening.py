"""A table as it is given, a DataFrame or a file, and its columns as numbers."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from mamba_diffae.fields.errors import TableError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.tables.delimited import DELIMITED, read_delimited
from mamba_diffae.fields.units import is_unit

if TYPE_CHECKING:
    from pandas import DataFrame, Series

PARQUET = (".parquet", ".pq")
_FRAMES = (("pandas", "DataFrame"), ("pyarrow", "Table"))
_NOTHING = ("", "nan", "na", "n/a", "null", "none")
"""Texts that stand for a value that is missing."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_UNIT = re.compile(r"[\[(]\s*([^\])]*?)\s*[\])]\s*$")
"""A unit in brackets at the end of a name."""
THE_TABLE = "the table"
_TOLD = 12
"""Names of columns or rows that a message holds, at most."""


@final
class TableWarning(UserWarning):
    """What was made of a table: columns that were recognised, rows left out, averaged repeats."""


def is_table(given: object) -> bool:
    """Whether this is a DataFrame, a pyarrow table, or the path of a CSV or Parquet file."""
    if isinstance(given, str | os.PathLike):
        return os.fspath(given).lower().endswith((*DELIMITED, *PARQUET))
    return any(
        (kind.__module__.partition(".")[0], kind.__name__) in _FRAMES for kind in type(given).mro()
    )


@final
@dataclass(frozen=True, eq=False)
class OpenedTable:
    """A table, by whose columns and rows errors are told.

    Attributes:
        frame: Its rows.
        name: How messages name it.
        header: Lines of its file before the first row; None: it is no file of lines.
    """

    frame: DataFrame
    name: str
    header: int | None = None

    @classmethod
    def of(cls, given: Any) -> Self:
        """Open a table.

        Args:
            given: A DataFrame, a pyarrow table, or the path of a CSV (UTF-8, commas, decimal
                points) or Parquet file; an opened one is returned.

        Raises:
            TableError: If it is none, cannot be read, or has no rows.
            MissingExtraError: If pandas is not installed.
        """
        if isinstance(given, cls):
            return given
        if not is_table(given):
            raise TableError(
                f"A table was given as {type(given).__name__} {str(given)[:60]!r}; expected a "
                "DataFrame, a pyarrow table, or the path of a .csv, .tsv or .parquet file."
            )
        if isinstance(given, str | os.PathLike):
            opened = cls._read(Path(os.fspath(given)).expanduser())
        else:
            frame = given if hasattr(given, "iloc") else given.to_pandas()
            opened = cls(frame, THE_TABLE)
        if not len(opened.frame):
            raise TableError(
                f"{opened.title} has no rows, under the columns {_listed(opened.names)}; give one "
                "row for each observation."
            )
        return opened

    @classmethod
    def _read(cls, path: Path) -> Self:
        pandas = load_extra("pandas", str(path))
        _check_exists(path)
        if path.name.lower().endswith(PARQUET):
            load_extra("pyarrow", str(path))
            try:
                return cls(pandas.read_parquet(path), str(path))
            except (ValueError, OSError) as error:
                raise TableError(f"{path} cannot be read as Parquet: {error}.") from error
        frame = read_delimited(path, pandas)
        # Blank lines are read as rows, so that a row's number is that of its line.
        return cls(frame.dropna(how="all"), str(path), 2)

    @property
    def title(self) -> str:
        """Its name at the beginning of a sentence."""
        return self.name.capitalize() if self.name == THE_TABLE else self.name

    @property
    def names(self) -> list[str]:
        """Of the columns, and of the levels of the index that have one."""
        columns = [str(name) for name in self.frame.columns]
        return columns + [str(n) for n in self.frame.index.names if n is not None]

    def column(self, name: str, what: str) -> Series:
        """A column, or a level of the index, by its name.

        Args:
            name: Its name.
            what: What it holds, for messages.

        Raises:
            TableError: If there is none, or there are several.
        """
        count = self.names.count(name) if isinstance(name, str) else 0
        if count > 1:
            raise TableError(f"{self.title} has {count} columns named {name!r}; name each once.")
        if not count:
            near = difflib.get_close_matches(str(name), self.names, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TableError(
                f"{self.title} has no column {name!r}, which was named as {what}; it has "
                f"{_listed(self.names)}.{hint}"
            )
        columns = [str(column) for column in self.frame.columns]
        if name in columns:
            return self.frame.iloc[:, columns.index(name)]
        levels = [str(level) for level in self.frame.index.names]
        return self.frame.index.get_level_values(levels.index(name)).to_series()

    def numbers(self, name: str, what: str) -> np.ndarray:
        """A column as numbers, shape (N,), float64, NaN where none is given.

        Args:
            name: Of the column.
            what: What it holds, for messages.

        Raises:
            TableError: If there is no such column, or one of its entries is no number.
        """
        pandas = load_extra("pandas", self.name)
        column = self.column(name, what)
        if column.dtype.kind in "mMc":
            raise TableError(
                f"The column {name!r} of {self.name}, named as {what}, is of the type "
                f"{column.dtype}; expected numbers, so give times as hours or days since one of "
                "them."
            )
        if column.dtype.kind not in "biuf":
            text = column.astype(object)
            read = pandas.to_numeric(text, errors="coerce")
            missing = text.isna() | text.map(lambda x: str(x).strip().lower() in _NOTHING)
            bad = np.flatnonzero((read.isna() & ~missing).to_numpy())
            if len(bad):
                raise TableError(self._no_numbers(name, what, text, bad))
            column = read
        return column.to_numpy(dtype=np.float64, na_value=np.nan)

    def unit(self, name: str) -> str:
        """Unit of a column: that of `attrs["units"]`, or that behind its name; "" if none is known.

        >>> import pandas
        >>> OpenedTable.of(pandas.DataFrame({"sst [degC]": [1.0]})).unit("sst [degC]")
        'degC'
        """
        units = self.frame.attrs.get("units")
        if isinstance(units, Mapping) and units.get(name):
            return str(units[name])
        found = _UNIT.search(name)
        return found[1] if found and is_unit(found[1]) else ""

    def _no_numbers(self, name: str, what: str, text: Series, bad: np.ndarray) -> str:
        first = str(text.iloc[bad[0]])
        mend = "correct them, or leave the field empty where nothing was measured."
        if _DECIMAL_COMMA.fullmatch(first.strip()):
            mend = (
                "they have decimal commas: give the DataFrame that pandas.read_csv(path, sep=';', "
                "decimal=',') makes."
            )
        return (
            f"{len(bad)} of {len(text)} entries of the column {name!r}, named as {what}, are no "
            f"numbers, the first is {first[:40]!r} in {self.row(bad[0])}; {mend}"
        )

    def row(self, i: int) -> str:
        """How to find a row, by its position: "line 5 of stations.csv"."""
        label = self.frame.index[i]
        if self.header is not None:
            return f"line {int(label) + self.header} of {self.name}"
        # Labels may be tuples or arrays, which == compares entry by entry.
        plain = isinstance(label, Integral) and label == i
        return f"row {i}" if plain else f"row {i} (index {label!r})"

    def rows(self, bad: np.ndarray) -> str:
        """How to find some rows, by their positions."""
        first = self.row(int(bad[0]))
        return first if len(bad) == 1 else f"{len(bad)} rows, the first in {first}"


def _check_exists(path: Path) -> None:
    if path.exists():
        return
    if path.is_symlink():
        raise TableError(f"{path} is a link to nothing; give the file itself.")
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.6)
    hint = f" Did you mean {str(path.with_name(near[0]))!r}?" if near else ""
    raise TableError(f"There is no file {path}.{hint}")


def _listed(names: Sequence[str]) -> str:
    more = f", … ({len(names)} in all)" if len(names) > _TOLD else ""
    return (", ".join(names[:_TOLD]) or "none") + more
