"""Customs declarations: from files as they come to clean lines, a quarantine, and a log, on DuckDB.

The source text of every line stays in the workspace, so that every reading can be traced and undone. Each distinct
text of a column is read once in Python; DuckDB joins the meanings to the lines, on disk where they exceed memory.
"""

from __future__ import annotations

import hmac
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from firmtrade_core.codes.artefacts import NUMBER_BLANKS, read_identifier, unwrapped
from firmtrade_core.codes.currencies import ExchangeRates, read_currency
from firmtrade_core.codes.flows import whole_flow
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.codes.place_lists import NUMBER_LISTS, number_list, numbers_of
from firmtrade_core.codes.places import by_year, former, place_name
from firmtrade_core.codes.products import ProductCodes
from firmtrade_core.harmonise.database import LARGEST_AMOUNT, exact_sum
from firmtrade_core.harmonise.dictionaries import Dictionary, build_dictionary, list_told_by
from firmtrade_core.harmonise.distinct import texts_of
from firmtrade_core.harmonise.errors import HarmoniseError, LayoutError, UnreadableFileError
from firmtrade_core.harmonise.findings import EXAMPLES, Finding, Findings
from firmtrade_core.harmonise.layout import FIELD_NAMES, Layout, guess_layout
from firmtrade_core.harmonise.names import read_identifiers
from firmtrade_core.harmonise.numerals import Convention, doubtful, number_of, settle_conventions
from firmtrade_core.harmonise.quoting import literal, quoted
from firmtrade_core.harmonise.reading import TextFile, clear_away, ever_new, load_text, open_text
from firmtrade_core.harmonise.rules import NOTE_RULES, QUARANTINE_RULES, REPAIR_RULES, RULES
from firmtrade_core.jobs import Progress, part, silent
from firmtrade_core.labels.units import in_percent
from firmtrade_core.paths import whole_file, write_whole
from firmtrade_core.world.columns import unused_columns

#: Fields whose distinct texts are few and are read one by one.
DICTIONARY_FIELDS = ("date", "flow", "country", "product", "currency", "unit")

NUMBER_FIELDS = ("value", "quantity", "weight")

#: Share of dates that must be years alone for a month beside them to be read with them.
_MOSTLY_YEARS = 0.9

#: A firm with more than this share of a year's flow is pointed out.
DOMINANT_SHARE = 0.5

#: Lines up to which a table is put in order at once, and lines of a piece beyond.
_SORTED_AT_ONCE, _PIECE = 20_000_000, 2_000_000

#: Lines whose hashes are counted at once.
_HASHED_AT_ONCE = 10_000_000

#: Fewest firms in a year's flow for dominance to mean anything.
_DOMINANT_FIRMS = 3


