"""Values of tables in any currency as US dollars, at the mean rate of each row's year.

Rates are the European Central Bank's (`codes.currencies`), or before them those of a table of one's own with the columns
``date, currency, usd`` (US dollars for one unit) or ``per_usd`` (units for one dollar); a year or a month stands for all its days.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.currencies import ExchangeRates, currency_codes, rates_of, read_currency
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.world.errors import ColumnError, WorldError

Array = NDArray[np.float64]

#: Units of money that values may be in, by name.
UNITS = {"unit": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}

#: Stands for the currency that a column of the table tells row by row.
BY_COLUMN = "column"


class MoneyError(WorldError):
    """Values cannot be told in US dollars. The message names the currency and the years without a rate, and why."""


def own_rates(table: pd.DataFrame | None, name: str = "the table of rates") -> ExchangeRates:
    """The European Central Bank's rates, after those of a table of one's own where there is one.

    Raises
    ------
    MoneyError
        If the table is none of rates; the message names the row.
    """
    rates = ExchangeRates.european_central_bank()
    if table is None:
        return rates
    try:
        return rates.with_table(rates_of(table.astype(str).replace({"nan": "", "None": "", "NaT": ""}), name))
    except ValueError as error:
        raise MoneyError(f"{name}: {error}") from error


def dollars_per_unit(
    currency: str | Sequence[str] | pd.Series, year: int | pd.Series | None, rates: ExchangeRates, rows: int
) -> tuple[Array, str]:
    """US dollars for one unit of each row's currency, mean of its year, and a sentence on the rates; "" for dollars alone.

    Parameters
    ----------
    currency
        Of all rows, or of each.
    year
        Of all rows, or of each; None where it is not known.
    rows
        How many there are.

    Raises
    ------
    MoneyError
        If a currency is unknown, a year is not known, or a rate is missing.
    """
    given = [currency] * rows if isinstance(currency, str) else list(currency)
    codes = {text: read_currency(str(text)) for text in set(given)}
    if strange := sorted(str(text) for text, code in codes.items() if code is None):
        raise MoneyError(
            f"{strange[0][:20]!r} is no currency that is known; write ISO codes such as EUR or CLP."
        )
    years = year if isinstance(year, pd.Series) else pd.Series([year] * rows)
    frame = pd.DataFrame(
        {
            "currency": [codes[text] for text in given],
            "year": pd.to_numeric(years, errors="coerce").to_numpy(),
        }
    )
    pairs = frame.drop_duplicates().reset_index(drop=True)
    foreign = pairs["currency"] != "USD"
    if not foreign.any():
        return np.ones(rows), ""
    if pairs.loc[foreign, "year"].isna().any():
        raise MoneyError(
            f"Values in {pairs.loc[foreign, 'currency'].iloc[0]} become dollars at the rate of their year: say which, year=, or give a "
            "column year."
        )
    start = pd.to_datetime({"year": pairs["year"].fillna(2000).astype(int), "month": 1, "day": 1})
    twelve = pd.Series(12.0, index=pairs.index)
    pairs["rate"] = rates.over(pairs["currency"], start, twelve).to_numpy()
    pairs.loc[~foreign, "rate"] = 1.0
    if (lacking := pairs[pairs["rate"].isna()]).shape[0]:
        code = str(lacking["currency"].iloc[0])
        gone = sorted(int(y) for y in lacking.loc[lacking["currency"] == code, "year"])
        why = rates.why_none(code, pd.Timestamp(gone[0], 1, 1), 12)
        raise MoneyError(
            f"No exchange rate of {code} in {', '.join(map(str, gone[:6]))}{' ...' if len(gone) > 6 else ''}: {why}. Give a table of "
            "rates (date, currency, usd): rates=."
        )
    used = pairs[foreign].sort_values(["currency", "year"])
    shown = ", ".join(
        f"{code} {int(when)} at {rate:.6g} USD"
        for code, when, rate in used.head(4)[["currency", "year", "rate"]].to_numpy().tolist()
    )
    more = f" and {len(used) - 4} more" if len(used) > 4 else ""
    merged = frame.merge(pairs, how="left", on=["currency", "year"])
    return merged["rate"].to_numpy(
        float
    ), f"Values turned into US dollars at each year's mean rate: {shown}{more} ({rates.source})."


def in_million_dollars(
    table: pd.DataFrame,
    column: str,
    *,
    currency: str = "USD",
    unit: float = 1e6,
    year: int | None = None,
    rates: ExchangeRates | None = None,
) -> tuple[pd.DataFrame, str]:
    """A table with a column of values in million US dollars, and what was done; "" where nothing was.

    Parameters
    ----------
    currency
        ISO code, or `BY_COLUMN`: the column ``currency`` of the table tells it row by row.
    unit
        Of one in the column, in units of the currency.
    year
        Of all rows, where the table has no column ``year``.

    Raises
    ------
    ColumnError
        If the table has no such column.
    MoneyError
        As `dollars_per_unit`.
    """
    needed = [column, *(["currency"] if currency == BY_COLUMN else [])]
    if absent := [name for name in needed if name not in table]:
        raise ColumnError(
            f"The table has no column {absent[0]}; it has {', '.join(map(str, table.columns))}."
        )
    said: tuple[str, ...] = ()
    factor = unit / 1e6
    if factor != 1.0:
        said = (f"Values multiplied by {factor:g} to millions.",)
    moment = table.get("year", year)
    who = table["currency"] if currency == BY_COLUMN else currency
    each, words = dollars_per_unit(who, moment, rates or ExchangeRates.european_central_bank(), len(table))
    if not words and not said:
        return table, ""
    values = pd.to_numeric(table[column], errors="coerce") * factor * each
    changed = table.assign(**{column: values.where(values.notna(), table[column])})
    changed.attrs = dict(table.attrs)
    return changed, " ".join(filter(None, (*said, words)))


def told_by_head(column: str) -> tuple[float, str | None]:
    """Unit and currency that a column's head tells (`trade_thousand_eur`); a million and None where it tells none."""
    head = read_money_head(column)
    return (1e6, None) if head is None else (head.size, head.currency)


def known_currencies() -> tuple[str, ...]:
    """ISO codes to choose from: those that trade is told in most often, then all by letters."""
    first = ("USD", "EUR", "GBP", "JPY", "CNY", "CLP", "BRL", "MXN", "CAD", "AUD", "CHF", "INR", "KRW")
    return (*first, *sorted(currency_codes() - set(first)))
