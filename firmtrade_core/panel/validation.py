"""Rules a firm panel must keep, checked with pandera: every row and rule, never only the first failure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.codes.places import is_place
from firmtrade_core.labels import grouped
from firmtrade_core.panel.columns import FLOWS, INSTRUMENT_PREFIX, KEYS, Column, catalogue
from firmtrade_core.panel.errors import SizeError
from firmtrade_core.panel.money import MOST_TRADE, WAGE_BOUNDS, currency_of, likely_scale
from firmtrade_core.panel.panel import FirmPanel

if TYPE_CHECKING:
    import pandera.pandas as pa

Severity = Literal["error", "warning", "advice"]
FrameRule = Callable[[pd.DataFrame], "pd.Series[bool]"]

#: Rows listed by rule; beyond it they are only counted, so that a million bad rows stay a report.
LISTED_ROWS = 1_000

#: Rows checked at a time: a table larger than memory passes through in pieces.
CHUNK = 500_000

#: Slack of adding-up rules, for rounding.
ROUNDING = 1.001

FINDING_COLUMNS = ("table", "row", "column", "rule", "severity", "value")


@dataclass(frozen=True, eq=False)
class ValidationReport:
    """What validation found.

    Parameters
    ----------
    rows
        Number of rows by table.
    counts
        One row by table, column, rule and severity, with the number of ``rows`` that break it.
    findings
        Single rows (counted from 0; missing where a whole column is meant), at most `LISTED_ROWS` by rule.
    """

    rows: dict[str, int]
    counts: pd.DataFrame
    findings: pd.DataFrame

    @property
    def usable(self) -> bool:
        """Whether no rule of severity *error* is broken."""
        return not (self.counts["severity"] == "error").any()

    def text(self, examples: int = 3) -> str:
        """The report in plain words, worst first, with a few rows by rule."""
        head = ", ".join(f"{table}: {grouped(count)} rows" for table, count in self.rows.items())
        verdict = "Usable." if self.usable else "Not usable until the errors are mended."
        lines = [f"{verdict} ({head})"]
        order = {"error": 0, "warning": 1, "advice": 2}
        for item in sorted(self.counts.to_dict("records"), key=lambda r: (order[r["severity"]], -r["rows"])):
            where = f"{item['table']}.{item['column']}" if item["column"] else item["table"]
            count = f" ({grouped(item['rows'])} rows)" if item["rows"] else ""
            lines.append(f"{item['severity']:8} {where}: {item['rule']}{count}")
            lines += self._examples(item, examples)
        return "\n".join(lines)

    def _examples(self, item: Mapping[Hashable, Any], examples: int) -> list[str]:
        same = (
            self.findings[["table", "column", "rule"]] == [item["table"], item["column"], item["rule"]]
        ).all(axis=1)
        shown = self.findings[same & self.findings["row"].notna()].head(examples)
        return [
            f"           row {int(row)}: {value}"
            for row, value in zip(shown["row"], shown["value"], strict=True)
        ]


class _Collector:
    """Gathers findings, listing few and counting all."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str, str], int] = {}
        self.listed: list[tuple[str, int | None, str, str, str, str]] = []
        self._listed_by_rule: dict[tuple[str, str, str, str], int] = {}

    def add(
        self,
        table: str,
        column: str,
        rule: str,
        severity: Severity,
        rows: Any = (),
        values: Any = (),
        *,
        total: int | None = None,
    ) -> None:
        key = (table, column, rule, severity)
        self.counts[key] = self.counts.get(key, 0) + (len(rows) if total is None else total)
        room = LISTED_ROWS - self._listed_by_rule.get(key, 0)
        for row, value in zip(rows[:room], values[:room], strict=True):
            self.listed.append((table, int(row), column, rule, severity, str(value)))
        self._listed_by_rule[key] = self._listed_by_rule.get(key, 0) + min(room, len(rows))
        if not len(rows) and total is None:
            self.listed.append((table, None, column, rule, severity, ""))

    def report(self, rows: dict[str, int]) -> ValidationReport:
        counts = pd.DataFrame(
            [(*key, count) for key, count in self.counts.items()],
            columns=["table", "column", "rule", "severity", "rows"],
        )
        findings = pd.DataFrame(self.listed, columns=list(FINDING_COLUMNS))
        return ValidationReport(rows, counts, findings.astype({"row": "Int64"}))


