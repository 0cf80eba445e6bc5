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

from firmtrade_core.labels import grouped
from firmtrade_core.world.columns import unused_columns
from firmtrade_core.world.errors import ColumnError, DuplicateCellError, WorldFileError
from firmtrade_core.world.heads import (
    LOOKED_AT,
    fields_of,
    likeliest_separator,
    read_workbook,
    stated_separator,
    titles_above,
    words_on_titles,
)

#: Largest file that is opened, and largest table that is unpacked from it.
LARGEST_FILE, LARGEST_ROWS, LARGEST_CONTENT = 4 * 2**30, 200_000_000, 16 * 2**30

SUFFIXES = (".parquet", ".csv", ".tsv", ".dta", ".xlsx")


def read_table(path: str | Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table by its suffix: ``.parquet``, ``.csv``, ``.tsv``, ``.dta`` or ``.xlsx``.

    Text stays text: ``NA`` is a label, formulas and markup are never interpreted. A first line ``sep=;`` is obeyed, titles above
    the heads are skipped, sheets with the same columns are read one after the other; what was skipped or left out is told in
    ``attrs["notes"]`` of the table.

    Parameters
    ----------
    columns
        Columns to keep; all, unless given. The others are told among the notes.

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
    readers = {".parquet": _read_parquet, ".dta": _read_stata, ".xlsx": _read_workbook}
    reader = readers.get(suffix, _read_text)
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
    kept = table[list(columns)]
    left = unused_columns(table.columns, columns)
    kept.attrs["notes"] = (*table.attrs.get("notes", ()), *([left] if left else []))
    return kept


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
            f"{where}: {column} {kind} in row {row + 1} ({_row_label(table, row)}); {grouped(int(bad.sum()))} rows in all.{comma}"
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
            f"{where} repeats {cell} (row {row + 1}); {grouped(int(repeated.sum()))} rows in all. Keep one of each, or add them up."
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
                f"{path.name} would unpack to {grouped(meta.num_rows)} rows and {content / 2**30:.1f} GB and is refused."
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


def column_names(path: str | Path) -> tuple[str, ...]:
    """Names of the columns of a table, without reading its rows where the format allows it.

    Raises
    ------
    WorldFileError
        As `read_table`.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            return tuple(str(name).strip() for name in parquet.read_schema(path).names)
        if path.suffix.lower() in (".csv", ".tsv") and path.stat().st_size:
            options = _text_options(path, path.suffix.lower())
            options.pop("titles")
            return tuple(str(name).strip() for name in pd.read_csv(path, **options, nrows=0).columns)
    except (OSError, ValueError):  # told by the reader of the whole in its own words
        pass
    return tuple(map(str, read_table(path).columns))


def read_pieces(
    path: str | Path, *, columns: Collection[str], rows: int = 1_000_000
) -> Iterator[pd.DataFrame]:
    """A text table too large for memory, piece by piece; only the columns named, where the file has them.

    What was skipped above the heads, and the columns not named, are told in ``attrs["notes"]`` of each piece.

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
        skipped = options.pop("titles")
        wanted, met = set(columns), dict[str, bool]()
        with pd.read_csv(
            path,
            **options,
            chunksize=rows,
            usecols=lambda c: met.setdefault(str(c).strip(), str(c).strip() in wanted),
        ) as pieces:
            notes = tuple(filter(None, (words_on_titles(skipped), unused_columns(met, wanted))))
            for piece in pieces:
                piece.columns = [str(name).strip() for name in piece.columns]
                piece.attrs["notes"] = notes
                yield piece
    except WorldFileError:
        raise
    except OSError as error:
        raise WorldFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise WorldFileError(f"{path.name} is not a readable text table: {_first_line(error)}") from error


def _read_workbook(path: Path, _: str) -> pd.DataFrame:
    """All sheets of one table; columns that hold nothing but numbers become numbers."""
    book = read_workbook(path)
    if len(book.table) > LARGEST_ROWS:
        raise WorldFileError(f"{path.name} has {grouped(len(book.table))} rows and is refused.")
    table = book.table.copy()
    for column in table:
        values = pd.to_numeric(table[column].replace("", None), errors="coerce")
        # A code with a leading zero is no number.
        if bool((values.notna() | (table[column] == "")).all()) and not table[column].str.match(r"0\d").any():
            table[column] = values
    table.attrs["notes"] = book.notes
    return table


def _read_text(path: Path, suffix: str) -> pd.DataFrame:
    options = _text_options(path, suffix)
    skipped = options.pop("titles")
    table = pd.read_csv(path, **options)
    if words := words_on_titles(skipped):
        table.attrs["notes"] = (words,)
    return table


def _text_options(path: Path, suffix: str) -> dict[str, Any]:
    """How a text table is written: separator and encoding, from its first lines."""
    separator = "\t" if suffix == ".tsv" else ","
    with path.open("rb") as file:
        head = file.read(65_536)
    if b"\0" in head:
        raise WorldFileError(f"{path.name} is not a text table: it holds binary data.")
    try:
        head.decode("utf-8-sig")
        encoding = "utf-8-sig"
    except UnicodeDecodeError as error:
        # A multi-byte letter may be cut at the end of the sample.
        encoding = "utf-8-sig" if error.start > len(head) - 4 else "cp1252"
    lines = head.decode(encoding, "replace").splitlines()[:LOOKED_AT]
    stated = stated_separator(lines[0]) if lines else None
    above = 1 if stated else 0
    if stated:
        separator = stated
    elif suffix == ".csv":
        separator = likeliest_separator(lines, (",", ";", "\t", "|"))
    rows = [fields_of(line, separator) for line in lines]
    above += titles_above(rows[above:])
    return {
        "sep": separator,
        "dtype": _codes(rows[above:]),
        "skiprows": above,
        "titles": tuple(lines[:above]),
        "encoding": encoding,
        "keep_default_na": False,
        "na_values": [""],
        "low_memory": False,
        "compression": None,
    }


def _codes(rows: list[list[str]]) -> dict[str, type]:
    """Columns whose first values show a leading zero: codes, which are no numbers."""
    rows = [row for row in rows if any(row)]
    if not rows:
        return {}
    heads = rows[0]
    zeros = {
        at
        for row in rows[1:]
        if len(row) == len(heads)
        for at, field in enumerate(row)
        if len(field) > 1 and field[0] == "0" and field.isdigit()
    }
    return {heads[at]: str for at in zeros if heads.count(heads[at]) == 1}
