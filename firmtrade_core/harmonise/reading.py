"""Text files as people send them: any encoding, any separator, broken lines counted and kept aside.

A file is first looked at in blocks. If it is plain UTF-8 with sound quotes, DuckDB reads it where it lies; if not, a
repaired copy is written into the workspace, one line a record, and the repairs are counted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd

from firmtrade_core.harmonise.database import passing_database
from firmtrade_core.harmonise.distinct import PIECE, as_written, store_coded
from firmtrade_core.harmonise.errors import UnreadableFileError
from firmtrade_core.harmonise.findings import EXAMPLES, Finding, rules_of
from firmtrade_core.harmonise.quoting import literal, quoted
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.heads import (
    LOOKED_AT,
    fields_of,
    likeliest_separator,
    read_workbook,
    stated_separator,
    titles_above,
    words_on_titles,
)

SEPARATORS = (";", "\t", ",", "|")

_BLOCK = 8 << 20

#: Rows by which a column is judged.
_LOOKED_AT = 4000

#: Files that are turned into text first.
CONVERTED = frozenset({".xlsx", ".xlsm", ".xls", ".parquet", ".dta"})

#: Files of other software, by ending: what they are.
_OTHERS_FILES = {
    ".sav": "an SPSS file", ".zsav": "an SPSS file", ".por": "an SPSS file", ".sas7bdat": "a SAS file", ".xpt": "a SAS file",
    ".rds": "an R file", ".rdata": "an R file", ".rda": "an R file", ".ods": "an OpenDocument sheet", ".xlsb": "a binary workbook",
    ".mdb": "an Access database", ".accdb": "an Access database", ".json": "JSON", ".xml": "XML", ".pdf": "a PDF", ".docx": "a document",
    ".gz": "packed", ".zip": "packed", ".7z": "packed", ".bz2": "packed", ".rar": "packed", ".xz": "packed", ".zst": "packed",
}  # fmt: skip

#: Rows of a Stata file that are held at once.
_STATA_PIECE = 200_000

#: Bytes that no text holds in number: control characters but for tab, line feed and return.
_CONTROL = [bytes([code]) for code in range(32) if code not in (9, 10, 13)]

#: Most lines that one quoted field may span; a quote open for longer is a stray one.
_LONGEST_FIELD = 20

LINE_RULES = rules_of("line")


@dataclass(frozen=True)
class TextFile:
    """What a text table is like, and where a clean copy of it lies.

    Parameters
    ----------
    path
        The file as given.
    clean
        What to read: the file itself where it is sound, else a repaired copy.
    separator
        Between fields.
    columns
        Names in the first line, made unique; empty for an empty file.
    repairs
        Lines repaired, by rule.
    examples
        A few line numbers for each rule.
    sha256
        Of the file as given.
    records
        Lines below the header in ``clean``, each of which is to be read or told broken.
    notes
        What stood above the heads, and which sheets of a workbook were read or not.
    """

    path: Path
    clean: Path
    separator: str
    columns: tuple[str, ...]
    repairs: dict[str, int]
    examples: dict[str, tuple[str, ...]]
    sha256: str
    records: int = 0
    notes: tuple[str, ...] = ()

    def findings(self, rows: int) -> list[Finding]:
        """Repairs as findings."""
        return [
            Finding(LINE_RULES[key], count, count / max(rows, 1), None, self.examples.get(key, ()))
            for key, count in self.repairs.items()
        ]


def open_text(path: Path, workspace: Path) -> TextFile:
    """Look at a text table and, where it needs it, write a repaired copy into the workspace.

    Raises
    ------
    UnreadableFileError
        If the file is missing or is no text.
    """
    refuse_others(path)
    if path.suffix.lower() in CONVERTED:
        text, said = _as_text(path, workspace)
        inner = open_text(text, workspace)
        return replace(inner, path=path, sha256=_sha256(path), notes=(*said, *inner.notes))
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    encoding = _byte_order_mark(head)
    if encoding is None and sum(map(head.count, _CONTROL)) > len(head) // 16:
        raise UnreadableFileError(
            f"{path.name} is not a text table (a spreadsheet, an archive?). Export it as CSV with one header line."
        )
    sound, digest, lines = _survey(path) if encoding is None else (False, _sha256(path), 0)
    text_head = head.decode(encoding, "replace") if encoding else _decode_all(head)
    if not text_head.strip("\ufeff \r\n"):
        return TextFile(path, path, SEPARATORS[0], (), {}, {}, digest)
    separator, above = _beginning(text_head, whole=len(head) < 1 << 16)
    shown = text_head.lstrip("\ufeff").splitlines()
    notes = tuple(filter(None, [words_on_titles([line for line in shown[:above] if line.strip()])]))
    first = next(line for line in shown[above:] if line.strip())
    columns = _unique_names(next(csv.reader([first], delimiter=separator)))
    if sound and not above:
        return TextFile(path, path, separator, columns, {}, {}, digest, lines - 1)
    clean = workspace / f"{digest[:16]}.csv"
    mender = _repair(path, clean, encoding, separator, len(columns), above)
    examples = {rule: tuple(found) for rule, found in mender.examples.items()}
    return TextFile(
        path, clean, separator, columns, dict(mender.counts), examples, digest, mender.records - 1, notes
    )


def refuse_others(path: Path) -> None:
    """Refuse files of other software, told by their ending, with what to do.

    Raises
    ------
    UnreadableFileError
    """
    if (what := _OTHERS_FILES.get(path.suffix.lower())) is not None:
        do = "unpack it" if what == "packed" else "export it as CSV, Excel, Stata or Parquet"
        raise UnreadableFileError(f"{path.name} is {what}, which is not read: {do}.")


def _beginning(text: str, *, whole: bool) -> tuple[str, int]:
    """The separator of a text table, and how many of its lines stand above the heads."""
    lines = text.lstrip("\ufeff").splitlines()[: LOOKED_AT + 1]
    if len(lines) > 2 and not whole and len(lines) <= LOOKED_AT:
        lines = lines[:-1]
    begin = next((number for number, line in enumerate(lines) if line.strip()), -1)
    if begin < 0:
        raise UnreadableFileError("The file holds nothing but blanks.")
    stated = stated_separator(lines[begin])
    above = begin + 1 if stated else 0
    separator = stated or likeliest_separator(lines, SEPARATORS)
    titles = titles_above([fields_of(line, separator) for line in lines[above:]])
    return separator, above + titles


def _as_text(path: Path, workspace: Path) -> tuple[Path, tuple[str, ...]]:
    """The sheets of a workbook that hold one table, or a Parquet file, as a text table; and what is to be said of them."""
    target = workspace / f"{path.stem}_{path.suffix[1:]}.csv"
    notes: tuple[str, ...] = ()
    try:
        if path.suffix.lower() == ".parquet":
            with passing_database() as connection:
                source, copy = literal(str(path)), literal(str(target))
                connection.execute(f"COPY (FROM read_parquet({source})) TO {copy} (FORMAT csv, HEADER)")
        elif path.suffix.lower() == ".dta":
            _stata_as_text(path, target)
        else:
            book = read_workbook(path)
            book.table.to_csv(target, index=False)
            notes = book.notes
    except WorldFileError as error:
        raise UnreadableFileError(str(error)) from error
    except Exception as error:  # whatever a damaged file makes its reader say
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFileError(f"{path.name} cannot be read: {reason}") from error
    return target, notes


def _stata_as_text(path: Path, target: Path) -> None:
    """A Stata file as a text table, piece by piece: dates as days, labels in their values' stead where all have one."""
    for labelled in (True, False):
        try:
            with (
                target.open("w", encoding="utf-8", newline="") as out,
                pd.read_stata(path, chunksize=_STATA_PIECE, convert_categoricals=labelled) as pieces,
            ):
                for number, piece in enumerate(pieces):
                    piece.to_csv(out, index=False, header=number == 0)
            return
        except ValueError as error:
            if not labelled or "Value labels" not in str(error):
                raise


