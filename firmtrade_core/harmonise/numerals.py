"""Numbers as text: decimal points and commas, thousands, accountants' brackets, in SQL."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from firmtrade_core.harmonise.reading import quoted

#: Rows that the convention is settled on.
_SAMPLE = 400_000

_DOUBTFUL = r"'^[-(]?\d{1,3}[.,]\d{3}\)?$'"


@dataclass(frozen=True)
class Convention:
    """How a column of a file writes numbers.

    Parameters
    ----------
    decimal
        ``.`` or ``,``: what three digits after one mark are taken for follows from it.
    certain
        Whether unmistakable numbers all agree.
    note
        In plain words.
    """

    decimal: str
    certain: bool
    note: str


def settle_convention(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, separator: str
) -> Convention:
    """Decide on the decimal mark from unmistakable numbers: those with other than three digits after one mark."""
    name = quoted(column)
    found = connection.execute(
        f"""
        SELECT count_if(regexp_matches({name}, ',\\d{{1,2}}\\)?$|,\\d{{4,}}\\)?$|\\.\\d{{3}},\\d*$')),
               count_if(regexp_matches({name}, '\\.\\d{{1,2}}\\)?$|\\.\\d{{4,}}\\)?$|,\\d{{3}}\\.\\d*$'))
        FROM (SELECT {name} FROM {table} WHERE row % greatest(1, (SELECT max(row) FROM {table}) // {_SAMPLE}) = 0)
        """
    ).fetchone() or (0, 0)
    commas, points = (int(count or 0) for count in found)  # null where there are no lines
    if commas == points == 0:
        decimal = "," if separator == ";" else "."
        return Convention(decimal, False, f"{column}: no number shows its decimal mark; '{decimal}' assumed")
    decimal = "," if commas > points else "."
    agree = min(commas, points) == 0
    note = f"{column}: decimal {'comma' if decimal == ',' else 'point'}"
    return Convention(decimal, agree, note if agree else f"{note} in most numbers, not in all")


def number_of(column: str, convention: Convention) -> str:
    """SQL for the number that a text means, NULL where it means none."""
    name = quoted(column)
    bare = f"regexp_replace({name}, '[\\s\\x{{00A0}}\\x{{202F}}''’_]', '', 'g')"
    text = f"regexp_replace(regexp_replace({bare}, '^\\((.*)\\)$', '-\\1'), '^([^-].*)-$', '-\\1')"
    comma = "replace(replace(t, '.', ''), ',', '.')"
    point = "replace(t, ',', '')"
    by_convention = comma if convention.decimal == "," else point
    slow = (
        f"list_transform([{text}], lambda t: TRY_CAST(CASE "
        f"WHEN regexp_matches(t, {_DOUBTFUL}) THEN {by_convention} "
        f"WHEN regexp_matches(t, ',.*\\.') OR regexp_matches(t, ',.*,') THEN {point} "
        f"WHEN contains(t, ',') OR regexp_matches(t, '\\..*\\.') THEN {comma} "
        "ELSE t END AS DOUBLE))[1]"
    )
    if convention.decimal == ".":
        found = f"coalesce(TRY_CAST({name} AS DOUBLE), {slow})"
    else:
        found = f"CASE WHEN contains({name}, '.') OR contains({name}, ',') THEN {slow} ELSE coalesce(TRY_CAST({name} AS DOUBLE), {slow}) END"
    return found


def doubtful(column: str, convention: Convention) -> str:
    """SQL for whether a number could mean a thousand times more or less."""
    return (
        "FALSE"
        if convention.certain
        else f"coalesce(regexp_matches(trim({quoted(column)}), {_DOUBTFUL}), FALSE)"
    )
