"""All kinds at once: every line, sheet and column of a messy folder is accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from customs_lines import command
from openpyxl import Workbook

HEADS = [
    "Nº DUS", "RUT", "Fecha", "Operación", "País destino", "Partida", "FOB", "Moneda", "Cantidad", "Unidad", "Peso neto", "Vía",
    "Observaciones",
]  # fmt: skip

#: What stands in a column, how many lines have it, and the rule that sets them aside ("" where they are kept).
FAULTS = [
    ({}, 40, ""),
    ({"RUT": "12345.0"}, 3, ""),
    ({"RUT": "1.23457E+13"}, 2, "firm.digits_gone"),
    ({"RUT": "NULL"}, 2, "firm.missing"),
    ({"RUT": "TOTAL"}, 1, "firm.missing"),
    ({"RUT": "1234567890123450000"}, 1, "firm.digits_gone"),
    ({"País destino": "Chile*"}, 1, ""),
    ({"País destino": "Upper middle income"}, 1, "country.total"),
    ({"Operación": "EX 1"}, 1, ""),
    ({"Fecha": "1er marzo 2019"}, 1, ""),
    ({"Partida": "87171000"}, 1, "product.unknown"),
    ({"Partida": "87000000"}, 1, "product.coarse"),
    ({"FOB": "$ 1.234,50"}, 1, ""),
    ({"RUT": "0"}, 1, "firm.missing"),
    ({"Fecha": "2019"}, 2, ""),
    ({"Fecha": "1012019"}, 2, ""),
    ({"Fecha": "2019-S2"}, 2, ""),
    ({"Fecha": "#N/A"}, 1, "date.missing"),
    ({"Operación": "Reexportación"}, 2, "flow.reexport"),
    ({"Operación": "tránsito"}, 1, "flow.unknown"),
    ({"País destino": "Mundo"}, 2, "country.total"),
    ({"País destino": "Areas, nes"}, 1, "country.unspecified"),
    ({"País destino": "Checoslovaquia"}, 2, ""),
    ({"País destino": "Corea (Sur)"}, 2, ""),
    ({"País destino": "Wakanda"}, 1, "country.unknown"),
    ({"País destino": "CHI"}, 1, "country.ambiguous"),
    ({"País destino": "CS", "Fecha": "1991-05-05"}, 1, ""),
    ({"País destino": "CS", "Fecha": "1998-05-05", "Moneda": "EUR"}, 1, "country.ambiguous"),
    ({"País destino": "CS", "Fecha": "2004-05-05"}, 2, ""),
    ({"País destino": "Extra-EU27"}, 1, "country.total"),
    ({"País destino": "s/i"}, 1, "country.missing"),
    ({"Partida": "2011000"}, 2, ""),
    ({"Partida": "TOTAL"}, 1, "product.total"),
    ({"Partida": "2.0712E+07"}, 1, "product.digits_gone"),
    ({"Partida": "8703"}, 1, "product.coarse"),
    ({"Moneda": "CLP"}, 1, "currency.no_rate"),
    ({"Moneda": "ISK", "Fecha": "2010-05-05"}, 1, "currency.no_rate"),
    ({"Moneda": "pesos"}, 1, "currency.unknown"),
    ({"Moneda": "GBp"}, 1, "currency.unknown"),
    ({"FOB": "NULL"}, 1, "value.missing"),
    ({"FOB": "-5,25"}, 1, "value.negative"),
    ({"Unidad": "QUILOGRAMA LIQUIDO"}, 2, ""),
    ({"Peso neto": "N/A"}, 1, ""),
]  # fmt: skip


def rows() -> list[list[str]]:
    found = []
    for change, count, _ in FAULTS:
        for _ in range(count):
            n = len(found) + 1
            sound = dict(
                zip(
                    HEADS,
                    [f"D{n}", f"76.{n:03d}.456-7", "15/03/2019", "exportación", "Alemania", "02013000", f"{1000 + n},50", "US$",
                     "10", "KGM", f"{n},125", "marítima", ""],
                    strict=True,
                )
            )  # fmt: skip
            found.append([{**sound, **change}[head] for head in HEADS])
    return found


def test_every_line_sheet_and_column_is_accounted_for(tmp_path: Path) -> None:
    lines = rows()
    folder = tmp_path / "in"
    folder.mkdir()
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "2018"
    half = len(lines) // 2
    second = book.create_sheet("2019")
    for sheet, part in ((first, lines[:half]), (second, lines[half:])):
        sheet.append(["Aduana de Atlantis"])
        sheet.append(HEADS)
        for row in part:
            sheet.append(row)
    notes = book.create_sheet("Leyenda")
    notes.append(["Los valores son invented"])
    book.save(folder / "aduana.xlsx")
    rest = "".join(
        f"F{n},2019-03-05,export,{c},020110,10.5,USD\n" for n, c in enumerate((158, 160, 249, 63, 23))
    )
    (folder / "brasil.csv").write_text(f"sep=,\nfirm,date,flow,country,product,value,currency\n{rest}")
    (folder / "viejo.sav").write_bytes(b"$FL2@(#) SPSS")
    report = command(folder, tmp_path / "out")
    sources = {s["file"]: s for s in report["sources"]}
    said = " ".join(report["notes"])
    # Lines.
    expected = Counter({rule: 0 for _, _, rule in FAULTS if rule})
    for _, count, rule in FAULTS:
        if rule:
            expected[rule] += count
    aside = pd.read_parquet(tmp_path / "out" / "quarantine.parquet")
    names = {n: s["file"] for n, s in enumerate(report["sources"])}
    here = aside[aside["file"].map(names) == "aduana.xlsx"]
    assert Counter(here["rule"]) == expected
    rows_in = sum(s["rows"] for s in sources.values())
    kept = sum(s["kept"] for s in sources.values())
    assert rows_in == len(lines) + 5 == kept + len(aside)
    assert sources["aduana.xlsx"]["kept"] == len(lines) - sum(expected.values())
    assert Counter(aside["rule"])["country.other_list"] == 5 and "Brazil's" in said
    # Files, sheets and columns.
    assert "viejo.sav is an SPSS file" in said
    assert "2018" in said and "2019" in said and "Leyenda" in said
    unused = set(HEADS) - set(sources["aduana.xlsx"]["columns"].values())
    assert unused and all(column in said for column in unused)
    # What was repaired is counted, and the scorecard rests on all of it.
    found = {f["rule"]: f["rows"] for f in report["findings"]}
    assert (
        found["firm.artefact"] == 3
        and found["date.lost_zero"] == 2
        and found["country.former"] == 5
        and found["date.half_only"] == 2
    )
    assert found["product.leading_zero"] == 2 and found["date.year_only"] == 2
    card = {s["dimension"]: s["value"] for s in report["scorecard"]}
    assert card["validity"] == 1 - len(aside) / rows_in


def test_files_with_and_without_a_declaration_s_number_go_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    sound = "F1,2019-03-05,export,DE,020110,10,USD\n"
    (folder / "a.csv").write_text(f"firm,date,flow,country,product,value,currency\n{sound}")
    (folder / "b.csv").write_text(f"declaration,firm,date,flow,country,product,value,currency\n7,{sound}")
    report = command(folder, tmp_path / "out")
    assert sum(source["kept"] for source in report["sources"]) == 2
