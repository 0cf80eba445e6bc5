"""From single lines to a year's trade of a firm with a country in a product, in one edition of the Harmonised System.

All sums run in DuckDB over Parquet files, so that lines need not fit in memory. Totals are kept: every clean line's
value is in the result once, whatever its code became.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pandas as pd

from firmtrade_core.codes.currencies import Deflator
from firmtrade_core.codes.products import HS_VINTAGES, NOT_SPECIFIED, Concordance, ProductCodes, vintage_of
from firmtrade_core.harmonise.cells import write_cells
from firmtrade_core.harmonise.database import exact_sum
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.findings import Finding, rules_of
from firmtrade_core.harmonise.quoting import literal
from firmtrade_core.paths import whole_file

Weights = Literal["equal", "observed"]

RULES = rules_of("annual")


@dataclass(frozen=True)
class AnnualPlan:
    """How lines are added up.

    Parameters
    ----------
    edition
        Edition of the Harmonised System that all years are told in (``HS0`` to ``HS6``), another classification that
        concordances lead to (``ISIC3``), ``families`` for families of codes stable over all editions, or None to
        leave codes as they are.
    weights
        How codes that became several are split: equally, or by the data's own trade in years of the target edition.
    first_month
        Month in which the year begins: 1 for calendar years; with 7, July 2019 to June 2020 is 2019.
    shift_days
        Days from the date declared to shipment, by flow; negative where goods left before.
    deflator
        Prices of which year, and the index; None leaves money of the day.
    """

    edition: str | None = "HS6"
    weights: Weights = "equal"
    first_month: int = 1
    shift_days: Mapping[str, int] = field(default_factory=dict)
    deflator: tuple[Deflator, int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.first_month <= 12:
            raise HarmoniseError(f"The year begins in month {self.first_month}; months are 1 to 12.")


@dataclass(frozen=True)
class AnnualTrade:
    """A year's trade by firm, flow, country and product, and what became of codes.

    Parameters
    ----------
    path
        Parquet file: firm, year, flow, country, product, value (US dollars), quantity, quantity_unit, lines.
    findings
        What happened to codes and quantities.
    lines, cells
        Lines that went in, rows that came out.
    value
        US dollars, before deflating.
    """

    path: Path
    findings: tuple[Finding, ...]
    lines: int
    cells: int
    value: float


def add_up(
    lines: Sequence[Path],
    target: Path,
    plan: AnnualPlan,
    *,
    products: ProductCodes | None = None,
    excluded: Path | None = None,
    mapping: Path | None = None,
    memory: str = "2000MB",
    threads: int = 2,
) -> AnnualTrade:
    """Add clean lines up to a year's trade.

    Parameters
    ----------
    lines
        Parquet files as `Declarations.save` writes them.
    target
        Parquet file to write.
    products
        Concordances; needed unless ``plan.edition`` is None.
    excluded
        Parquet file with columns file and row: lines to leave out (`suspicions.examine`).
    mapping
        Parquet file to write: year, product as declared, target, weight and rule, the log of what codes became.

    Raises
    ------
    HarmoniseError
        If concordances are needed and missing.
    ConcordanceError
        If no way leads to the edition wanted.
    """
    if plan.edition is not None and products is None:
        raise HarmoniseError(
            f"Telling products in {plan.edition} needs concordances: name a folder of UNSD or WITS files, "
            "or leave codes as they are."
        )
    with duckdb.connect() as connection:
        spill = target.parent / "spill"
        for setting, value in {"memory_limit": memory, "temp_directory": str(spill)}.items():
            connection.execute(f"SET {setting} = {literal(value)}")
        connection.execute(f"SET threads = {int(threads)}")
        connection.execute("SET preserve_insertion_order = false")
        _declare(connection, lines, plan, excluded)
        _map_products(connection, plan, products)
        if mapping is not None:
            with whole_file(mapping) as part:
                connection.execute(f"COPY meant TO {literal(str(part))} (FORMAT parquet, USE_TMP_FILE false)")
        _deflate(connection, plan)
        with whole_file(target) as part:
            write_cells(connection, part)
        return _account(connection, target)


def _declare(
    connection: duckdb.DuckDBPyConnection, lines: Sequence[Path], plan: AnnualPlan, excluded: Path | None
) -> None:
    """View ``declared``: lines with the year they count in; table ``met``: their sums by year and code."""
    shifts = " ".join(
        f"WHEN flow = {literal(flow)} THEN {int(days)}" for flow, days in plan.shift_days.items()
    )
    files = ", ".join(literal(str(path)) for path in lines)
    columns = {name for name, *_ in connection.execute(f"DESCRIBE FROM read_parquet([{files}])").fetchall()}
    # A month or a year is that month or year: days to shipment move days only.
    days = (
        f"if(months > 0, 0, CASE {shifts} ELSE 0 END)" if "months" in columns else f"CASE {shifts} ELSE 0 END"
    )
    date = f"date + {days}::INTEGER" if shifts else "date"
    year = (
        f"year({date} - INTERVAL {plan.first_month - 1} MONTH)" if plan.first_month > 1 else f"year({date})"
    )
    if plan.first_month > 1 and "months" in columns:
        # A year alone is taken for the year that the source means.
        year = f"if(months = 12, year(date), {year})"
    without = (
        f"ANTI JOIN read_parquet({literal(str(excluded))}) e ON l.file = e.file AND l.row = e.row"
        if excluded
        else ""
    )
    connection.execute(
        f"""
        CREATE VIEW declared AS
        SELECT firm, {year}::INTEGER AS year, flow, country, product, value_usd, weight_kg, quantity, unit
        FROM read_parquet([{files}]) l {without}
        """
    )
    connection.execute(
        f"""
        CREATE TABLE met AS
        SELECT year, product, {exact_sum("value_usd")} AS value, count(*) AS lines
        FROM declared GROUP BY ALL ORDER BY year, product
        """
    )


def _map_products(
    connection: duckdb.DuckDBPyConnection, plan: AnnualPlan, products: ProductCodes | None
) -> None:
    """Table ``meant``: year, product, target, weight, rule; weights of a year's code add up to one."""
    met = connection.execute("SELECT year, product, value FROM met ORDER BY year, product").df()
    if plan.edition is None or products is None:
        mapping = met[["year", "product"]].assign(target=met["product"], weight=1.0, rule=None)
    else:
        mapping = product_mapping(met, plan.edition, products, plan.weights)
    mapping = mapping.astype({"product": "str", "target": "str", "rule": "str", "weight": "float"})
    connection.register("mapping", mapping)
    connection.execute(
        "CREATE TABLE meant AS SELECT year::INTEGER AS year, product::VARCHAR AS product, target::VARCHAR AS target, "
        "weight::DOUBLE AS weight, rule::VARCHAR AS rule FROM mapping"
    )
    connection.unregister("mapping")


