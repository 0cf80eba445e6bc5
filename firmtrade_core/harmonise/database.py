"""Databases for one piece of work, which leave nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


@contextmanager
def passing_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory; what it spills lies in a private folder that goes with it.

    By itself DuckDB spills beside the program, where a stopped run would leave records of single firms.
    """
    with (
        tempfile.TemporaryDirectory(prefix="firmtrade-spill-") as spill,
        duckdb.connect(config={"temp_directory": spill}) as connection,
    ):
        yield connection


#: Amounts are added up in whole billionths: of a dollar, a kilogram, a piece.
PARTS = 1e9


def exact_sum(amount: str) -> str:
    """SQL for a sum that is the same in whatever order rows come.

    Sums of floating-point numbers hang, in their last digits, on the order of adding, and readers that work side by side add in
    another order each time; whole numbers of billionths do not. Amounts up to `LARGEST_AMOUNT` add up without overflow.
    """
    return f"(sum(round(({amount}) * {PARTS})::HUGEINT)::DOUBLE / {PARTS})"


#: Amounts above are no amounts: a billion billion dollars in one line.
LARGEST_AMOUNT = 1e18
