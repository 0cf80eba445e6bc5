"""Money: rates of the day, holidays, a table of one's own, deflators; and units of quantity."""

from __future__ import annotations

import pandas as pd
import pytest

from firmtrade_core.codes.currencies import Deflator, ExchangeRates, read_currency
from firmtrade_core.codes.units import read_unit


def rate(rates: ExchangeRates, currency: str, day: str) -> float:
    return float(rates.on(pd.Series([currency]), pd.Series(pd.to_datetime([day])))[0])


def test_european_central_bank_rates() -> None:
    rates = ExchangeRates.european_central_bank()
    assert rate(rates, "EUR", "1999-01-04") == pytest.approx(1.1789)
    assert rate(rates, "USD", "1950-01-01") == 1.0
    # A Sunday takes Friday's; a currency never quoted has none; nor has a day before the first.
    assert rate(rates, "GBP", "2019-06-16") == rate(rates, "GBP", "2019-06-14")
    assert pd.isna(rate(rates, "CLP", "2019-06-14"))
    assert pd.isna(rate(rates, "EUR", "1998-06-14"))


def test_a_table_of_ones_own_holds_until_its_next_date() -> None:
    table = pd.DataFrame(
        {"date": ["2018-01-01", "2019-01-01"], "currency": ["CLP", "CLP"], "usd": [0.0016, 0.0014]}
    )
    own = ExchangeRates.from_table(table)
    assert rate(own, "CLP", "2018-12-31") == 0.0016
    assert rate(own, "CLP", "2019-12-30") == 0.0014
    assert pd.isna(rate(own, "CLP", "2021-06-01"))
    both = ExchangeRates.european_central_bank().with_table(own)
    assert rate(both, "CLP", "2019-06-14") == 0.0014 and rate(both, "EUR", "2019-06-14") > 1
    with pytest.raises(ValueError, match="two rates"):
        ExchangeRates.from_table(pd.concat([table, table]))
    with pytest.raises(ValueError, match="positive"):
        ExchangeRates.from_table(table.assign(usd=[-1, 1]))
    with pytest.raises(ValueError, match="usd missing"):
        ExchangeRates.from_table(table.drop(columns="usd"))


def test_names_of_currencies_and_units() -> None:
    assert [read_currency(t) for t in ("usd", "US$", "Dólar USA", "€", "$", "XXYZ")] == [
        "USD", "USD", "USD", "EUR", None, None,
    ]  # fmt: skip
    ton = read_unit("TON")
    assert ton is not None and (ton.base, ton.size) == ("kg", 1000.0)
    assert read_unit("parsec") is None


def test_deflating() -> None:
    deflator = Deflator({2018: 100.0, 2019: 110.0})
    real = deflator.to_prices_of(2019, pd.Series([10.0, 11.0]), pd.Series([2018, 2019]))
    assert real.tolist() == pytest.approx([11.0, 11.0])
    with pytest.raises(KeyError, match="lacks 2020"):
        deflator.to_prices_of(2019, pd.Series([1.0]), pd.Series([2020]))