def product_mapping(
    met: pd.DataFrame, edition: str, products: ProductCodes, weights: Weights = "equal"
) -> pd.DataFrame:
    """What each year's codes become.

    Parameters
    ----------
    met
        Columns ``year``, ``product``, ``value``.
    edition
        See `AnnualPlan`.

    Returns
    -------
    DataFrame
        ``year``, ``product``, ``target``, ``weight`` (adding up to one by year and product) and ``rule``.
    """
    editions = [name for name in HS_VINTAGES if name in products.classifications]
    known = {name: products.known(name) for name in editions}
    read_by = [
        _edition_of(int(year), code, editions, known)
        for year, code in zip(met["year"], met["product"], strict=True)
    ]
    met = met.assign(
        read_by=pd.Series(read_by, index=met.index, dtype="str"),
        in_force=[_in_force(int(year), editions) for year in met["year"]],
        rule=pd.Series(None, index=met.index, dtype="str"),
    )
    met.loc[met["read_by"].notna() & (met["read_by"] != met["in_force"]), "rule"] = "product.other_edition"
    ways = pd.concat(
        [
            _way(str(source), edition, products, _observed(met, edition) if weights == "observed" else None)
            for source in met["read_by"].dropna().unique()
        ]
        or [pd.DataFrame(columns=["read_by", "product", "target", "weight"])]
    )
    mapped = met.merge(ways, how="left", on=["read_by", "product"])
    lost = mapped["target"].isna()
    split = mapped.duplicated(["year", "product"], keep=False) & mapped["rule"].isna()
    mapped["rule"] = mapped["rule"].mask(split, "product.split").mask(lost, "product.unmapped")
    mapped["target"] = mapped["target"].mask(lost, NOT_SPECIFIED)
    mapped["weight"] = mapped["weight"].mask(lost, 1.0)
    return mapped[["year", "product", "target", "weight", "rule"]]


def _in_force(year: int, editions: Sequence[str]) -> str:
    """The edition in force, or the nearest one that concordances at hand know."""
    wanted = vintage_of(max(year, HS_VINTAGES["HS0"]))
    return min(editions, key=lambda name: abs(HS_VINTAGES[name] - HS_VINTAGES[wanted]))


def _edition_of(
    year: int, code: str, editions: Sequence[str], known: Mapping[str, frozenset[str]]
) -> str | None:
    """The edition that a code is read by: the one in force if it has it, else the nearest before, else after."""
    start = HS_VINTAGES[_in_force(year, editions)]
    nearest = sorted(editions, key=lambda name: (HS_VINTAGES[name] > start, abs(HS_VINTAGES[name] - start)))
    return next((name for name in nearest if code in known[name]), None)


