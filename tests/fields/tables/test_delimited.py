"""Files of separated values: other kinds of files, damage, names that come twice, comments."""

import gzip
from typing import Any

import pandas as pd
import pytest

from mamba_diffae import Observations
from mamba_diffae.fields import TableError

CSV = "lat,lon,sst\n54.2,7.9,11.0\n55.0,8.1,12.0\n"
PACKED = gzip.compress(CSV.encode(), mtime=0)  # parameters are the same in each process
COLUMNS: dict[str, Any] = {"coords": ["lat", "lon"], "values": "sst"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv.gz", PACKED[:-9], "damaged or cut short"),
        ("t.csv.gz", PACKED[:10] + b"\xff" * 20, "damaged or cut short"),
        ("t.csv.gz", PACKED[:-8] + b"\x00" * 8, "damaged or cut short"),
        ("t.csv.gz", CSV.encode(), "take .gz off its name"),
        ("t.csv", PACKED, "end its name in .gz"),
        ("t.csv", b"PAR1" + b"0" * 20, "end its name in .parquet"),
        ("t.csv", b"PK\x03\x04" + b"0" * 20, "read_excel"),
        ("t.csv", CSV.encode("utf-16"), "encoding='utf-16'"),
        ("t.csv", b"# of a logger\n" + CSV.encode(), "comment='#'"),
    ],
    ids=["cut", "damaged", "checksum", "plain", "gzip", "parquet", "excel", "utf-16", "comment"],
)
def test_another_kind_of_file_is_named_with_what_to_do(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=told) as refused:
        Observations.from_table(tmp_path / name, **COLUMNS)
    assert name in str(refused.value)


def test_a_column_that_comes_twice_in_a_file_is_refused_as_in_a_frame(tmp_path):
    text = "lat,lon,sst, sst,,\n54.2,7.9,11.0,12.0,,\n"
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match="2 columns named 'sst'"):
        Observations.from_table(tmp_path / "t.csv", **COLUMNS)
    (tmp_path / "t.csv").write_text(text.replace(" sst", "depth"))
    seen = Observations.from_table(tmp_path / "t.csv", **COLUMNS)
    assert seen.values.tolist() == [[[11.0]]]


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "t.csv").symlink_to("t.csv")
    with pytest.raises(TableError, match="link to nothing"):
        Observations.from_table(tmp_path / "t.csv", **COLUMNS)


def test_columns_named_by_number_are_answered_with_their_names():
    numbered = pd.DataFrame([[54.2, 7.9, 11.0]])
    two: Any = 2
    different: list[Any] = [[0, 1], ["0", "1"]]
    for coords in different:
        with pytest.raises(TableError, match=r"no column [02]"):
            Observations.from_table(numbered, coords=coords, values=two)
