"""Reading tables that people bring: Parquet, CSV and Stata, checked before they are trusted."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.world.errors import ColumnError, DuplicateCellError, WorldFileError

#: Largest file that is opened, and largest table that is unpacked from it.
LARGEST_FILE, LARGEST_ROWS, LARGEST_CONTENT = 4 * 2**30, 200_000_000, 16 * 2**30

SUFFIXES = (".parquet", ".csv", ".tsv", ".dta")


def read_table(path: str | Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table by its suffix: ``.parquet``, ``.csv``, ``.tsv`` or ``.dta``.

    Text stays text: ``NA`` is a label, formulas and markup are never interpreted.

    Parameters
    ----------
    columns
        Columns to keep; all, unless given.

    Raises
    ------
    WorldFileError
        If the file is missing, too large, of another kind, or cannot be read.
    ColumnError
        If a column asked for is missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WorldFileError(f"{path.name}: tables are read from {', '.join(SUFFIXES)} files.")
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise WorldFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if size > LARGEST_FILE:
        raise WorldFileError(
            f"{path.name} has {size / 2**30:.1f} GB; files up to {LARGEST_FILE >> 30} GB are read."
        )
    if size == 0:
        raise WorldFileError(f"{path.name} is empty.")
    reader = {".parquet": _read_parquet, ".dta": _read_stata}.get(suffix, _read_text)
    try:
        table = reader(path, suffix)
    except WorldFileError:
        raise
    except Exception as error:  # every reader fails in its own way on damaged or hostile files
        raise WorldFileError(
            f"{path.name} is not a readable {suffix[1:]} file: {_first_line(error)}"
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    if columns is None:
        return table
    require_columns(table, columns, path.name)
    return table[list(columns)]


def require_columns(table: pd.DataFrame, needed: Iterable[str], where: str) -> None:
    """Check that a table has the columns it needs.

    Raises
    ------
    ColumnError
        Naming every missing column and the columns that look like it.
    """
    present = [str(name) for name in table.columns]
    missing = [name for name in needed if name not in present]
    if not missing:
        return
    lower = {name.lower(): name for name in present}

    def hint(name: str) -> str:
        alike = [lower[m] for m in difflib.get_close_matches(name.lower(), lower, n=2, cutoff=0.5)]
        return f"{name} (did you mean {' or '.join(repr(a[:40]) for a in alike)}?)" if alike else name

    listed = ", ".join(repr(name[:40]) for name in present[:12])
    raise ColumnError(
        f"{where} lacks {'a column' if len(missing) == 1 else 'columns'}: {', '.join(map(hint, missing))}. It has {listed}."
    )


def numbers(table: pd.DataFrame, column: str, where: str) -> NDArray[np.float64]:
    """A column as finite numbers.

    Raises
    ------
    ColumnError
        Naming the first row whose value is text, missing or infinite.
    """
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.argmax())
        given = table[column].iloc[row]
        kind = (
            "is missing"
            if pd.isna(given) or given == ""
            else f"holds {str(given)[:40]!r}, not a finite number"
        )
        comma = " Use a point for decimals." if isinstance(given, str) and "," in given else ""
        raise ColumnError(
            f"{where}: {column} {kind} in row {row + 1} ({_row_label(table, row)}); {int(bad.sum()):,} rows in all.{comma}"
        )
    return values


def labels(table: pd.DataFrame, column: str, where: str) -> pd.Series:
    """A column as trimmed text, as a categorical for speed.

    Raises
    ------
    ColumnError
        If a label is missing or longer than 100 characters.
    """
    codes = table[column].astype("category")
    if codes.isna().any():
        row = int(codes.isna().to_numpy().argmax())
        raise ColumnError(f"{where}: {column} is missing in row {row + 1}.")
    text = {c: str(c).strip() for c in codes.cat.categories}
    if bad := [t for t in text.values() if not 0 < len(t) <= 100]:
        raise ColumnError(f"{where}: {column} holds a label of {len(bad[0])} characters; give 1 to 100.")
    return codes.map(text).astype("category")


def refuse_repeated_rows(table: pd.DataFrame, keys: Sequence[str], where: str) -> None:
    """Check that no two rows share their keys.

    Raises
    ------
    DuplicateCellError
        Naming the first row that repeats another.
    """
    repeated = table.duplicated(list(keys)).to_numpy()
    if repeated.any():
        row = int(repeated.argmax())
        cell = ", ".join(f"{key} {str(table[key].iloc[row])[:30]}" for key in keys)
        raise DuplicateCellError(
            f"{where} repeats {cell} (row {row + 1}); {int(repeated.sum()):,} rows in all. Keep one of each, or add them up."
        )


def _row_label(table: pd.DataFrame, row: int) -> str:
    return (
        ", ".join(str(table[c].iloc[row])[:30] for c in ("exporter", "importer", "sector") if c in table)
        or "-"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _read_parquet(path: Path, _: str) -> pd.DataFrame:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        meta = file.metadata
        content = sum(meta.row_group(g).total_byte_size for g in range(meta.num_row_groups))
        if meta.num_rows > LARGEST_ROWS or content > LARGEST_CONTENT:
            raise WorldFileError(
                f"{path.name} would unpack to {meta.num_rows:,} rows and {content / 2**30:.1f} GB and is refused."
            )
        # The file's own notes on how pandas should rebuild it are not trusted.
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    return table


def _read_stata(path: Path, _: str) -> pd.DataFrame:
    try:
        return pd.read_stata(path)
    except ValueError as error:
        if "Value labels" not in str(error):
            raise
        return pd.read_stata(path, convert_categoricals=False)


def read_pieces(
    path: str | Path, *, columns: Collection[str], rows: int = 1_000_000
) -> Iterator[pd.DataFrame]:
    """A text table too large for memory, piece by piece; only the columns named, where the file has them.

    Raises
    ------
    WorldFileError
        If the file is missing, is no text, or cannot be read.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise WorldFileError(f"{path.name} is empty.")
        options = _text_options(path, path.suffix.lower())
        wanted = set(columns)
        with pd.read_csv(
            path, **options, chunksize=rows, usecols=lambda c: str(c).strip() in wanted
        ) as pieces:
            for piece in pieces:
                piece.columns = [str(name).strip() for name in piece.columns]
                yield piece
    except WorldFileError:
        raise
    except OSError as error:
        raise WorldFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise WorldFileError(f"{path.name} is not a readable text table: {_first_line(error)}") from error


def _read_text(path: Path, suffix: str) -> pd.DataFrame:
    return pd.read_csv(path, **_text_options(path, suffix))


def _text_options(path: Path, suffix: str) -> dict[str, Any]:
    """How a text table is written: separator and encoding, from its first lines."""
    separator = "\t" if suffix == ".tsv" else ","
    with path.open("rb") as file:
        head = file.read(65_536)
    if b"\0" in head:
        raise WorldFileError(f"{path.name} is not a text table: it holds binary data.")
    if suffix == ".csv" and separator.encode() not in head.splitlines()[0] and b";" in head.splitlines()[0]:
        separator = ";"
    try:
        head.decode("utf-8-sig")
        encoding = "utf-8-sig"
    except UnicodeDecodeError as error:
        # A multi-byte letter may be cut at the end of the sample.
        encoding = "utf-8-sig" if error.start > len(head) - 4 else "cp1252"
    return {
        "sep": separator,
        "encoding": encoding,
        "keep_default_na": False,
        "na_values": [""],
        "low_memory": False,
        "compression": None,
    }
