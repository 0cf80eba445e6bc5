"""Customs files as they come: every line is accounted for, every change can be traced and undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from firmtrade_core.codes.places import read_country
from firmtrade_core.harmonise import reading
from firmtrade_core.harmonise.declarations import Declarations, Options, hashed_firm, read_declarations
from firmtrade_core.harmonise.errors import HarmoniseError, LayoutError, UnreadableFileError
from firmtrade_core.harmonise.reading import TextFile, load_text

SALT = b"a salt of sixteen bytes"

HEADER = "declaracion;rut;fecha;flujo;pais destino;partida;valor fob;moneda;cantidad;unidad;peso neto"


def line(
    declaration: str = "1", firm: str = "76.123.456-7", date: str = "15/03/2019", flow: str = "export",
    country: str = "Alemania", product: str = "10121", value: str = "1.234,56", currency: str = "USD",
    quantity: str = "10", unit: str = "TON", weight: str = "10000",
) -> str:  # fmt: skip
    return ";".join(
        (declaration, firm, date, flow, country, product, value, currency, quantity, unit, weight)
    )


def read(
    folder: Path, *lines: str, encoding: str = "utf-8", name: str = "a.csv", **options: object
) -> Declarations:
    path = folder / name
    path.write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))
    return read_declarations([path], folder / "work", Options(SALT, **options))  # type: ignore[arg-type]


def rules(found: Declarations) -> dict[str, int]:
    return {finding.rule.key: finding.rows for finding in found.findings}


def clean(found: Declarations) -> pd.DataFrame:
    return found.connection.execute("FROM lines ORDER BY row").df()


def test_a_line_is_read_whole(tmp_path: Path) -> None:
    found = read(tmp_path, line(), line("2", "761234567", value="10,5", country="ROM", product="0101.29.00"))
    first, second = clean(found).to_dict("records")
    assert first["firm"] == second["firm"] == hashed_firm("76123456-7", SALT)
    assert (first["country"], second["country"]) == ("DEU", "ROU")
    assert (first["product"], second["product"]) == ("010121", "010129")
    assert (first["value_usd"], second["value_usd"]) == (1234.56, 10.5)
    assert (first["quantity"], first["unit"], first["weight_kg"]) == (10_000, "kg", 10_000)
    assert first["date"] == pd.Timestamp("2019-03-15")
    assert rules(found) == {"product.leading_zero": 1, "country.retired": 1}
    assert "76123" not in str(found.findings.to_json())


BAD = {
    "firm.missing": line(firm=" "),
    "date.missing": line(date=""),
    "date.unreadable": line(date="31/02/2019"),
    "date.implausible": line(date="15/03/1819"),
    "flow.unknown": line(flow="sideways"),
    "country.missing": line(country=""),
    "country.unknown": line(country="Wakanda"),
    "product.missing": line(product=""),
    "product.unreadable": line(product="wool"),
    "product.coarse": line(product="8703"),
    "product.unknown": line(product="770101"),
    "currency.missing": line(currency=""),
    "currency.unknown": line(currency="$"),
    "value.missing": line(value=""),
    "value.unreadable": line(value="much"),
    "value.negative": line(value="-5,25"),
    "value.zero": line(value="0,00"),
    "currency.no_rate": line(currency="CLP"),
    "line.fields": "only;three;fields",
}


def test_every_fault_is_counted_once_and_no_line_is_lost(tmp_path: Path) -> None:
    found = read(tmp_path, *BAD.values(), line("7"), line("7"))
    assert found.accounts() == {"read": 21, "clean": 1, "quarantined": 20, "lost": 0}
    met = rules(found)
    assert {key: met.get(key) for key in (*BAD, "line.duplicate")} == dict.fromkeys(
        (*BAD, "line.duplicate"), 1
    )
    assert "Wakanda" in found.quarantined_text("country.unknown")["pais destino"].to_list()


def test_repairs_are_logged_with_what_was_there(tmp_path: Path) -> None:
    found = read(tmp_path, line(weight="0", quantity="-3"), line("2", unit="parsec", weight="x"), line("3"))
    changes = found.connection.execute("FROM changes ORDER BY row, rule").df()
    assert set(zip(changes["row"], changes["rule"], changes["before"], strict=True)) == {
        (1, "product.leading_zero", "10121"), (1, "quantity.negative", "-3"), (1, "weight.zero", "0"),
        (2, "product.leading_zero", "10121"), (2, "weight.unreadable", "x"),
        (3, "product.leading_zero", "10121"),
    }  # fmt: skip
    table = clean(found)
    assert table.loc[0, ["quantity", "weight_kg"]].isna().all()
    assert list(table.loc[1, "flags"]) == ["unit.unknown"]


def test_the_log_leads_back_to_the_source(tmp_path: Path) -> None:
    written = [
        line(weight="0"),
        line("2", country="ROM"),
        line("3", quantity="-1"),
        line("4", product="010121"),
    ]
    found = read(tmp_path, *written)
    source = found.connection.execute("FROM source_0").df().set_index("row")
    layout = found.sources[0].layout.columns
    changes = found.connection.execute("FROM changes").df()
    assert not changes.duplicated(["file", "row", "column"]).any()
    for change in changes.itertuples():
        assert source.loc[change.row, layout[change.column]] == change.before
    logged = set(zip(changes["row"], changes["column"], strict=True))
    for row in clean(found).itertuples():
        if (row.row, "product") not in logged:
            assert source.loc[row.row, layout["product"]] == row.product
        if (row.row, "country") not in logged:
            assert read_country(source.loc[row.row, layout["country"]]) == (row.country, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    found = read(tmp_path, line(country="España"), line("2", country="Perú"), encoding=encoding)
    assert clean(found)["country"].to_list() == ["ESP", "PER"]


def test_mixed_encodings_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = [HEADER.encode(), line(country="España").encode(), line("2", country="España").encode("cp1252")]
    path.write_bytes(b"\n".join(text))
    found = read_declarations([path], tmp_path / "work", Options(SALT))
    assert clean(found)["country"].to_list() == ["ESP", "ESP"]
    assert rules(found)["line.encoding"] == 1


def test_dates_in_every_form(tmp_path: Path) -> None:
    written = ("15/03/2019", "2019-03-15", "15 mar 2019", "20190315", "43539", "2019-03-15 10:22:00")
    found = read(tmp_path, *(line(str(n), date=text) for n, text in enumerate(written)))
    assert (clean(found)["date"] == pd.Timestamp("2019-03-15")).all()
    american = read(tmp_path, line("1", date="03/15/2019"), line("2", date="04/05/2019"), name="b.csv")
    assert clean(american)["date"].dt.month.to_list() == [3, 4]
    unclear = read(tmp_path, line("1", date="04/05/2019"), name="c.csv")
    assert rules(unclear)["date.ambiguous"] == 1


def test_decimal_marks_are_settled_by_file(tmp_path: Path) -> None:
    continental = read(tmp_path, line(value="1.234,5"), line("2", value="1.234"))
    assert clean(continental)["value"].to_list() == [1234.5, 1234.0]
    english = read(tmp_path, line(value="1,234.5"), line("2", value="1,234"), name="b.csv")
    assert clean(english)["value"].to_list() == [1234.5, 1234.0]
    unsettled = read(tmp_path, line(value="1.234"), name="c.csv")
    assert rules(unsettled)["value.ambiguous"] == 1


def test_rows_without_a_declaration_number_are_only_flagged_as_repeated(tmp_path: Path) -> None:
    found = read(tmp_path, line(declaration=""), line(declaration=""))
    assert found.accounts()["clean"] == 2 and rules(found)["line.repeated"] == 1


def test_a_negative_line_cancels_one_other(tmp_path: Path) -> None:
    found = read(tmp_path, line("1"), line("2"), line("3", value="-1.234,56"), line("4", value="-7,00"))
    assert {k: n for k, n in rules(found).items() if k != "product.leading_zero"} == {
        "value.negative": 2, "line.cancelled": 1,
    }  # fmt: skip
    assert found.accounts()["clean"] == 1


def test_a_giant_firm_is_pointed_out(tmp_path: Path) -> None:
    small = [line(str(n), f"firm {n}", value="1,00") for n in range(5)]
    found = read(tmp_path, *small, line("99", "giant", value="1000000,00"))
    assert rules(found)["firm.dominant"] == 1


def test_corrections_and_constants(tmp_path: Path) -> None:
    found = read(tmp_path, line(country="Wakanda"), corrections={"country": {"Wakanda": "KEN"}})
    assert clean(found)["country"].to_list() == ["KEN"]
    assert rules(found)["country.corrected"] == 1


def test_empty_and_unreadable_files(tmp_path: Path) -> None:
    for name, content in (("empty.csv", b""), ("blank.csv", b"\n\n \n"), ("head.csv", HEADER.encode())):
        (tmp_path / name).write_bytes(content)
        found = read_declarations([tmp_path / name], tmp_path / "work", Options(SALT))
        assert found.accounts() == {"read": 0, "clean": 0, "quarantined": 0, "lost": 0}
    (tmp_path / "x.csv").write_bytes(bytes(range(32)) * 50)
    with pytest.raises(UnreadableFileError, match="not a text table"):
        read_declarations([tmp_path / "x.csv"], tmp_path / "work", Options(SALT))
    (tmp_path / "y.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LayoutError, match="which column holds"):
        read_declarations([tmp_path / "y.csv"], tmp_path / "work", Options(SALT))
    with pytest.raises(HarmoniseError, match="cannot be read"):
        read_declarations([tmp_path / "no such.csv"], tmp_path / "work", Options(SALT))


def test_workbooks_and_parquet_are_read(tmp_path: Path) -> None:
    table = pd.DataFrame([line().split(";")], columns=HEADER.split(";"))
    table.to_excel(tmp_path / "a.xlsx", index=False)
    table.to_parquet(tmp_path / "b.parquet")
    found = read_declarations([tmp_path / "a.xlsx", tmp_path / "b.parquet"], tmp_path / "work", Options(SALT))
    assert found.accounts()["clean"] == 2
    (tmp_path / "c.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UnreadableFileError, match=r"c\.parquet cannot be read"):
        read_declarations([tmp_path / "c.parquet"], tmp_path / "work", Options(SALT))


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"{HEADER}\n{line()}\n")
    bad.write_text("a,b\n1,2\n")
    found = read_declarations([bad, good], tmp_path / "work", Options(SALT))
    assert found.accounts()["clean"] == 1
    assert any(note.startswith("Left out: bad.csv") for note in found.findings.notes)


def test_a_quarter_million_bad_rows_give_a_report(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    rows = [line(str(n), value="-1", date="not a date", country=f"land {n}") for n in range(1000)]
    path.write_text(
        HEADER + "\n" + "\n".join(rows * 250) + "\n" + "\n".join(['a"b;c'] * 1000), encoding="utf-8"
    )
    found = read_declarations([path], tmp_path / "work", Options(SALT))
    accounts = found.accounts()
    assert accounts["lost"] == 0 and accounts["quarantined"] == accounts["read"] == 251_000
    assert rules(found)["date.unreadable"] == 250_000


def test_quotes_that_never_close(tmp_path: Path) -> None:
    found = read(tmp_path, line(country='"Alemania'), line("2"), line("3", firm='"Firma; ""grande"""'))
    assert found.accounts() == {"read": 3, "clean": 3, "quarantined": 0, "lost": 0}


