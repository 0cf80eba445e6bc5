"""Files through a browser: good ones load, hostile ones are refused in words, nothing stays behind."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from firmtrade_core.world import uploads
from firmtrade_core.world.errors import WorldError, WorldFileError
from firmtrade_core.world.uploads import (
    READ_AT_ONCE,
    Upload,
    apart_or_here,
    load_uploaded,
    read_uploaded_table,
    read_uploaded_world,
)
from tests.world.test_loaders import icio_file
from tests.worlds import make_world


@pytest.fixture(autouse=True)
def nothing_stays_behind(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("uploads")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


def test_good_files(tmp_path: Path) -> None:
    world = make_world(3, 2)
    content = world.save(tmp_path / "w.world").read_bytes()
    assert read_uploaded_world(Upload("../../etc/w.world", content)).content_hash == world.content_hash
    table = world.to_long()
    csv = Upload("C:\\fakepath\\flows.csv", table.to_csv(index=False).encode())
    pd.testing.assert_frame_equal(read_uploaded_table(csv), table, rtol=1e-12)
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    assert len(read_uploaded_table(Upload("flows.parquet", buffer.getvalue()))) == len(table)
    icio = Upload("2019.csv", icio_file(tmp_path).read_bytes())
    fold = Upload("f.csv", b"sector,group\nA01_02,goods\nC10T12,goods\nG,services\n")
    loaded = load_uploaded("oecd-icio", icio, {"sectors": fold})
    assert loaded.provenance.year == 2019 and loaded.sectors == ("goods", "services")


def test_baci_with_its_tables() -> None:
    baci = Upload(
        "BACI_HS17_Y2019_V202401b.csv", b"t,i,j,k,v,q\n2019,36,276,010121,2000,1\n2019,276,36,870323,3000,1\n"
    )
    tables = {
        "country_codes": Upload(
            "country_codes_V202401b.csv", b"country_code,country_iso3\n36,AUS\n276,DEU\n"
        ),
        "concordance": Upload("c.csv", b"product,sector\n01,farm\n87,cars\n"),
        "output": Upload(
            "o.csv", b"country,sector,output_musd\nAUS,farm,10\nAUS,cars,5\nDEU,farm,8\nDEU,cars,20\n"
        ),
    }
    world = load_uploaded("baci", baci, tables)
    assert world.countries == ("AUS", "DEU")
    assert world.expenditure[0, 1].sum() == pytest.approx(2.0)
    with pytest.raises(WorldError, match="missing a required argument: 'output'"):
        load_uploaded("baci", baci)


BOMB = io.BytesIO()
with zipfile.ZipFile(BOMB, "w", zipfile.ZIP_DEFLATED) as _archive:
    _archive.writestr("expenditure.npy", b"\0" * (2**24))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"", "is empty"),
        ("x.world", b"", "is empty"),
        ("x.xlsx", b"PK\x03\x04", "not a readable workbook"),
        ("x.ods", b"PK\x03\x04", "files ending in .world"),
        ("x.exe", b"MZ", "files ending in .world"),
        ("x.csv", b"\x00\x01\x02\x03\n\x00", "binary data"),
        ("x.parquet", b"PAR1 but not really", "not a readable parquet"),
        ("x.dta", b"\x00" * 300, "not a readable dta"),
        ("x.csv", b"a," * 30_000 + b"b\n1\n", "no head of a table"),
        ("x.csv", b"a" * (2**20 + 10), "no head of a table"),
        ("x.csv", b'a,b\n1,"2\n', "not a readable csv"),
    ],
)
def test_hostile_tables(name: str, content: bytes, words: str) -> None:
    with pytest.raises(WorldFileError, match=words):
        read_uploaded_table(Upload(name, content))


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LARGEST_CONTENT", 2**20)
    with pytest.raises(WorldFileError, match=r"would unpack to 16 MB and is refused"):
        read_uploaded_world(Upload("bomb.world", BOMB.getvalue()))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": np.random.default_rng(0).random(300_000)}), buffer)
    with pytest.raises(WorldFileError, match=r"would unpack to 300\u202f000 rows"):
        read_uploaded_table(Upload("bomb.parquet", buffer.getvalue()))


def test_an_archive_that_lies_is_refused() -> None:
    with pytest.raises(WorldFileError, match=r"no meta\.json"):
        read_uploaded_world(Upload("bomb.world", BOMB.getvalue()))
    with pytest.raises(WorldFileError, match="not a world file"):
        read_uploaded_world(Upload("b.world", b"garbage"))


def test_formulas_and_markup_stay_text() -> None:
    content = b"exporter,importer\n=cmd|' /C calc'!A0,<script>alert(1)</script>\nNA,@SUM(1)\n"
    table = read_uploaded_table(Upload("x.csv", content))
    assert table["exporter"].tolist() == ["=cmd|' /C calc'!A0", "NA"]
    assert table["importer"][0] == "<script>alert(1)</script>"


def test_a_file_is_read_apart_and_says_what_is_wrong_in_the_same_words(tmp_path: Path) -> None:
    table = pd.DataFrame({"exporter": ["A"] * 9000, "value": range(9000)})
    sent = Upload("table.csv", table.to_csv(index=False).encode())
    assert len(sent.content) > READ_AT_ONCE
    found = apart_or_here(read_uploaded_table, [sent], {"upload": sent})
    pd.testing.assert_frame_equal(found, read_uploaded_table(sent))
    wrong = Upload("damaged.parquet", b"PAR1 no more")
    with pytest.raises(WorldFileError, match="not a readable parquet file"):
        apart_or_here(read_uploaded_table, [wrong], {"upload": wrong})


def test_limits_are_by_what_a_file_becomes(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"value": np.zeros(200_000)}).to_parquet(buffer)
    sent = Upload("zeros.parquet", buffer.getvalue())
    monkeypatch.setattr("firmtrade_core.world.uploads.LARGEST_ROWS", 100_000)
    assert len(sent.content) < 100_000
    # Refused by its description, before anything is unpacked or a process is begun.
    monkeypatch.setattr("firmtrade_core.world.uploads.apart", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(WorldFileError, match="would unpack to 200\u202f000 rows"):
        apart_or_here(read_uploaded_table, [sent], {"upload": sent})
