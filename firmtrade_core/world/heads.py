"""Where a table begins: separators that Excel states, titles and comments above the heads, sheets of a workbook."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.world.errors import WorldFileError

#: Lines that are looked at for the heads, and among them those that may be titles.
LOOKED_AT, MOST_TITLES = 100, 30

WORKBOOKS = frozenset({".xlsx", ".xlsm"})

_STATED = re.compile(r'^\ufeff?"?sep=(.)"?[;,\t]*\s*$', re.IGNORECASE)

#: A number or a day, which no head of a column is (a year may be one).
_VALUE = re.compile(r"^[-+(]?[\d.,' ]*\d[\d.,' ]*[)%]?$|^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?$")


def stated_separator(line: str) -> str | None:
    """The separator that a first line like ``sep=;`` states, as Excel writes and reads it; None where it states none."""
    found = _STATED.match(line.rstrip("\r\n"))
    return found.group(1) if found else None


def titles_above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the heads: titles, dates of export, comments.

    The first row is the head unless it looks like a title, that is, fills few of the columns that most rows have or is a
    comment; then the first row is that fills most of them and holds no value.

    Parameters
    ----------
    rows
        Fields of the first lines, blank lines included.

    Examples
    --------
    >>> titles_above([["Customs office", "", ""], ["firm", "date", "value"], ["F1", "2019-03-05", "7"]])
    1
    """
    widths = Counter(len(row) for row in rows if any(field.strip() for field in row))
    if not widths:
        return 0
    width = max(widths, key=lambda w: (widths[w] * (w > 1), w))
    if width < 2:
        return 0
    for position, row in enumerate(rows[: MOST_TITLES + 1]):
        filled = [field.strip() for field in row if field.strip()]
        if not filled:
            continue
        if _is_title(row, filled, width):
            continue
        whole = len(row) == width and len(filled) >= max(2, (width + 1) // 2)
        heads = whole and not any(_VALUE.match(field) and not _is_year(field) for field in filled)
        # Where the first row that is no title is no head either, nothing above it is taken for a title.
        return position if heads else 0
    return 0


def _is_title(row: Sequence[str], filled: Sequence[str], width: int) -> bool:
    if filled[0].startswith("#"):
        return True
    few = len(filled) <= max(1, width // 3)
    return few or (len(row) != width and len(filled) < 0.6 * width)


def _is_year(field: str) -> bool:
    return re.fullmatch(r"(19|20)\d\d", field) is not None


def words_on_titles(lines: Sequence[str]) -> str:
    """What is said of lines above the heads; "" of none. Blank ones do not count."""
    lines = [line for line in lines if line.strip('\ufeff \t;,|"')]
    if not lines:
        return ""
    shown = "; ".join(line.strip() if stated_separator(line) else _squeezed(line) for line in lines[:3])
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"{len(lines)} line{'s' * (len(lines) != 1)} above the heads skipped: {shown}{more}."


def likeliest_separator(lines: Sequence[str], separators: Sequence[str]) -> str:
    """The separator that splits the lines most evenly into many fields, the heads among them where one does.

    Agreement alone would not do: a comma in every amount splits all lines in two, and broken lines disagree.
    """
    lines = [line for line in lines if line.strip()]
    if len(lines) > 2:
        lines = lines[:-1]

    def score(separator: str) -> tuple[bool, float]:
        # Each line by itself: a quote that never closes would swallow the rest.
        rows = [fields_of(line, separator) for line in lines]
        split = Counter(len(row) for row in rows if len(row) > 1)
        if not split:
            return False, 0.0
        width = max(split, key=lambda w: (split[w], w))
        return len(rows[titles_above(rows)]) == width, (width - 1) * split[width] / len(lines)

    return max(separators, key=score)


def _squeezed(line: str) -> str:
    """A line without its separators."""
    return re.sub(r"[\s;,\t|]+", " ", line).strip()[:60] or "blank"


def _rows(number: int) -> str:
    return f"{grouped(number)} row{'s' * (number != 1)}"


def fields_of(line: str, separator: str) -> list[str]:
    """Fields of one line, whatever its quotes."""
    return next(csv.reader([line.replace("\r", "").replace("\n", " ")], delimiter=separator), [])


@dataclass(frozen=True, eq=False)
class Book:
    """The table of a workbook.

    Parameters
    ----------
    table
        Text, "" where a cell is empty; with a column ``sheet`` where several sheets were read.
    notes
        Which sheets were read, which were not and why, and what stood above the heads.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Sheet:
    name: str
    table: pd.DataFrame
    titles: tuple[str, ...]

    @property
    def heads(self) -> frozenset[str]:
        return frozenset(str(column).strip().casefold() for column in self.table.columns)


def read_workbook(path: Path) -> Book:
    """All sheets of a workbook that hold one table: those with the same columns, one after the other.

    Sheets with other columns are left out and named with their rows and columns.

    Raises
    ------
    WorldFileError
        If it is no workbook, or holds no table.
    """
    try:
        raw = pd.read_excel(
            path, sheet_name=None, header=None, dtype=str, keep_default_na=False, na_values=[""]
        )
    except Exception as error:  # whatever a damaged file makes its reader say
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorldFileError(f"{path.name} is not a readable workbook: {reason[:200]}") from error
    sheets = [sheet for name, cells in raw.items() if (sheet := _sheet(str(name), cells)) is not None]
    if not sheets:
        raise WorldFileError(f"{path.name} holds no table: none of its sheets has a row of heads.")
    main = max(sheets, key=lambda sheet: (len(sheet.heads) > 1, len(sheet.table)))
    alike = [sheet for sheet in sheets if _alike(sheet.heads, main.heads)]
    notes = [f"Sheet {s.name}: {words_on_titles(s.titles)}" for s in alike if s.titles]
    if len(alike) > 1:
        listed = ", ".join(f"{s.name} ({_rows(len(s.table))})" for s in alike)
        notes.append(f"Sheets read one after the other: {listed}; the column sheet tells which.")
    for sheet in sheets:
        if not any(sheet is one for one in alike):
            columns = ", ".join(map(str, sheet.table.columns[:8]))
            notes.append(
                f"Sheet {sheet.name} not read ({_rows(len(sheet.table))}): it has other columns ({columns}). Save it as a file of its "
                "own to have it read."
            )
    if len(alike) == 1:
        return Book(main.table, tuple(notes))
    tables = [_renamed(sheet, main).assign(sheet=sheet.name) for sheet in alike]
    return Book(pd.concat(tables, ignore_index=True).fillna(""), tuple(notes))


def _alike(heads: frozenset[str], main: frozenset[str]) -> bool:
    """Whether two sheets are parts of one table: most of their columns have the same names."""
    return len(heads & main) >= max(1, 0.6 * len(heads | main))


def _renamed(sheet: _Sheet, main: _Sheet) -> pd.DataFrame:
    """The sheet's table with its columns written as the main sheet writes them."""
    written = {str(c).strip().casefold(): str(c) for c in main.table.columns}
    return sheet.table.rename(columns=lambda c: written.get(str(c).strip().casefold(), str(c)))


def _sheet(name: str, cells: pd.DataFrame) -> _Sheet | None:
    """A sheet's table below its heads; None of an empty one."""
    text = cells.astype(object).where(cells.notna(), "").astype(str)
    # A day without a time, as Excel keeps it.
    text = text.map(lambda value: value.removesuffix(" 00:00:00"))
    filled = text.map(lambda value: bool(value.strip()))
    text = text.loc[:, filled.any(axis=0).to_numpy()]
    rows = text.to_numpy().tolist()
    while rows and not any(field.strip() for field in rows[0]):
        rows.pop(0)
    if not rows:
        return None
    above = titles_above(rows[:LOOKED_AT])
    heads = [field.strip() or f"column_{n}" for n, field in enumerate(rows[above], start=1)]
    body = [row for row in rows[above + 1 :] if any(field.strip() for field in row)]
    table = pd.DataFrame(body, columns=_unique(heads), dtype=object)
    titles = tuple(" ".join(f for f in row if f.strip()) for row in rows[:above])
    return _Sheet(name, table, titles)


def _unique(heads: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    unique = []
    for head in heads:
        seen[head.casefold()] += 1
        unique.append(head if seen[head.casefold()] == 1 else f"{head}_{seen[head.casefold()]}")
    return unique