@dataclass(frozen=True)
class Source:
    """A file that lines came from: provenance down to its hash; ``texts`` names, by field, the tables of its distinct texts."""

    name: str
    sha256: str
    lines: int
    broken: int
    separator: str
    layout: Layout
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How lines are read.

    Parameters
    ----------
    layout
        Columns and constants; guessed from the header of each file unless given.
    constants
        Constants that go with a guessed layout.
    columns
        Field to column, as a person says, where the layout is guessed.
    corrections
        By field: text as written to text as meant.
    partners
        What numbers of partners mean where they are not ISO's: a list of `places.NUMBER_LISTS` by its name, or codes of
        countries by number.
    salt
        Secret that firms' identifiers are hashed with; keep it apart from the data.
    memory
        Most memory for DuckDB, in its own notation; beyond it, work goes to disk.
    threads
        For DuckDB.
    """

    salt: bytes
    layout: Layout | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    partners: str | Mapping[str, str] | None = None
    memory: str = "2000MB"
    threads: int = 2


#: Whether a judged line has a value, by field.
_CHECKED = {
    **{name: f"{name} IS NOT NULL" for name in ("firm", "date", "country", "product", "currency")},
    "value": "NOT value_blank",
    "quantity": "NOT quantity_blank",
    "weight": "NOT weight_blank",
}


def hashed_firm(identifier: str, salt: bytes) -> str:
    """Sixteen hexadecimal digits in a firm's stead: keyed, so that nobody without the salt can try numbers out.

    What other software left in the identifier (`artefacts.read_identifier`) plays no part.
    """
    known, _ = read_identifier(identifier)
    return _hash_of(known or identifier, salt)


def _hash_of(known: str, salt: bytes) -> str:
    """The same for an identifier that was read already."""
    plain = "".join(c for c in known.upper() if c.isalnum())
    return hmac.digest(salt, plain.encode(), "sha256").hex()[:16]


@dataclass(frozen=True, eq=False)
class Declarations:
    """Customs lines, read and checked.

    The tables live in DuckDB (``connection``):

    ``lines``
        file, row, declaration, firm (hashed), date (of a period its first day), months (of the period, 0 for a day), year, flow, country (ISO alpha-3), product (six digits), value
        (in its currency), currency, value_usd (US dollars of the day, of a period at its mean rate), quantity (in ``unit``), unit (base unit),
        weight_kg, flags (list of rules).
    ``quarantine``
        file, row, rule, value_usd where it could be told.
    ``changes``
        file, row, column, before, after, rule: every repair of a line that stayed.
    ``source_N``, ``source_N_broken``
        The N-th file's text.

    Every line of every file is in ``lines``, in ``quarantine`` or in a table of broken lines: `accounts` adds them up.
    """

    connection: duckdb.DuckDBPyConnection
    sources: tuple[Source, ...]
    findings: Findings

    def accounts(self) -> dict[str, int]:
        """Rows in, and where they went; ``lost`` is zero."""
        found = self.connection.execute(
            "SELECT count(*) FILTER (verdict IS NULL), count(*) FILTER (verdict IS NOT NULL) FROM judged"
        )
        clean, aside = found.fetchone() or (0, 0)
        read, broken = sum(s.lines for s in self.sources), sum(s.broken for s in self.sources)
        return {
            "read": read,
            "clean": clean,
            "quarantined": aside + broken,
            "lost": read - clean - aside - broken,
        }

    def _count(self, table: str) -> int:
        found = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0

    def filled(self) -> dict[str, float]:
        """Share of well-formed lines with a value, by field of the layouts and of what is recommended."""
        names = [name for name in _CHECKED if self._count("judged")]
        shares = ", ".join(
            f"avg(({condition})::INTEGER)" for name, condition in _CHECKED.items() if name in names
        )
        found = self.connection.execute(f"SELECT {shares} FROM judged").fetchone() if names else ()
        return {name: float(share) for name, share in zip(names, found or (), strict=True)}

    def firm_names(self) -> pd.DataFrame:
        """The usual name, address and place of each firm: columns ``id`` (hashed), ``name``, ``address``, ``place``.

        For linkage only: write it nowhere that outlives the session.
        """
        parts = []
        for n, source in enumerate(self.sources):
            columns = source.layout.columns
            if "name" not in columns or "firm" not in columns or not source.lines:
                continue
            told = [field for field in ("name", "address", "place") if field in columns]
            firm = f"trim(coalesce(s.{quoted(columns['firm'])}, ''))"
            found: pd.DataFrame | None = None
            for told_of in told:
                text = f"nullif(trim(s.{quoted(columns[told_of])}), '')"
                # Of two that are as frequent the later in the alphabet, whoever reads first.
                usual = self.connection.execute(
                    f"SELECT id, max(struct_pack(n := if(text IS NULL, -1, n), text := text)).text AS {told_of} FROM (SELECT d.meant AS id, {text} AS text, "
                    f"count(*) AS n FROM source_{n} s JOIN dictionary_{n}_firm d ON d.text = {firm} "
                    "WHERE d.meant IS NOT NULL GROUP BY ALL) GROUP BY id ORDER BY id"
                ).df()
                found = usual if found is None else found.merge(usual, how="outer", on="id", sort=True)
            if found is not None:
                parts.append(found.reindex(columns=["id", "name", "address", "place"]))
        if not parts:
            return pd.DataFrame(columns=["id", "name", "address", "place"])
        return pd.concat(parts, ignore_index=True).drop_duplicates("id", ignore_index=True)

    def quarantined_text(self, rule: str, limit: int = 100) -> pd.DataFrame:
        """Lines that a rule set aside, as they were written."""
        parts = [
            self.connection.execute(
                f"SELECT ? AS file, s.* FROM source_{n} s SEMI JOIN "
                f"(SELECT row FROM quarantine WHERE file = {n} AND rule = ?) q ON s.row = q.row LIMIT {int(limit)}",
                [source.name, rule],
            ).df()
            for n, source in enumerate(self.sources)
        ]
        return pd.concat(parts, ignore_index=True).head(limit)

    def save(self, folder: Path, *, first_file: int = 0) -> None:
        """Write lines, quarantine and changes as Parquet, and the findings as JSON.

        Parameters
        ----------
        first_file
            Number of the first file, where these are some of several.
        """
        import json

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Joins leave rows in another order from run to run: tables are written in the files' own.
        for table, order in (
            ("lines", "file, row"),
            ("quarantine", "file, row"),
            ("changes", 'file, row, "column"'),
        ):
            rows = f"SELECT * REPLACE (file + {int(first_file)} AS file) FROM {table}"
            with whole_file(folder / f"{table}.parquet") as target:
                if sum(source.lines for source in self.sources) > _SORTED_AT_ONCE:
                    self._write_in_pieces(rows, order, target)
                    continue
                self.connection.execute(
                    f"COPY ({rows} ORDER BY {order}) TO {literal(str(target))} "
                    "(FORMAT parquet, USE_TMP_FILE false, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 20000)"
                )
        report = self.findings.to_json() | {
            "accounts": self.accounts(),
            "sources": [
                {"file": s.name, "sha256": s.sha256, "lines": s.lines, "broken": s.broken}
                for s in self.sources
            ],
        }
        write_whole(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False))

    def _write_in_pieces(self, rows: str, order: str, target: Path) -> None:
        """The same table, ordered and written a stretch of lines at a time: an order of all of them at once would not fit in memory."""
        import pyarrow
        from pyarrow import parquet

        writer: parquet.ParquetWriter | None = None
        try:
            for n, source in enumerate(self.sources):
                for start in range(0, max(source.lines, 1), _PIECE):
                    within = f"file = {n} AND row > {start} AND row <= {start + _PIECE}"
                    query = (
                        rows.replace(" FROM ", " FROM (SELECT * FROM ", 1)
                        + f" WHERE {within}) ORDER BY {order}"
                    )
                    with warnings.catch_warnings():
                        # The copy is of a piece only; a relation could not be had beside an unfinished result.
                        warnings.simplefilter("ignore", UserWarning)
                        piece: pyarrow.Table = self.connection.execute(query).to_arrow_table()
                    if writer is None:
                        # Enumerated texts are to be read as texts.
                        writer = parquet.ParquetWriter(
                            target, piece.schema, compression="snappy", store_schema=False
                        )
                    writer.write_table(piece.cast(writer.schema))
        finally:
            if writer is not None:
                writer.close()


def read_declarations(
    paths: Sequence[Path],
    workspace: Path,
    options: Options,
    *,
    products: ProductCodes | None = None,
    rates: ExchangeRates | None = None,
    progress: Progress = silent,
) -> Declarations:
    """Read customs files into clean lines, a quarantine, a log of changes and a report.

    Parameters
    ----------
    paths
        Text files (CSV, TSV and the like, in any encoding); they may differ in every habit.
    workspace
        Private folder for the database and repaired copies; the caller deletes it.
    products
        Concordances to check product codes against; without them, only form and chapter are checked.
    rates
        Exchange rates; the European Central Bank's unless given.

    Raises
    ------
    HarmoniseError
        If no file can be read, or a field that is needed is in no column. Single bad lines never raise.
    duckdb.Error
        If the disk is full.
    """
    workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = _open_database(workspace, options)
    known = _known_products(products)
    rates = rates or ExchangeRates.european_central_bank()
    found: list[Finding] = []
    notes: list[str] = []
    sources: list[Source] = []
    for number, path in enumerate(paths):
        step = part(progress, 0.9 * number / len(paths), 0.9 * (number + 1) / len(paths))
        try:
            reader = _FileReader(connection, number, open_text(Path(path), workspace), options, known, rates)
            reader.run(step)
        except (UnreadableFileError, LayoutError) as error:
            if len(paths) == 1:
                raise
            notes.append(f"Left out: {error}")
            sources.append(Source(Path(path).name, "", 0, 0, "", Layout({})))
            _create_empty(connection, number)
            continue
        found += reader.found
        notes += reader.notes
        sources.append(reader.source)
    if not any(source.sha256 for source in sources):
        raise HarmoniseError("No file could be read. " + " ".join(notes))
    progress(0.92, "Counting what was found")
    _finish(connection, sources)
    rows = sum(source.lines for source in sources)
    counted = _count_rules(connection, rows, _FLAGS)
    counted += _dominant_firms(connection, rows) + _late_partners(connection, rows, counted)
    findings = Findings.sorted(rows, _merged(counted, found, rows), notes)
    progress(1.0, "Read")
    return Declarations(connection, tuple(sources), findings)


def _open_database(workspace: Path, options: Options) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(workspace / "harmonise.duckdb"))
    connection.execute(f"SET memory_limit = {literal(options.memory)}")
    connection.execute(f"SET threads = {int(options.threads)}")
    connection.execute(f"SET temp_directory = {literal(str(workspace / 'spill'))}")
    connection.execute("SET enable_progress_bar = false")
    return connection


def _known_products(products: ProductCodes | None) -> frozenset[str] | None:
    if products is None:
        return None
    vintages = [name for name in products.classifications if name.startswith("HS")]
    return frozenset().union(*(products.known(name) for name in vintages))


class _FileReader:
    """Reads one file: text, meanings, numbers, verdicts."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        number: int,
        file: TextFile,
        options: Options,
        known: frozenset[str] | None,
        rates: ExchangeRates,
    ) -> None:
        self.connection, self.number, self.file, self.options = connection, number, file, options
        self.known, self.rates = known, rates
        self.table = f"source_{number}"
        self.found: list[Finding] = []
        self.notes: list[str] = []
        self.conventions: dict[str, Convention] = {}
        self.has_period = False
        self.told_by_year: dict[str, tuple[int, int]] = {}
        self.layout = options.layout or guess_layout(file.columns, options.constants, options.columns)
        self.ever_new = ever_new(file) if file.columns else ()
        few = {self.layout.columns.get(name) for name in DICTIONARY_FIELDS}
        few |= {self.layout.columns.get("firm")} - set(self.ever_new)
        self.coded = tuple(column for column in file.columns if column in few)
        self.scale = self._scale_of_values()
        self.source = Source(file.path.name, file.sha256, 0, 0, file.separator, self.layout)

    def _scale_of_values(self) -> float:
        """Scale that the head of the values tells (`fob_thousand_usd`); its currency serves where nothing else tells one.

        Raises
        ------
        LayoutError
            If a constant says another currency than the head.
        """
        name = self.file.path.name
        told = read_money_head(self.layout.columns.get("value", ""))
        if told is None:
            return 1.0
        said = self.layout.constants.get("currency")
        if told.currency and said and read_currency(said) not in (None, told.currency):
            raise LayoutError(
                f"{name}: column “{self.layout.columns['value']}” says {told.currency}, but {said} was given as the "
                "currency of every line. Keep one."
            )
        if told.currency and not said and "currency" not in self.layout.columns:
            constants = {**self.layout.constants, "currency": told.currency}
            self.layout = Layout(self.layout.columns, constants)
        self.notes.append(
            f"{name}: values are in {told.told}, as the head “{self.layout.columns['value']}” says."
        )
        return told.size

    def run(self, progress: Progress) -> None:
        """All steps, into the tables ``typed_N``, ``dictionary_N_FIELD`` and ``source_N``."""
        name = self.file.path.name
        if not self.file.columns:
            self.notes.append(f"{name} is empty")
            _create_empty(self.connection, self.number)
            return
        self.layout.check(self.file.columns, name)
        progress(0.02, f"Reading {name}")
        broken, examples = load_text(self.connection, self.file, self.table, self.coded)
        rows = self._one(f"SELECT count(*) FROM {self.table}_text")
        texts = {
            fieldname: texts_of(self.table, self.file.columns.index(column))
            for fieldname, column in self.layout.columns.items()
            if column in self.coded
        }
        self.source = Source(
            name, self.file.sha256, rows + broken, broken, self.file.separator, self.layout, texts
        )
        self.found += self.file.findings(rows + broken)
        self.found.append(
            Finding(RULES["line.fields"], broken, broken / max(rows + broken, 1), None, tuple(examples))
        )
        self._settle_period()
        used = [c for f, c in self.layout.columns.items() if f != "month" or self.has_period]
        left = unused_columns(self.file.columns, used)
        self.notes += [f"{name}: {note}" for note in (*self.file.notes, left) if note]
        for position, fieldname in enumerate(DICTIONARY_FIELDS):
            progress(0.3 + 0.03 * position, f"{name}: reading each {fieldname}")
            self._read_dictionary(fieldname)
        self._hash_firms()
        self._settle_numbers()
        progress(0.5, f"{name}: exchange rates")
        self._find_rates()
        progress(0.55, f"{name}: joining")
        self._join_lines()
        self._say_without_rate()
        progress(0.85, f"{name}: duplicates and cancellations")
        self._find_duplicates()
        self._find_cancelled()

    def _one(self, query: str) -> int:
        found = self.connection.execute(query).fetchone()
        return int(found[0]) if found and found[0] is not None else 0

    def _text(self, fieldname: str, written: Callable[[str], str] = quoted) -> str | None:
        """SQL for a field's text, None where the file does not hold it; ``written`` is SQL for a column's text."""
        if fieldname == "date" and self.has_period:
            year, month = self._plain("date", written), self._plain("month", written)
            bare = f"regexp_replace({month}, '\\.0+$', '')"
            return f"if({year} = '' OR {month} = '', {year}, regexp_replace({year}, '\\.0+$', '') || '-' || {bare})"
        return self._plain(fieldname, written)

    def _plain(self, fieldname: str, written: Callable[[str], str] = quoted) -> str | None:
        if fieldname in self.layout.columns:
            return f"trim(coalesce({written(self.layout.columns[fieldname])}, ''))"
        if fieldname in self.layout.constants:
            return literal(self.layout.constants[fieldname])
        return None

    def _texts(self, fieldname: str) -> str | None:
        """The table of a field's distinct texts, None where its lines are not coded or its texts are put together."""
        return None if fieldname == "date" and self.has_period else self.source.texts.get(fieldname)

    def _counted(self, fieldname: str) -> str:
        """SQL for a field's distinct texts, ``text``, and how many lines have each, ``rows``."""
        if (texts := self._texts(fieldname)) is not None:
            return f"SELECT trim(coalesce(text, '')) AS text, sum(lines)::BIGINT AS rows FROM {texts} GROUP BY ALL"
        return f"SELECT {self._text(fieldname) or literal('')} AS text, count(*) AS rows FROM {self.table} GROUP BY ALL"

    def _settle_period(self) -> None:
        """A year and a month in columns of their own are one period."""
        if "month" not in self.layout.columns or "date" not in self.layout.columns:
            return
        year, month = self._text("date"), self._text("month")
        dates = self._one(f"SELECT count_if({year} <> '') FROM {self.table}")
        years = self._one(f"SELECT count_if(regexp_full_match({year}, '\\d{{4}}(\\.0+)?')) FROM {self.table}")
        months = self._one(
            f"SELECT count_if({month} = '' OR regexp_full_match({month}, '0?[1-9](\\.0+)?|1[0-2](\\.0+)?|[^0-9]{{3,12}}')) FROM {self.table}"
        )
        rows = self._one(f"SELECT count(*) FROM {self.table}")
        if years and years >= _MOSTLY_YEARS * dates and months >= _MOSTLY_YEARS * rows:
            self.has_period = True
            columns = self.layout.columns
            self.notes.append(
                f"{self.file.path.name}: dates are the year in {columns['date']} and the month in {columns['month']}"
            )

    def _read_dictionary(self, fieldname: str) -> None:
        counts: dict[str, int] = {}
        if fieldname in self.layout.columns:
            counts = dict(
                self.connection.execute(f"{self._counted(fieldname)} ORDER BY rows DESC, text").fetchall()
            )
        elif fieldname in self.layout.constants:
            counts = {self.layout.constants[fieldname]: 1}
        corrections = self.options.corrections.get(fieldname, {})
        partners, list_name = self._partners(counts) if fieldname == "country" else (None, "")
        dictionary = build_dictionary(fieldname, counts, corrections, self.known, partners, list_name)
        if fieldname == "country":
            dictionary = self._with_years(dictionary)
        self._store(fieldname, dictionary)
        self.notes += [f"{self.file.path.name}: {note}" for note in dictionary.notes]
        self.notes += list(dictionary.hints.values())

    def _with_years(self, dictionary: Dictionary) -> Dictionary:
        """A code that two states bore one after the other, with an entry for each of them: lines are told apart by their year."""
        table, hints, notes = dictionary.table, dict(dictionary.hints), list(dictionary.notes)
        for text in table.loc[table["rule"] == "country.ambiguous", "text"]:
            if (bore := by_year(unwrapped(str(text)))) is None:
                continue
            (first, last), (second, start) = bore
            self.told_by_year[str(text)] = (last, start)
            hints.pop(text, None)
            for place, when in ((first, _until(last)), (second, _since(start))):
                table.loc[len(table)] = [f"{text}{when}", place.code, place.rule, None]
            notes.append(
                f"{text!r} is read by the year of its line: {place_name(str(first.code))} ({first.code}) until {last}, "
                f"{place_name(str(second.code))} ({second.code}) from {start}; between them it is set aside"
            )
        return Dictionary(table, hints, tuple(notes))

    def _partners(self, counts: Mapping[str, int]) -> tuple[Mapping[str, str] | None, str]:
        """The list that numbers of partners are of, and its name: as a person says, or as a published file's columns tell."""
        chosen = self.options.partners
        if isinstance(chosen, str):
            return number_list(chosen), f"{NUMBER_LISTS[chosen]} list ({chosen})"
        if chosen is not None:
            return chosen, "the list given"
        told = list_told_by(self.file.columns)
        column = numbers_of(counts)
        if told is None or not column.is_other_list or column.fits[told] < 0.9 * column.numbers:
            return None, ""
        return number_list(
            told
        ), f"{NUMBER_LISTS[told]} list ({told}), as the names of the file's columns tell"

    def _store(self, fieldname: str, dictionary: Dictionary) -> None:
        target = f"dictionary_{self.number}_{fieldname}"
        kind = "DATE" if fieldname == "date" else "VARCHAR"
        frame = dictionary.table.assign(size=dictionary.table.get("size", 1.0))
        frame = frame.astype({"text": "str", "rule": "str", "meant": "str", "size": "float"})
        self.connection.register("frame", frame[["text", "meant", "rule", "size"]])
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {target} AS SELECT text::VARCHAR AS text, TRY_CAST(meant AS {kind}) AS meant, "
            "rule::VARCHAR AS rule, size::DOUBLE AS size FROM frame"
        )
        self.connection.unregister("frame")

    def _hash_firms(self) -> None:
        counted = self.connection.execute(f"{self._counted('firm')} ORDER BY text").df()
        names = counted["text"].astype("str")
        # What a person gives for every line is meant.
        given = "firm" in self.layout.constants and "firm" not in self.layout.columns
        read = list(map(read_identifier, names)) if given else read_identifiers(list(names))
        frame = pd.DataFrame(
            {
                "text": names,
                "meant": pd.Series(
                    [_hash_of(known, self.options.salt) if known else None for known, _ in read],
                    dtype="str",
                ),
                "rule": pd.Series([f"firm.{fault}" if fault else None for _, fault in read], dtype="str"),
            }
        )
        self._count_firms([known for known, _ in read], frame["rule"], counted["rows"])
        self.connection.register("frame", frame)
        self.connection.execute(
            f"CREATE OR REPLACE TABLE dictionary_{self.number}_firm AS SELECT text::VARCHAR AS text, "
            "meant::VARCHAR AS meant, rule::VARCHAR AS rule FROM frame"
        )
        self.connection.unregister("frame")

    def _count_firms(self, known: Sequence[str | None], rule: pd.Series, rows: pd.Series) -> None:
        """Findings on identifiers, without any of them: what was taken off, and pairs that leading zeros keep apart."""
        total = max(int(rows.sum()), 1)
        numbers = pd.Series(list(known), dtype=object).astype("str").str.replace(r"[\s.\-]", "", regex=True)
        numbers = numbers.where(numbers.str.fullmatch(r"\d+").fillna(False))
        core = numbers.str.lstrip("0")
        several = numbers.groupby(core).transform("nunique") > 1
        for key, met in {
            "firm.artefact": rule == "firm.artefact",
            "firm.leading_zeros": several & (numbers != core),
        }.items():
            count = int(rows[met.fillna(False).to_numpy(bool)].sum())
            self.found.append(Finding(RULES[key], count, count / total))

    def _settle_numbers(self) -> None:
        columns = {f: self.layout.columns[f] for f in NUMBER_FIELDS if f in self.layout.columns}
        settled = settle_conventions(self.connection, self.table, list(columns.values()), self.file.separator)
        for fieldname, column in columns.items():
            self.conventions[fieldname] = settled[column]
            self.notes.append(f"{self.file.path.name}: {settled[column].note}")

    def _number(self, fieldname: str) -> str:
        if fieldname in self.conventions:
            number = number_of(self.layout.columns[fieldname], self.conventions[fieldname], "s")
            return number if fieldname != "value" or self.scale == 1.0 else f"{self.scale!r} * ({number})"
        constant = self.layout.constants.get(fieldname)
        return "NULL::DOUBLE" if constant is None else f"TRY_CAST({literal(constant)} AS DOUBLE)"

    def _join_lines(self) -> None:
        """One typed row per line, with the first rule that sets it aside.

        Meanings are enumerated, a byte or a few each, in a table that is not kept: it stays in memory where it can.
        """
        numbers = {name: self._number(name) for name in NUMBER_FIELDS}
        self.connection.execute(f"DROP TABLE IF EXISTS typed_{self.number}")
        joins = self._joins()
        # What is a number is no blank: few cells are compared with them all. By a pattern, as IN and lists would join every line with them.
        blanks = literal("|".join(re.escape(text) for text in sorted(NUMBER_BLANKS)))
        blank = [
            f"if(isfinite({name}), FALSE, regexp_full_match(lower(trim(coalesce({name}_text, ''))), '|' || {blanks})) AS {name}_blank"
            for name in NUMBER_FIELDS
        ]
        before = [
            f"if(({_number_rule(name)}) IS NOT NULL, {name}_text, NULL) AS {name}_before"
            for name in NUMBER_FIELDS
            if name != "value"
        ]
        columns = self.layout.columns
        written = [
            f"{_of_lines(columns[name]) if name in columns else literal(self.layout.constants.get(name, ''))} AS {name}_text"
            for name in NUMBER_FIELDS
        ]
        written += [
            f"{_of_lines(columns[name]) if columns.get(name) in self.coded else 'NULL::INTEGER'} AS {name}_code"
            for name in _REPAIRED_FIELDS
        ]
        shaky = {
            name: doubtful(self.layout.columns[name], self.conventions[name], "s")
            if name in self.conventions
            else "FALSE"
            for name in NUMBER_FIELDS
        }
        declaration = self._text("declaration", _of_lines) or "NULL"
        self.connection.execute(
            f"""
            CREATE TEMP TABLE typed_{self.number} AS
            SELECT * EXCLUDE (value_text, quantity_text, weight_text, part), {", ".join(before)}, CASE
                WHEN part THEN 'line.part'
                WHEN firm IS NULL THEN coalesce(firm_rule, 'firm.missing')
                WHEN date IS NULL THEN date_rule
                WHEN flow IS NULL THEN flow_rule
                WHEN country IS NULL THEN country_rule
                WHEN product IS NULL THEN product_rule
                WHEN currency IS NULL THEN currency_rule
                WHEN value IS NULL OR NOT isfinite(value) OR abs(value) > {LARGEST_AMOUNT} THEN if(value_blank, 'value.missing', 'value.unreadable')
                WHEN value < 0 THEN 'value.negative'
                WHEN value = 0 THEN 'value.zero' END AS verdict
            FROM (SELECT *, {", ".join(blank)} FROM (SELECT s.rowid + 1 AS row, {self._parts()} AS part, {", ".join(written)}, nullif({declaration}, '')::VARCHAR AS declaration, firm_.meant AS firm,
                firm_.rule AS firm_rule, date_.meant AS date, date_.rule AS date_rule, date_.size AS months, flow_.meant AS flow, flow_.rule AS flow_rule,
                country_.meant AS country, country_.rule AS country_rule,
                product_.meant AS product, product_.rule AS product_rule,
                currency_.meant AS currency, currency_.rule AS currency_rule,
                unit_.meant AS unit, unit_.rule AS unit_rule, unit_.size AS unit_size, rate_.rate AS rate,
                {numbers["value"]} AS value, {shaky["value"]} AS value_doubtful,
                {numbers["quantity"]} AS quantity, {shaky["quantity"]} AS quantity_doubtful,
                {numbers["weight"]} AS weight, {shaky["weight"]} AS weight_doubtful
            FROM {self.table}_text s {" ".join(joins)}
            LEFT JOIN (SELECT * REPLACE (currency::currency_meant_{self.number} AS currency) FROM rate_{self.number}) rate_
                ON rate_.currency = currency_.meant AND rate_.date = date_.meant AND rate_.months = date_.size))
            """
        )

    def _parts(self) -> str:
        """SQL for whether a line tells a part of a flow whose whole another line tells, by columns of the United Nations."""
        met = []
        for column in self.file.columns:
            total = whole_flow(column)
            if total is None or column in self.layout.columns.values():
                continue
            bare = "regexp_replace(trim(coalesce({}, '')), '\\.0+$', '')"
            text = bare.format(quoted(column))
            found = self.connection.execute(
                f"SELECT count_if({text} = {literal(total)}), count_if({text} <> {literal(total)}) FROM {self.table}"
            ).fetchone()
            if found and all(found):
                met.append(f"{bare.format(_of_lines(column))} <> {literal(total)}")
                self.notes.append(
                    f"{self.file.path.name}: {column} breaks flows down: lines of whole flows ({total}) count, others are set aside"
                )
        return f"({' OR '.join(met)})" if met else "FALSE"

    def _joins(self) -> list[str]:
        """SQL that joins meanings to the lines: by the number of the text, or by the text where it is put together of several."""
        joins: list[str] = []
        decoded: set[str] = set()

        def written(column: str) -> str:
            if column not in self.coded:
                return _of_lines(column)
            at = self.file.columns.index(column)
            if column not in decoded:
                decoded.add(column)
                joins.append(f"JOIN {texts_of(self.table, at)} t{at} ON t{at}.code = {_of_lines(column)}")
            return f"t{at}.text"

        for fieldname in (*DICTIONARY_FIELDS, "firm"):
            by_year = fieldname == "country" and bool(self.told_by_year)
            texts = None if by_year else self._texts(fieldname)
            if texts is not None:
                condition = f"{fieldname}_.code = {_of_lines(self.layout.columns[fieldname])}"
            elif (text := self._text(fieldname, written)) is None:
                condition = "FALSE"
            else:
                condition = f"{fieldname}_.text = {self._with_year(text) if by_year else text}"
            joins.append(f"LEFT JOIN {self._enumerated(fieldname, texts)} {fieldname}_ ON {condition}")
        return joins

    def _with_year(self, text: str) -> str:
        """SQL for the text of a partner, with the time of the line where that tells which state it is."""
        cases = []
        for code, (last, start) in self.told_by_year.items():
            for condition, when in ((f"<= {last}", _until(last)), (f">= {start}", _since(start))):
                cases.append(
                    f"WHEN {text} = {literal(code)} AND year(date_.meant) {condition} THEN {literal(code + when)}"
                )
        return f"CASE {' '.join(cases)} ELSE {text} END"

    def _enumerated(self, fieldname: str, texts: str | None) -> str:
        """SQL for a dictionary whose meanings and rules, few beside the lines, are enumerated; by the texts' numbers where they have any."""
        dictionary = f"dictionary_{self.number}_{fieldname}"
        columns = ["d.text"] if texts is None else ["w.code"]
        columns += [] if fieldname == "firm" else ["d.size"]
        for column in ("meant", "rule"):
            if (fieldname, column) == ("date", "meant"):
                columns.append("d.meant")
                continue
            kind = f"{fieldname}_{column}_{self.number}"
            self.connection.execute(f"DROP TYPE IF EXISTS {kind}")
            self.connection.execute(
                f"CREATE TYPE {kind} AS ENUM (SELECT DISTINCT {column} FROM {dictionary} WHERE {column} IS NOT NULL ORDER BY 1)"
            )
            columns.append(f"d.{column}::{kind} AS {column}")
        coded = "" if texts is None else f"JOIN {texts} w ON d.text = trim(coalesce(w.text, ''))"
        return f"(SELECT {', '.join(columns)} FROM {dictionary} d {coded})"

    def _find_rates(self) -> None:
        """Dollars per unit of each currency on each date, before lines are joined: both are few."""
        n = self.number
        dates = f"(SELECT DISTINCT meant AS date, size AS months FROM dictionary_{n}_date WHERE meant IS NOT NULL)"
        currencies = (
            f"(SELECT DISTINCT meant AS currency FROM dictionary_{n}_currency WHERE meant IS NOT NULL)"
        )
        pairs = self.connection.execute(
            f"SELECT currency, date, months FROM {currencies} CROSS JOIN {dates} ORDER BY ALL"
        ).df()
        pairs["rate"] = (
            self.rates.over(pairs["currency"], pairs["date"], pairs["months"]).to_numpy()
            if len(pairs)
            else pd.Series(dtype=float)
        )
        self.connection.register("frame", pairs)
        self.connection.execute(
            f"CREATE OR REPLACE TABLE rate_{n} AS SELECT currency::VARCHAR AS currency, date::DATE AS date, "
            "months::DOUBLE AS months, if(isnan(rate::DOUBLE), NULL, rate::DOUBLE) AS rate FROM frame"
        )
        self.connection.unregister("frame")

    def _say_without_rate(self) -> None:
        """Which currencies of lines have no rate, in which years, and why; such lines are set aside."""
        pairs = self.connection.execute(
            f"SELECT DISTINCT currency::VARCHAR AS currency, date, months FROM typed_{self.number} "
            "WHERE rate IS NULL AND currency IS NOT NULL AND date IS NOT NULL ORDER BY ALL"
        ).df()
        for currency, group in pairs.groupby("currency", sort=True):
            years = sorted({date.year for date in group["date"]})
            span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
            first = group.sort_values("date").iloc[0]
            why = self.rates.why_none(str(currency), pd.Timestamp(first["date"]), float(first["months"]))
            self.notes.append(
                f"{self.file.path.name}: no exchange rate of {currency} in {span}: {why}. Give a table of rates (date, currency, usd) among the files."
            )

    def _find_duplicates(self) -> None:
        """Rows that repeat an earlier one in every column: candidates by hash, then compared in full.

        Where a column hardly repeats, rows that share its text are the only candidates.
        """
        columns = ", ".join(quoted(name) for name in self.file.columns)
        hashed = f"hash({quoted(self.ever_new[0]) if self.ever_new else columns})"
        repeated, text = f"repeated_{self.number}", f"{self.table}_text"
        self.connection.execute(f"CREATE OR REPLACE TABLE {repeated} (row BIGINT)")
        # Hashes of very many lines, nearly all different, do not fit in memory at once: those of one remainder are looked at in turn.
        turns = 1 + (self.source.lines - 1) // _HASHED_AT_ONCE
        if turns > 1:
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE hashes AS SELECT {hashed} AS h FROM {text}"
            )
        for turn in range(max(turns, 1)):
            here = f"h % {turns} = {turn}" if turns > 1 else "TRUE"
            hashes = "hashes" if turns > 1 else f"(SELECT {hashed} AS h FROM {text})"
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE twice AS SELECT h FROM {hashes} WHERE {here} GROUP BY h HAVING count(*) > 1"
            )
            if not self._one("SELECT count(*) FROM twice"):
                continue
            self.connection.execute(
                f"""
                INSERT INTO {repeated}
                SELECT row FROM (SELECT rowid + 1 AS row, row_number() OVER (PARTITION BY {columns} ORDER BY rowid) AS copy
                    FROM {text} WHERE {hashed} IN (FROM twice)) WHERE copy > 1
                """
            )
        for name in ("hashes", "twice"):
            self.connection.execute(f"DROP TABLE IF EXISTS {name}")

    def _find_cancelled(self) -> None:
        """Lines whose value a negative line takes back: each negative line cancels at most one."""
        same = "firm, flow, country, product, currency"
        typed = f"typed_{self.number}"
        self.connection.execute(
            f"""
            CREATE OR REPLACE TABLE cancelled_{self.number} AS
            WITH back AS (SELECT {same}, -value AS value,
                    row_number() OVER (PARTITION BY {same}, value ORDER BY row) AS turn
                FROM {typed} WHERE verdict = 'value.negative'),
            candidate AS (SELECT row, {same}, value,
                    row_number() OVER (PARTITION BY {same}, value ORDER BY date DESC, row DESC) AS turn
                FROM {typed} SEMI JOIN back USING ({same}, value) WHERE verdict IS NULL)
            SELECT row FROM candidate SEMI JOIN back USING ({same}, value, turn)
            """
        )


