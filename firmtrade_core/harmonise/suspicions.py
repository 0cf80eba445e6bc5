"""Clean lines that may still be wrong: entered twice, as both flows, under a neighbouring code, or with odd unit values.

Nothing is changed here. Each suspicion is a row of a table, with what might be meant; the caller says which rules to
act on, and lines set aside so can be brought back by leaving the rule out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from firmtrade_core.harmonise.database import exact_sum
from firmtrade_core.harmonise.findings import EXAMPLES, Finding, rules_of
from firmtrade_core.harmonise.quoting import literal
from firmtrade_core.labels import grouped
from firmtrade_core.paths import whole_file

#: Robust standard deviations from the product's median log unit value from which a line is odd.
ODD = 5.0

#: Fewest lines of a product that a usual unit value is told from.
FEWEST_LINES = 20

#: Days between the two entries of one shipment.
_APART = 7

SUSPICION_RULES = rules_of("suspicion")

#: Rules acted upon unless told otherwise.
DEFAULT_RULES = frozenset({"line.entered_twice"})


def examine(
    lines: Sequence[Path],
    target: Path,
    *,
    act_on: Collection[str] = DEFAULT_RULES,
    memory: str = "2500MB",
    threads: int = 2,
) -> tuple[list[Finding], Path]:
    """Look for suspicious lines.

    Parameters
    ----------
    lines
        Parquet files as `Declarations.save` writes them.
    target
        Parquet file to write: file, row, rule, suggestion (a code, or a factor), value_usd.
    act_on
        Rules whose lines are to be left out of sums.

    Returns
    -------
    tuple
        Findings, and a Parquet file (file, row) of the lines to leave out.
    """
    files = ", ".join(literal(str(path)) for path in lines)
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = {literal(memory)}")
        connection.execute(f"SET temp_directory = {literal(str(target.parent / 'spill'))}")
        connection.execute(f"SET threads = {int(threads)}")
        connection.execute(f"CREATE VIEW lines AS SELECT * FROM read_parquet([{files}])")
        connection.execute(_UNIT_VALUES)
        connection.execute(
            f"CREATE TABLE suspicions AS {_TWICE} UNION ALL {_MIRRORED} UNION ALL {_MISCLASSIFIED} UNION ALL {_ODD}"
        )
        with whole_file(target) as part:
            connection.execute(
                f"COPY (FROM suspicions ORDER BY file, row, rule) TO {literal(str(part))} (FORMAT parquet, USE_TMP_FILE false)"
            )
        excluded = target.with_name(f"{target.stem}_excluded.parquet")
        rules = ", ".join(literal(rule) for rule in act_on) or "''"
        with whole_file(excluded) as part:
            connection.execute(
                f"COPY (SELECT DISTINCT file, row FROM suspicions WHERE rule IN ({rules})) "
                f"TO {literal(str(part))} (FORMAT parquet, USE_TMP_FILE false)"
            )
        return _findings(connection), excluded


#: Unit value by line, in logarithms, with the product's median and spread (1.4826 median absolute deviations).
_UNIT_VALUES = f"""
CREATE TABLE unit_values AS
WITH priced AS (
    SELECT file, row, firm, flow, product, coalesce(if(weight_kg > 0, 'kg', NULL), unit) AS per, value_usd,
        ln(value_usd / coalesce(if(weight_kg > 0, weight_kg, NULL), quantity)) AS price
    FROM lines WHERE value_usd > 0 AND coalesce(if(weight_kg > 0, weight_kg, NULL), quantity) > 0),
middle AS (SELECT flow, product, per, median(price) AS usual FROM priced GROUP BY ALL HAVING count(*) >= {FEWEST_LINES}),
spread AS (
    SELECT flow, product, per, any_value(usual) AS usual, greatest(1.4826 * median(abs(price - usual)), 0.1) AS spread
    FROM priced JOIN middle USING (flow, product, per) GROUP BY ALL)
SELECT p.*, s.usual, s.spread FROM priced p LEFT JOIN spread s USING (flow, product, per)
"""

_TWICE = """
SELECT file, row, 'line.entered_twice' AS rule, NULL::VARCHAR AS suggestion, value_usd FROM (
    SELECT *, min(file) OVER same AS first_file FROM lines WHERE declaration IS NOT NULL
    WINDOW same AS (PARTITION BY declaration, firm, date, flow, country, product, value_usd, weight_kg))
WHERE file > first_file
"""

_MIRRORED = f"""
SELECT m.file, m.row, 'line.mirrored', NULL, any_value(m.value_usd)
FROM lines m JOIN lines x ON m.firm = x.firm AND m.product = x.product AND m.country = x.country
    AND m.value_usd = x.value_usd AND abs(date_diff('day', m.date, x.date)) <= {_APART}
WHERE m.flow = 'import' AND x.flow = 'export' GROUP BY ALL
"""

_MISCLASSIFIED = f"""
SELECT odd.file, odd.row, 'product.misclassified', max(struct_pack(n := often.n, code := often.product)).code,
    any_value(odd.value_usd)
FROM (SELECT *, count(*) OVER (PARTITION BY firm, flow, product) AS n FROM unit_values QUALIFY n = 1) odd
JOIN (SELECT firm, flow, product, per, count(*) AS n, any_value(usual) AS usual, any_value(spread) AS spread
    FROM unit_values WHERE usual IS NOT NULL GROUP BY ALL HAVING count(*) >= 10) often
    ON odd.firm = often.firm AND odd.flow = often.flow AND odd.per = often.per AND odd.product <> often.product
    AND hamming(odd.product, often.product) = 1 AND abs(odd.price - often.usual) <= 2 * often.spread
WHERE odd.usual IS NULL OR abs(odd.price - odd.usual) > {ODD - 2} * odd.spread
GROUP BY ALL
"""

_ODD = f"""
SELECT file, row, 'value.unit_value', printf('times %.3g', exp(price - usual)), value_usd
FROM unit_values WHERE abs(price - usual) > {ODD} * spread
"""


def _findings(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    total = connection.execute(
        f"SELECT count(*), coalesce({exact_sum('value_usd')}, 0) FROM lines"
    ).fetchone() or (
        0,
        0.0,
    )
    counted = connection.execute(
        f"SELECT rule, count(*), {exact_sum('value_usd')} FROM suspicions GROUP BY ALL ORDER BY 2 DESC, 1"
    ).fetchall()
    return [
        Finding(
            SUSPICION_RULES[rule],
            count,
            count / max(total[0], 1),
            value / total[1] if total[1] else None,
            _factors(connection) if rule == "value.unit_value" else (),
        )
        for rule, count, value in counted
    ]


def _factors(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """How far off unit values are, by powers of ten: the trace of confused units."""
    rows = connection.execute(
        "SELECT round((price - usual) / ln(10))::INTEGER AS power, count(*) FROM unit_values "
        f"WHERE abs(price - usual) > {ODD} * spread GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT {EXAMPLES}"
    ).fetchall()
    return tuple(f"about 10^{power} times the usual: {grouped(count)}" for power, count in rows)
