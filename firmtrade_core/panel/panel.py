"""The firm panel: firms by year, their trade by country and product, their links; DuckDB over Parquet."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.panel.columns import INSTRUMENT_PREFIX, TABLES, Column, catalogue
from firmtrade_core.panel.errors import ColumnError, PanelError, PanelFileError
from firmtrade_core.panel.money import HeadRead, common_currency, factors, heads_of
from firmtrade_core.paths import whole_file, write_whole

if TYPE_CHECKING:
    import duckdb


METADATA_FILE = "panel.json"

#: Most memory that queries take; beyond it, work goes to a private temporary folder.
MEMORY = "2500MB"


@dataclass(frozen=True)
class PanelMetadata:
    """Where a panel comes from and what its money is.

    Parameters
    ----------
    name, source, licence
        For titles and citations.
    home
        ISO code of the firms' country.
    money
        Unit of all money columns, such as ``USD`` or ``thousand pesos of 1990``.
    synthetic
        True of generated firms; every screen and export then says so.
    notes
        What was estimated, imputed, mended, in plain words.
    units
        Units of extra columns, by name.
    """

    name: str = "firm panel"
    home: str = "not stated"
    money: str = "not stated"
    source: str = "not stated"
    licence: str = "not stated"
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name as shown, saying so where the firms are synthetic."""
        return f"{self.name} (synthetic)" if self.synthetic else self.name


