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
