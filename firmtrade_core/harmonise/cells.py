"""Sums by firm, year, flow, country and product: the same digits in whatever order lines come, a stretch of firms at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
from numpy.typing import NDArray
from pyarrow import parquet

from firmtrade_core.harmonise.database import PARTS
from firmtrade_core.harmonise.quoting import literal

#: Lines that are added up at once, unless a single firm has more.
LINES_AT_ONCE = 8_000_000

#: Sums of whole billionths up to here are exact in 64 bits.
_EXACT = 2.0**62

#: What cells are told apart by, in the order of the result, and the unit of their quantity: enumerated.
_KINDS = {
    "firm": "declared",
    "flow": "declared",
    "country": "declared",
    "product": "meant",
    "unit": "declared",
}

#: Texts are handed over by number and written as texts.
_TEXT = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())

_SCHEMA = pyarrow.schema(
    [
        ("firm", _TEXT),
        ("year", pyarrow.int32()),
        ("flow", _TEXT),
        ("country", _TEXT),
        ("product", _TEXT),
        ("value", pyarrow.float64()),
        ("quantity", pyarrow.float64()),
        ("quantity_unit", _TEXT),
        ("lines", pyarrow.int64()),
    ]
)


def write_cells(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Add lines up and write the cells in order: whoever adds up a part of them, adds in this order.

    The quantity of a cell counts where all of its lines have it in one unit.

    Parameters
    ----------
    connection
        With the view ``declared`` (firm, year, flow, country, product, value_usd, weight_kg, quantity, unit) and the tables
        ``meant`` (year, product, target, weight) and ``prices`` (year, factor).
    target
        Parquet file to write: firm, year, flow, country, product, value, quantity, quantity_unit, lines.
    """
    kinds = {name: _enumerated(connection, name, source) for name, source in _KINDS.items()}
    [(first, last)] = connection.execute(
        "SELECT coalesce(min(year), 0), coalesce(max(year), 0) FROM meant"
    ).fetchall()
    sizes = {
        "firm": len(kinds["firm"]),
        "year": last - first + 1,
        **{name: len(kinds[name]) for name in ("flow", "country", "product")},
    }
    # One whole number tells a cell, and sorts as its parts do.
    bits = {name: max(size - 1, 1).bit_length() for name, size in sizes.items()}
    key = "0::UBIGINT"
    for name, width in bits.items():
        code = f"(year - {first})" if name == "year" else f"enum_code({name}::{name}_kind)"
        key = f"(({key} << {width}) | {code}::UBIGINT)"
    columns = "value_usd * weight * factor AS value, weight_kg * weight AS kg, quantity * weight AS pieces"
    with parquet.ParquetWriter(target, _SCHEMA, compression="snappy", store_schema=False) as writer:
        for within in _stretches(connection, kinds["firm"]):
            found = connection.sql(
                f"SELECT {key} AS key, value, kg, pieces, coalesce(enum_code(unit::unit_kind)::INTEGER, -1) AS unit FROM ("
                f"SELECT firm, d.year AS year, flow, country, m.target AS product, unit, {columns} FROM declared d "
                f"JOIN meant m ON d.year = m.year AND d.product = m.product JOIN prices p ON d.year = p.year WHERE {within})"
            ).to_arrow_table()
            writer.write_table(_added(found, bits, first, kinds), row_group_size=250_000)


def _enumerated(connection: duckdb.DuckDBPyConnection, name: str, source: str) -> list[str]:
    """The texts of a column in the order of the alphabet, made a type ``{name}_kind``: enumerated texts sort alike."""
    column = "target" if source == "meant" else name
    also = "UNION SELECT 'kg'" if name == "unit" else ""
    connection.execute(
        f"CREATE TYPE {name}_kind AS ENUM (SELECT {name} FROM (SELECT DISTINCT {column}::VARCHAR AS {name} FROM {source} {also}) "
        f"WHERE {name} IS NOT NULL ORDER BY 1)"
    )
    found = connection.execute(f"SELECT unnest(enum_range(NULL::{name}_kind))::VARCHAR").fetchall()
    return [text for (text,) in found]


