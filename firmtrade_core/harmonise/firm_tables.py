"""Registers, surveys and balance sheets: one row by firm and year, from files as they come to typed columns and a log."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from firmtrade_core.codes.artefacts import is_blank
from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.word_lists import word_list
from firmtrade_core.harmonise.changes import ChangeLog
from firmtrade_core.harmonise.database import passing_database
from firmtrade_core.harmonise.declarations import hashed_firm
from firmtrade_core.harmonise.errors import LayoutError
from firmtrade_core.harmonise.findings import Finding, rules_of
from firmtrade_core.harmonise.layout import columns_given, words_of
from firmtrade_core.harmonise.names import read_identifiers
from firmtrade_core.harmonise.numerals import number_of, settle_conventions
from firmtrade_core.harmonise.reading import load_text, open_text
from firmtrade_core.paths import asset, read_rows

#: Numbers that statistical offices write for "no answer".
MISSING_CODES = frozenset({-9.0, -99.0, -999.0, -1000.0, -9999.0, -99999.0})

#: A column counts as numbers from this share of readable cells.
_MOSTLY = 0.9

#: Columns of no field that panels read as yes or no, and numbers that answer so.
YES_OR_NO = ("exporter", "importer")
_ANSWERS = frozenset(["0", "1", "2", "8", "9", "0 0", "1 0", "2 0", "8 0", "9 0"])

#: Numbers beside 1 and 2 that stand for no answer to a question of yes or no.
_NO_FLAG = frozenset({3.0, 7.0, 8.0, 9.0, 77.0, 88.0, 97.0, 98.0, 99.0})

#: Words for yes and no, in plain text.
_YES, _NO = word_list("yes"), word_list("no")

#: Above this a share is in percent; from this part of the answers other than zero on, so is the column.
_ABOVE_ONE, _PART_ABOVE = 1.5, 0.05

#: Words in a column's name by which its shares are in percent.
_PERCENT_WORDS = word_list("percent")


@dataclass(frozen=True)
class FirmField:
    """A thing that a register or survey tells of a firm, and words that its column is called by."""

    name: str
    label: str
    kind: str
    aliases: tuple[str, ...]


FIRM_FIELDS = tuple(
    FirmField(row["name"], row["label"], row["kind"], tuple(row["aliases"].split("|")))
    for row in read_rows(asset("records/firm_fields.csv"))
)

_BY_NAME = {f.name: f for f in FIRM_FIELDS}

#: Fields that are money: scale and currency are read from their heads.
MONEY_FIELDS = ("sales", "value_added", "capital", "materials", "wages")

RULES = rules_of("firm")


@dataclass(frozen=True, eq=False)
class FirmTable:
    """A firm table, read.

    Parameters
    ----------
    table
        One row by firm (hashed) and year, typed; index is the row of the file.
    names
        Columns ``id`` (hashed), ``name``, ``address``, ``place``, for linkage only.
    log, findings, notes
        What was changed and why.
    rows
        Of the file, broken lines included.
    sha256
        Of the file.
    layout
        Field to column of the file.
    in_dollars
        Whether every column of money told its currency, so that all are US dollars now.
    """

    table: pd.DataFrame
    names: pd.DataFrame
    log: ChangeLog
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    rows: int
    sha256: str
    layout: Mapping[str, str]
    in_dollars: bool = False


def guess_firm_layout(columns: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The likeliest column of each field, what a person says first; columns that serve none are extra attributes."""
    said = columns_given(given or {}, columns, tuple(_BY_NAME))
    plain = {column: plain_text(words_of(column)) for column in columns if column not in said.values()}
    scores = sorted(
        (
            (_score(text, f), f.name, column)
            for column, text in plain.items()
            for f in FIRM_FIELDS
            if f.name not in said
        ),
        key=lambda item: -item[0],
    )
    chosen: dict[str, str] = dict(said)
    for score, name, column in scores:
        if score >= 0.8 and name not in chosen and column not in chosen.values():
            chosen[name] = column
    return {f.name: chosen[f.name] for f in FIRM_FIELDS if f.name in chosen}


