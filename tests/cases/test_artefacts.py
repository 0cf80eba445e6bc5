"""What other software leaves in keys, known alike in every column (cases 10, 14, 21, and more of the kind)."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from customs_lines import SALT, column, command, lines, read, shared

from firmtrade_core.harmonise.dates import read_dates
from firmtrade_core.harmonise.declarations import hashed_firm
from firmtrade_core.harmonise.firm_tables import read_firm_table
from firmtrade_core.harmonise.linkage import LinkagePlan, link


def test_case_10_identifiers(tmp_path: Path) -> None:
    found = read(shared("10_firm_identifiers/exports.csv"), tmp_path / "a")
    firm = found.column("firm")
    assert firm[:2] == ["firm.digits_gone"] * 2 and firm[6:] == ["firm.missing"] * 4
    assert firm[2] == firm[5] != firm[3] and firm[4] not in firm[:4]
    assert found.rules["firm.leading_zeros"] == 1 and found.rules["firm.artefact"] == 1
    assert found.lines["value_usd"].sum() == 18_000


@pytest.mark.parametrize("text", ["'12345", '=""12345""', "12345.00", " 12345 ", "\u200b12345", "12345,0"])
def test_identifiers_that_are_one(tmp_path: Path, text: str) -> None:
    cell = f'"{text}"' if "," in text or '"' in text else text
    found = column(tmp_path, "firm", ["12345", cell])
    assert found.column("firm") == [hashed_firm("12345", SALT)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "N/A",
        "null",
        "None",
        "<NA>",
        "#REF!",
        "s/i",
        "000000",
        "0.0",
        "-",
        "99999999",
        "66.666.666-6",
        "-1",
        "-99",
    ],
)
def test_identifiers_of_nobody(tmp_path: Path, text: str) -> None:
    assert column(tmp_path, "firm", ["12345", text]).column("firm")[1] == "firm.missing"


@pytest.mark.parametrize(
    ("texts", "gone"),
    [
        (["123456789012345000"], 1),
        (["1234567890123450", "9876543210987650", "F1"], 2),
        (["1234567890123450", "9876543210987651"], 0),
        (["123456789012345", "100000000000000"], 0),
        (["9.8765432109877E+17", "76123456"], 1),
    ],
)
def test_digits_that_a_spreadsheet_cut(tmp_path: Path, texts: list[str], gone: int) -> None:
    found = column(tmp_path, "firm", texts).column("firm")
    assert found.count("firm.digits_gone") == gone


def test_a_total_is_no_firm_of_a_register(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text("firm,year,sales\nF1,2019,10\nF2,2019,20\nTOTAL,2019,30\n1234567890123450000,2019,5\n")
    found = read_firm_table(path, tmp_path / "work", SALT)
    assert found.table["sales"].tolist() == [10, 20]
    assert {f.rule.key: f.rows for f in found.findings} == {"firm.missing": 1, "firm.digits_gone": 1}


def test_identifiers_keep_what_is_theirs(tmp_path: Path) -> None:
    found = column(tmp_path, "firm", ["12E5", "12.345", "76.123.456-K", "0012", "12"])
    assert len(set(found.column("firm"))) == 5 and not found.aside


def test_a_register_knows_the_same_blanks(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    rows = ["12345.0,2019,5", "1.23457E+13,2019,6", "#N/A,2019,7", "12345,2020,NULL", "0,2019,4"]
    path.write_text("firm,year,employment\n" + "\n".join(rows) + "\n")
    found = read_firm_table(path, tmp_path, SALT)
    assert list(found.table["firm"]) == [hashed_firm("12345", SALT)] * 2
    assert {f.rule.key: f.rows for f in found.findings} == {"firm.digits_gone": 1, "firm.missing": 2}
    assert found.table["employment"].isna().tolist() == [False, True]


def test_case_14_codes_of_two_letters(tmp_path: Path) -> None:
    found = read(shared("14_two_letter_codes/exports.csv"), tmp_path / "a")
    assert found.column("country") == ["NAM", "DEU", "FRA", "GRC", "XKX", "SRB"]
    assert found.rules["country.retired"] == 3 and "Namibia" in found.notes


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["NA", "DE", "FR", "XK"], "NAM"),
        (["NA", "ES", "PT", "", "UK"], "NAM"),
        (["NA", "DEU", "FRA", "USA"], "country.missing"),
        (["NA", "Alemania", "Francia"], "country.missing"),
        (["NA", "276", "840"], "country.missing"),
        (["NaN", "DE", "FR"], "country.missing"),
        (["N/A", "DE", "FR"], "country.missing"),
    ],
)  # fmt: skip
def test_na_by_its_neighbours(tmp_path: Path, texts: list[str], meant: str) -> None:
    assert column(tmp_path, "country", texts).column("country")[0] == meant


def test_na_in_a_workbook_and_in_parquet(tmp_path: Path) -> None:
    rows = [["F1", "2019-03-05", "export", text, "020110", "10", "USD"] for text in ("NA", "DE", "FR")]
    table = pd.DataFrame(rows, columns=["firm", "date", "flow", "country", "product", "value", "currency"])
    table.to_excel(tmp_path / "a.xlsx", index=False)
    table.to_parquet(tmp_path / "b.parquet")
    for name in ("a.xlsx", "b.parquet"):
        assert read(tmp_path / name, tmp_path / f"{name}.work").column("country") == ["NAM", "DEU", "FRA"]


def test_one_notion_of_blank_in_every_column(tmp_path: Path) -> None:
    blank = ("NULL", "#N/A", "nan", "s/i", "(blank)")
    for name in ("country", "product", "date", "currency", "value"):
        found = column(tmp_path, name, ["", *blank])
        assert set(found.aside.values()) == {f"{name}.missing"} and len(found.aside) == 6, name
    found = lines(tmp_path, {"weight": "NULL"}, {"weight": "N/A"}, {"weight": "3.5"})
    assert "weight.unreadable" not in found.rules and found.lines["weight_kg"].notna().sum() == 1


def test_case_21_days_that_lost_a_zero(tmp_path: Path) -> None:
    found = read(shared("21_day_lost_zero/exports.csv"), tmp_path / "a")
    days = [
        datetime.date(2019, 1, 1),
        datetime.date(2019, 1, 9),
        datetime.date(2019, 1, 15),
        datetime.date(2019, 2, 28),
    ]
    assert [d.date() for d in found.column("date")] == days
    assert found.rules["date.lost_zero"] == 2


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["1012019", "31122019"], ["2019-01-01", "2019-12-31"]),
        (["1312019", "12312019"], ["2019-01-31", "2019-12-31"]),
        (["50319", "150319", "281219"], ["2019-03-05", "2019-03-15", "2019-12-28"]),
        (["20190305.0", "20191231.0"], ["2019-03-05", "2019-12-31"]),
        (["2.0190305E+7", "20191231"], ["2019-03-05", "2019-12-31"]),
        (["43529", "43539"], ["2019-03-05", "2019-03-15"]),
        (["43529.75", "43539,5"], ["2019-03-05", "2019-03-15"]),
        # Days since 1960 (Stata, SAS) or 1970 (R): no spreadsheet's.
        (["21613", "21623", "21915"], [None, None, None]),
        (["17960", "17970"], [None, None]),
        # A month and a year, some without the month's zero.
        (["12019", "22019", "122019", "112019"], ["2019-01-01", "2019-02-01", "2019-12-01", "2019-11-01"]),
        (["32019", "42019"], ["2019-03-01", "2019-04-01"]),
        (["032019", "112018"], ["2019-03-01", "2018-11-01"]),
        # A year and a month as a number: October lost its zero where January kept its own, or nobody knows.
        (["2019.01", "2019.1", "2019.11"], ["2019-01-01", "2019-10-01", "2019-11-01"]),
        (["2019.1", "2019.2", "2019.10"], ["2019-01-01", "2019-02-01", "2019-10-01"]),
        (["2019.1", "2019.11", "2019.12"], [None, "2019-11-01", "2019-12-01"]),
        (["05MAR2019:00:00:00", "15mar2019"], ["2019-03-05", "2019-03-15"]),
        (["1er janvier 2019", "1º de agosto de 2019", "5th of March 2019", "1agosto2019"], ["2019-01-01", "2019-08-01", "2019-03-05", "2019-08-01"]),
        (["2019-3-5 00:00:00", "2019-12-31 00:00:00.000"], ["2019-03-05", "2019-12-31"]),
        (["201903", "201912"], ["2019-03-01", "2019-12-01"]),
        (["5/3/2019", "15/3/2019"], ["2019-03-05", "2019-03-15"]),
        (["5 de marzo de 2019", "15 Mar. 2019"], ["2019-03-05", "2019-03-15"]),
        (["0000-00-00", "00/00/0000", "0"], [None, None, None]),
        (["1.2E+07", "2019"], [None, "2019-01-01"]),
    ],
)  # fmt: skip
def test_dates_as_software_leaves_them(texts: list[str], meant: list[str | None]) -> None:
    found = read_dates(dict.fromkeys(texts, 1)).table
    assert [None if pd.isna(d) else d.isoformat() for d in found["meant"]] == meant


def test_placeholder_names_never_link() -> None:
    names = ["SIN NOMBRE", "N/A", "CONSUMIDOR FINAL", "VARIOS", "Acme Exports SA", "Vinos del Sur Ltda"]
    left = pd.DataFrame({"id": [f"c{n}" for n in range(6)], "name": names, "address": None, "place": None})
    right = pd.DataFrame({"id": [f"t{n}" for n in range(6)], "name": names, "address": None, "place": None})
    # Enough other names for the model to learn from.
    words = ["Alamo", "Bosque", "Cobre", "Duna", "Estero", "Faro", "Glaciar", "Huerto", "Isla", "Jardin"]
    more = [f"{a} {b} {n}" for n, a in enumerate(words) for b in words if a != b]
    extra = pd.DataFrame(
        {"id": [f"x{n}" for n in range(len(more))], "name": more, "address": None, "place": None}
    )
    found = link(pd.concat([left, extra]), pd.concat([right, extra]), LinkagePlan())
    linked = set(found.links()["left"])
    assert not linked & {"c0", "c1", "c2", "c3"}


@pytest.mark.parametrize(
    "text",
    ["CONSUMIDOR FINAL", "Clientes varios", "Público en general", "VARIOS S.A.", "Exportador", "TOTAL", "Total general", "Gesamtergebnis", "SIN RUT", "XXXX", "Privatperson"],
)  # fmt: skip
def test_words_for_all_are_no_identifier(tmp_path: Path, text: str) -> None:
    assert column(tmp_path, "firm", ["12345", text]).column("firm")[1] == "firm.missing"


def test_files_of_other_software(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "firm": [76123456.0, 76123457.0, np.nan],
            "date": pd.to_datetime(["2019-03-05", "2019-03-06", "2019-04-01"]),
            "flow": pd.Categorical(["export", "export", "import"]),
            "country": ["DE", "NA", "FR"],
            "product": [20110.0, 870323.0, 840734.0],
            "value": [10.5, 20.0, 5.0],
            "currency": ["USD"] * 3,
        }
    )
    rows.to_stata(tmp_path / "a.dta", write_index=False)
    report = command(tmp_path / "a.dta", tmp_path / "out")
    assert report["sources"][0]["kept"] == 2
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert dict(zip(trade["country"], trade["product"], strict=True)) == {"DEU": "020110", "NAM": "870323"}
    for name, what in {
        "b.sav": "SPSS",
        "c.json": "JSON",
        "d.csv.gz": "unpack",
        "e.ods": "OpenDocument",
    }.items():
        (tmp_path / name).write_bytes(b"$FL2@(#) x,y\n1,2\n")
        refused = command(tmp_path / name, tmp_path / "out")
        assert what in refused["message"] and name in refused["message"]