def load_text(
    connection: duckdb.DuckDBPyConnection, file: TextFile, table: str, coded: Collection[str] = ()
) -> tuple[int, list[str]]:
    """Read a text table into DuckDB as text, with a column ``row`` (1, 2, ...) over the well-formed records.

    Lines with another number of fields than the header go to the table ``{table}_broken`` (line, text).

    Parameters
    ----------
    coded
        Columns whose texts repeat: ``{table}_text`` holds their numbers, the tables that `distinct.texts_of` names their
        texts. The view ``{table}`` holds every column as it was written.

    Returns
    -------
    tuple
        How many lines are broken, and examples of them.
    """
    if not file.columns:
        clear_away(connection, table)
        connection.execute(f"CREATE TABLE {table} (row BIGINT)")
        connection.execute(f"CREATE OR REPLACE TABLE {table}_broken (line BIGINT, text VARCHAR)")
        return 0, []
    rows, broken = _scan(connection, file, table, coded, parallel=True)
    if rows + broken < file.records:
        # With many broken lines DuckDB's readers, working side by side, lose whole stretches of a file without a word.
        rows, broken = _scan(connection, file, table, coded, parallel=False)
    shown = connection.execute(
        f"SELECT line, text FROM {table}_broken ORDER BY line LIMIT {EXAMPLES}"
    ).fetchall()
    # The text itself may name a firm: it stays in the table.
    examples = [
        f"line {line}: {len(fields_of(str(text), file.separator))} fields, {len(file.columns)} expected"
        for line, text in shown
    ]
    # What even then is in neither table was swallowed by quotes, and counts as broken: no line goes unaccounted for.
    return max(broken, file.records - rows), examples


