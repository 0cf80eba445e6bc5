"""Nothing is dropped without a word: sheets, columns and the lines above the heads (cases 05, 11, 24)."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from customs_lines import command, lines
from openpyxl import Workbook
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.harmonise.layout import guess_layout
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.heads import stated_separator, titles_above
from firmtrade_core.world.tables import read_table
from firmtrade_core.world.uploads import Upload, read_uploaded_table
from firmtrade_core.world.world import World

RUNNER = CliRunner()

HEADS = ["exporter_id", "date", "flow", "country", "product", "value", "currency"]


def line(value: float, year: int = 2019, firm: str = "F1") -> list[str]:
    return [firm, f"{year}-03-05", "export", "DE", "020110", f"{value:g}", "USD"]


def workbook(path: Path, sheets: dict[str, list[list[object]]], hidden: str = "") -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def harmonised(path: Path, out: Path, *options: str) -> tuple[dict[str, object], float]:
    """The report of the command, and the value of trade that came out."""
    done = RUNNER.invoke(
        app, ["harmonise", str(path), "-o", str(out), "--edition", "none", "--json", *options]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.output), float(pd.read_parquet(out / "panel" / "trade.parquet")["value"].sum())


def notes(report: dict[str, object]) -> str:
    return " ".join(map(str, report["notes"]))  # type: ignore[call-overload]


# Sheets -------------------------------------------------------------------------------------------


def test_a_sheet_for_each_year_is_read(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "exports.xlsx", {"2019": [HEADS, line(1000)], "2020": [HEADS, line(5000, 2020)]}
    )
    report, value = harmonised(path, tmp_path / "out")
    assert value == 6000
    assert "2019 (1 row), 2020 (1 row)" in notes(report) and "Columns not used: sheet" in notes(report)


def test_a_sheet_of_another_table_is_named(tmp_path: Path) -> None:
    sheets = {
        "Read me": [["Source", "Customs"], ["Contact", "office"]],
        "Data": [["Exports of 2019"], [], HEADS, line(1000), line(2000)],
        "More": [[*HEADS[:5], "VALUE", "currency"], line(4000)],
        "Empty": [],
    }
    report, value = harmonised(workbook(tmp_path / "a.xlsx", sheets, hidden="More"), tmp_path / "out")
    assert value == 7000
    said = notes(report)
    assert "Sheet Read me not read (1 row)" in said and "Source, Customs" in said
    assert "Sheet Data: 1 line above the heads skipped: Exports of 2019" in said
    assert "Data (2 rows), More (1 row)" in said


def test_a_sheet_with_a_column_more_is_part_of_the_table(tmp_path: Path) -> None:
    sheets = {
        "a": [HEADS, line(1)],
        "b": [[*HEADS, "note"], [*line(2), "x"]],
        "c": [list(reversed(HEADS)), list(reversed(line(4)))],
    }
    report, value = harmonised(workbook(tmp_path / "a.xlsx", sheets), tmp_path / "out")
    assert value == 7 and "Columns not used: sheet, note" in notes(report)


def test_the_sheets_name_can_be_the_date(tmp_path: Path) -> None:
    heads = [h for h in HEADS if h != "date"]
    rows = [[v for h, v in zip(HEADS, line(x), strict=True) if h != "date"] for x in (1, 2)]
    path = workbook(tmp_path / "a.xlsx", {"2019": [heads, rows[0]], "2020": [heads, rows[1]]})
    harmonised(path, tmp_path / "out", "--column", "date=sheet")
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert dict(zip(trade["year"], trade["value"], strict=True)) == {2019: 1, 2020: 2}


def test_na_is_a_country_in_a_workbook_too(tmp_path: Path) -> None:
    rows = [[*line(x)[:3], code, *line(x)[4:]] for x, code in ((1, "NA"), (2, "DE"), (4, "FR"))]
    path = workbook(tmp_path / "a.xlsx", {"x": [HEADS, *rows]})
    table = read_table(path)
    assert list(table["country"]) == ["NA", "DE", "FR"] and list(table["product"]) == ["020110"] * 3


def test_firm_tables_read_all_sheets(tmp_path: Path) -> None:
    heads = ["firm", "year", "sales", "employment"]
    sheets = {str(y): [heads, *[[f"F{i}", y, 10 * i, i] for i in range(1, 5)]] for y in (2018, 2019)}
    report, _ = _firms(workbook(tmp_path / "register.xlsx", sheets), tmp_path / "out")
    assert "2018 (4 rows), 2019 (4 rows)" in notes(report)
    assert len(pd.read_parquet(tmp_path / "out" / "panel" / "firms.parquet")) == 8


def _firms(path: Path, out: Path) -> tuple[dict[str, object], int]:
    done = RUNNER.invoke(app, ["harmonise", str(path), "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output), done.exit_code


def test_worlds_and_uploads_read_all_sheets(tmp_path: Path) -> None:
    heads = ["exporter", "importer", "sector", "expenditure_musd", "tariff"]
    half = {
        o: [heads, *[[o, d, "goods", 10 if o == d else 1, 0] for d in ("DEU", "FRA")]] for o in ("DEU", "FRA")
    }
    path = workbook(tmp_path / "flows.xlsx", {**half, "about": [["made by", "me"], ["on", "Monday"]]})
    table = read_uploaded_table(Upload("flows.xlsx", path.read_bytes()))
    world = World.from_long(table)
    said = " ".join(world.provenance.changes)
    assert world.countries == ("DEU", "FRA") and "DEU (2 rows), FRA (2 rows)" in said
    assert "Sheet about not read" in said and "Columns not used: sheet." in said
    (tmp_path / "bad.xlsx").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(WorldFileError, match="not a readable workbook"):
        read_table(tmp_path / "bad.xlsx")


# Columns ------------------------------------------------------------------------------------------


def test_unused_columns_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(";".join([*HEADS, "CO_MES", "via"]) + "\n" + ";".join([*line(7), "02", "sea"]) + "\n")
    report, _ = harmonised(path, tmp_path / "out")
    assert "a.csv: Columns not used: CO_MES, via." in notes(report)


def test_a_world_lists_its_unused_columns() -> None:
    rows = [(o, d, "goods", 10.0 if o == d else 1.0, 0.0, 1) for o in ("DEU", "FRA") for d in ("DEU", "FRA")]
    table = pd.DataFrame(
        rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff", "quality"]
    )
    assert "Columns not used: quality." in World.from_long(table).provenance.changes


# Lines above the heads ----------------------------------------------------------------------------

BODY = [HEADS, line(1000), line(2000)]


def text(separator: str, rows: list[list[str]]) -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


BEGINNINGS = {
    "sep": ("sep=;\n", ";", 1),
    "sep with a mark": ("\ufeffsep=;\r\n", ";", 1),
    "sep quoted": ('"sep=,"\n', ",", 1),
    "sep is a tab": ("sep=\t\n", "\t", 1),
    "sep is a bar": ("SEP=|\n", "|", 1),
    "titles as wide as the table": ("Customs office;;;;;;\nExported on 05.03.2020;;;;;;\n", ";", 2),
    "titles as they are typed": ("Customs office of Atlantis, exports\n\nExported on 05.03.2020\n", ";", 2),
    "titles in a comma file": ("Exports by firm\nSource: customs\n", ",", 2),
    "comments": ("# made by, hand, on Monday\n# for, the, ministry, of, trade, and, more\n", ",", 2),
    "a title behind sep": ("sep=;\nCustoms office\n", ";", 2),
    "a blank line first": ("\n\n", ";", 0),
    "nothing": ("", ";", 0),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_above_the_heads_are_skipped_and_counted(tmp_path: Path, beginning: str, encoding: str) -> None:
    above, separator, titles = BEGINNINGS[beginning]
    path = tmp_path / "a.csv"
    path.write_text(above + text(separator, BODY), encoding=encoding)
    report, value = harmonised(path, tmp_path / "out")
    assert value == 3000
    assert report["sources"][0]["rows"] == 2  # type: ignore[index]
    found = {f["rule"]: f["rows"] for f in report["findings"]}  # type: ignore[attr-defined]
    assert found.get("line.title", 0) == titles
    assert ("above the heads skipped" in notes(report)) == (titles > 0)


@pytest.mark.parametrize("beginning", [b for b in BEGINNINGS if "bar" not in b and "tab" not in b])
def test_tables_of_worlds_skip_them_too(tmp_path: Path, beginning: str) -> None:
    above, separator, titles = BEGINNINGS[beginning]
    path = tmp_path / "a.csv"
    path.write_text(above + text(separator, BODY), encoding="utf-8")
    table = read_table(path)
    assert list(table.columns) == HEADS and len(table) == 2
    assert bool(table.attrs.get("notes")) == (titles > 0)


def test_what_is_no_title_stays() -> None:
    """A table whose first row is its head keeps it, however odd the rest."""
    wide = [["origin", "2019", "2020"], ["DEU", "1", "2"]]
    few = [["a", "b"], ["x", "y", "z"], ["x", "y", "z"]]
    gaps = [["id", "", "", "value"], ["1", "2", "3", "4"]]
    one = [["x"], ["1"], ["2"]]
    unnamed = [["", "AUS_A", "AUS_B"], ["AUS_A", "1", "2"], ["AUS_B", "3", "4"]]
    for rows in (wide, few, gaps, one, unnamed, [], [[]]):
        assert titles_above(rows) == 0
    assert stated_separator("sep=;") == ";" and stated_separator("separator;value") is None
    assert stated_separator("sept=;") is None


def test_a_total_below_is_set_aside_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Customs;;;;;;\n" + text(";", BODY) + "TOTAL;;;;;3000;\n")
    report, value = harmonised(path, tmp_path / "out")
    assert value == 3000 and report["sources"][0]["rows"] == 3  # type: ignore[index]


# Columns by the person's word -----------------------------------------------------------------------


def test_camel_case_heads_are_known() -> None:
    heads = [
        "refYear",
        "period",
        "reporterISO",
        "flowCode",
        "partnerISO",
        "cmdCode",
        "qtyUnitAbbr",
        "qty",
        "netWgt",
        "primaryValue",
    ]
    found = guess_layout(heads).columns
    assert found == {
        "date": "period", "flow": "flowCode", "country": "partnerISO", "product": "cmdCode", "value": "primaryValue",
        "quantity": "qty", "unit": "qtyUnitAbbr", "weight": "netWgt",
    }  # fmt: skip
    full = [
        "typeCode",
        "freqCode",
        "refPeriodId",
        "refYear",
        "refMonth",
        "period",
        "reporterCode",
        "reporterISO",
        "flowCode",
        "flowDesc",
        "partnerCode",
        "partnerISO",
        "partner2ISO",
        "cmdCode",
        "cmdDesc",
        "qtyUnitCode",
        "qtyUnitAbbr",
        "qty",
        "altQty",
        "netWgt",
        "grossWgt",
        "cifvalue",
        "fobvalue",
        "primaryValue",
        "isReported",
    ]
    assert {k: found[k] for k in found} == dict(guess_layout(full).columns)


def test_the_command_line_is_told_which_column_is_which(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    odd = ["wer", "wann", "was", "wohin", "xyz", "geld", "einheit_geld"]
    path.write_text(text(";", [odd, *BODY[1:]]))
    done = RUNNER.invoke(app, ["harmonise", str(path), "-o", str(tmp_path / "out"), "--edition", "none"])
    assert done.exit_code == 2
    assert "--column FIELD=COLUMN" in done.output and "'xyz'" in done.output
    said = [
        f"--column={f}={c}"
        for f, c in zip(["firm", "date", "flow", "country", "product", "value", "currency"], odd, strict=True)
    ]
    _, value = harmonised(path, tmp_path / "out", *said)
    assert value == 3000
    done = RUNNER.invoke(
        app, ["harmonise", str(path), "-o", str(tmp_path / "o2"), *said, "--column", "name=NOBODY"]
    )
    assert done.exit_code == 2 and "No file has a column 'NOBODY'" in done.output
    done = RUNNER.invoke(app, ["harmonise", str(path), "-o", str(tmp_path / "o3"), "--column", "colour=wer"])
    assert done.exit_code == 2 and "no field colour" in done.output


def test_a_column_that_is_said_comes_before_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text(";", [[*HEADS, "fob corrected"], [*line(1), "10"], [*line(2), "20"]]))
    assert harmonised(path, tmp_path / "a")[1] == 3
    assert harmonised(path, tmp_path / "b", "--column", "value=FOB Corrected")[1] == 30


def test_firm_tables_take_columns_too(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text("clave;year;sales;crew\nF1;2019;100;7\nF2;2019;200;8\n")
    done = RUNNER.invoke(
        app,
        [
            "harmonise",
            str(path),
            "-o",
            str(tmp_path / "out"),
            "--column",
            "firm=clave",
            "--column",
            "employment=crew",
        ],
    )
    assert done.exit_code == 0, done.output
    assert sorted(pd.read_parquet(tmp_path / "out" / "panel" / "firms.parquet")["employment"]) == [7, 8]


def test_parts_of_flows_are_not_counted_beside_the_whole(tmp_path: Path) -> None:
    parts = (
        {"motCode": "0", "value": "100"},
        {"motCode": "1000", "value": "60"},
        {"motCode": "2000", "value": "40"},
    )
    found = lines(tmp_path, *({"customsCode": "C00", **part} for part in parts))
    assert (
        found.column("value") == [100.0, "line.part", "line.part"]
        and "motCode breaks flows down" in found.notes
    )
    alone = lines(tmp_path, {"motCode": "1000", "value": "60"}, {"motCode": "2000", "value": "40"})
    assert len(alone.lines) == 2


def test_the_head_of_the_values_tells_the_currency_at_the_command(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(
        "firm,date,flow,country,product,fob_clp\nF1,2019-03-05,export,DE,020110,1000000\n"
    )
    (tmp_path / "in" / "r.csv").write_text("date;currency;per_usd\n2019-03;CLP;668,6\n")
    command(tmp_path / "in", tmp_path / "out")
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert trade["value"].sum() == pytest.approx(1e6 / 668.6)
