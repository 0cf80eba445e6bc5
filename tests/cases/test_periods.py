"""A period is a period: a year or a month is priced at its mean rate (case 08, and more of the kind)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from customs_lines import column, command, lines, read, shared

from firmtrade_core.codes.currencies import ExchangeRates, read_currency
from firmtrade_core.harmonise.annual import AnnualPlan, add_up
from firmtrade_core.harmonise.dates import read_dates

RATES = ExchangeRates.european_central_bank()


def rate(currency: str, day: str, months: int) -> float:
    found = RATES.over(pd.Series([currency]), pd.Series([pd.Timestamp(day)]), pd.Series([months]))
    return float(found[0])


def daily_mean(currency: str, start: str, end: str) -> float:
    """By hand: the mean of the daily table."""
    return float(RATES.per_unit[currency].loc[start:end].mean())


def test_case_08_years_and_months(tmp_path: Path) -> None:
    found = read(shared("08_year_only_rate/exports.csv"), tmp_path / "a")
    value = found.column("value_usd")
    assert value[0] == pytest.approx(1_109_513, abs=1)
    assert value[1] == pytest.approx(1e6 * daily_mean("EUR", "2015-07-01", "2015-07-31"))
    assert value[2] == pytest.approx(61_064, abs=1)
    assert value[3] == pytest.approx(1e12 * daily_mean("TRL", "2004-01-01", "2004-12-31"))
    assert value[4] == pytest.approx(741_881, abs=1)
    # A hundred new lei of July 2005; a million of July 2004 are ten thousand million old ones.
    assert value[5] == pytest.approx(100 * daily_mean("RON", "2005-07-01", "2005-07-31"))
    assert value[6] == pytest.approx(1e10 * daily_mean("ROL", "2004-07-01", "2004-07-31"))
    assert found.rules["date.year_only"] == 4 and found.rules["date.month_only"] == 3


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1999", "1999-01-01", "1999-12-31"),
        ("2015.0", "2015-01-01", "2015-12-31"),
        ("201507", "2015-07-01", "2015-07-31"),
        ("2015M07", "2015-07-01", "2015-07-31"),
        ("07/2015", "2015-07-01", "2015-07-31"),
        ("julio 2015", "2015-07-01", "2015-07-31"),
        ("Jul-15", "2015-07-01", "2015-07-31"),
        ("2015-Q3", "2015-07-01", "2015-09-30"),
        ("2015T3", "2015-07-01", "2015-09-30"),
    ],
)
def test_periods_in_other_words(tmp_path: Path, text: str, start: str, end: str) -> None:
    found = lines(tmp_path, {"date": text, "currency": "EUR", "value": "100"})
    assert found.column("value_usd")[0] == pytest.approx(100 * daily_mean("EUR", start, end))


def test_a_day_keeps_its_rate(tmp_path: Path) -> None:
    found = lines(
        tmp_path,
        {"date": "2015-07-01", "currency": "EUR", "value": "100"},
        {"date": "1999-01-01", "currency": "EUR"},
    )
    assert found.column("value_usd")[0] == pytest.approx(100 * float(RATES.per_unit["EUR"].loc["2015-07-01"]))
    assert found.column("value_usd")[1] == pytest.approx(1000.5 * 1.1789)


def test_currencies_are_refused_where_they_were_not_quoted(tmp_path: Path) -> None:
    """The krona from December 2008 to January 2018, the rouble since March 2022, the yuan before April 2005."""
    for text in ("2008", "2010", "2018", "2012-05", "2015-06-30", "2018-01"):
        assert lines(tmp_path, {"date": text, "currency": "ISK"}).aside == {1: "currency.no_rate"}, text
    assert not lines(tmp_path, {"date": "2019", "currency": "ISK"}).aside
    for currency, text in (("RUB", "2022"), ("RUB", "2023-05-05"), ("CNY", "2005"), ("CLP", "2019")):
        assert lines(tmp_path, {"date": text, "currency": currency}).aside == {1: "currency.no_rate"}, (
            currency
        )
    said = lines(tmp_path, {"date": "2010", "currency": "ISK"}, {"date": "2019", "currency": "CLP"}).notes
    assert "ISK in 2010: suspended from 2008-12-09 to 2018-02-01" in said
    assert "CLP in 2019: no source at hand quotes it. Give a table of rates" in said


def test_units_that_another_replaced_and_the_euro_s_members() -> None:
    assert rate("TRY", "2004-01-01", 12) == pytest.approx(1e6 * daily_mean("TRL", "2004-01-01", "2004-12-31"))
    assert rate("TRL", "2005-06-01", 1) == pytest.approx(daily_mean("TRY", "2005-06-01", "2005-06-30") / 1e6)
    assert rate("DEM", "2000-01-01", 12) == pytest.approx(
        daily_mean("EUR", "2000-01-01", "2000-12-31") / 1.95583
    )
    assert pd.isna(rate("GRD", "1999-01-01", 12)) and rate("GRD", "2001-06-01", 1) > 0
    assert rate("HRK", "2023-05-01", 0) == pytest.approx(
        float(RATES.per_unit["EUR"].asof("2023-05-01")) / 7.5345
    )
    assert pd.isna(rate("TRL", "2015-01-01", 12))


def test_annual_rates_are_of_whole_years() -> None:
    annual = RATES.annual().set_index(["currency", "year"])["usd"]
    assert annual["EUR", 2015] == pytest.approx(1.109513, abs=1e-6)
    assert ("ISK", 2008) not in annual and ("ISK", 2018) not in annual and ("ISK", 2019) in annual
    assert ("CNY", 2005) not in annual and ("EUR", 1999) in annual


# A table of one's own --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "date,currency,usd\n2019-01-01,CLP,0.0014\n2020-01-01,CLP,0.0013\n",
        "date;currency;usd\n2019;CLP;0,0014\n2020;CLP;0,0013\n",
        "Date,Currency,Rate\n2019,clp,0.0014\n",
        "date,currency,per_usd\n2019,pesos chilenos,714.2857142857143\n",
        "date;currency;usd\n31/12/2018;CLP;0,0014\n31/12/2019;CLP;0,0013\n",
    ],
)
def test_the_chilean_peso_by_one_s_own_table(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "exports.csv").write_text(
        "firm,date,flow,country,product,value,currency\nF1,2019,export,DE,020110,1000000,CLP\nF1,2019-05-05,export,FR,020110,1000000,CLP\n"
    )
    (tmp_path / "rates.csv").write_text(text)
    report = command(folder, tmp_path / "out", "--rates", str(tmp_path / "rates.csv"))
    assert report["sources"][0]["kept"] == 2, report["notes"]
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert trade["value"].to_list() == pytest.approx([1400, 1400], rel=1e-3)
    # The same table among the files.
    (folder / "rates.csv").write_text(text)
    command(folder, tmp_path / "again")
    assert pd.read_parquet(tmp_path / "again" / "panel" / "trade.parquet")["value"].sum() == pytest.approx(
        2800, rel=1e-3
    )


def table(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_a_table_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"units for a dollar. Call the column per_usd"):
        ExchangeRates.from_table(table(date=["2019"], currency=["CLP"], usd=[714.3]))
    with pytest.raises(ValueError, match="is no date"):
        ExchangeRates.from_table(table(date=["soon"], currency=["CLP"], usd=[0.0014]))
    with pytest.raises(ValueError, match="is no currency"):
        ExchangeRates.from_table(table(date=["2019"], currency=["peso"], usd=[0.0014]))


def test_a_daily_table_does_not_bridge_a_gap() -> None:
    days = [*pd.date_range("2010-01-01", "2010-03-31"), *pd.date_range("2014-01-01", "2014-03-31")]
    own = ExchangeRates.from_table(table(date=days, currency=["ISK"] * len(days), usd=[0.008] * len(days)))
    ask = pd.Series(pd.to_datetime(["2010-02-01", "2012-01-01", "2014-02-01"]))
    assert own.on(pd.Series(["ISK"] * 3), ask).notna().tolist() == [True, False, True]
    both = RATES.with_table(own)
    year = both.over(pd.Series(["ISK"]), pd.Series(pd.to_datetime(["2010-01-01"])), pd.Series([12]))
    assert year.isna().all()


def test_currencies_by_name() -> None:
    names = [
        "Pesos chilenos",
        "dólar estadounidense",
        "Euros",
        "libra esterlina",
        "yen",
        "Franc suisse",
        "peso",
        "Pesos",
    ]
    assert [read_currency(n) for n in names] == ["CLP", "USD", "EUR", "GBP", "JPY", "CHF", None, None]


# Days to shipment and other years ---------------------------------------------------------------------


def test_days_to_shipment_move_days_and_no_periods(tmp_path: Path) -> None:
    found = tmp_path / "lines.parquet"
    dates = pd.to_datetime(["2019-01-01", "2019-01-01", "2019-01-01"]).date
    pd.DataFrame(
        {"file": 0, "row": [1, 2, 3], "firm": "a", "date": dates, "months": [12.0, 1.0, 0.0], "flow": "export", "country": "DEU",
         "product": ["010101", "010102", "010103"], "value_usd": 1.0, "weight_kg": 1.0, "quantity": 1.0, "unit": "kg"}
    ).to_parquet(found)  # fmt: skip
    add_up([found], tmp_path / "t.parquet", AnnualPlan(None, shift_days={"export": -3}))
    assert pd.read_parquet(tmp_path / "t.parquet").sort_values("product")["year"].to_list() == [
        2019,
        2019,
        2018,
    ]
    add_up([found], tmp_path / "u.parquet", AnnualPlan(None, first_month=7))
    assert pd.read_parquet(tmp_path / "u.parquet").sort_values("product")["year"].to_list() == [
        2019,
        2018,
        2018,
    ]


def test_a_year_and_a_month_in_columns_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "firm;ano;mes;flow;country;product;value;currency\nF1;2015;07;export;DE;020110;100;EUR\nF1;2015;7.0;export;FR;020110;100;EUR\nF1;2015;julio;export;US;020110;100;EUR\nF1;2015;;export;JP;020110;100;EUR\n"
    )
    found = read(path, tmp_path / "w")
    month, year = daily_mean("EUR", "2015-07-01", "2015-07-31"), daily_mean("EUR", "2015-01-01", "2015-12-31")
    assert found.column("value_usd") == pytest.approx([100 * month] * 3 + [100 * year])


def test_money_in_a_column_of_constants(tmp_path: Path) -> None:
    assert column(tmp_path, "currency", ["USD", "us$", "€", "840"]).column("currency")[:3] == [
        "USD",
        "USD",
        "EUR",
    ]


@pytest.mark.parametrize(
    ("text", "start", "end", "year"),
    [
        ("2019-W12", "2019-03-18", "2019-03-24", 2019),
        ("2019W12", "2019-03-18", "2019-03-24", 2019),
        ("2019-KW12", "2019-03-18", "2019-03-24", 2019),
        ("W12/2019", "2019-03-18", "2019-03-24", 2019),
        ("week 12 of 2019", "2019-03-18", "2019-03-24", 2019),
        ("semana 12 de 2019", "2019-03-18", "2019-03-24", 2019),
        ("12ª semana de 2019", "2019-03-18", "2019-03-24", 2019),
        ("2020-W53", "2020-12-28", "2021-01-03", 2020),
        # The week's Monday lies in the year before: its days of 2019 count.
        ("2019-W01", "2019-01-01", "2019-01-06", 2019),
        ("2019-W12-3", "2019-03-20", "2019-03-20", 2019),
    ],
)
def test_a_week_is_a_period(tmp_path: Path, text: str, start: str, end: str, year: int) -> None:
    found = lines(tmp_path, {"date": text, "currency": "EUR", "value": "100"})
    assert found.column("value_usd")[0] == pytest.approx(100 * daily_mean("EUR", start, end))
    assert found.column("year")[0] == year
    assert ("date.week_only" in found.rules) == (not text.endswith("-3"))


@pytest.mark.parametrize("text", ["2019-W54", "2019-W00", "2019-W53", "week 60 of 2019", "2019-W12-8"])
def test_weeks_that_are_none_are_set_aside(tmp_path: Path, text: str) -> None:
    found = lines(tmp_path, {"date": text}, {})
    assert list(found.aside.values()) == ["date.unreadable"]


@pytest.mark.parametrize(
    "texts",
    [
        ("2009-10", "2010-11", "2011-12", "2012-13"),
        ("2018/19",),
        ("2018/2019", "FY2019", "FY 2019-20"),
    ],
)
def test_a_business_year_is_no_month(texts: tuple[str, ...]) -> None:
    """Among 2010-11 and 2012-13, 2009-10 is no October: which months a business year holds is not told."""
    found = read_dates(dict.fromkeys(texts, 1)).table
    assert set(found["rule"]) == {"date.business_year"} and found["meant"].isna().all()


def test_a_month_beside_other_months_is_a_month() -> None:
    found = read_dates({"2009-10": 1, "2010-03": 1, "2010-11": 1}).table
    assert [d.month for d in found["meant"]] == [10, 3, 11]


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("18-12-31", "19-03-05", "19-02-28"), "2018-12-31"),
        (("19.03.01", "19.03.02", "19.03.03", "19.03.04"), "2019-03-01"),
        (("05/03/19", "31/03/19"), "2019-03-05"),
        (("03/05/19", "03/31/19"), "2019-03-05"),
        (("05/03/19", "05/04/18"), "2019-03-05"),
    ],
)
def test_which_of_three_times_two_digits_is_the_year(texts: tuple[str, ...], first: str) -> None:
    assert str(read_dates(dict.fromkeys(texts, 1)).table["meant"].iloc[0]) == first
