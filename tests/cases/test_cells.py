"""A cell is judged by its column and its neighbours (cases 05, 06, 09, 12, and more of the kind)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from customs_lines import SALT, column, command, lines, read, shared

from firmtrade_core.codes.products import read_products
from firmtrade_core.harmonise.firm_tables import FirmTable, read_firm_table
from firmtrade_core.world.errors import UnknownCodeError
from firmtrade_core.world.validation import validate_flows
from firmtrade_core.world.world import World

# Numbers of partners of another list -----------------------------------------------------------------


def test_case_05_numbers_of_another_list_are_set_aside_whole(tmp_path: Path) -> None:
    path = shared("05_national_country_numbers/exports.csv")
    found = read(path, tmp_path / "a")
    assert set(found.aside.values()) == {"country.other_list"} and len(found.aside) == 8
    assert "8 of them are in Brazil's" in found.notes
    named = read(path, tmp_path / "b", partners="brazil")
    assert named.column("country") == ["CHL", "FRA", "PRY", "SWE", "USA", "CHN", "ARG", "DEU"]
    assert named.column("value_usd") == [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]


def test_case_05_a_published_file_tells_its_list_and_its_month(tmp_path: Path) -> None:
    found = read(
        shared("05_national_country_numbers/EXP_2023.csv"), tmp_path / "a",
        constants={"firm": "ALL", "flow": "export", "currency": "USD"},
    )  # fmt: skip
    assert found.column("country") == ["PER", "ESP", "CHL", "ZAF"]
    assert [d.month for d in found.column("date")] == [2, 11, 8, 3]
    assert "Brazil's" in found.notes and found.rules["country.list"] == 4


@pytest.mark.parametrize(
    ("name", "numbers", "meant"),
    [
        ("chile", ["997", "225", "336", "331", "220"], ["CHL", "USA", "CHN", "JPN", "BRA"]),
        ("us", ["5700", "1220", "2010", "4280", "5880"], ["CHN", "CAN", "MEX", "DEU", "JPN"]),
        ("eurostat", ["1", "400", "720", "4", "732"], ["FRA", "USA", "CHN", "DEU", "JPN"]),
        ("brazil", ["023", "63.0", "249", "999", "47"], ["DEU", "ARG", "USA", "country.unspecified", "ANT"]),
    ],
)  # fmt: skip
def test_other_lists_by_name(tmp_path: Path, name: str, numbers: list[str], meant: list[str]) -> None:
    assert column(tmp_path, "country", numbers, partners=name).column("country") == meant
    aside = column(tmp_path, "country", numbers)
    assert set(aside.aside.values()) <= {"country.other_list", "country.total"} and not len(aside.lines)


def test_a_list_of_one_s_own_lies_among_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "partners.csv").write_text(
        "code;country\n1;Chile\n2;Vereinigte Staaten\n3;\n", encoding="utf-8"
    )
    rows = "".join(f"F1,2019-03-05,export,{n},020110,10,USD\n" for n in (1, 2, 3, 4))
    (folder / "exports.csv").write_text(f"firm,date,flow,country,product,value,currency\n{rows}")
    report = command(folder, tmp_path / "out")
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert sorted(trade["country"]) == ["CHL", "USA"]
    found = {f["rule"]: f["rows"] for f in report["findings"]}
    assert found["country.list"] == 2 and found["country.unspecified"] == found["country.unknown"] == 1


def test_numbers_of_the_united_nations_stay(tmp_path: Path) -> None:
    found = column(tmp_path, "country", ["276", "842", "32", "004", "1234", "152", "0", "97", "899", "492"])
    assert found.column("country") == [
        "DEU", "USA", "ARG", "AFG", "country.unknown", "CHL", "country.total", "country.total",
        "country.unspecified", "country.unspecified",
    ]  # fmt: skip


def test_a_world_of_other_numbers_is_refused() -> None:
    pairs = [
        (o, d, "goods", 10.0 if o == d else 1.0, 0.0)
        for o in ("158", "160", "249")
        for d in ("158", "160", "249")
    ]
    table = pd.DataFrame(pairs, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])
    for rule in ("check", "repair"):
        with pytest.raises(UnknownCodeError, match=r"set aside.*brazil"):
            World.from_long(table, codes=rule)  # type: ignore[arg-type]
        assert not validate_flows(table, codes=rule).usable  # type: ignore[arg-type]


# Totals among partners --------------------------------------------------------------------------------


def test_case_09_totals_are_no_partners(tmp_path: Path) -> None:
    found = read(shared("09_world_total_as_partner/exports.csv"), tmp_path / "a")
    assert found.column("country") == [
        "country.total", "country.total", "SUN", "YUG", "ANT", "SRB", "country.unspecified", "TWN", "SCG", "SUD", "BLX",
        "ZA1", "CSK", "SUN", "country.unspecified",
    ]  # fmt: skip
    assert found.rules["country.former"] == found.rules["country.late"] == 9
    assert found.rules["country.convention"] == 1
    assert found.lines["value_usd"].sum() == 11_000


@pytest.mark.parametrize(
    "text",
    [
        "Mundo",
        "TOTAL",
        "W00",
        "EU27_2020",
        "Unión Europea",
        "Total mundial",
        "OECD",
        "América Latina",
        "Extra-EU",
    ],
)
def test_totals_in_other_words(tmp_path: Path, text: str) -> None:
    assert column(tmp_path, "country", ["DE", text]).column("country") == ["DEU", "country.total"]


def test_case_09_a_total_makes_no_country_of_a_world() -> None:
    pairs = [
        (o, d, "goods", 10.0 if o == d else 1.0, 0.0)
        for o in ("DEU", "FRA", "USA")
        for d in ("DEU", "FRA", "USA")
    ]
    pairs += [(o, "WLD", "goods", 12.0, 0.0) for o in ("DEU", "FRA", "USA")]
    table = pd.DataFrame(pairs, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])
    world = World.from_long(table, codes="repair")
    assert world.countries == ("DEU", "FRA", "USA") and world.expenditure.sum() == 36
    assert (
        world.provenance.changes[0].startswith("3 rows left out")
        and "36 of 72 million" in world.provenance.changes[0]
    )
    report = validate_flows(table, codes="repair")
    assert report.usable and any("is no partner" in issue.problem for issue in report.issues)
    strict = validate_flows(table)
    assert not strict.usable and any("leave its rows out" in issue.advice for issue in strict.issues)


# Decimal marks ----------------------------------------------------------------------------------------


def test_case_06_weights_with_three_decimals(tmp_path: Path) -> None:
    found = read(shared("06_weights_three_decimals/exports.csv"), tmp_path / "a")
    assert found.column("weight_kg") == [0.5, 12.345, 1234.5, 0.05]


def weights(folder: Path, values: list[str], kilos: list[str], separator: str = ";") -> list[float]:
    rows = [{"value": v, "weight": k} for v, k in zip(values, kilos, strict=True)]
    return lines(folder, *rows, separator=separator).column("weight_kg")


def test_the_column_beside_tells_the_mark(tmp_path: Path) -> None:
    assert weights(tmp_path, ["10.50", "7.25"], ["12.345", "1.250"]) == [12.345, 1.25]
    assert weights(tmp_path, ["10,50", "7,25"], ["12.345", "1.250"]) == [12345, 1250]
    assert weights(tmp_path, ["1.000,50", "7,25"], ["12,345", "0,250"]) == [12.345, 0.25]
    assert weights(tmp_path, ["1.234.567", "2.000.000"], ["12.345", "5"]) == [12345, 5]


def test_the_column_itself_comes_first(tmp_path: Path) -> None:
    assert weights(tmp_path, ["10,50", "7,25"], ["0.500", "12.345"]) == [0.5, 12.345]
    assert weights(tmp_path, ["10.50", "7.25"], ["1,234.5", "12,345"]) == [1234.5, 12345]


def test_without_any_sign_weights_are_told_doubtful(tmp_path: Path) -> None:
    found = lines(
        tmp_path, {"value": "100", "weight": "12.345"}, {"value": "200", "weight": "3"}, separator=";"
    )
    assert found.rules["weight.ambiguous"] == 1 and "value.ambiguous" not in found.rules


# Shares and answers -----------------------------------------------------------------------------------


def table(folder: Path, name: str, cells: list[str]) -> FirmTable:
    rows = "".join(f"R{n},2019,{10 + n},{cell}\n" for n, cell in enumerate(cells))
    path = folder / "register.csv"
    path.write_text(f"firm,year,employment,{name}\n{rows}", encoding="utf-8")
    return read_firm_table(path, folder, SALT)


def counts(found: FirmTable) -> dict[str, int]:
    return {f.rule.key: f.rows for f in found.findings}


def test_case_12_shares_in_percent_that_are_mostly_zero(tmp_path: Path) -> None:
    found = read_firm_table(shared("12_share_mostly_zero/register.csv"), tmp_path, SALT)
    share = found.table["foreign_ownership"]
    assert share.notna().all() and sorted(share.unique()) == [0, 0.25, 0.51, 1]
    assert (share > 0).sum() == 16


@pytest.mark.parametrize(
    ("name", "cells", "meant"),
    [
        ("rnd_intensity", ["0"] * 30 + ["2", "4", "8", "0.5"], [0.02, 0.04, 0.08, 0.005]),
        ("foreign_share", ["0"] * 40 + ["49", "100", "33.3", "1"], [0.49, 1.0, 0.333, 0.01]),
        ("foreign_share", ["0.1", "0.2"] * 12 + ["0.5", "1.0", "1.3", "0.9"], [0.5, 1.0, np.nan, 0.9]),
        ("foreign_share", ["Sí", "No", "no", "0.5"], [1.0, 0.0, 0.0, 0.5]),
        ("foreign_share", ["0"] * 10 + ["25%", "51 %", "100%", "0%"], [0.25, 0.51, 1.0, 0.0]),
        ("foreign share (%)", ["0"] * 10 + ["0.5", "0.8", "1", "0"], [0.005, 0.008, 0.01, 0.0]),
        ("foreign_share", ["0"] * 10 + ["40", "60", "140", "-3"], [0.4, 0.6, np.nan, np.nan]),
    ],
)  # fmt: skip
def test_shares_by_their_column(tmp_path: Path, name: str, cells: list[str], meant: list[float]) -> None:
    found = table(tmp_path, name, cells).table.iloc[-4:]
    column = "rnd_intensity" if name.startswith("rnd") else "foreign_ownership"
    np.testing.assert_allclose(found[column], meant)


@pytest.mark.parametrize(
    ("cells", "meant", "rule"),
    [
        (["1", "2", "2", "1"], [1, 0, 0, 1], "cell.coded"),
        (["0", "1", "0", "1"], [0, 1, 0, 1], None),
        (["-1", "0", "0", "-1"], [1, 0, 0, 1], "cell.coded"),
        (["1", "2", "9", "2"], [1, 0, np.nan, 0], "cell.coded"),
        (["2", "8", "2", "99"], [0, np.nan, 0, np.nan], "cell.coded"),
        (["1.0", "2.0", "", "-9"], [1, 0, np.nan, np.nan], "cell.coded"),
        (["sí", "NO", "Sí", ""], [1, 0, 1, np.nan], None),
        (["Ja", "Nein", "oui", "vrai"], [1, 0, 1, 1], None),
        (["0", "1", "2", "1"], [0, 1, np.nan, 1], "cell.out_of_range"),
    ],
)  # fmt: skip
def test_yes_and_no_by_their_column(
    tmp_path: Path, cells: list[str], meant: list[float], rule: str | None
) -> None:
    found = table(tmp_path, "iso9001", cells)
    np.testing.assert_array_equal(found.table["quality_certificate"], meant)
    assert rule is None or counts(found)[rule] > 0


@pytest.mark.parametrize(
    ("cells", "meant"),
    [(["1", "2", "2", "1"], [1, 0, 0, 1]), (["sí", "no", "", "No"], [1, 0, np.nan, 0]), (["1.0", "2.0", "9", "2.0"], [1, 0, np.nan, 0])],
)  # fmt: skip
def test_whether_a_firm_exports_is_yes_or_no_too(
    tmp_path: Path, cells: list[str], meant: list[float]
) -> None:
    np.testing.assert_array_equal(table(tmp_path, "exporter", cells).table["exporter"], meant)


def test_numbers_and_names_under_that_head_stay(tmp_path: Path) -> None:
    assert table(tmp_path, "exporter", ["12", "7", "1", "2"]).table["exporter"].tolist() == [12, 7, 1, 2]
    assert table(tmp_path, "exporter", ["Acme", "Beta", "no", "Delta"]).table["exporter"].iloc[0] == "Acme"


# Product codes that lost zeros ------------------------------------------------------------------------


def codes(texts: list[str], known: frozenset[str] | None = None) -> list[str | None]:
    return [r.code or r.rule for r in read_products(dict.fromkeys(texts, 1), known).values()]


def test_leading_zeros_lost_in_a_spreadsheet() -> None:
    assert codes(["2011000", "84139190", "87032310", "10121"]) == ["020110", "841391", "870323", "010121"]
    assert codes(["20110.0", "870323.0"]) == ["020110", "870323"]


def test_trailing_zeros_lost_behind_a_point() -> None:
    assert codes(["8703.23", "8703.2", "0201.1", "201.3", "8703"]) == [
        "870323",
        "870320",
        "020110",
        "020130",
        "product.coarse",
    ]
    assert codes(["8703.2310", "8703.231", "101.21"]) == ["870323", "870323", "010121"]


def test_trailing_zeros_lost_where_leading_ones_stand() -> None:
    full = ["02011001", "03021102", "84139191", "87032312", "01012123", "61091034"]
    assert codes([*full, "8703231", "0201101"])[-2:] == ["870323", "020110"]


def test_a_concordance_decides_and_doubt_is_set_aside() -> None:
    known = frozenset({"020110", "870323", "841391", "610910", "010121", "030211"})
    full = ["02011000", "03021100", "84139190", "87032310", "01012100", "61091030"]
    assert codes([*full, "2011000"], known)[-1] == "020110"
    assert codes([*full, "8703231"], known)[-1] == "870323"
    assert codes([*full, "8703231"])[-1] == "870323"  # There is no heading 0870.
    assert codes([*full, "7101000"])[-1] == "product.lost_zero"
    assert codes([*full, "8888881"], known)[-1] == "product.unknown"


def test_totals_and_lost_digits_among_products(tmp_path: Path) -> None:
    found = column(tmp_path, "product", ["020110", "TOTAL", "2.0712E+07", "NULL", "02.01.10"])
    assert found.column("product") == [
        "020110",
        "product.total",
        "product.digits_gone",
        "product.missing",
        "020110",
    ]


def test_a_heading_keeps_the_zeros_behind_its_point() -> None:
    """``2603.00`` is a code of six digits; a column of ``2603.0`` alone is headings that a spreadsheet made numbers."""
    read = read_products({"2603.00": 4, "8703.23": 5, "2709.00": 1})
    assert [r.code for r in read.values()] == ["260300", "870323", "270900"]
    assert [r.code for r in read_products({"2603.00": 1, "2709.00": 1}).values()] == ["260300", "270900"]
    assert {r.rule for r in read_products({"2603.0": 1, "2709.0": 3}).values()} == {"product.coarse"}
    assert read_products({"870323.0": 2, "10121.0": 1})["10121.0"].code == "010121"
    assert read_products({"870323.00": 2})["870323.00"].code == "870323"


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        # Five digits of another classification: no such heading, or as many of them as of lost zeros.
        (["78120", "33300", "89311", "65112"], ["product.unknown"] * 4),
        (["870323", "87032", "20110", "020130"], ["870323", "870320", "020110", "020130"]),
        (["10121", "20110", "30211", "40110"], ["010121", "020110", "030211", "040110"]),
        (["870000", "870323", "01000000"], ["product.coarse", "870323", "product.coarse"]),
        (["871799", "980199", "990100"], ["product.unknown", "980199", "990100"]),
    ],
)
def test_headings_that_there_are_not_tell_zeros(tmp_path: Path, texts: list[str], meant: list[str]) -> None:
    assert column(tmp_path, "product", texts).column("product") == meant