def _of_lines(column: str) -> str:
    """SQL for a column of a file's lines where they are joined with others."""
    return f"s.{quoted(column)}"


def _until(year: int) -> str:
    return f" (until {year})"


def _since(year: int) -> str:
    return f" (from {year})"


def _create_empty(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Tables of a file without lines."""
    clear_away(connection, f"source_{number}")
    connection.execute(f"CREATE TABLE source_{number} (row BIGINT)")
    connection.execute(f"CREATE OR REPLACE TABLE source_{number}_broken (line BIGINT, text VARCHAR)")
    connection.execute(f"CREATE OR REPLACE TABLE repeated_{number} (row BIGINT)")
    connection.execute(f"CREATE OR REPLACE TABLE cancelled_{number} (row BIGINT)")
    for name in DICTIONARY_FIELDS:
        kind = "DATE" if name == "date" else "VARCHAR"
        connection.execute(
            f"CREATE OR REPLACE TABLE dictionary_{number}_{name} (text VARCHAR, meant {kind}, rule VARCHAR, size DOUBLE)"
        )
    texts = "declaration firm firm_rule date_rule flow flow_rule country country_rule product product_rule currency currency_rule unit unit_rule verdict"
    numbers = "months unit_size rate value quantity weight"
    truths = "value_blank value_doubtful quantity_blank quantity_doubtful weight_blank weight_doubtful"
    texts += " quantity_before weight_before"
    columns = ["row BIGINT", "date DATE", *(f"{name}_code INTEGER" for name in _REPAIRED_FIELDS)]
    columns += [f"{name} VARCHAR" for name in texts.split()]
    columns += [f"{name} DOUBLE" for name in numbers.split()] + [f"{name} BOOLEAN" for name in truths.split()]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE typed_{number} ({', '.join(columns)})")


#: Flags of lines that stayed, with the condition in SQL.
_FLAGS = {
    "value.ambiguous": "value_doubtful",
    "weight.ambiguous": "weight_doubtful AND weight > 0",
    "quantity.ambiguous": "quantity_doubtful AND quantity > 0",
    "country.former": "country_rule = 'country.former'",
    "line.repeated": "repeated",
    "unit.unknown": "unit_rule = 'unit.unknown'",
}

#: Fields of few texts that rules repair: for their lines it is remembered which text they had.
_REPAIRED_FIELDS = tuple(
    name for name in DICTIONARY_FIELDS if any(rule.key.startswith(f"{name}.") for rule in REPAIR_RULES)
)

#: Columns of typed lines that are enumerated.
_ENUMERATED = (
    "firm", "firm_rule", "date_rule", "flow", "flow_rule", "country", "country_rule", "product", "product_rule",
    "currency", "currency_rule", "unit", "unit_rule",
)  # fmt: skip

_DATE_NOTES = ", ".join(literal(rule.key) for rule in NOTE_RULES if rule.key.startswith("date."))

#: SQL for what is noted of a date, NULL where nothing is.
_MARKED_DATE = f"if(date_rule IN ({_DATE_NOTES}), date_rule, NULL)"


def _finish(connection: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """The views ``judged``, ``lines``, ``quarantine`` and ``changes``: no second copy of the lines is made."""
    # Of one file they stay enumerated, which counts, sorts and writes several times faster; those of several differ in type.
    plain = ", ".join(f"t.{name}::VARCHAR AS {name}" for name in _ENUMERATED) if len(sources) > 1 else ""
    replaced = f"REPLACE ({plain})" if plain else ""
    parts = [_judged(connection, n, replaced) for n in range(len(sources))]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW judged AS {' UNION ALL BY NAME '.join(parts)}")
    flags = ", ".join(f"if({condition}, '{rule}', NULL)" for rule, condition in _FLAGS.items())
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW lines AS
        SELECT file, row, declaration, firm, date, months, year(date) AS year, flow, country, product, value, currency, value_usd,
            if(quantity > 0 AND quantity <= {LARGEST_AMOUNT}, quantity * unit_size, NULL) AS quantity, unit,
            coalesce(if(weight > 0 AND weight <= {LARGEST_AMOUNT}, weight, NULL),
                if(unit = 'kg' AND quantity > 0 AND quantity <= {LARGEST_AMOUNT}, quantity * unit_size, NULL)) AS weight_kg,
            if(coalesce({flags}, {_MARKED_DATE}) IS NULL, []::VARCHAR[],
                list_filter([{flags}, {_MARKED_DATE}], lambda f: f IS NOT NULL)) AS flags
        FROM judged WHERE verdict IS NULL
        """
    )
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW quarantine AS "
        "SELECT file, row, verdict AS rule, value_usd FROM judged WHERE verdict IS NOT NULL"
    )
    _create_changes(connection, sources)