def _score(text: str, wanted: FirmField) -> float:
    if text in wanted.aliases:
        return 2.0 - 0.01 * wanted.aliases.index(text)
    words = set(text.split())
    contained = [alias for alias in wanted.aliases if set(alias.split()) <= words]
    if contained:
        return 1.0 + 0.1 * max(len(a.split()) for a in contained) - 0.05 * len(words)
    return max(difflib.SequenceMatcher(None, text, alias).ratio() for alias in wanted.aliases) - 0.05


def looks_like_firms(columns: Sequence[str], given: Mapping[str, str] | None = None) -> bool:
    """Whether a file's header is one of firms by year rather than of customs lines."""
    layout = guess_firm_layout(columns, given)
    # A survey may tell of shares and certificates alone: with a firm and a year it is one all the same.
    told = {f.name for f in FIRM_FIELDS if f.kind in ("share", "flag")} if "year" in layout else set()
    return "firm" in layout and bool(
        ({"employment", "sales", "sector", "wages", "capital", "age"} | told) & set(layout)
    )


def read_firm_table(
    path: Path,
    workspace: Path,
    salt: bytes,
    *,
    layout: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    year: int | None = None,
    extra: bool = True,
    rates: ExchangeRates | None = None,
) -> FirmTable:
    """Read a register, survey or balance sheet.

    Parameters
    ----------
    layout
        Field to column; guessed unless given.
    columns
        Field to column, as a person says, where the layout is guessed.
    year
        Of all rows, where the file has no such column.
    extra
        Whether columns that serve no field are kept as attributes.
    rates
        Of exchange, for columns whose heads name a currency; the European Central Bank's unless given.

    Raises
    ------
    LayoutError
        If no column holds the firm, or none the year and none is given, or a head names a currency without a rate.
    UnreadableFileError
        If the file is no text table.
    """
    file = open_text(path, workspace)
    layout = dict(layout if layout is not None else guess_firm_layout(file.columns, columns))
    if file.columns:
        _check(path.name, layout, file.columns, year)
    with passing_database() as connection:
        broken, examples = load_text(connection, file, "source")
        text = connection.execute("FROM source ORDER BY row").df().set_index("row")
        numbers, notes = _numbers(connection, file.columns, layout, file.separator)
        notes = [*file.notes, *notes]
    rows = len(text) + broken
    found = file.findings(rows)
    if broken:
        from firmtrade_core.harmonise.rules import RULES as LINE

        found.append(Finding(LINE["line.fields"], broken, broken / rows, None, tuple(examples)))
    reader = _TableReader(text, numbers, layout, salt, year, ChangeLog())
    table = reader.read(extra)
    found += [Finding(RULES[key], n, n / max(rows, 1)) for key, n in reader.counts.items() if n]
    names = reader.names(table)
    table, said, in_dollars = money_as_heads_say(path.name, table, layout, rates)
    notes += said
    return FirmTable(
        table, names, reader.log, tuple(found), tuple(notes), rows, file.sha256, layout, in_dollars
    )


