"""The kinds of the shared cases at small tables: rates, population, forecasts' data, maps of sectors, schedules and offers."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.codes.places import read_place
from firmtrade_core.home.population import read_population
from firmtrade_core.margins import FirmsError
from firmtrade_core.panel.errors import PanelError
from firmtrade_core.panel.sectors import sector_table
from firmtrade_core.scenarios import ScenarioError
from firmtrade_core.scenarios.offers import read_offer
from firmtrade_core.scenarios.schedules import read_schedule
from firmtrade_core.world.errors import ColumnError
from firmtrade_core.world.loaders import load
from firmtrade_core.world.money import MoneyError, own_rates
from firmtrade_core.world.uploads import Upload, read_uploaded_table


def table(text: str) -> pd.DataFrame:
    return read_uploaded_table(Upload("own.csv", text.encode()))


def rate(text: str, currency: str, day: str) -> float:
    found = own_rates(table(text))
    return float(found.on(pd.Series([currency]), pd.Series([pd.Timestamp(day)])).iloc[0])


# Rates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,currency,per_usd\n01/01/2019,CLP,700\n02/01/2019,CLP,710\n", "the day or the month"),
        ("date,currency,per_usd\n2019-01-01,CLP,987\n2019-01-02,CLP,1.012\n", "a thousand times more"),
        ('date,currency,per_usd\n2019-01-01,COP,"3,281"\n', "a thousand times more"),
        ("date,currency,usd\n2019-01-01,JPY,0.91\n", "of a hundred units"),
        ("date,currency,usd\n2019-01-01,INR,69.8\n", "units for a dollar|Call the column per_usd"),
        ("date,currency,per_usd\n2009-10,PEN,2.9\n2010-11,PEN,2.8\n2012-13,PEN,2.7\n", "business year"),
        ("date,currency,per_usd\nJan-19,PEN,3.3\n", "is no date"),
    ],
)
def test_rates_in_doubt_are_refused(text: str, said: str) -> None:
    with pytest.raises(MoneyError, match=said):
        own_rates(table(text))


@pytest.mark.parametrize(
    ("text", "currency", "day", "meant"),
    [
        ("date,currency,per_usd\n01/31/2019,CLP,700\n03/01/2019,CLP,720\n", "CLP", "2019-03-01", 1 / 720),
        ("date,currency,per_usd\n31/01/2019,CLP,700\n01/03/2019,CLP,720\n", "CLP", "2019-03-01", 1 / 720),
        ("date,currency,per_usd\n01.02.2019,CLP,700\n02.02.2019,CLP,720\n", "CLP", "2019-02-02", 1 / 720),
        ("date;currency;per_usd\n2019-01-01;COP;3.281,09\n2019-01-02;COP;3.290\n", "COP", "2019-01-02", 1 / 3290),
        ("date,currency,per_usd\n2019-01-01,PEN,3.281\n2019-01-01,KRW,1118\n", "PEN", "2019-01-01", 1 / 3.281),
        ("date,currency,per_usd\n2019-Q2,PEN,3.3\n", "PEN", "2019-05-31", 1 / 3.3),
        ("Central bank\n\ndate,currency,per_usd\n2019-01-02,PEN,3.3\n2019-01-03,PEN,n.d.\nFuente: BCRP,,\n", "PEN", "2019-01-02", 1 / 3.3),
    ],
)  # fmt: skip
def test_rates_as_central_banks_write_them(text: str, currency: str, day: str, meant: float) -> None:
    assert rate(text, currency, day) == pytest.approx(meant)


# Populations and sectors ---------------------------------------------------------------------------


def test_firms_are_counted_whole() -> None:
    assert read_population(table("sector;size;firms\nmetals;1 – 9;1.234.567\nmetals;10-49;12.345\n")) == {
        "metals": {"1-9": 1_234_567.0, "10-49": 12_345.0}
    }
    for text in (
        "sector,size,firms\nmetals,1-9,1.234\nmetals,10-49,87\n",
        'sector,size,firms\nmetals,1-9,"1,234"\n',
    ):
        with pytest.raises(FirmsError, match="a thousand times more"):
            read_population(table(text))


def test_a_map_of_industries_that_lost_its_zeros(tmp_path: Path) -> None:
    """01 became 1: read as it stands, every code that begins with 1 would be agriculture."""
    path = tmp_path / "map.csv"
    path.write_text("code;sector\n1;agriculture\n10;food\n13;textiles\n")
    codes = pd.Series(["0111", "1010", "1312"])
    assert sector_table(str(path), codes) == {"0111": "agriculture", "1010": "food", "1312": "textiles"}
    with pytest.raises(PanelError, match="1520"):
        sector_table(str(path), pd.Series(["0111", "1520"]))
    path.write_text("code,sector\n01,agriculture\n0111,grain\n10.0,food\n")
    assert sector_table(str(path), pd.Series(["0111", "0150", "1010"])) == {
        "0111": "grain", "0150": "agriculture", "1010": "food"
    }  # fmt: skip
    for text, said in (
        ("01,a\n01,b\n", "two sectors for 01"),
        ("01,\n", "no sector"),
        ("01,a\n,b\n", "no code"),
    ):
        path.write_text("code,sector\n" + text)
        with pytest.raises(PanelError, match=said):
            sector_table(str(path), codes)


@pytest.mark.parametrize(("text", "said"), [("A01,x\nA01,y\n", "into x and y"), ("A01,\n", "without a group"), ("A01,#N/A\n", "without a group")])  # fmt: skip
def test_groups_of_sectors_name_each_once(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=said):
        load("oecd-icio", tmp_path / "2019.csv", sectors=table("sector,group\n" + text))


# Schedules and offers ------------------------------------------------------------------------------


def schedule(text: str) -> list[tuple[str, float]]:
    return [(row.exporter, row.rate) for row in read_schedule(table(text))]


def test_exporters_of_a_schedule_are_judged_by_their_column() -> None:
    assert schedule("exporter,rate\n842,0.1\n156.0,0.2\n") == [("USA", 0.1), ("CHN", 0.2)]
    assert schedule("exporter;rate\nCHN;0,25\nEU;0,1\n") == [("CHN", 0.25), ("EU", 0.1)]
    assert [name for name, _ in schedule("exporter,rate\nNA,0.1\nDE,0.2\nFR,0.1\n")] == ["NA", "DE", "FR"]
    for text, said in (
        ("NA,0.1\nDEU,0.2\n", "may be Namibia"),
        ("158,0.1\n275,0.2\n586,0.1\n249,0.1\n160,0.2\n63,0.1\n", "not ISO's"),
        ("GM,0.1\nCH,0.2\nJA,0.1\nSP,0.1\nSW,0.1\n", "not ISO's"),
        ("CHN,0.1\nCHN,0.2\n", "two rates for CHN"),
    ):
        with pytest.raises(ScenarioError, match=said):
            schedule("exporter,rate\n" + text)
    with pytest.raises(ScenarioError, match="write 2026-03-05"):
        read_schedule(table("exporter,rate,date\nCHN,0.1,05/03/2026\n"))


def test_offers_in_mixed_percent_and_trade_with_grouped_thousands() -> None:
    with pytest.raises(ScenarioError, match="behind every rate"):
        read_offer(table("hs,base,final\n020110,10,0\n870323,5%,0%\n"))
    for trade in (
        "hs,exporter,importer,trade\n720839,CHN,USA,1.234.567\n720839,DEU,USA,12.345\n",
        'hs,exporter,importer,trade\n720839,CHN,USA,"1,234,567"\n720839,DEU,USA,"12,345"\n',
    ):
        found = read_offer(table("hs,base,final\n720839,10%,0%\n"), table(trade), importer="USA")
        assert sorted(found.lines.set_index("exporter")["trade"].drop("all")) == [12_345, 1_234_567]
    with pytest.raises(ScenarioError, match="may be Namibia"):
        read_offer(table("hs,base,final,exporter\n720839,10%,0%,NA\n720839,10%,0%,DEU\n"))


# Labels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (("CONGO D. REP.", "Congo, D. Rep.", "Congo D.R."), "COD"),
        (("CONGO P REP", "Congo, Rep."), "COG"),
        (("S. Sudan", "Sudan S", "Sudan, S."), "SSD"),
        (("N Korea", "KOREA DP RP", "Korea, N."), "PRK"),
        (("KOREA RP", "S. Korea", "Korea S", "Güney Kore"), "KOR"),
        (("CHINA P RP", "China R.P.", "Çin", "КИТАЙ"), "CHN"),
        (("UTD ARAB EMTS", "U ARAB EMTS"), "ARE"),
        (("ABD", "U S A", "США", "Соединенные Штаты"), "USA"),
        (("İngiltere", "BİRLEŞİK KRALLIK", "Birleşik Krallık", "N. Ireland"), "GBR"),
        (("E. Timor", "Timor E"), "TLS"),
    ],
)
def test_directions_and_abbreviations_of_customs(labels: tuple[str, ...], code: str) -> None:
    """A letter at a name's end is a direction: South Sudan was read as Sudan, the Democratic Republic as Congo."""
    assert {label: read_place(label).code for label in labels} == dict.fromkeys(labels, code)


def test_values_whose_mark_nothing_tells_are_named(tmp_path: Path) -> None:
    from tests.cases.test_own_table import laid

    found = laid(tmp_path, 'partner;hs;value\nCHN;740311;"1,234"\nUSA;740311;"12,345"\n')
    assert found.exports[1] == pytest.approx(13_579 / 1e6) and "a thousand times" in " ".join(found.notes)


def test_text_of_a_table_may_be_read_twice() -> None:
    assert own_rates(pd.read_csv(io.StringIO("date,currency,usd\n2019,CLP,0.0014\n"))).on(
        pd.Series(["CLP"]), pd.Series([pd.Timestamp("2019-06-03")])
    ).iloc[0] == pytest.approx(0.0014)