def validate(panel: FirmPanel) -> ValidationReport:
    """Hold every table of a panel against its rules, in pieces that fit memory.

    Parameters
    ----------
    panel
        As loaded; nothing is changed or dropped.

    Returns
    -------
    ValidationReport
        Errors (a required column is missing or broken), warnings (rows to look at) and advice.
    """
    found = _Collector()
    rows = {table: panel.count(table) for table in panel.tables}
    for table in panel.tables:
        present = panel.column_names(table)
        _missing_columns(table, present, found)
        if not rows[table]:
            found.add(
                table, "", "the table holds at least one row", "error" if table == "firms" else "warning"
            )
            continue
        schema = _schema(table, present)
        for offset, piece in _pieces(panel, table):
            _check_piece(table, schema, piece, offset, found)
        _duplicates(panel, table, present, found)
    _orphans(panel, found)
    for column, rule in impossible_sizes(panel):
        found.add("firms", column, rule, "error", total=rows["firms"])
    return found.report(rows)


def impossible_sizes(panel: FirmPanel) -> list[tuple[str, str]]:
    """Columns of money whose sizes cannot be, each with a rule that says why and in which unit it likely is.

    Wages per person are held against what people anywhere are paid where the panel's money is one currency with a
    rate; firms' trade is held against their sales. A unit stated for the column in panel.json ends the question, and
    invented firms have no office that could have meant another unit.
    """
    if panel.metadata.synthetic:
        return []
    present = set(panel.column_names())
    stated = panel.metadata.units
    found = []
    if {"wages", "employment"} <= present and "wages" not in stated and (rate := _dollars(panel)):
        sums = panel.query(
            "SELECT sum(w) AS wages, sum(l) AS persons FROM (SELECT TRY_CAST(wages AS DOUBLE) AS w, "
            "TRY_CAST(employment AS DOUBLE) AS l FROM firms) WHERE w > 0 AND l > 0"
        ).iloc[0]
        if sums["persons"] > 0:
            pay = rate * float(sums["wages"]) / float(sums["persons"])
            if not WAGE_BOUNDS[0] <= pay <= WAGE_BOUNDS[1]:
                found.append(("wages", _size_rule("wages", f"{grouped(pay)} USD per person a year", pay)))
    if (
        "trade" in panel.tables
        and "sales" in present
        and {"firm", "year"} <= present
        and "sales" not in stated
    ):
        sums = panel.query(
            "SELECT sum(t.value) AS trade, sum(TRY_CAST(f.sales AS DOUBLE)) AS sales FROM firms f JOIN (SELECT firm, year, "
            "sum(TRY_CAST(value AS DOUBLE)) AS value FROM trade WHERE flow = 'export' GROUP BY ALL) t USING (firm, year) "
            "WHERE TRY_CAST(f.sales AS DOUBLE) > 0"
        ).iloc[0]
        if sums["sales"] > 0 and (times := float(sums["trade"]) / float(sums["sales"])) > MOST_TRADE:
            scale = likely_scale(1 / times, 0.3, 1e3)
            likely = f"; sales are likely in {scale} {panel.metadata.money}" if scale else ""
            found.append(
                (
                    "sales",
                    f"firms' exports are at most their sales, here {grouped(times)} times{likely}: {_MEND}",
                )
            )
    return found


def require_possible_sizes(panel: FirmPanel) -> FirmPanel:
    """The panel itself.

    Raises
    ------
    SizeError
        If a column of money cannot be in the unit it is taken for.
    """
    if found := impossible_sizes(panel):
        raise SizeError(f"{panel.metadata.label}: {'; '.join(rule for _, rule in found)}.")
    return panel


#: What to do about sizes that cannot be.
_MEND = "name the unit in the column's head (sales_thousand_usd), or state it for the column under units in panel.json"