def money_as_heads_say(
    where: str, table: pd.DataFrame, layout: Mapping[str, str], rates: ExchangeRates | None = None
) -> tuple[pd.DataFrame, list[str], bool]:
    """Amounts in whole units of money as their heads say: thousands multiplied, other currencies in dollars of the year.

    Returns
    -------
    DataFrame, notes, and whether every column of money named its currency

    Raises
    ------
    LayoutError
        If a head names a currency that has no rate in some year.
    """
    money = [
        name for name in table if name in MONEY_FIELDS or (name not in layout and read_money_head(str(name)))
    ]
    told = {str(name): read_money_head(layout.get(str(name), str(name))) for name in money}
    notes, years = [], table["year"].astype(int)
    renamed: dict[str, str] = {}
    for name, head in told.items():
        if head is None:
            continue
        if not pd.api.types.is_numeric_dtype(table[name]):
            notes.append(f"{name} is money by its head and holds text: it is kept as it stands.")
            continue
        factor = pd.Series(head.size, index=table.index)
        if head.currency and head.currency != "USD":
            factor = factor * _dollars(where, layout.get(name, name), head.currency, years, rates)
        table = table.assign(**{name: table[name].astype(float) * factor})
        if name not in layout and head.name not in table:
            renamed[name] = head.name
        into = (
            ", in US dollars"
            if head.currency == "USD"
            else " in US dollars at the mean rate of each year"
            if head.currency
            else ""
        )
        notes.append(f"{head.name.replace('_', ' ')}: “{layout.get(name, name)}” read as {head.told}{into}")
    known = [head for name, head in told.items() if name in MONEY_FIELDS]
    return (
        table.rename(columns=renamed),
        notes,
        bool(known) and all(h is not None and h.currency for h in known),
    )


def _dollars(
    where: str, column: str, currency: str, years: pd.Series, rates: ExchangeRates | None
) -> pd.Series:
    annual = (rates or ExchangeRates.european_central_bank()).annual()
    own = annual[annual["currency"] == currency].set_index("year")["usd"]
    found = years.map(own)
    if found.isna().any():
        lacking = ", ".join(map(str, sorted(set(years[found.isna()]))[:6]))
        raise LayoutError(
            f"{where}: column “{column}” is in {currency}, of which no rate is known in {lacking}. Add a table of "
            "exchange rates (date, currency, usd)."
        )
    return found


def _check(where: str, layout: Mapping[str, str], columns: Sequence[str], year: int | None) -> None:
    if missing := [f"{column!r} ({name})" for name, column in layout.items() if column not in columns]:
        raise LayoutError(f"{where} lacks {', '.join(missing)}. It has {', '.join(map(repr, columns[:20]))}.")
    if "firm" not in layout:
        raise LayoutError(f"{where}: say which column holds the firm's identifier.")
    if "year" not in layout and year is None:
        raise LayoutError(f"{where}: say which column holds the year, or give the year of all rows.")


def _numbers(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], layout: Mapping[str, str], separator: str
) -> tuple[pd.DataFrame, list[str]]:
    """Every column that may hold numbers, read as such by its own habit."""
    labels = {layout.get(f.name) for f in FIRM_FIELDS if f.kind in ("identifier", "text", "label")}
    wanted = [c for c in columns if c not in labels]
    notes, parts = [], []
    conventions = settle_conventions(connection, "source", wanted, separator)
    for number, column in enumerate(wanted):
        settled = conventions[column]
        if not settled.certain and "most" in settled.note:
            notes.append(settled.note)
        parts.append(f'{number_of(column, settled)} AS "c{number}"')
    if not parts:
        return pd.DataFrame(), notes
    frame = (
        connection.execute(f"SELECT {', '.join(parts)}, row FROM source ORDER BY row").df().set_index("row")
    )
    return frame.set_axis(wanted, axis=1).replace([np.inf, -np.inf], np.nan), notes


def _in_percent(values: pd.Series, column: str) -> bool:
    """Whether a column of shares is in percent: its name says so, or enough of what is not zero lies above 1.

    A lone value above 1 among twenty fractions is an error of its own.
    """
    if "%" in column or _PERCENT_WORDS & set(plain_text(column).split()):
        return bool(values.max() > 0)
    told = values[(values > 0) & (values <= 100)]
    above = told[told > _ABOVE_ONE]
    return len(above) > 0 and (
        len(above) >= _PART_ABOVE * len(told) and (above.nunique() > 1 or len(told) < 20)
    )


