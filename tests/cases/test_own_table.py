"""The kinds of the shared cases at the door of a country's own table, laid over a world."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmtrade_core.scenarios.finder import sectors_of_product
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import ColumnError, UnknownCodeError
from firmtrade_core.world.money import MoneyError
from firmtrade_core.world.overlay import Laid, guess_roles, lay_over
from firmtrade_core.world.tables import read_table
from firmtrade_core.world.validation import validate_flows
from firmtrade_core.world.world import World

WORLD = load_embedded_world()


def laid(folder: Path, text: str, **options: int) -> Laid:
    path = folder / "own.csv"
    path.write_text(text, encoding="utf-8")
    table = read_table(path)
    return lay_over(
        WORLD, "CHL", table, guess_roles(list(map(str, table.columns))), sectors_of_product=sectors_of_product, **options
    )  # type: ignore[arg-type]  # fmt: skip


def column(head: str, texts: str, *, rest: str = "") -> str:
    """A table of exports of copper to China, one column of which holds the texts."""
    cells = {"flow": "X", "partner": "CHN", "hs": "740311", "value": "1000000"}
    heads = list(cells)
    lines = [",".join({**cells, head: text}[h] for h in heads) + rest for text in texts.split()]
    return "\n".join([",".join(heads) + (",year" if rest else ""), *lines]) + "\n"


@pytest.mark.parametrize(
    ("codes", "said"),
    [("158 275 586 249 160 63", "brazil"), ("GM CH SZ AU JA SP SW", "fips"), ("GER SUI NED POR USA", "ioc")],
)
def test_codes_of_another_list_are_no_partners(tmp_path: Path, codes: str, said: str) -> None:
    with pytest.raises(ColumnError, match=said):
        laid(tmp_path, column("partner", codes))


@pytest.mark.parametrize(
    ("codes", "cells"), [("NA CHN USA", 2), ("NA CN US", 3), ("NULL CN nan", 1), ("156.0 842 0", 2)]
)
def test_blanks_and_na(tmp_path: Path, codes: str, cells: int) -> None:
    assert laid(tmp_path, column("partner", codes)).told == (cells, 0)


@pytest.mark.parametrize(
    ("codes", "sectors", "value"),
    [
        ("2011000 8703231 74031100 87032310 2071400", {"food", "vehicles_transport_eq", "metals"}, 5e6),
        ("7403.1 7403.11 7403.19", {"metals"}, 3e6),
        ("7403.11 201.1 7403.1", {"metals", "food"}, 3e6),
        ("74.0 8.0 3.0", None, 3e6),
        ("TOTAL 740311", {"metals"}, 1e6),
    ],
)
def test_codes_that_lost_zeros(tmp_path: Path, codes: str, sectors: set[str] | None, value: float) -> None:
    found = laid(tmp_path, column("hs", codes))
    assert found.exports[1] == pytest.approx(value / 1e6)
    if sectors is not None:
        assert found.told == (len(sectors), 0), found.notes


@pytest.mark.parametrize(
    "words",
    [
        "Exportación_definitiva Exportações Ausfuhr 2 EX_1 dispatches",
        "Importaciones M 1.0 einfuhr IM4 arrivals",
    ],
)
def test_words_for_flows(tmp_path: Path, words: str) -> None:
    found = laid(tmp_path, column("flow", words).replace("_", " "))
    assert found.used == 6 and sum(found.told) == 1


def test_money_is_never_taken_for_dollars(tmp_path: Path) -> None:
    euros = "flow,partner,hs,value_eur,year\nX,CHN,740311,1000000,2019\n"
    found = laid(tmp_path, euros, year=2019)
    assert found.exports[1] == pytest.approx(1.1195, rel=1e-3) and "EUR 2019" in " ".join(found.notes)
    for text in (
        "flow,partner,hs,Valor (millones CLP),year\nX,CHN,740311,5,2019\n",
        "flow,partner,hs,value,moneda,year\nX,CHN,740311,5,CLP,2019\n",
    ):
        with pytest.raises(MoneyError, match=r"CLP in 2019.*in the table"):
            laid(tmp_path, text, year=2019)
    with pytest.raises(MoneyError, match="choose a column"):
        laid(tmp_path, "flow,partner,hs,value,currency\nX,CHN,740311,5,EUR\n")


def test_years_breakdowns_and_other_reporters_are_not_added_up(tmp_path: Path) -> None:
    years = "flow,partner,hs,value,year\nX,CHN,740311,1e6,2018\nX,CHN,740311,3e6,2019\n"
    with pytest.raises(ColumnError, match="2018 to 2019"):
        laid(tmp_path, years)
    assert laid(tmp_path, years, year=2019).exports[1] == pytest.approx(3)
    broken = "flowCode,partnerISO,cmdCode,primaryValue,motCode,reporterISO\nX,CHN,740311,3e6,0,CHL\nX,CHN,740311,1e6,1000,CHL\nX,CHN,740311,9e6,0,PER\n"
    found = laid(tmp_path, broken)
    assert found.exports[1] == pytest.approx(3)
    assert "whole flows" in " ".join(found.notes) and "reporterISO" in " ".join(found.notes)
    sides = "exporter,importer,hs,value\nCHL,CHN,740311,3e6\nUSA,CHL,870323,2e6\nUSA,CHN,870323,7e6\nCHL,CHL,740311,1\n"
    found = laid(tmp_path, sides)
    assert found.told == (1, 1) and (found.exports[1], found.imports[1]) == (
        pytest.approx(3),
        pytest.approx(2),
    )
    with pytest.raises(ColumnError, match="No row of the table is of Chile"):
        laid(tmp_path, "reporter,partner,hs,value\nPER,CHN,740311,1\n")


def test_numbers_as_ministries_write_them(tmp_path: Path) -> None:
    text = "partner;hs;value\nCHN;740311;1.234.567\nUSA;740311;12.345\nPER;740311;US$ 500\nDEU;740311;(7)\n"
    found = laid(tmp_path, text)
    assert found.exports[1] == pytest.approx((1_234_567 + 12_345 + 500) / 1e6) and "1 rows" in " ".join(
        found.notes
    )


def test_na_among_three_letters_is_refused_in_a_table_of_flows() -> None:
    import pandas as pd

    rows = [(e, i, "goods", 10.0, 0.0) for e in ("DEU", "NA", "USA") for i in ("DEU", "NA", "USA")]
    table = pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])
    with pytest.raises(UnknownCodeError, match="may be Namibia"):
        World.from_long(table, codes="repair")
    two = table.replace({"DEU": "DE", "USA": "US"})
    assert World.from_long(two, codes="repair").countries == ("DEU", "NAM", "USA")


@pytest.mark.parametrize("label", ["Total", "All sectors", "TOTALES", "Insgesamt"])
def test_a_total_among_sectors_counts_nothing_twice(label: str) -> None:
    import pandas as pd

    codes = ("DEU", "FRA", "USA")
    rows = [(e, i, s, 10.0, 0.0) for e in codes for i in codes for s in ("goods", "services", label)]
    table = pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])
    with pytest.raises(UnknownCodeError, match="count twice"):
        World.from_long(table)
    assert not validate_flows(table).usable and validate_flows(table, codes="repair").usable
    assert World.from_long(table, codes="repair").sectors == ("goods", "services")
    assert label in World.from_long(table, codes="any").sectors
    alone = table[table["sector"] == label]
    assert World.from_long(alone).sectors == (label,) and validate_flows(alone).usable