def _size_rule(column: str, size: str, value: float) -> str:
    scale = likely_scale(value, 2 * WAGE_BOUNDS[0], WAGE_BOUNDS[1] / 4)
    likely = f"; it is likely in {scale} USD" if scale else ""
    if not scale and 2 * WAGE_BOUNDS[0] <= 12 * value <= WAGE_BOUNDS[1] / 4:
        likely = "; it is likely pay by month"
    elif value > WAGE_BOUNDS[1]:
        likely = "; it is likely in another currency"
    return f"{column} of {size} cannot be{likely}: {_MEND}"


def _dollars(panel: FirmPanel) -> float:
    """US dollars for one of the panel's money, mean of its years; 0 where that is not known."""
    currency = currency_of(panel.metadata.money)
    if currency == "USD":
        return 1.0
    if currency is None or "year" not in panel.column_names():
        return 0.0
    annual = ExchangeRates.european_central_bank().annual()
    own = annual[(annual["currency"] == currency) & annual["year"].isin(panel.years)]["usd"]
    return float(own.mean()) if len(own) else 0.0


def _missing_columns(table: str, present: tuple[str, ...], found: _Collector) -> None:
    for column in catalogue(table).values():
        if column.name not in present and column.need != "optional":
            severity: Severity = "error" if column.need == "required" else "advice"
            unit = f", in {column.unit}" if column.unit else ""
            found.add(
                table,
                column.name,
                f"{column.need} column is missing: {column.meaning.lower()}{unit}",
                severity,
            )


def _pieces(panel: FirmPanel, table: str) -> Iterator[tuple[int, pd.DataFrame]]:
    offset = 0
    for batch in panel.batches(table, CHUNK):
        yield offset, batch
        offset += len(batch)


def _schema(table: str, present: tuple[str, ...]) -> pa.DataFrameSchema:
    """Pandera schema of a table as it stands: rules of known columns, tests of extra ones, rules across columns."""
    import pandera.pandas as pa

    known = catalogue(table)
    columns = {
        name: pa.Column(checks=_checks(pa, known[name]), nullable=True, required=False, coerce=False)
        if name in known
        else pa.Column(checks=_extra_checks(pa, name, table), nullable=True, required=False)
        for name in present
    }
    across = [
        pa.Check(rule, error=text, ignore_na=True)
        for needed, text, rule in _ACROSS.get(table, ())
        if set(needed) <= set(present)
    ]
    return pa.DataFrameSchema(columns, checks=across)


def _numbers(values: pd.Series[Any]) -> pd.Series[float]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype(float)
    return pd.to_numeric(values, errors="coerce").astype(float)


def _checks(pa: Any, column: Column) -> list[pa.Check]:
    checks = []
    if column.need == "required":
        checks.append(pa.Check(_is_given, error="is given in every row", ignore_na=False))
    if column.kind in ("number", "whole", "year"):
        checks.append(pa.Check(lambda s: np.isfinite(_numbers(s)), error="is a finite number"))
        checks += _range_checks(pa, column)
    if column.kind in ("whole", "year"):
        checks.append(
            pa.Check(lambda s: _numbers(s).isna() | (_numbers(s) % 1 == 0), error="is a whole number")
        )
    if column.kind == "country":
        checks.append(pa.Check(_known_country, error="is a known country code (ISO 3166 alpha-3)"))
    if column.name == "flow":
        checks.append(pa.Check(lambda s: s.isin(FLOWS), error="is export or import"))
    return checks


def _range_checks(pa: Any, column: Column) -> list[pa.Check]:
    low, high = column.lowest, column.highest
    if low is None:
        return []
    words = f"is {low:g} or more" if high is None else f"lies between {low:g} and {high:g}"
    top = np.inf if high is None else high
    # What is no number is another rule's finding.
    return [pa.Check(lambda s: _numbers(s).isna() | _numbers(s).between(low, top), error=words)]


def _extra_checks(pa: Any, name: str, table: str) -> list[pa.Check]:
    """An extra column of the firm table may serve as an attribute if it holds numbers or a few labels."""
    if table != "firms":
        return []
    if name.startswith(INSTRUMENT_PREFIX):
        return [
            pa.Check(
                lambda s: np.isfinite(_numbers(s)), error="is a finite number, to serve as an instrument"
            )
        ]
    return [
        pa.Check(
            lambda s: _numbers(s).notna() if _numbers(s).notna().mean() > 0.5 else s.notna(),
            error="is a number like the rest of the column, to serve as an attribute",
        )
    ]


