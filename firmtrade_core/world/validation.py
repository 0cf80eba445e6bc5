"""All that is wrong with a table of flows, row by row, before a world is built from it.

`World.from_long` stops at the first thing that cannot stand; a person who mends a table wants to see all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.place_lists import na_in_doubt, other_list
from firmtrade_core.codes.places import explain_unknown, mended, read_place_in
from firmtrade_core.codes.sectors import sector_totals
from firmtrade_core.labels import grouped
from firmtrade_core.world.accounts import PERCENT_SUSPECT
from firmtrade_core.world.build import CodeRule, Missing, TariffUnit, totals
from firmtrade_core.world.columns import ROLE, ROLES

Rows = NDArray[np.int64]

LABELS, NUMBERS = ("exporter", "importer", "sector"), ("expenditure_musd", "tariff", "subsidy", "year")

LONGEST_LABEL = 100

#: Rows that an issue names.
MOST_ROWS = 5_000

#: Different unknown codes, and missing pairs, that are named one by one.
MOST_NAMED = 200


@dataclass(frozen=True, eq=False)
class Issue:
    """One thing about a table, in all the rows that have it.

    Parameters
    ----------
    problem, advice
        What it is and what to do, in words for people.
    column
        Where; empty for the table as a whole.
    rows
        Rows concerned, the first below the heads being 1, at most `MOST_ROWS`; empty for the table as a whole.
    values
        What stands there, row by row.
    stops
        Whether no world can be built before it is mended; otherwise a repair that will be made and stated.
    count
        Number of rows concerned.
    """

    problem: str
    advice: str
    column: str = ""
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    stops: bool = True
    count: int = 0


@dataclass(frozen=True)
class Validation:
    """What there is to say about a table of flows.

    Parameters
    ----------
    issues
        What stops first, repairs after.
    checked
        Number of rows looked at.
    """

    issues: tuple[Issue, ...]
    checked: int

    @property
    def usable(self) -> bool:
        """Whether nothing stops a world from being built."""
        return not any(issue.stops for issue in self.issues)

    def by_row(self, most: int | None = None) -> pd.DataFrame:
        """One line for every row and problem: row, column, value, problem, what to do (row 0: the whole table)."""
        lines = [line for issue in self.issues for line in _lines(issue)]
        lines.sort(key=lambda line: (not line[5], line[0]))
        table = pd.DataFrame(lines, columns=["row", "column", "value", "problem", "what to do", "stops"])
        return table.head(most) if most is not None else table


def validate_flows(
    table: pd.DataFrame,
    *,
    year: int | None = None,
    tariff_unit: TariffUnit = "check",
    missing: Missing = "refuse",
    codes: CodeRule = "check",
) -> Validation:
    """Look for everything that `World.from_long` would refuse or mend.

    Parameters
    ----------
    table
        Columns as `columns.with_roles` names them.
    year, tariff_unit, missing, codes
        As for `World.from_long`.
    """
    issues = list(_columns(table))
    if issues or table.empty:
        empty = (
            []
            if len(table)
            else [Issue("The table has no rows", "Give it at least one row below the heads.")]
        )
        return Validation((*issues, *empty), len(table))
    table = table.reset_index(drop=True)
    rows = np.arange(1, len(table) + 1)
    if "year" in table:
        chosen, found = _one_year(table, year)
        issues += found
        table, rows = table[chosen].reset_index(drop=True), rows[chosen]
    if codes != "any":
        found, kept = _no_partners(table, rows, codes)
        issues += found
        table, rows = table[kept].reset_index(drop=True), rows[kept]
        if table.empty:
            return Validation(tuple(issues), len(rows))
    if year is None and "year" in table:
        years = pd.to_numeric(table["year"], errors="coerce").dropna()
        year = int(years.max()) if len(years) else None
    checker = _Checker(table, rows, tariff_unit, missing, codes, year)
    issues += checker.issues()
    issues.sort(key=lambda issue: not issue.stops)
    return Validation(tuple(issues), len(table))


def _lines(issue: Issue) -> Iterator[tuple[int, str, str, str, str, bool]]:
    if not issue.rows:
        yield 0, issue.column, "", issue.problem, issue.advice, issue.stops
    for row, value in zip(issue.rows, issue.values, strict=True):
        yield int(row), issue.column, value, issue.problem, issue.advice, issue.stops


def _columns(table: pd.DataFrame) -> Iterator[Issue]:
    for role in ROLES:
        if role.needed and role.name not in table:
            yield Issue(
                f"No column for the {role.label.casefold()}",
                f"Choose it above, or add a column {role.name}. {role.help}",
                role.name,
            )


def _one_year(table: pd.DataFrame, year: int | None) -> tuple[NDArray[np.bool_], list[Issue]]:
    values = pd.to_numeric(table["year"], errors="coerce").to_numpy(float)
    years = sorted({int(y) for y in values[np.isfinite(values)]})
    if year is None and len(years) > 1:
        chosen = years[-1]
        problem = f"The table holds {len(years)} years, {years[0]} to {years[-1]}"
        issue = [Issue(problem, "Choose one; the last was checked here.", "year")]
    else:
        chosen, issue = (years[-1] if years else 0) if year is None else year, []
    if year is not None and year not in years:
        issue = [
            Issue(f"The table has no year {year}", f"It holds {', '.join(map(str, years[:30]))}.", "year")
        ]
    # Rows without a readable year are kept, so that they are named as what they are.
    return (values == chosen) | ~np.isfinite(values), issue


def _no_partners(table: pd.DataFrame, rows: Rows, codes: CodeRule) -> tuple[list[Issue], NDArray[np.bool_]]:
    """What `build.without_totals` leaves out or refuses, and the rows that stay."""
    partners = pd.concat([table["exporter"], table["importer"]]).astype(str).unique()
    if (other := other_list(partners)) is not None:
        issue = Issue("Partners are codes of a list that is not ISO's", other.sentence, "exporter")
        return [issue], np.ones(len(table), dtype=bool)
    if doubt := na_in_doubt(partners):
        return [Issue("'NA' may be Namibia or nothing", doubt, "exporter")], np.ones(len(table), dtype=bool)
    sector = table["sector"].astype(str).str.strip()
    added = sector.isin(gone := sector_totals(sector.unique())).to_numpy(bool)
    issues = []
    if gone:
        named = tuple(int(row) for row in rows[added][:MOST_ROWS])
        issues.append(
            Issue(
                f"Sector {_shown(' and '.join(gone))} adds the other sectors up",
                "Its rows are left out."
                if codes == "repair"
                else "Leave its rows out: their trade would count twice.",
                "sector",
                named,
                tuple(sector[added][: len(named)]),
                stops=codes != "repair",
                count=int(added.sum()),
            )
        )
    if codes != "repair" or not (met := totals(table)).any():
        return issues, ~added
    for name in ("exporter", "importer"):
        text = table[name].astype(str).str.strip()
        for label in [label for label in text.unique() if mended(label)[0] is None][:MOST_NAMED]:
            at = (text == label).to_numpy(bool)
            named = tuple(int(row) for row in rows[at][:MOST_ROWS])
            issues.append(
                Issue(
                    f"{ROLE[name].label} {_shown(label)} is no partner",
                    mended(label)[1],
                    name,
                    named,
                    (label,) * len(named),
                    stops=False,
                    count=int(at.sum()),
                )
            )
    return issues, ~(met | added)


class _Checker:
    """The checks of one table, each on the rows that passed those before it."""

    def __init__(
        self,
        table: pd.DataFrame,
        rows: Rows,
        tariff_unit: TariffUnit,
        missing: Missing,
        codes: CodeRule,
        year: int | None,
    ) -> None:
        self.table, self.rows = table, rows
        self.tariff_unit, self.missing, self.codes, self.year = tariff_unit, missing, codes, year
        self.numbers = {
            name: pd.to_numeric(table[name], errors="coerce").to_numpy(float)
            for name in NUMBERS
            if name in table
        }
        self.labels = {name: table[name].astype("string").str.strip() for name in LABELS}

    def issues(self) -> Iterator[Issue]:
        labels = [*(issue for name in LABELS for issue in self._label(name)), *self._countries()]
        yield from labels
        for name in self.numbers:
            yield from self._number(name)
        yield from self._values()
        yield from self._rates()
        yield from self._repeated()
        # A country misspelt would be reported again and again as one that buys nothing.
        if not any(issue.stops for issue in labels):
            yield from self._markets()
            yield from self._pairs()

    def _issue(
        self, column: str, where: NDArray[np.bool_], problem: str, advice: str, stops: bool = True
    ) -> Iterator[Issue]:
        if where.any():
            shown = np.flatnonzero(where)[:MOST_ROWS]
            values = tuple(_shown(value) for value in self.table[column].iloc[shown])
            rows = tuple(int(row) for row in self.rows[shown])
            yield Issue(problem, advice, column, rows, values, stops, int(where.sum()))

    def _label(self, name: str) -> Iterator[Issue]:
        label = ROLE[name].label
        size = self.labels[name].str.len().fillna(0).to_numpy(dtype=np.int64)
        yield from self._issue(name, size == 0, f"{label} is missing", "Fill it in, or delete the row.")
        yield from self._issue(
            name,
            size > LONGEST_LABEL,
            f"{label} is longer than {LONGEST_LABEL} characters",
            "Use a code or a short name.",
        )

    def _number(self, name: str) -> Iterator[Issue]:
        label, given = ROLE[name].label, self.table[name]
        bad = ~np.isfinite(self.numbers[name])
        text = given.astype("string").fillna("").str.strip()
        empty = bad & (text == "").to_numpy(bool)
        comma = bad & ~empty & text.str.fullmatch(r"-?[\d.]*,\d+").to_numpy(bool)
        if name == "tariff":
            advice = "Read as unknown, and counted as 0. Write 0 where goods enter free."
            yield from self._issue(name, empty, f"{label} is missing", advice, stops=False)
        else:
            advice = "Write 0 where nothing is meant, or delete the row."
            yield from self._issue(name, empty, f"{label} is missing", advice)
        yield from self._issue(
            name, comma, f"{label} has a decimal comma", "Write a point for decimals: 1.5, not 1,5."
        )
        rest = bad & ~empty & ~comma
        yield from self._issue(name, rest, f"{label} is not a finite number", "Write a plain number: 1250.5.")

    def _countries(self) -> Iterator[Issue]:
        if self.codes == "any":
            return
        for name in ("exporter", "importer"):
            known = {code: is_known(code.upper()) for code in self.labels[name].dropna().unique() if code}
            strange = [code for code, fine in known.items() if not fine]
            for code in strange[:MOST_NAMED]:
                clear = self.codes == "repair" and read_place_in(code, self.year).kind not in (
                    "unknown",
                    "ambiguous",
                )
                advice = mended(code, self.year)[1] if clear else explain_unknown(code)
                where = (self.labels[name] == code).to_numpy(bool)
                problem = f"{ROLE[name].label} {_shown(code)} is not a current country code"
                yield from self._issue(name, where, problem, advice, stops=not clear)
            if len(strange) > MOST_NAMED:
                where = self.labels[name].isin(strange[MOST_NAMED:]).to_numpy(bool)
                problem = f"{len(strange) - MOST_NAMED} more codes are not current country codes"
                yield from self._issue(name, where, problem, "Is this the right column?")

    def _values(self) -> Iterator[Issue]:
        yield from self._issue(
            "expenditure_musd",
            self.numbers["expenditure_musd"] < 0,
            "The flow is negative",
            "Flows must be zero or more: mend the source, or set it to 0 knowingly.",
        )

    def _rates(self) -> Iterator[Issue]:
        for name in ("tariff", "subsidy"):
            if name in self.numbers:
                rate = self.numbers[name] / (100 if self.tariff_unit == "percent" else 1)
                yield from self._rate(name, rate)

    def _rate(self, name: str, rate: NDArray[np.float64]) -> Iterator[Issue]:
        if name == "subsidy":
            yield from self._issue(
                name, rate >= 1, "The subsidy is 100 % or more", "Subsidies must stay below the price."
            )
            return
        yield from self._issue(
            name, rate <= -1, "The tariff is -100 % or less", "A tariff must be above -100 %."
        )
        finite = rate[np.isfinite(rate)]
        if self.tariff_unit != "check":
            return
        if finite.size and finite.min() >= 1:
            yield Issue(
                "Every tariff is at least 1",
                "These look like 1 + t: subtract 1, so that 0.10 is ten percent; or say that they are fractions, however high.",
                name,
            )
        elif self._mean_rate(rate) > PERCENT_SUSPECT:
            yield Issue(
                f"Tariffs average {grouped(100 * self._mean_rate(rate))} % where one is paid",
                "These look like percent: say so above, and 10 is read as ten percent; or say that they are fractions, however high.",
                name,
            )

    def _mean_rate(self, rate: NDArray[np.float64]) -> float:
        spent = np.nan_to_num(self.numbers["expenditure_musd"])
        paying = (rate > 0) & (spent > 0) & np.isfinite(rate)
        return float(np.average(rate[paying], weights=spent[paying])) if paying.any() else 0.0

    @cached_property
    def _keys(self) -> pd.DataFrame:
        """Exporter, importer and sector of the rows that have all three, as they will be read."""
        whole = np.logical_and.reduce(
            [(self.labels[name].str.len().fillna(0) > 0).to_numpy(bool) for name in LABELS]
        )
        keys = pd.DataFrame({name: self.labels[name][whole] for name in LABELS})
        if self.codes != "any" and len(keys):
            for name in ("exporter", "importer"):
                read = {code: self._read_as(code) for code in keys[name].unique()}
                keys[name] = keys[name].map(read)
        return keys

    def _repeated(self) -> Iterator[Issue]:
        again = np.zeros(len(self.table), dtype=bool)
        again[self._keys.index[self._keys.duplicated()]] = True
        problem = "The row repeats exporter, importer and sector of a row above"
        yield from self._issue("exporter", again, problem, "Keep one, or add them up.")

    def _read_as(self, code: str) -> str:
        label = mended(code, self.year)[0] if self.codes == "repair" else None
        return label or code.upper()

    def _markets(self) -> Iterator[Issue]:
        keys = self._keys
        values = np.nan_to_num(self.numbers["expenditure_musd"][keys.index])
        groups = (
            (
                "importer",
                "buys nothing",
                "Add its purchases, sales at home included, or leave the country out.",
            ),
            (
                "exporter",
                "sells nothing, not even at home",
                "Add its sales at home, or leave the country out.",
            ),
            ("sector", "is bought by nobody", "Leave the sector out."),
        )
        for name, what, advice in groups:
            total = pd.Series(values).groupby(keys[name].to_numpy()).sum()
            silent = [str(label) for label in total.index[~(total > 0)]]
            for label in silent[:MOST_NAMED]:
                yield Issue(f"{_shown(label)} {what}", advice, name)
        countries = set(keys["exporter"]) | set(keys["importer"])
        for name, what in (("exporter", "sells"), ("importer", "buys")):
            for label in sorted(countries - set(keys[name]))[:MOST_NAMED]:
                yield Issue(
                    f"{_shown(label)} has no row in which it {what}",
                    "Add its rows, or leave the country out.",
                    name,
                )

    def _pairs(self) -> Iterator[Issue]:
        keys = self._keys.drop_duplicates()
        if keys.empty:
            return
        countries = sorted(set(keys["exporter"]) | set(keys["importer"]))
        sectors = keys["sector"].nunique()
        home = keys["exporter"] == keys["importer"]
        if not home.any():
            yield Issue(
                "No domestic sales",
                "Add each country's sales at home (exporter = importer): output less exports.",
                "importer",
            )
        yield from self._home_markets(countries, keys[home])
        cells = len(countries) ** 2 * sectors
        if absent := cells - len(keys):
            share = f"{100 * absent / cells:.2g} %"
            zero = self.missing == "zero"
            yield Issue(
                f"{grouped(absent)} of {grouped(cells)} cells ({share}) have no row",
                "They will be read as zero."
                if zero
                else "Complete the table, or say above that the source leaves out zeros.",
                stops=not zero,
            )

    def _home_markets(self, countries: list[str], at_home: pd.DataFrame) -> Iterator[Issue]:
        """Economies without any row for their home market, where others have one: refused as `World.from_long` does."""
        if at_home.empty:
            return
        keys, values = self._keys, np.nan_to_num(self.numbers["expenditure_musd"])
        sold = pd.Series(values[keys.index], index=keys["exporter"].to_numpy()).groupby(level=0).sum()
        for label in [c for c in countries if c not in set(at_home["exporter"])][:MOST_NAMED]:
            yield Issue(
                f"{_shown(label)} has no row for its sales at home, and sells {grouped(sold.get(label, 0.0), '.4g')} million USD abroad",
                "A home market is not a mere missing row: add it (exporter = importer), output less exports, or 0 where there "
                "is none.",
                "importer",
            )


def _shown(value: object) -> str:
    text = "" if value is None or value is pd.NA else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