def clear_away(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Drop the table or view of a name, whichever there is."""
    for kind, found in (
        ("VIEW", "duckdb_views() WHERE view_name"),
        ("TABLE", "duckdb_tables() WHERE table_name"),
    ):
        if connection.execute(f"SELECT 1 FROM {found} = ?", [name]).fetchone():
            connection.execute(f"DROP {kind} {quoted(name)}")


def _scan(
    connection: duckdb.DuckDBPyConnection,
    file: TextFile,
    table: str,
    coded: Collection[str],
    *,
    parallel: bool,
) -> tuple[int, int]:
    """Fill the table and the one of its broken lines; how many rows each has."""
    numbered = [name for name in file.columns if name in coded]
    names = ", ".join(
        f"{quoted(name)} {'INTEGER' if name in numbered else 'VARCHAR'}" for name in file.columns
    )
    struct = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in file.columns) + "}"
    # Rows are numbered by the table itself: counting them while reading would let one reader work only. It is not kept
    # beyond the work: to look for what its texts share costs more time than all the rest of the reading.
    clear_away(connection, table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table}_text ({names})")
    # A reader of its own, so that rows can be put away while others are read.
    with connection.cursor() as reader:
        found = reader.sql(
            f"FROM read_csv({literal(str(file.clean))}, columns={struct}, auto_detect=false, header=true, parallel={parallel}, "
            f"delim={literal(file.separator)}, quote='\"', escape='\"', store_rejects=true, rejects_limit=0, "
            "max_line_size=16777216)"
        )
        store_coded(connection, table, file.columns, numbered, found.to_arrow_reader(PIECE))
        reader.execute(
            f"CREATE OR REPLACE TABLE {table}_broken AS SELECT line, any_value(csv_line) AS text "
            "FROM reject_errors GROUP BY line, byte_position ORDER BY line"
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS {as_written(table, file.columns, numbered)}")
    counts = connection.execute(
        f"SELECT (SELECT count(*) FROM {table}_text), (SELECT count(*) FROM {table}_broken)"
    ).fetchone()
    return counts or (0, 0)


def ever_new(file: TextFile) -> tuple[str, ...]:
    """Columns whose texts hardly repeat (numbers of declarations), by the first lines of the file."""
    with file.clean.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            rows = list(itertools.islice(csv.reader(lines, delimiter=file.separator), 1, _LOOKED_AT + 1))
        except csv.Error:  # a quote that never closes
            return ()
    rows = [row for row in rows if len(row) == len(file.columns)]
    if len(rows) < _LOOKED_AT // 2:
        return ()
    return tuple(
        name for at, name in enumerate(file.columns) if len({row[at] for row in rows}) > 0.98 * len(rows)
    )


def _survey(path: Path) -> tuple[bool, str, int]:
    """Whether DuckDB can read the file where it lies, its SHA-256, and how many lines it has."""
    digest, sound, rest, lines, last = hashlib.sha256(), True, b"", 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            lines, last = lines + block.count(b"\n"), block[-1:]
            if sound:
                held = rest + block
                end = held.rfind(b"\n") + 1
                sound, rest = _sound(held[:end]), held[end:]
    return sound and _sound(rest), digest.hexdigest(), lines + (last != b"\n")


def _sound(lines: bytes) -> bool:
    """Whether whole lines are UTF-8 with closed quotes, no blank lines, null characters or lone returns."""
    if b"\0" in lines or b"\n\n" in lines or lines.startswith((b"\n", b"\r")):
        return False
    if b"\r" in lines and (b"\n\r\n" in lines or lines.count(b"\r") != lines.count(b"\r\n")):
        return False
    if b'"' in lines and any(line.count(b'"') % 2 for line in lines.split(b"\n")):
        return False
    if lines.isascii():
        return True
    try:
        lines.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _byte_order_mark(head: bytes) -> str | None:
    """UTF-16 by its mark or by every second byte being null; None for anything that is one byte a letter."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    odd, even = head[1::2].count(0), head[0::2].count(0)
    if odd > 0.4 * len(head) and even < 0.05 * len(head):
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * len(head) and odd < 0.05 * len(head) else None


def _decode_line(line: bytes) -> tuple[str, bool]:
    """Text of a line, and whether it was UTF-8."""
    try:
        return line.decode("utf-8"), True
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace"), False


def _decode_all(head: bytes) -> str:
    return "\n".join(_decode_line(line)[0] for line in head.splitlines())


def _unique_names(names: list[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    unique = []
    for position, name in enumerate(names, start=1):
        base = name.strip().strip('"')[:100] or f"column_{position}"
        base = f"{base}_" if base.casefold() in ("row", "rowid") else base
        seen[base.casefold()] += 1
        unique.append(base if seen[base.casefold()] == 1 else f"{base}_{seen[base.casefold()]}")
    return tuple(unique)


class _Mender:
    """Writes records one a line, joins those that span lines, takes out stray quotes, and counts."""

    def __init__(self, out: io.TextIOBase, separator: str, fields: int) -> None:
        self.out, self.separator, self.fields = out, separator, fields
        self.records = 0
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._open: list[tuple[int, str]] = []

    def note(self, rule: str, line: int) -> None:
        """Count a repair."""
        self.counts[rule] += 1
        if len(self.examples.setdefault(rule, [])) < EXAMPLES:
            self.examples[rule].append(f"line {line}")

    def add(self, number: int, line: str) -> None:
        """Take in the next line."""
        if not self._open and not line.strip():
            self.note("line.blank", number)
        elif not self._open and line.count('"') % 2 == 0:
            self._write(line)
        else:
            self._open.append((number, line))
            self._settle()

    def _write(self, record: str) -> None:
        self.out.write(record + "\n")
        self.records += 1

    def finish(self) -> None:
        """Write what is still open at the end of the file."""
        while self._open:
            self._give_up()

    def _settle(self) -> None:
        """Join lines whose quotes close each other into one record, or find the first one's quote stray."""
        if len(self._open) == 1:
            return
        joined = " ".join(line for _, line in self._open)
        if joined.count('"') % 2:
            if len(self._open) > _LONGEST_FIELD:
                self._give_up()
        elif len(next(csv.reader([joined], delimiter=self.separator))) == self.fields:
            self._write(joined)
            self.note("line.joined", self._open[0][0])
            self._open = []
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Write the first open line without its quotes, then look at the others afresh."""
        (number, line), rest = self._open[0], self._open[1:]
        self._write(line.replace('"', ""))
        self.note("line.quote", number)
        self._open = []
        for later in rest:
            self.add(*later)


def _repair(
    path: Path, clean: Path, encoding: str | None, separator: str, fields: int, above: int = 0
) -> _Mender:
    """Write the file as UTF-8, one record a line, without the lines above the heads; count what had to be mended."""
    with clean.open("w", encoding="utf-8", newline="\n") as out:
        mender = _Mender(out, separator, fields)
        lines = _wide_lines(path, encoding) if encoding else _byte_lines(path, mender)
        for number, line in lines:
            if number <= above and line.strip():
                mender.note("line.title", number)
            else:
                mender.add(number, line)
        mender.finish()
    return mender


def _wide_lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of a file with two bytes a letter."""
    with path.open("r", encoding=encoding, errors="replace", newline=None) as text:
        for number, line in enumerate(text, start=1):
            yield number, line.rstrip("\n").lstrip("\ufeff").replace("\0", "")


def _byte_lines(path: Path, mender: _Mender) -> Iterator[tuple[int, str]]:
    """Numbered lines of a file with one byte a letter, each read as UTF-8 or else as Windows-1252."""
    number, rest = 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            # A return at the end of a block may belong to a line feed at the start of the next.
            held = rest + block
            rest = b"\r" if held.endswith(b"\r") else b""
            lines = held[: len(held) - len(rest)].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            rest = lines.pop() + rest
            for raw in lines:
                number += 1
                yield number, _text(raw, number, mender)
    if rest.strip(b"\r"):
        yield number + 1, _text(rest.strip(b"\r"), number + 1, mender)


def _text(raw: bytes, number: int, mender: _Mender) -> str:
    if b"\0" in raw:
        mender.note("line.null", number)
        raw = raw.replace(b"\0", b"")
    text, is_utf8 = _decode_line(raw)
    if not is_utf8:
        mender.note("line.encoding", number)
    return text.lstrip("\ufeff") if number == 1 else text