def test_saved_report_names_no_firm(tmp_path: Path) -> None:
    found = read(tmp_path, line(firm="Secret Firm Ltd"), line("2", firm="", country="Wakanda"))
    found.save(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "lines.parquet", "quarantine.parquet", "changes.parquet", "report.json",
    }  # fmt: skip
    assert "Secret" not in (tmp_path / "out" / "report.json").read_text()
    assert len(pd.read_parquet(tmp_path / "out" / "lines.parquet")) == 1


def test_broken_lines_and_commas_in_amounts_do_not_hide_the_separator(tmp_path: Path) -> None:
    """A fifth of the lines cut short, a comma in every amount and a bar in every name."""
    head = "DUS;RUT;Nombre;Fecha;Operacion;Pais destino;Partida;FOB;Moneda"
    good = "{n};C-{n};Firma | {n};05/03/2018;exportacion;Alemania;870321;100,00;US$"
    rows = [good.format(n=n) if n % 5 else f"{n};C-{n};Firma | {n},0" for n in range(300)]
    path = tmp_path / "aduana.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    found = read_declarations([path], tmp_path / "work", Options(SALT))
    accounts = found.accounts()
    assert accounts["read"] == 300 and accounts["clean"] == 240 and accounts["lost"] == 0


@pytest.mark.truth
def test_a_million_bad_rows_are_all_accounted_for(tmp_path: Path) -> None:
    """DuckDB's parallel reader loses whole stretches of such a file (above 64 MiB) without a word."""
    good = line(country="Atlantis", firm="Hornos del Valle " + "y Anexos " * 3)
    rows = [good if n % 9 else good[:60] for n in range(1_000_000)]
    path = tmp_path / "bad.csv"
    path.write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    found = read_declarations([path], tmp_path / "work", Options(SALT))
    accounts = found.accounts()
    assert accounts == {"read": 1_000_000, "clean": 0, "quarantined": 1_000_000, "lost": 0}
    assert rules(found)["line.fields"] == 111_112 and rules(found)["country.unknown"] == 888_888


def test_a_reader_that_loses_lines_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(connection: duckdb.DuckDBPyConnection, *given: Any, parallel: bool) -> tuple[int, int]:
        rows, broken = scan(connection, *given, parallel=parallel)
        if parallel:
            connection.execute("DELETE FROM source_0_text WHERE rowid >= 5")
        return min(rows, 5) if parallel else rows, broken

    scan = reading._scan
    monkeypatch.setattr(reading, "_scan", lossy)
    found = read(tmp_path, *(line(str(n)) for n in range(20)))
    assert found.accounts() == {"read": 20, "clean": 20, "quarantined": 0, "lost": 0}


def test_lines_swallowed_by_quotes_count_as_broken(tmp_path: Path) -> None:
    text = TextFile(tmp_path / "x.csv", tmp_path / "x.csv", ";", ("a", "b"), {}, {}, "", records=4)
    text.path.write_text('a;b\n1;2\n3;"4\n5;6\n7;8\n', encoding="utf-8")
    connection = duckdb.connect()
    broken, _ = load_text(connection, text, "source")
    rows = connection.execute("SELECT count(*) FROM source").fetchone()
    assert rows is not None and rows[0] + broken == 4
