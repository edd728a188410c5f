"""Files of tables: what is read, and what is said of those that are not."""

import pandas as pd
import pytest

from mamba_diffae import Observations
from mamba_diffae.fields import TableError
from mamba_diffae.fields.tables import is_table, write_table
from tests.fields.tables.table_cases import frame

NAMED = {"lon": "lon", "lat": "lat", "values": ["sst"]}
CSV = "lon,lat,sst\n7.9,54.2,11.0\n8.4,55.0,12.5\n"


def read(path):
    return Observations.from_table(path, **NAMED)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "T.CSV", "t.csv.gz", "t.parquet"])
def test_a_table_that_was_written_is_read(tmp_path, name):
    write_table(frame(), tmp_path / name)
    assert is_table(tmp_path / name)
    seen = read(tmp_path / name)
    assert seen.values[0, :, 0].tolist() == frame()["sst"].tolist()
    assert seen.coords[0].tolist() == frame()[["lat", "lon"]].to_numpy().tolist()


def test_other_tables_are_read(tmp_path):
    import pyarrow as pa

    assert read(pa.Table.from_pandas(frame())).counts.tolist() == [4]
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + CSV.replace(",", ", ").encode())
    assert read(str(tmp_path / "bom.csv")).counts.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("lon,lat,sst\n", "has no rows"),
        (CSV.replace(",", ";"), r"by ';'.*read_csv\(path, sep=';', decimal=','\)"),
        (CSV.replace(",", "\t"), r"sep='\\t'\)"),
        ("lat,lon,sst\n54,2,7,9,11,0\n", "more fields than its header"),
        (CSV + "\n9.0,54.0,n.d.\n", "'n.d.' in line 5 of"),
        (CSV.replace("54.2", "95"), "holds 95 in line 2 of"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, text, told):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError if "95" not in told else ValueError, match=told):
        read(tmp_path / "t.csv")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(CSV.replace("sst", "sst °C").encode("latin-1"))
    with pytest.raises(TableError, match=r"not UTF-8 .byte 0xb0.*encoding='latin-1'"):
        read(tmp_path / "t.csv")


def test_a_file_that_does_not_exist_names_the_nearest(tmp_path):
    (tmp_path / "stations.csv").write_text(CSV)
    with pytest.raises(TableError, match=r"There is no file .*Did you mean .*stations.csv"):
        read(tmp_path / "statons.csv")
    (tmp_path / "broken.parquet").write_text(CSV)
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read(tmp_path / "broken.parquet")


def test_other_things_are_no_tables(tmp_path):
    assert not any(is_table(x) for x in ("weather", [1, 2], {"a": 1}, tmp_path, pd.Series([1])))
    with pytest.raises(TableError, match="no name of a table"):
        write_table(frame(), tmp_path / "t.xlsx")
    assert not list(tmp_path.iterdir())
