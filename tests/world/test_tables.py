"""Reading tables of all kinds, and refusing what is not one."""

from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.world import tables
from firmtrade_core.world.errors import ColumnError, WorldFileError
from firmtrade_core.world.tables import read_table

TABLE = pd.DataFrame({"exporter": ["NAM", "NA"], "sector": ["=cmd()", "<b>"], "value": [1.5, 2.0]})


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "dta"])
def test_all_kinds_read_alike(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        TABLE.to_parquet(path)
    elif suffix == "dta":
        TABLE.to_stata(path, write_index=False)
    else:
        TABLE.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
    read = read_table(path)
    assert read.astype(object).to_numpy().tolist() == TABLE.astype(object).to_numpy().tolist()
    assert list(read_table(path, columns=["value"])) == ["value"]
    with pytest.raises(ColumnError, match=r"lacks a column: valu \(did you mean 'value'"):
        read_table(path, columns=["valu"])


def test_semicolons_byte_marks_and_old_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffexporter;value\nCôte;1\n".encode())
    assert read_table(path).to_numpy().tolist() == [["Côte", 1]]
    path.write_bytes("exporter,value\nCôte,1\n".encode("cp1252"))
    assert read_table(path).to_numpy().tolist() == [["Côte", 1]]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "dta"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01PK\x03\x04" * 9, b"PAR1" + b"\x00" * 40 + b"PAR1"])
def test_other_content_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WorldFileError, match=r"a\.\w+ is (empty|not a)"):
        read_table(path)


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    TABLE.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WorldFileError, match="not a readable parquet file"):
        read_table(path)


def test_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    TABLE.to_parquet(path)
    monkeypatch.setattr(tables, "LARGEST_ROWS", 1)
    with pytest.raises(WorldFileError, match="would unpack to 2 rows"):
        read_table(path)
    monkeypatch.setattr(tables, "LARGEST_FILE", 10)
    with pytest.raises(WorldFileError, match="files up to"):
        read_table(path)


def test_missing_and_unknown(tmp_path: Path) -> None:
    with pytest.raises(WorldFileError, match="cannot be read: No such file"):
        read_table(tmp_path / "a.csv")
    with pytest.raises(
        WorldFileError, match=r"tables are read from \.parquet, \.csv, \.tsv, \.dta, \.xlsx files"
    ):
        read_table(tmp_path / "a.ods")