def _judged(connection: duckdb.DuckDBPyConnection, n: int, replaced: str) -> str:
    """SQL for the N-th file's lines with their value in dollars and the rule that sets them aside.

    Lines that repeat others or are taken back are looked up only where there are any: every pass over the lines saves it.
    """

    def met(table: str) -> bool:
        found = connection.execute(f"SELECT count(*) FROM {table}_{n}").fetchone()
        return bool(found and found[0])

    repeated = ("repeated.row IS NOT NULL", f"LEFT JOIN repeated_{n} repeated ON repeated.row = t.row")
    cancelled = ("cancelled.row IS NOT NULL", f"LEFT JOIN cancelled_{n} cancelled ON cancelled.row = t.row")
    (twice, with_twice), (back, with_back) = (
        found if met(name) else ("FALSE", "")
        for name, found in (("repeated", repeated), ("cancelled", cancelled))
    )
    return f"""
        SELECT {n} AS file, t.* EXCLUDE (verdict, rate) {replaced}, if(abs(t.value) <= {LARGEST_AMOUNT}, t.value, NULL) * t.rate AS value_usd,
            {twice} AS repeated, coalesce(t.verdict, if(t.rate IS NULL, 'currency.no_rate', NULL), if({back}, 'line.cancelled', NULL),
                if({twice} AND t.declaration IS NOT NULL, 'line.duplicate', NULL)) AS verdict
        FROM typed_{n} t {with_twice} {with_back}
        """