def _stretches(connection: duckdb.DuckDBPyConnection, firms: list[str]) -> Iterator[str]:
    """Conditions on firms, in order, that part lines into stretches that fit in memory."""
    [(total,)] = connection.execute("SELECT coalesce(sum(lines), 0) FROM met").fetchall()
    if not firms or total <= LINES_AT_ONCE:
        yield "TRUE"
        return
    lines = connection.execute("SELECT firm, count(*) FROM declared GROUP BY ALL ORDER BY firm").fetchall()
    begin, held = 0, 0
    for at, (firm, count) in enumerate(lines):
        if held and held + count > LINES_AT_ONCE:
            yield f"firm >= {literal(lines[begin][0])} AND firm < {literal(firm)}"
            begin, held = at, 0
        held += count
    yield f"firm >= {literal(lines[begin][0])}"


def _added(
    found: pyarrow.Table, bits: dict[str, int], first: int, kinds: dict[str, list[str]]
) -> pyarrow.Table:
    """Cells of a stretch of lines, in order."""
    keys = found.column("key").to_numpy()
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, dtype=np.intp)

    def sums(name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        values = found.column(name).to_numpy()[order]
        unknown = np.isnan(values)
        if not unknown.any():
            return exact_sums(values, starts), np.ones(len(starts), dtype=bool)
        whole = ~np.logical_or.reduceat(unknown, starts)
        values[unknown] = 0.0
        return exact_sums(values, starts), whole

    (value, _), (kg, weighed), (pieces, measured) = (sums(name) for name in ("value", "kg", "pieces"))
    unit = found.column("unit").to_numpy()[order]
    low, high = (f.reduceat(unit, starts) if len(starts) else unit[:0] for f in (np.minimum, np.maximum))
    measured &= (low == high) & (low >= 0) & ~weighed
    units = np.where(weighed, kinds["unit"].index("kg"), low)
    rest = keys[starts]
    codes: dict[str, NDArray[np.int32]] = {}
    for name in reversed(bits):
        codes[name] = (rest & np.uint64((1 << bits[name]) - 1)).astype(np.int32)
        rest >>= np.uint64(bits[name])
    texts = {name: _texts(codes[name], kinds[name]) for name in ("firm", "flow", "country", "product")}
    missing = ~(weighed | measured)
    return pyarrow.table(
        [
            texts["firm"],
            pyarrow.array(codes["year"] + np.int32(first)),
            texts["flow"],
            texts["country"],
            texts["product"],
            pyarrow.array(value),
            pyarrow.array(np.where(weighed, kg, pieces), mask=missing),
            _texts(np.where(missing, 0, units).astype(np.int32), kinds["unit"], missing),
            pyarrow.array(np.diff(np.r_[starts, len(keys)]).astype(np.int64)),
        ],
        schema=_SCHEMA,
    )


def _texts(
    codes: NDArray[np.int32], texts: list[str], missing: NDArray[np.bool_] | None = None
) -> pyarrow.DictionaryArray:
    return pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(codes, mask=missing), pyarrow.array(texts, pyarrow.string())
    )


def exact_sums(amounts: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sums of stretches of amounts that do not hang on their order: amounts are added up in whole billionths, as `exact_sum` does.

    Parameters
    ----------
    amounts
        Finite numbers.
    starts
        Where each stretch begins; none is empty, the first begins at 0.
    """
    if not len(starts):
        return np.zeros(0)
    billionths = np.rint(amounts * PARTS)
    with np.errstate(invalid="ignore"):  # what does not fit in 64 bits is added up below
        total = np.add.reduceat(billionths.astype(np.int64), starts).astype(np.float64)
    if np.abs(billionths).max() * np.diff(np.r_[starts, len(amounts)]).max() < _EXACT:
        return total / PARTS
    large = np.flatnonzero(np.add.reduceat(np.abs(billionths), starts) >= _EXACT)
    ends = np.r_[starts[1:], len(amounts)]
    for at in large:
        total[at] = float(sum(map(int, billionths[starts[at] : ends[at]])))
    return total / PARTS
