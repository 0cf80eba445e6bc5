"""Columns whose texts repeat, kept as numbers: each distinct text of a column once, and for every line only which one it is.

Nothing is lost: a view gives the table back as it was written. Joins, counts and comparisons work on the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import numpy as np
import pyarrow

from firmtrade_core.harmonise.quoting import quoted

#: Rows that are numbered at once.
PIECE = 500_000


class DistinctTexts:
    """The distinct texts of one column, numbered from 0 in the order in which they are met."""

    def __init__(self) -> None:
        self.numbers: dict[str | None, int] = {}
        self._lines = np.zeros(0, dtype=np.int64)

    def coded(self, texts: pyarrow.Array) -> pyarrow.Array:
        """Which text each row holds, as whole numbers; rows are counted."""
        found = texts.dictionary_encode(null_encoding="encode")
        numbers = self.numbers
        here = np.fromiter(
            (numbers.setdefault(text, len(numbers)) for text in found.dictionary.to_pylist()),
            dtype=np.int32,
            count=len(found.dictionary),
        )
        codes = here[found.indices.to_numpy()] if len(found) else here[:0]
        counted = np.bincount(codes, minlength=len(numbers))
        counted[: len(self._lines)] += self._lines
        self._lines = counted
        return pyarrow.array(codes)

    def table(self) -> pyarrow.Table:
        """Columns ``code``, ``text`` and ``lines``, one row by distinct text."""
        size = len(self.numbers)
        return pyarrow.table(
            {
                "code": np.arange(size, dtype=np.int32),
                "text": pyarrow.array(list(self.numbers), pyarrow.string()),
                "lines": self._lines,
            }
        )


def texts_of(table: str, position: int) -> str:
    """Name of the table of distinct texts of the column in that position (from 0): ``code``, ``text``, ``lines``."""
    return f"{table}_texts_{position}"


def store_coded(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    coded: Iterable[str],
    batches: Iterable[pyarrow.RecordBatch],
) -> None:
    """Fill the table ``{table}_text`` with rows as they come, and tables of the distinct texts of the coded columns.

    Parameters
    ----------
    columns
        Names of all columns of ``{table}_text``, which exists: whole numbers where coded, else texts.
    batches
        Rows, all columns as texts, in the order of the file.
    """
    texts = {columns.index(name): DistinctTexts() for name in coded}
    for batch in batches:
        piece = pyarrow.table(
            [
                texts[at].coded(batch.column(at)) if at in texts else batch.column(at)
                for at in range(len(columns))
            ],
            names=[f"c{at}" for at in range(len(columns))],
        )
        connection.register("piece", piece)
        connection.execute(f"INSERT INTO {table}_text SELECT * FROM piece")
        connection.unregister("piece")
    for at, column in texts.items():
        frame = column.table()
        connection.register("frame", frame)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {texts_of(table, at)} AS SELECT * FROM frame")
        connection.unregister("frame")


def as_written(table: str, columns: Sequence[str], coded: Sequence[str]) -> str:
    """SQL for the rows as they were written, with their number in a column ``row`` from 1."""
    names, joins = [], []
    for at, name in enumerate(columns):
        if name in coded:
            names.append(f"t{at}.text AS {quoted(name)}")
            joins.append(f"JOIN {texts_of(table, at)} t{at} ON t{at}.code = s.{quoted(name)}")
        else:
            names.append(f"s.{quoted(name)}")
    return f"SELECT s.rowid + 1 AS row, {', '.join(names)} FROM {table}_text s {' '.join(joins)}"