def _is_given(values: pd.Series[Any]) -> pd.Series[bool]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.notna()
    return values.notna() & (values.astype("string").str.strip().fillna("") != "")


def _known_country(values: pd.Series[Any]) -> pd.Series[bool]:
    known = {code: isinstance(code, str) and is_place(code) for code in values.dropna().unique()}
    return values.map(known).fillna(True).astype(bool)


def _at_most(smaller: str, larger: str) -> FrameRule:
    def holds(table: pd.DataFrame) -> pd.Series[bool]:
        low, high = _numbers(table[smaller]), _numbers(table[larger])
        return low.isna() | high.isna() | (low <= high * ROUNDING)

    return holds


def _weighs_something(table: pd.DataFrame) -> pd.Series[bool]:
    return ~((_numbers(table["value"]) > 0) & (_numbers(table["quantity"]) == 0))


def _has_workers(table: pd.DataFrame) -> pd.Series[bool]:
    return ~((_numbers(table["wages"]) > 0) & (_numbers(table["employment"]) == 0))


_ACROSS: dict[str, tuple[tuple[tuple[str, ...], str, FrameRule], ...]] = {
    "firms": (
        (("value_added", "sales"), "value added is at most sales", _at_most("value_added", "sales")),
        (("exports", "sales"), "exports are at most sales", _at_most("exports", "sales")),
        (("wages", "sales"), "wages are at most sales", _at_most("wages", "sales")),
        (("wages", "employment"), "a firm that pays wages has workers", _has_workers),
    ),
    "trade": ((("value", "quantity"), "a positive value has a positive quantity", _weighs_something),),
}


def _check_piece(
    table: str, schema: pa.DataFrameSchema, piece: pd.DataFrame, offset: int, found: _Collector
) -> None:
    import pandera.pandas as pa

    required = {name for name, column in catalogue(table).items() if column.need == "required"}
    try:
        schema.validate(piece, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        across = cases["schema_context"] == "DataFrameSchema"
        for (column, rule), group in cases[~across].groupby(["column", "check"], sort=False):
            severity: Severity = "error" if column in required else "warning"
            found.add(
                table, str(column), str(rule), severity, _rows(group, offset), group["failure_case"].tolist()
            )
        for rule, group in cases[across].groupby("check", sort=False):
            # Pandera repeats a row once for every column; the columns at issue tell the story.
            first = group.drop_duplicates("index")
            needed = next(needed for needed, text, _ in _ACROSS[table] if text == rule)
            values = piece.loc[first["index"], list(needed)].to_dict("records")
            found.add(table, "", str(rule), "warning", _rows(first, offset), values)


def _rows(cases: pd.DataFrame, offset: int) -> list[int]:
    return (cases["index"].astype(int) + offset).tolist()


def _duplicates(panel: FirmPanel, table: str, present: tuple[str, ...], found: _Collector) -> None:
    key = [column for column in KEYS[table] if column in present]
    if not key:
        return
    listed = ", ".join(f'"{column}"' for column in key)
    repeated = panel.query(
        f"SELECT {listed}, count(*) AS times FROM {table} GROUP BY ALL HAVING count(*) > 1 ORDER BY times DESC, {listed}"
    )
    if len(repeated):
        rule = f"each {' x '.join(key)} appears once"
        found.add(table, "", rule, "error", total=int((repeated["times"] - 1).sum()))
        worst = repeated.head(3).to_dict("records")
        found.listed += [(table, None, "", rule, "error", str(item)) for item in worst]


def _orphans(panel: FirmPanel, found: _Collector) -> None:
    needed = {"firm", "year"}
    if "trade" not in panel.tables or not all(
        needed <= set(panel.column_names(t)) for t in ("firms", "trade")
    ):
        return
    count = panel.query(
        "SELECT count(*) AS n FROM (SELECT DISTINCT firm, year FROM trade) AS t ANTI JOIN firms USING (firm, year)"
    )["n"].iloc[0]
    if count:
        rule = "each firm and year that trades is in the firm table"
        found.add("trade", "firm", rule, "warning", total=int(count))