def _observed(met: pd.DataFrame, edition: str) -> pd.Series:
    """The data's own trade in years in which the target edition was in force, by code."""
    return met[(met["in_force"] == edition) & (met["read_by"] == edition)].groupby("product")["value"].sum()


def _way(source: str, edition: str, products: ProductCodes, observed: pd.Series | None) -> pd.DataFrame:
    if edition == "families":
        families = products.families()
        pairs = families.loc[families["vintage"] == source, ["code", "family"]].set_axis(
            ["source", "target"], axis=1
        )
        way = Concordance(source, edition, pairs.assign(weight=1.0))
    else:
        way = products.way(source, edition)
    if observed is not None and source != edition:
        way = way.weighted_by(observed)
    return way.pairs.rename(columns={"source": "product"}).assign(read_by=source)


def _deflate(connection: duckdb.DuckDBPyConnection, plan: AnnualPlan) -> None:
    years = [row[0] for row in connection.execute("SELECT DISTINCT year FROM met ORDER BY 1").fetchall()]
    factors = [1.0] * len(years)
    if plan.deflator is not None and years:
        deflator, base = plan.deflator
        factors = deflator.to_prices_of(
            base, pd.Series(1.0, index=range(len(years))), pd.Series(years)
        ).tolist()
    connection.execute("CREATE TABLE prices (year INTEGER, factor DOUBLE)")
    if years:
        connection.executemany("INSERT INTO prices VALUES (?, ?)", list(zip(years, factors, strict=True)))


def _account(connection: duckdb.DuckDBPyConnection, target: Path) -> AnnualTrade:
    lines, value = connection.execute(
        f"SELECT coalesce(sum(lines), 0), coalesce({exact_sum('value')}, 0) FROM met"
    ).fetchone() or (0, 0.0)
    path = literal(str(target))
    cells, gaps = connection.execute(
        f"SELECT count(*), count(*) - count(quantity) FROM read_parquet({path})"
    ).fetchone() or (0, 0)
    counted = connection.execute(
        f"SELECT m.rule, sum(s.lines), {exact_sum('s.value')} FROM met s JOIN "
        "(SELECT DISTINCT year, product, rule FROM meant WHERE rule <> '' AND rule IS NOT NULL) m USING (year, product) "
        "GROUP BY ALL ORDER BY 2 DESC"
    ).fetchall()
    found = [
        Finding(RULES[rule], int(count), count / max(lines, 1), amount / value if value else None)
        for rule, count, amount in counted
        if rule in RULES
    ]
    if gaps:
        found.append(Finding(RULES["quantity.partial"], gaps, gaps / max(cells, 1)))
    return AnnualTrade(target, tuple(found), int(lines), int(cells), float(value))


def fiscal_to_calendar(
    table: pd.DataFrame, first_month: int, amounts: Iterable[str], *, firm: str = "firm", year: str = "year"
) -> pd.DataFrame:
    """Amounts of fiscal years spread over calendar years by months.

    A fiscal year is named by the calendar year in which it begins. Totals of each firm are kept.

    Parameters
    ----------
    table
        One row by firm and fiscal year. Columns that are not amounts (stocks, labels) are taken from the fiscal year
        that covers more of the calendar year.

    Returns
    -------
    DataFrame
        As given, by calendar year, with ``months_covered`` (1 to 12): below 12 where a neighbouring fiscal year is
        missing, so that amounts are those of part of a year.

    Raises
    ------
    HarmoniseError
        If the first month is none.
    """
    if not 1 <= first_month <= 12:
        raise HarmoniseError(f"The fiscal year begins in month {first_month}; months are 1 to 12.")
    amounts = list(amounts)
    if first_month == 1:
        return table.assign(months_covered=12)
    months = 13 - first_month
    here = table.assign(_months=months)
    after = table.assign(**{year: table[year] + 1}, _months=12 - months)
    both = pd.concat([here, after], ignore_index=True)
    both[amounts] = both[amounts].mul(both["_months"] / 12, axis=0)
    both = both.sort_values([firm, year, "_months"], ascending=[True, True, False], kind="stable")
    groups = both.groupby([firm, year], sort=True)
    labels = [name for name in table.columns if name not in (firm, year, *amounts)]
    result = groups[labels].first() if labels else pd.DataFrame(index=groups.size().index)
    result[amounts] = groups[amounts].sum(min_count=1)
    result["months_covered"] = np.minimum(groups["_months"].sum(), 12)
    return result.reset_index()[[*table.columns, "months_covered"]]
