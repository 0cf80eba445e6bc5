"""Numbers as text: decimal points and commas, thousands, accountants' brackets, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from firmtrade_core.harmonise.quoting import quoted

#: Rows that the convention is settled on.
_SAMPLE = 400_000

#: A mark before the last three of four to six digits; behind a lone zero it can only be a decimal mark.
_DOUBTFUL = r"'^[-(]?[1-9]\d{0,2}[.,]\d{3}\)?$'"


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


#: What can only be a number with a decimal comma: other than three digits behind it, a zero or four digits before it,
#: points that part thousands before it, or several points.
_COMMA = r",\d{1,2}\)?$|,\d{4,}\)?$|\.\d{3},\d*\)?$|^[-(]?0+,\d+\)?$|^[-(]?\d{4,},\d+\)?$|^[-(]?\d{1,3}(\.\d{3}){2,}\)?$"

#: The same for a decimal point.
_POINT = r"\.\d{1,2}\)?$|\.\d{4,}\)?$|,\d{3}\.\d*\)?$|^[-(]?0+\.\d+\)?$|^[-(]?\d{4,}\.\d+\)?$|^[-(]?\d{1,3}(,\d{3}){2,}\)?$"


def settle_conventions(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], separator: str
) -> dict[str, Convention]:
    """The decimal mark of each column of numbers: by its own unmistakable numbers, else by those of the columns beside it.

    Where no column of the file shows its mark, the separator between fields decides, and numbers that could mean a
    thousand times more or less are told. The table is as `reading.load_text` leaves it, the columns not coded.
    """
    met = {column: _evidence(connection, table, column) for column in columns}
    commas, points = (sum(found[side] for found in met.values()) for side in (0, 1))
    return {column: _settled(column, own, (commas, points), separator) for column, own in met.items()}


def _evidence(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> tuple[int, int]:
    """How many numbers can only have a decimal comma, and a decimal point."""
    name = f"trim({quoted(column)})"
    found = connection.execute(
        f"""
        SELECT count_if(regexp_matches({name}, '{_COMMA}')), count_if(regexp_matches({name}, '{_POINT}'))
        FROM (SELECT {quoted(column)} FROM {table}_text
            WHERE (rowid + 1) % greatest(1, (SELECT count(*) FROM {table}_text) // {_SAMPLE}) = 0)
        """
    ).fetchone() or (0, 0)
    commas, points = (int(count or 0) for count in found)  # null where there are no lines
    return commas, points


def _settled(column: str, own: tuple[int, int], file: tuple[int, int], separator: str) -> Convention:
    commas, points = own if any(own) else file
    if commas == points:
        decimal = "," if separator == ";" else "."
        why = (
            "no number shows its decimal mark"
            if not commas
            else "as many numbers show one decimal mark as the other"
        )
        return Convention(decimal, False, f"{column}: {why}; '{decimal}' assumed")
    decimal = "," if commas > points else "."
    agree = min(commas, points) == 0
    note = f"{column}: decimal {'comma' if decimal == ',' else 'point'}"
    if not any(own):
        note += ", as in the numbers beside it"
    return Convention(decimal, agree, note if agree else f"{note} in most numbers, not in all")


def number_of(column: str, convention: Convention, table: str = "") -> str:
    """SQL for the number that a text means, NULL where it means none; ``table`` says whose column it is where there are several."""
    name = f"{table}.{quoted(column)}" if table else quoted(column)
    # A sign of dollars says nothing that the currency does not: which dollars they are, its column tells.
    bare = f"regexp_replace({name}, '[\\s\\x{{00A0}}\\x{{202F}}''’_]|(US|U)?\\$S?|USD', '', 'g')"
    bare = f"regexp_replace({bare}, '[\\x{{2212}}\\x{{2013}}]', '-')"
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
        # One comma and no point is a decimal comma whatever follows it: the quick way for nearly all.
        quick = f"if(contains({name}, '.'), NULL, TRY_CAST(replace({name}, ',', '.') AS DOUBLE))"
        found = f"coalesce({quick}, {slow})"
    return found


def doubtful(column: str, convention: Convention, table: str = "") -> str:
    """SQL for whether a number could mean a thousand times more or less."""
    name = f"{table}.{quoted(column)}" if table else quoted(column)
    return "FALSE" if convention.certain else f"coalesce(regexp_matches(trim({name}), {_DOUBTFUL}), FALSE)"