def _coded_flag(values: pd.Series) -> pd.Series | None:
    """Yes and no coded 1 and 2, or -1 and 0, as 1 and 0; None where they are not."""
    met = set(values.dropna().unique())
    if 2.0 in met and met - _NO_FLAG <= {1.0, 2.0}:
        # Beside them 8, 9 and the like are no answers: left as they are, they fall out of the range.
        return values.replace({2.0: 0.0})
    return values.replace({-1.0: 1.0}) if -1.0 in met and met <= {-1.0, 0.0} else None


@dataclass
class _TableReader:
    text: pd.DataFrame
    numbers: pd.DataFrame
    layout: Mapping[str, str]
    salt: bytes
    year: int | None
    log: ChangeLog

    def __post_init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.gone = pd.Series(False, index=self.text.index)

    def read(self, extra: bool) -> pd.DataFrame:
        table = pd.DataFrame(index=self.text.index)
        table["firm"] = self._firms()
        table["year"] = self._years()
        for f in FIRM_FIELDS:
            if f.name in self.layout and f.kind not in ("identifier", "text", "year"):
                table[f.name] = self._column(self.layout[f.name], f)
        if extra:
            taken = {*self.layout.values()}
            for column in (c for c in self.text if c not in taken):
                name = "_".join(plain_text(str(column)).split()) or str(column)
                flag = FirmField(name, name, "flag", ()) if self._says_yes_or_no(name, str(column)) else None
                table[name if name not in table else f"{name}_"] = self._column(str(column), flag)
                if flag is not None:
                    table = self._mend(table, flag)
        for f in FIRM_FIELDS:
            if f.name in table and f.kind in ("amount", "number", "share", "flag"):
                table = self._mend(table, f)
        return self._drop(table)

    def names(self, table: pd.DataFrame) -> pd.DataFrame:
        """The first name of each firm."""
        if "name" not in self.layout:
            return pd.DataFrame(columns=["id", "name", "address", "place"])
        frame = pd.DataFrame({"id": table["firm"]})
        for name in ("name", "address", "place"):
            column = self.text.loc[table.index, self.layout[name]] if name in self.layout else None
            frame[name] = column
        return frame[frame["name"].notna()].drop_duplicates("id", ignore_index=True)

    def _firms(self) -> pd.Series:
        written = self.text[self.layout["firm"]] if "firm" in self.layout else pd.Series(dtype=str)
        met = [str(text) for text in written.dropna().unique()]
        read = dict(zip(met, read_identifiers(met), strict=True))
        self.gone = written.map({text: fault == "digits_gone" for text, (_, fault) in read.items()}).eq(True)
        known = {text: hashed_firm(plain, self.salt) for text, (plain, _) in read.items() if plain}
        return written.map(known)

    def _years(self) -> pd.Series:
        if "year" not in self.layout:
            return pd.Series(self.year, index=self.text.index, dtype="float")
        found = pd.to_numeric(
            self.text[self.layout["year"]].str.extract(r"(?<!\d)(\d{4})(?!\d)")[0], errors="coerce"
        )
        return found.where(found.between(1900, 2100))

    def _column(self, column: str, wanted: FirmField | None) -> pd.Series:
        text = self.text[column].str.strip()
        text = text.where(~text.map(lambda cell: isinstance(cell, str) and is_blank(cell)))
        if wanted is not None and wanted.kind == "label":
            return text
        if column in self.numbers:
            numbers = self.numbers[column]
            if wanted is not None and wanted.kind == "flag":
                plain = text.where(~text.str.startswith("-").eq(True)).map(plain_text, na_action="ignore")
                numbers = numbers.mask(plain.isin(_YES), 1.0).mask(plain.isin(_NO), 0.0)
            if wanted is not None and wanted.kind == "share":
                # Who asks for a share may have asked for yes or no (a web site).
                plain = text.map(plain_text, na_action="ignore").where(numbers.isna())
                numbers = numbers.mask(plain.isin(_YES), 1.0).mask(plain.isin(_NO), 0.0)
                numbers = self._with_signs(text, numbers)
            if wanted is not None or numbers.notna().sum() >= _MOSTLY * max(text.notna().sum(), 1):
                self._note_unreadable(column, text, numbers)
                return numbers
        return text

    def _says_yes_or_no(self, name: str, column: str) -> bool:
        """Whether a column that panels read as yes or no holds nothing else, in words or in numbers."""
        if name not in YES_OR_NO:
            return False
        met = {
            plain_text(str(cell)) for cell in self.text[column].dropna().unique() if not is_blank(str(cell))
        }
        return bool(met) and met <= _YES | _NO | _ANSWERS

    def _with_signs(self, text: pd.Series, numbers: pd.Series) -> pd.Series:
        """Shares with a percent sign in the cell, in percent like the rest of a column that has it."""
        signed = text.str.extract(r"^([+-]?\d+(?:[.,]\d+)?)\s*%$")[0].str.replace(",", ".")
        found = pd.to_numeric(signed, errors="coerce")
        if not found.notna().any():
            return numbers
        # Where only some cells have the sign, they tell their own unit; the others keep theirs.
        whole = found.notna().sum() == text.notna().sum()
        if whole and found.max() <= _ABOVE_ONE:
            self._count("cell.percent", int(found.notna().sum()))
            return numbers.where(found.isna(), found / 100)
        return numbers.where(found.isna(), found if _in_percent(numbers.fillna(found), "") else found / 100)

    def _note_unreadable(self, column: str, text: pd.Series, numbers: pd.Series) -> None:
        lost = text.notna() & numbers.isna()
        if lost.any():
            frame = pd.DataFrame({column: text})
            self.log.replace(frame, column, lost, None, step="reading", rule="cell.unreadable")
            self._count("cell.unreadable", int(lost.sum()))

    def _mend(self, table: pd.DataFrame, wanted: FirmField) -> pd.DataFrame:
        values, name = table[wanted.name], wanted.name
        table = self._empty(table, name, values.isin(MISSING_CODES), "cell.missing_code")
        values = table[name]
        if wanted.kind == "amount":
            return self._empty(table, name, values < 0, "cell.negative")
        if wanted.kind in ("share", "flag"):
            if wanted.kind == "flag" and (coded := _coded_flag(values)) is not None:
                met = values.notna() & (values != coded)
                table = self.log.replace(
                    table, name, met, coded[met].to_numpy(), step="reading", rule="cell.coded"
                )
                self._count("cell.coded", int(met.sum()))
            if wanted.kind == "share" and _in_percent(values, self.layout[name]):
                met = values.notna() & (values != 0)
                table = self.log.replace(
                    table, name, met, (values / 100)[met].to_numpy(), step="reading", rule="cell.percent"
                )
                self._count("cell.percent", int(met.sum()))
            return self._empty(table, name, (table[name] < 0) | (table[name] > 1), "cell.out_of_range")
        return table

    def _empty(self, table: pd.DataFrame, name: str, met: pd.Series, rule: str) -> pd.DataFrame:
        self._count(rule, int(met.sum()))
        return self.log.replace(table, name, met, np.nan, step="reading", rule=rule) if met.any() else table

    def _drop(self, table: pd.DataFrame) -> pd.DataFrame:
        gone = self.gone.reindex(table.index, fill_value=False)
        faults = (
            ("firm.digits_gone", gone),
            ("firm.missing", table["firm"].isna() & ~gone),
            ("year.unreadable", table["year"].isna() & table["firm"].notna()),
        )
        for rule, met in faults:
            met = met.reindex(table.index)
            self._count(rule, int(met.sum()))
            table = self.log.remove(table, met, step="reading", rule=rule)
        fullest = table.notna().sum(axis=1).sort_values(ascending=False, kind="stable").index
        twice = table.loc[fullest].duplicated(["firm", "year"]).reindex(table.index)
        self._count("firm.twice", int(twice.sum()))
        table = self.log.remove(table, twice, step="reading", rule="firm.twice")
        return table.assign(year=table["year"].astype(int))

    def _count(self, rule: str, cells: int) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + cells