@dataclass(frozen=True, eq=False)
class FirmPanel:
    """Firms by year, with their trade and their links, read lazily.

    Make one with `from_frames` or `from_parquet`. Tables: ``firms`` (firm x year), ``trade`` (firm x year x flow x
    country x product) and ``links`` (supplier x buyer); the last two may be absent. `columns.TABLES` lists the
    known columns; any further column of ``firms`` may serve as an attribute. Identifiers are hashed before they
    come here (`confidentiality.hash_identifiers`).

    Parameters
    ----------
    connection
        DuckDB connection with one table or view by name.
    tables
        Names of the tables that exist.
    metadata
        See `PanelMetadata`.
    """

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    metadata: PanelMetadata = field(default_factory=PanelMetadata)

    # Building -----------------------------------------------------------------------------------

    @classmethod
    def from_frames(
        cls,
        firms: pd.DataFrame,
        trade: pd.DataFrame | None = None,
        links: pd.DataFrame | None = None,
        *,
        metadata: PanelMetadata | None = None,
    ) -> FirmPanel:
        """A panel over copies of tables in memory."""
        connection = _connect()
        frames = {"firms": firms, "trade": trade, "links": links}
        given = {name: frame for name, frame in frames.items() if frame is not None}
        for name, frame in given.items():
            connection.register("given", frame)
            # A table, not a view: views of a frame are not seen by the connection's other cursors.
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
            connection.unregister("given")
        return cls(connection, tuple(given), metadata or PanelMetadata())._as_heads_say()

    @classmethod
    def from_parquet(cls, folder: str | Path) -> FirmPanel:
        """A panel over the Parquet files of a folder; nothing is read until it is asked for.

        Parameters
        ----------
        folder
            Holds ``firms.parquet`` (or a folder ``firms/`` of Parquet files), likewise ``trade`` and ``links``,
            and ``panel.json`` with the metadata.

        Raises
        ------
        PanelFileError
            Naming what is missing or unreadable.
        """
        import duckdb

        folder = Path(folder)
        connection = _connect()
        found = []
        for table in TABLES:
            pattern = _parquet_pattern(folder, table)
            if pattern is None:
                continue
            quoted = pattern.replace("'", "''")
            try:
                connection.execute(
                    f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{quoted}', union_by_name = true)"
                )
            except duckdb.Error as error:
                raise PanelFileError(
                    f"{pattern} cannot be read as Parquet: {str(error).splitlines()[0]}"
                ) from error
            found.append(table)
        if "firms" not in found:
            raise PanelFileError(
                f"{folder} holds no firms.parquet and no folder firms/ of Parquet files. Records as they come are made a panel "
                f"by harmonise {folder} -o OUT; give OUT/panel here."
            )
        return cls(connection, tuple(found), _read_metadata(folder / METADATA_FILE))._as_heads_say()

    def _as_heads_say(self) -> FirmPanel:
        """The panel with money in whole units of one currency, where heads of columns name scale or currency.

        ``sales_thousand_usd`` becomes ``sales``, times 1000; what was read is in the notes.

        Raises
        ------
        PanelError
            If heads name currencies that cannot be brought together.
        """
        heads = {
            name: heads_of(name, self.column_names(name))
            for name in ("firms", "trade")
            if name in self.tables
        }
        read = [each for found in heads.values() for each in found.values()]
        if not read:
            return self
        into = common_currency(read, self.metadata.money)
        notes = []
        for table, found in heads.items():
            changed = []
            for name, each in found.items():
                changed.append(f'{self._amount(table, each, into)} AS "{name}"')
                to = f", in {into}" if each.head.currency else ""
                notes.append(f"{name}: column “{each.column}” read as {each.head.told}{to}.")
            if changed:
                left = ", ".join(f'"{each.column}"' for each in found.values())
                kind, source = self._source(table)
                self.connection.execute(
                    f"CREATE OR REPLACE {kind} {table} AS SELECT * EXCLUDE ({left}), {', '.join(changed)} FROM {source}"
                )
        money = into or self.metadata.money
        return self.with_metadata(money=money, notes=(*self.metadata.notes, *notes))

    def _amount(self, table: str, read: HeadRead, into: str | None) -> str:
        """SQL of a column in units of the panel's money."""
        column = f'CAST("{read.column}" AS DOUBLE)'
        if "year" not in self.column_names(table) or read.head.currency in (None, into):
            return f"{read.head.size!r} * {column}"
        years = [
            int(y) for y in self.query(f"SELECT DISTINCT year FROM {table} WHERE year IS NOT NULL")["year"]
        ]
        by_year = factors(read.head, into, years, read.column)
        cases = " ".join(f"WHEN {year} THEN {factor!r}" for year, factor in by_year.items())
        return f"{column} * CASE CAST(year AS INTEGER) {cases} END"

    def _source(self, table: str) -> tuple[str, str]:
        """VIEW and the query behind it, or TABLE and its name."""
        found = self.query("SELECT sql FROM duckdb_views() WHERE view_name = ?", [table])
        if found.empty:
            return "TABLE", table
        return "VIEW", f"({str(found['sql'].iloc[0]).split(' AS ', 1)[1].rstrip(';')})"

    def save(self, folder: str | Path) -> Path:
        """Write the tables as Parquet, with the metadata beside them, and return the folder.

        Raises
        ------
        PanelFileError
            If the folder cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(
                folder / METADATA_FILE, json.dumps(asdict(self.metadata), ensure_ascii=False, indent=1)
            )
        except OSError as error:
            raise PanelFileError(
                f"{folder} cannot be written: {error.strerror}. Choose another folder."
            ) from error
        cursor = self.connection.cursor()
        for table in self.tables:
            with whole_file(folder / f"{table}.parquet") as part:
                path = str(part).replace("'", "''")
                cursor.execute(
                    f"COPY {table} TO '{path}' (FORMAT parquet, USE_TMP_FILE false, COMPRESSION zstd)"
                )
        return folder

    def with_metadata(self, **changes: Any) -> FirmPanel:
        """The same tables under other metadata."""
        return replace(self, metadata=replace(self.metadata, **changes))

    def with_attributes(
        self, table: pd.DataFrame, units: Mapping[str, str] | None = None, *, overwrite: bool = False
    ) -> FirmPanel:
        """A panel whose firm table has further columns, missing where the table has no row.

        Parameters
        ----------
        table
            ``firm``, ``year`` if it differs by year, and the new columns; one row by key.
        units
            Units of the new columns.
        overwrite
            Whether columns of the same name may be replaced.

        Raises
        ------
        PanelError
            If a key repeats, or a column exists already.
        """
        keys = [name for name in ("firm", "year") if name in table]
        taken = sorted(set(table.columns) & set(self.column_names()) - set(keys))
        if taken and not overwrite:
            raise PanelError(f"The firm table already has {', '.join(taken)}; allow overwriting, or rename.")
        if "firm" not in keys or table.duplicated(keys).any():
            raise PanelError("Give one row by firm, or by firm and year; some repeat.")
        firms = self.firms.drop(columns=taken).merge(table, on=keys, how="left")
        metadata = replace(self.metadata, units={**self.metadata.units, **(units or {})})
        panel = FirmPanel.from_frames(firms, metadata=metadata)
        views = dict(self.connection.execute("SELECT view_name, sql FROM duckdb_views()").fetchall())
        for name in self.tables:
            if name == "firms":
                continue
            if name in views:  # over files: the new panel reads them too, nothing passes through memory
                panel.connection.execute(views[name])
            else:
                panel.connection.register("given", self.connection.cursor().sql(f"FROM {name}").arrow())
                panel.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
                panel.connection.unregister("given")
        return replace(panel, tables=self.tables)

    # Reading ------------------------------------------------------------------------------------

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """Result of an SQL query over the tables, computed out of memory where it must be.

        Raises
        ------
        PanelFileError
            If a file of the panel is damaged behind its head.
        """
        import duckdb

        try:
            return self.connection.cursor().execute(sql, list(parameters)).df()
        except duckdb.Error as error:
            # What Parquet's reader says of damaged bytes behind a head that is sound.
            if (
                isinstance(error, duckdb.IOException | duckdb.InvalidInputException)
                or type(error) is duckdb.Error
            ):
                said = str(error).partition("\n")[0][:200]
                raise PanelFileError(f"A file of the panel is damaged: {said}") from error
            raise

    def batches(self, table: str, rows: int) -> Iterator[pd.DataFrame]:
        """A table in pieces of about ``rows`` rows, in stored order, each with its own index from 0."""
        self._need_table(table)
        cursor = self.connection.cursor()  # closes its reader when it goes, so it is held while we read
        reader = cursor.sql(f"SELECT * FROM {table}").to_arrow_reader(rows)
        for batch in reader:
            if batch.num_rows:
                yield batch.to_pandas()

    @cached_property
    def firms(self) -> pd.DataFrame:
        """The firm table, one row by firm and year."""
        keys = [name for name in ("firm", "year") if name in self.column_names()]
        return self.query(f"SELECT * FROM firms {'ORDER BY ' + ', '.join(keys) if keys else ''}")

    @cached_property
    def trade(self) -> pd.DataFrame:
        """The trade table in memory; prefer `query` and `exports` where it is large."""
        self._need_table("trade")
        return self.query("SELECT * FROM trade")

    @cached_property
    def links(self) -> pd.DataFrame:
        """The links between firms."""
        self._need_table("links")
        return self.query("SELECT * FROM links")

    def exports(self, *by: str, flow: str = "export") -> pd.DataFrame:
        """Value and quantity of trade summed by columns of the trade table or ``sector`` and ``region``.

        Parameters
        ----------
        by
            Such as ``"firm", "year", "country"``; nothing gives the grand total.
        flow
            ``export`` or ``import``.

        Returns
        -------
        DataFrame
            ``by``, ``value`` (the panel's money), ``quantity`` (as declared) and ``firms``, the number of firms.
        """
        self._need_table("trade")
        from_firms = [name for name in by if name not in self.column_names("trade")]
        self.need(*from_firms)
        columns = [f'f."{name}"' if name in from_firms else f't."{name}"' for name in by]
        quantity = "sum(t.quantity)" if "quantity" in self.column_names("trade") else "NULL"
        join = "JOIN firms AS f USING (firm, year)" if from_firms else ""
        keys = ", ".join([*columns, ""]) if columns else ""
        return self.query(
            f"SELECT {keys}sum(t.value) AS value, {quantity} AS quantity, count(DISTINCT t.firm) AS firms "
            f"FROM trade AS t {join} WHERE t.flow = ? {'GROUP BY ALL ORDER BY ALL' if columns else ''}",
            [flow],
        )

    # Knowing itself -----------------------------------------------------------------------------

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        self._need_table(table)
        return int(self.query(f"SELECT count(*) AS n FROM {table}")["n"].iloc[0])

    def column_names(self, table: str = "firms") -> tuple[str, ...]:
        """Columns of a table, in order."""
        self._need_table(table)
        return tuple(self.query(f"SELECT * FROM {table} LIMIT 0").columns)

    @cached_property
    def years(self) -> tuple[int, ...]:
        """Years of the firm table, in order."""
        return tuple(
            int(year) for year in self.query("SELECT DISTINCT year FROM firms ORDER BY year")["year"]
        )

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns that may explain what firms do: known attributes and every extra column but instruments."""
        known = catalogue("firms")
        return tuple(
            name
            for name in self.column_names()
            if (known[name].role == "attribute" if name in known else not name.startswith(INSTRUMENT_PREFIX))
        )

    @property
    def instruments(self) -> tuple[str, ...]:
        """Columns that serve as instruments."""
        return tuple(name for name in self.column_names() if name.startswith(INSTRUMENT_PREFIX))

    def unit(self, column: str) -> str:
        """Unit of a column of the firm table; empty for labels and where none was stated."""
        if column in self.metadata.units:
            return self.metadata.units[column]
        known: Column | None = catalogue("firms").get(column) or catalogue("trade").get(column)
        return "" if known is None else known.unit.replace("money of the year", self.metadata.money)

    def need(self, *columns: str) -> None:
        """Raise ColumnError, naming meaning and unit, unless the firm table has all ``columns``.

        Raises
        ------
        ColumnError
        """
        present, known = self.column_names(), catalogue("firms")
        missing = [name for name in columns if name not in present]
        if missing:
            words = [
                f"{n} ({known[n].meaning.lower()}, {known[n].unit})" if n in known else n for n in missing
            ]
            raise ColumnError(f"The firm table of {self.metadata.label} lacks: {'; '.join(words)}.")

    def _need_table(self, table: str) -> None:
        if table not in self.tables:
            raise PanelError(f"{self.metadata.label} has no table {table}; it has: {', '.join(self.tables)}.")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{table} {grouped(self.count(table))}" for table in self.tables)
        return f"FirmPanel({self.metadata.label!r}: {sizes})"


def _connect() -> duckdb.DuckDBPyConnection:
    """A connection that stays in process: no extension is fetched, and what spills goes to a private folder."""
    import duckdb

    spill = tempfile.mkdtemp(prefix="firmtrade-panel-")
    settings: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        # One thread adds up in the order of the rows, so that the same panel gives the same digits each time.
        "threads": "1",
        "memory_limit": MEMORY,
        "temp_directory": spill,
    }
    connection = duckdb.connect(config=settings)
    weakref.finalize(connection, shutil.rmtree, spill, ignore_errors=True)
    return connection


def _parquet_pattern(folder: Path, table: str) -> str | None:
    if (folder / f"{table}.parquet").is_file():
        return str(folder / f"{table}.parquet")
    parts = folder / table
    return str(parts / "*.parquet") if parts.is_dir() and any(parts.glob("*.parquet")) else None


def _read_metadata(path: Path) -> PanelMetadata:
    if not path.is_file():
        return PanelMetadata(name=path.parent.name)
    try:
        stored = json.loads(path.read_text())
        return PanelMetadata(**{**stored, "notes": tuple(stored.get("notes", ()))})
    except (ValueError, TypeError, OSError) as error:
        raise PanelFileError(f"{path} is damaged ({error}). Delete it to go on without metadata.") from error
