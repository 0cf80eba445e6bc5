"""Money of a firm panel: heads that name scale and currency are read, and sizes that cannot be stop the panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.codes.heads import MoneyHead, read_money, read_money_head, scale_words
from firmtrade_core.panel.columns import money_columns
from firmtrade_core.panel.errors import PanelError

#: Yearly wages per person engaged, US dollars, beyond which money is not in the unit it is taken for: pay in formal
#: firms of the poorest countries lies above, that of the richest below.
WAGE_BOUNDS = (1_000.0, 1_000_000.0)

#: Firms' own trade over their sales, all together, from which sales or trade is in another unit.
MOST_TRADE = 3.0

#: Scales by which tables are usually off.
_SCALES = (1e3, 1e6, 1e9)


@dataclass(frozen=True)
class HeadRead:
    """A column whose head told its money.

    Parameters
    ----------
    column
        As written.
    head
        What it says.
    """

    column: str
    head: MoneyHead


def heads_of(table: str, columns: Sequence[str]) -> dict[str, HeadRead]:
    """Columns that are one of the table's money columns with a unit in the head, by the plain name."""
    known, found = money_columns(table), {}
    for column in columns:
        head = None if column in known else read_money_head(column)
        if head is not None and head.name in known and head.name not in columns and head.name not in found:
            found[head.name] = HeadRead(column, head)
    return found


def currency_of(money: str) -> str | None:
    """ISO code of the panel's money, where it is one currency in units."""
    told = read_money(money)
    return told.currency if told is not None and told.size == 1.0 else None


def common_currency(heads: Sequence[HeadRead], money: str) -> str | None:
    """The currency that all money is to be in: the panel's own where stated, else the only one that heads name.

    Raises
    ------
    PanelError
        If the panel's money is stated in words that cannot be brought together with a currency that a head names.
    """
    named = {each.head.currency for each in heads if each.head.currency}
    stated = money not in ("not stated", "as in the firm tables")
    own = currency_of(money)
    if not stated:
        return next(iter(named)) if len(named) == 1 else "USD" if named else None
    if named and own is None:
        column = next(each.column for each in heads if each.head.currency)
        raise PanelError(
            f"Column “{column}” names a currency, but panel.json says that money is “{money}”. State one currency there, "
            "such as USD, or name columns without a unit."
        )
    return own


def factors(head: MoneyHead, into: str | None, years: Sequence[int], column: str) -> Mapping[int, float]:
    """What an amount of each year is multiplied by.

    Raises
    ------
    PanelError
        If a rate is needed and not known.
    """
    if head.currency is None or head.currency == into or into is None:
        return dict.fromkeys(years, head.size)
    annual = ExchangeRates.european_central_bank().annual()
    usd = {code: rows.set_index("year")["usd"] for code, rows in annual.groupby("currency")}
    usd["USD"] = annual.groupby("year")["usd"].first() * 0 + 1.0
    lacking = [y for y in years if any(c not in usd or y not in usd[c].index for c in (head.currency, into))]
    if lacking:
        raise PanelError(
            f"Column “{column}” is in {head.currency} and the panel's money is {into}: no rate is known in "
            f"{', '.join(map(str, lacking[:6]))}. Convert it, or state {head.currency} as the money of panel.json."
        )
    return {y: head.size * float(usd[head.currency][y] / usd[into][y]) for y in years}


def likely_scale(value: float, low: float, high: float) -> str:
    """In words, the unit in which a value would be plausible: ``thousand``; empty where none."""
    for size in _SCALES:
        if low <= value * size <= high:
            return scale_words(size)
    return ""