def _number_rule(name: str) -> str:
    """SQL for the rule that a quantity or weight met; such a cell is set to missing."""
    return (
        f"CASE WHEN {name} = 0 THEN '{name}.zero' WHEN {name} < 0 THEN '{name}.negative' "
        f"WHEN ({name} IS NULL OR NOT isfinite({name}) OR {name} > {LARGEST_AMOUNT}) AND NOT {name}_blank THEN '{name}.unreadable' END"
    )


def _create_changes(connection: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """The log is a view over source text and meanings: it cannot fall out of step with them."""
    conditions = _repairs()
    cells = ", ".join(
        f"if({condition}, {{'column': '{name}', 'after': {after}, 'rule': {rule}, "
        f"'code': {f'{name}_code' if name in _REPAIRED_FIELDS else 'NULL::INTEGER'}, "
        f"'text': {'NULL::VARCHAR' if name in _REPAIRED_FIELDS else f'{name}_before'}}}, NULL)"
        for name, (condition, after, rule) in sorted(conditions.items())
    )
    some = " OR ".join(f"({condition})" for condition, *_ in conditions.values())
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW changed AS SELECT file, row, c.* FROM ("
        f"SELECT file, row, unnest(list_filter([{cells}], lambda c: c IS NOT NULL)) AS c "
        f"FROM judged WHERE verdict IS NULL AND ({some}))"
    )
    texts = []
    for n, source in enumerate(sources):
        before, joins = ["text"], []
        for name in _REPAIRED_FIELDS if source.lines else ():
            if (table := source.texts.get(name)) is not None:
                before.append(f"{name}_.written")
                joins.append(
                    f"LEFT JOIN (SELECT code, text AS written FROM {table}) {name}_ "
                    f"ON {name}_.code = if(c.\"column\" = '{name}', c.code, NULL)"
                )
        texts.append(
            f'SELECT c.file, c.row, c."column", coalesce({", ".join(before)}) AS before, c.after, c.rule '
            f"FROM changed c {' '.join(joins)} WHERE c.file = {n}"
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW changes AS {' UNION ALL '.join(texts)}")


def _repairs() -> dict[str, tuple[str, str, str]]:
    """By column: SQL for whether a line that stayed was repaired there, for what became of it, and for the rule."""
    repairs = [rule.key for rule in REPAIR_RULES]
    found = {}
    for name in DICTIONARY_FIELDS:
        rules = ", ".join(literal(rule) for rule in repairs if rule.startswith(f"{name}."))
        if rules:
            found[name] = (f"coalesce({name}_rule IN ({rules}), false)", f"{name}::VARCHAR", f"{name}_rule")
    for name in ("quantity", "weight"):
        rule = _number_rule(name)
        found[name] = (f"({rule}) IS NOT NULL", "NULL::VARCHAR", rule)
    return found


def _count_rules(connection: duckdb.DuckDBPyConnection, rows: int, flags: Mapping[str, str]) -> list[Finding]:
    """Findings of the rules on rows: those that set aside, those that repair, those that flag; in one pass over the lines."""
    repairs = _repairs()
    kinds = [f"if({condition}, {rule}, NULL)" for condition, _, rule in repairs.values()]
    kinds += [f"if({condition}, {literal(rule)}, NULL)" for rule, condition in flags.items()]
    kinds.append(_MARKED_DATE)
    met = ", ".join(f"if(verdict IS NULL, {kind}, NULL) AS k{n}" for n, kind in enumerate(kinds))
    groups = connection.execute(
        f"SELECT verdict, {met}, count(*), {exact_sum('value_usd')}, {exact_sum('greatest(value_usd, 0)')} "
        "FROM judged GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    counts: dict[str, int] = {}
    amounts: dict[str, list[float]] = {}
    value = 0.0
    for verdict, *others, count, amount, positive in groups:
        value += positive or 0.0
        for rule in [verdict] if verdict else dict.fromkeys(filter(None, others)):
            counts[rule] = counts.get(rule, 0) + count
            found = positive if verdict else amount
            amounts.setdefault(rule, []).extend([] if found is None else [found])
    return [
        Finding(RULES[key], count, count / max(rows, 1), sum(amounts[key]) / value if value and amounts[key] else None,
                _examples(connection, key))
        for key, count in counts.items()
    ]  # fmt: skip


def _examples(connection: duckdb.DuckDBPyConnection, rule: str) -> tuple[str, ...]:
    """The most frequent texts that a dictionary's rule met. Rules on firms and whole lines show none."""
    name = rule.split(".")[0]
    if name not in DICTIONARY_FIELDS:
        return ()
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE regexp_matches(table_name, ?) ORDER BY 1",
        [f"^dictionary_\\d+_{name}$"],
    ).fetchall()
    query = " UNION ALL ".join(
        f"(SELECT text, meant::VARCHAR FROM {t} WHERE rule = ? LIMIT {EXAMPLES})" for (t,) in tables
    )
    shown = connection.execute(query, [rule] * len(tables)).fetchall() if tables else []
    return tuple(f"{text[:40]!r}" + (f" to {meant}" if meant else "") for text, meant in shown[:EXAMPLES])


def _dominant_firms(connection: duckdb.DuckDBPyConnection, rows: int) -> list[Finding]:
    """Years and flows in which one firm makes up more than half of the value."""
    found = connection.execute(
        f"""
        SELECT flow, year, max(value) / sum(value) AS share, max_by(n, value) AS n, sum(value) AS total
        FROM (SELECT flow, year, firm, {exact_sum("value_usd")} AS value, count(*) AS n FROM lines GROUP BY ALL)
        GROUP BY flow, year HAVING share > {DOMINANT_SHARE} AND count(*) >= {_DOMINANT_FIRMS} ORDER BY share DESC
        """
    ).fetchall()
    if not found:
        return []
    examples = tuple(
        f"{in_percent(share)} of {flow}s in {year}" for flow, year, share, *_ in found[:EXAMPLES]
    )
    count = sum(n for *_, n, _ in found)
    return [Finding(RULES["firm.dominant"], count, count / max(rows, 1), None, examples)]


def _late_partners(
    connection: duckdb.DuckDBPyConnection, rows: int, counted: Sequence[Finding]
) -> list[Finding]:
    """Lines with a partner that was no more in their year."""
    if not any(finding.rule.key == "country.former" for finding in counted):
        return []
    met = connection.execute(
        "SELECT country, year, count(*) FROM lines WHERE list_contains(flags, 'country.former') GROUP BY ALL ORDER BY 1, 2"
    ).fetchall()
    late = [
        (country, year, count)
        for country, year, count in met
        if (place := former(country)) is not None and place.until is not None and year > place.until
    ]
    if not late:
        return []
    count = sum(count for *_, count in late)
    examples = tuple(f"{country} in {year}" for country, year, _ in late[:EXAMPLES])
    return [Finding(RULES["country.late"], count, count / max(rows, 1), None, examples)]


def _merged(*parts: Iterable[Finding] | int) -> list[Finding]:
    """Findings of several files as one for each rule."""
    rows = next(item for item in parts if isinstance(item, int))
    merged: dict[str, Finding] = {}
    for group in parts:
        for finding in group if not isinstance(group, int) else ():
            before = merged.get(finding.rule.key)
            count = finding.rows + (before.rows if before else 0)
            examples = (*(before.examples if before else ()), *finding.examples)[:EXAMPLES]
            merged[finding.rule.key] = Finding(
                finding.rule, count, count / max(rows, 1), finding.value_share, examples
            )
    return list(merged.values())


__all__ = [
    "FIELD_NAMES",
    "QUARANTINE_RULES",
    "Declarations",
    "Options",
    "Source",
    "hashed_firm",
    "read_declarations",
]
