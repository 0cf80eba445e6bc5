"""Saved scenarios: named, tagged, searchable, in any database that SQLAlchemy reaches.

``FIRMTRADE_LIBRARY`` names it by URL; without it, an SQLite file lies in the user's data folder. A scenario is
kept as its YAML, so that whoever opens the database can read it. Every change is one transaction: it is there
whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from firmtrade_core.paths import user_folder
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import plain
from firmtrade_core.scenarios.schema import Scenario

#: Version of the tables; a library of another version is refused by name.
VERSION = 1

MOST_TAGS, LONGEST_TAG, LONGEST_NAME = 20, 40, 120

#: Seconds to wait for another writer.
PATIENCE = 5.0

_TABLES = sql.MetaData()
_VERSION = sql.Table("firmtrade_version", _TABLES, sql.Column("version", sql.Integer, primary_key=True))
_SCENARIOS = sql.Table(
    "firmtrade_scenarios",
    _TABLES,
    sql.Column("key", sql.Integer, primary_key=True),
    sql.Column("name", sql.Unicode(LONGEST_NAME), nullable=False),
    # Names are compared without case.
    sql.Column("folded_name", sql.Unicode(2 * LONGEST_NAME), nullable=False, unique=True),
    sql.Column("description", sql.UnicodeText, nullable=False),
    sql.Column("folded_words", sql.UnicodeText, nullable=False),
    sql.Column("yaml", sql.UnicodeText, nullable=False),
    sql.Column("changed", sql.DateTime, nullable=False),
)
_TAGS = sql.Table(
    "firmtrade_tags",
    _TABLES,
    sql.Column("scenario", sql.ForeignKey(_SCENARIOS.c.key, ondelete="CASCADE"), primary_key=True),
    sql.Column("tag", sql.Unicode(LONGEST_TAG), primary_key=True),
)
#: Who saved what, where people sign in. A table of its own: programs that know nothing of owners go on reading the others.
_OWNERS = sql.Table(
    "firmtrade_owners",
    _TABLES,
    sql.Column("scenario", sql.ForeignKey(_SCENARIOS.c.key, ondelete="CASCADE"), primary_key=True),
    sql.Column("owner", sql.Unicode(320), nullable=False),
)


class LibraryError(ValueError):
    """The library cannot do what was asked; nothing in it has changed. The message says what to do."""


class NameTakenError(LibraryError):
    """Another saved scenario has this name. Choose another one, or replace it."""


class NotYoursError(LibraryError):
    """Somebody else saved this scenario. Save yours under another name, or ask them."""


@dataclass(frozen=True)
class Saved:
    """A saved scenario, as lists show it.

    Parameters
    ----------
    key
        Identifies it in the library.
    name, tags
    description
        The scenario's own.
    changed
        When it was last written, in UTC.
    yaml
        The scenario itself.
    owner
        Who saved it; empty where nobody had signed in.
    """

    key: int
    name: str
    tags: tuple[str, ...]
    description: str
    changed: datetime
    yaml: str
    owner: str = ""

    def belongs_to(self, reader: str | None) -> bool:
        """Whether a reader may replace or delete it: who saved it, anybody where nobody had signed in, and where nobody signs in (None)."""
        return reader is None or self.owner in ("", reader)

    def scenario(self) -> Scenario:
        """The scenario, under the name it is saved by.

        Raises
        ------
        LibraryError
            If it was written by another version or by hand; its YAML remains readable in `yaml`.
        """
        try:
            return Scenario.from_yaml(self.yaml).with_(name=self.name)
        except ScenarioError as error:
            raise LibraryError(
                f"{self.name} cannot be read: {error} It stays in the library; download its YAML and mend it there."
            ) from None


def default_url() -> str:
    """``FIRMTRADE_LIBRARY``, or an SQLite file in the user's data folder."""
    return (
        os.environ.get("FIRMTRADE_LIBRARY", "").strip() or f"sqlite:///{user_folder() / 'scenarios.sqlite'}"
    )


class Library:
    """A library of scenarios.

    Safe to share between threads; several programs may write to one database at once.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database; `default_url` unless given. Its tables are made where missing.
    patience
        Seconds to wait for another writer (SQLite).

    Raises
    ------
    LibraryError
        If the database cannot be opened.
    """

    def __init__(self, url: str | None = None, *, patience: float = PATIENCE) -> None:
        self._engine, self.place = _engine(url or default_url(), patience)
        with self._explained():
            self._prepare()

    def _prepare(self) -> None:
        """Makes tables where there are none; a library that can only be read will do as it is."""
        tables = sql.inspect(self._engine)
        # On SQLite who comes second waits, and finds the tables made.
        writing = self._engine.execution_options(firmtrade_writes=True)
        if tables.has_table(_VERSION.name) and not tables.has_table(_OWNERS.name):
            # A library from before there were owners; one that can only be read goes without.
            with suppress(exc.SQLAlchemyError), writing.begin() as connection:
                _OWNERS.create(connection, checkfirst=True)
        if not tables.has_table(_VERSION.name):
            try:
                with writing.begin() as connection:
                    _TABLES.create_all(connection)
                    if connection.execute(sql.select(_VERSION)).first() is None:
                        connection.execute(_VERSION.insert().values(version=VERSION))
            except (exc.IntegrityError, exc.OperationalError, exc.ProgrammingError):
                # Another program may have made them in the same moment.
                if not sql.inspect(self._engine).has_table(_VERSION.name):
                    raise
        with self._engine.connect() as connection:
            found = connection.execute(sql.select(_VERSION.c.version)).scalars().all()
        if found and max(found) != VERSION:
            raise LibraryError(
                f"The library at {self.place} is of version {max(found)}; this program keeps version {VERSION}. Update "
                "the program, or name another library in FIRMTRADE_LIBRARY."
            )

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # Reading ------------------------------------------------------------------------------------

    def search(self, text: str = "", tags: Iterable[str] = ()) -> list[Saved]:
        """Saved scenarios that hold every word of the text and carry every tag, last changed first.

        Parameters
        ----------
        text
            Words looked for in name, description, tags and the scenario's own YAML, in any case.
        tags

        Raises
        ------
        LibraryError
        """
        query = sql.select(_SCENARIOS).order_by(_SCENARIOS.c.changed.desc(), _SCENARIOS.c.key.desc())
        for word in text.casefold().split():
            query = query.where(_SCENARIOS.c.folded_words.contains(word, autoescape=True))
        for tag in _tags(tags):
            carried = sql.select(_TAGS.c.scenario).where(_TAGS.c.tag == tag)
            query = query.where(_SCENARIOS.c.key.in_(carried))
        with self._explained(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
            return _saved(connection, rows)

    def get(self, key: int) -> Saved:
        """One saved scenario.

        Raises
        ------
        LibraryError
            If it is not there (any more).
        """
        with self._explained(), self._engine.connect() as connection:
            return _one(connection, key)

    def load(self, key: int) -> Scenario:
        """The scenario saved under a key; raises LibraryError as `get` and `Saved.scenario`."""
        return self.get(key).scenario()

    def tags(self) -> dict[str, int]:
        """All tags in use and how many scenarios carry each, the most used first."""
        count = sql.func.count()
        query = sql.select(_TAGS.c.tag, count).group_by(_TAGS.c.tag).order_by(count.desc(), _TAGS.c.tag)
        with self._explained(), self._engine.connect() as connection:
            return {tag: number for tag, number in connection.execute(query)}

    # Writing ------------------------------------------------------------------------------------

    def save(
        self,
        scenario: Scenario,
        name: str = "",
        tags: Iterable[str] = (),
        *,
        replace: bool = False,
        by: str | None = None,
    ) -> Saved:
        """Keep a scenario.

        Parameters
        ----------
        scenario : Scenario
        name
            The scenario's own unless given.
        tags
        replace
            Whether a saved scenario of this name makes room for it.
        by
            Who saves, where people sign in: the owner from then on.

        Raises
        ------
        NameTakenError
            If the name is in use and not to be replaced.
        NotYoursError
            If somebody else saved what would make room.
        LibraryError
        """
        called, marked = _name(name or scenario.name), _tags(tags)
        written = scenario.with_(name=called)
        content = {"description": written.description, "yaml": written.to_yaml()}
        with self._writing(called) as connection:
            if replace:
                of_name = _SCENARIOS.c.folded_name == called.casefold()
                for before in _saved(
                    connection, connection.execute(sql.select(_SCENARIOS).where(of_name)).all()
                ):
                    _require_own(before, by)
                    _take_out(connection, before.key)
            connection.execute(_SCENARIOS.insert().values(_row(called, marked, content)))
            made = sql.select(_SCENARIOS.c.key).where(_SCENARIOS.c.folded_name == called.casefold())
            key = connection.execute(made).scalar_one()
            _mark(connection, key, marked)
            _own(connection, key, by or "")
            return _one(connection, key)

    def rename(self, key: int, name: str, *, by: str | None = None) -> Saved:
        """Call a saved scenario otherwise; raises as `save`."""
        called = _name(name)
        with self._writing(called) as connection:
            before = _one(connection, key)
            _require_own(before, by)
            return _rewrite(connection, before, name=called)

    def tag(self, key: int, tags: Iterable[str], *, by: str | None = None) -> Saved:
        """Give a saved scenario these tags and no others; raises as `save`."""
        marked = _tags(tags)
        with self._writing() as connection:
            before = _one(connection, key)
            _require_own(before, by)
            connection.execute(_TAGS.delete().where(_TAGS.c.scenario == key))
            _mark(connection, key, marked)
            return _rewrite(connection, before, tags=marked)

    def delete(self, key: int, *, by: str | None = None) -> Saved:
        """Take a scenario out, and return it: `restore` puts it back.

        Raises
        ------
        NotYoursError
            If somebody else saved it than ``by``.
        LibraryError
        """
        with self._writing() as connection:
            found = _one(connection, key)
            _require_own(found, by)
            _take_out(connection, key)
            return found

    def restore(self, saved: Saved) -> Saved:
        """Put back what `delete` took out, word for word, readable or not; raises as `save`."""
        with self._writing(saved.name) as connection:
            row = _row(saved.name, saved.tags, {"description": saved.description, "yaml": saved.yaml})
            row["changed"] = saved.changed.replace(tzinfo=None)
            connection.execute(_SCENARIOS.insert().values(row))
            made = sql.select(_SCENARIOS.c.key).where(_SCENARIOS.c.folded_name == saved.name.casefold())
            key = connection.execute(made).scalar_one()
            _mark(connection, key, saved.tags)
            _own(connection, key, saved.owner)
            return _one(connection, key)

    # The database -------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, name: str = "") -> Iterator[sql.Connection]:
        with self._explained(name), self._engine.connect() as connection:
            # SQLite then waits its turn before it reads, so that two writers never block each other.
            connection.execution_options(firmtrade_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _explained(self, name: str = "") -> Iterator[None]:
        """Errors of the database in words for people."""
        try:
            yield
        except exc.IntegrityError:
            raise NameTakenError(
                f"A saved scenario is already called {name!r}. Choose another name, or replace it."
            ) from None
        except exc.SQLAlchemyError as error:
            raise LibraryError(_advice(error, self.place)) from error
        except OSError as error:
            raise LibraryError(
                f"The library at {self.place} cannot be reached: {error.strerror}. {_ELSEWHERE}"
            ) from error


_ELSEWHERE = (
    "Your scenario is still open here; download it as YAML, or name another library in FIRMTRADE_LIBRARY."
)

#: What databases say, and what it means for the reader.
_SYMPTOMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("locked", "busy", "deadlock", "timeout"),
        "is busy: another program is writing to it. Try again in a moment.",
    ),
    (("disk is full", "disk full", "no space"), "is full: free some space on its disk, then save again."),
    (
        ("readonly", "read-only", "read only", "permission denied"),
        "can only be read: its file or folder is protected.",
    ),
    (
        ("not a database", "malformed", "corrupt", "no such column", "no such table", "disk i/o"),
        "is damaged or holds something else. It was left as it is: move it away or restore a copy, then try again.",
    ),
    (
        ("unable to open", "could not connect", "connection refused", "could not translate"),
        "cannot be opened.",
    ),
)


def _advice(error: exc.SQLAlchemyError, place: str) -> str:
    said = str(getattr(error, "orig", None) or error).casefold()
    for signs, meaning in _SYMPTOMS:
        if any(sign in said for sign in signs):
            return f"The library at {place} {meaning} {_ELSEWHERE}"
    return f"The library at {place} does not answer as it should ({type(error).__name__}). {_ELSEWHERE}"


def open_database(url: str, patience: float = PATIENCE) -> sql.Engine:
    """An engine for a database that SQLAlchemy reaches, as libraries use it; raises LibraryError where it cannot be used."""
    return _engine(url, patience)[0]


def _engine(url: str, patience: float) -> tuple[sql.Engine, str]:
    try:
        address = sql.make_url(url)
        place = address.database if address.get_backend_name() == "sqlite" else address.render_as_string()
        if address.get_backend_name() != "sqlite":
            return sql.create_engine(address, pool_pre_ping=True), str(place)
        engine = sql.create_engine(address, connect_args={"timeout": patience, **_PLAIN_SQLITE})
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        missing = f" (needs the package {error.name})" if isinstance(error, ImportError) else ""
        raise LibraryError(
            f"FIRMTRADE_LIBRARY names no database that can be used here{missing}. Write an SQLAlchemy URL such as "
            "sqlite:////home/me/scenarios.sqlite, and install the driver it names."
        ) from None
    _make_folder(address)
    sql.event.listen(engine, "connect", _on_connect)
    sql.event.listen(engine, "begin", _on_begin)
    return engine, str(place or "memory")


#: The driver is kept from opening transactions by itself; `_on_begin` does.
_PLAIN_SQLITE: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}


def _make_folder(address: sql.URL) -> None:
    file = address.database
    if file and file != ":memory:" and not file.startswith("file:"):
        folder = os.path.dirname(os.path.abspath(file))
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"The folder {folder} for the library cannot be made: {error.strerror}. {_ELSEWHERE}"
            ) from None


def _on_connect(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def _on_begin(connection: sql.Connection) -> None:
    writes = connection.get_execution_options().get("firmtrade_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# Rows ------------------------------------------------------------------------------------------


def _row(name: str, tags: Sequence[str], content: dict[str, str]) -> dict[str, Any]:
    words = "\n".join((name, *tags, content["description"], content["yaml"]))
    return {
        "name": name,
        "folded_name": name.casefold(),
        "folded_words": words.casefold(),
        "changed": datetime.now(UTC).replace(tzinfo=None),
        **content,
    }


def _rewrite(
    connection: sql.Connection, before: Saved, *, name: str | None = None, tags: Sequence[str] | None = None
) -> Saved:
    text = before.yaml if name is None else _renamed(before, name)
    content = {"description": before.description, "yaml": text}
    row = _row(name or before.name, before.tags if tags is None else tags, content)
    connection.execute(_SCENARIOS.update().where(_SCENARIOS.c.key == before.key).values(row))
    return _one(connection, before.key)


def _renamed(saved: Saved, name: str) -> str:
    """The YAML under another name; as it is where it cannot be read."""
    try:
        return saved.scenario().with_(name=name).to_yaml()
    except LibraryError:
        return saved.yaml


def _mark(connection: sql.Connection, key: int, tags: Sequence[str]) -> None:
    if tags:
        connection.execute(_TAGS.insert(), [{"scenario": key, "tag": tag} for tag in tags])


def _own(connection: sql.Connection, key: int, owner: str) -> None:
    if owner:
        connection.execute(_OWNERS.insert().values(scenario=key, owner=owner))


def _take_out(connection: sql.Connection, key: int) -> None:
    connection.execute(_SCENARIOS.delete().where(_SCENARIOS.c.key == key))


def _require_own(saved: Saved, reader: str | None) -> None:
    if not saved.belongs_to(reader):
        raise NotYoursError(
            f"{saved.name} was saved by {saved.owner}, who alone may replace or delete it. Save yours under another name."
        )


def _one(connection: sql.Connection, key: int) -> Saved:
    rows = connection.execute(sql.select(_SCENARIOS).where(_SCENARIOS.c.key == key)).all()
    if not rows:
        raise LibraryError("This scenario is no longer in the library: it was deleted or replaced elsewhere.")
    return _saved(connection, rows)[0]


def _saved(connection: sql.Connection, rows: Sequence[Any]) -> list[Saved]:
    tags: dict[int, list[str]] = {}
    if rows:
        inside = _TAGS.c.scenario.in_([row.key for row in rows])
        for key, tag in connection.execute(
            sql.select(_TAGS.c.scenario, _TAGS.c.tag).where(inside).order_by(_TAGS.c.tag)
        ):
            tags.setdefault(key, []).append(tag)
    owners = _owners(connection, [row.key for row in rows])
    return [
        Saved(
            key=row.key,
            name=row.name,
            tags=tuple(tags.get(row.key, ())),
            description=row.description,
            changed=row.changed.replace(tzinfo=UTC),
            yaml=row.yaml,
            owner=owners.get(row.key, ""),
        )
        for row in rows
    ]


def _owners(connection: sql.Connection, keys: Sequence[int]) -> dict[int, str]:
    """Who saved what; nobody in a library that has no owners and cannot be given any."""
    if not keys or not sql.inspect(connection).has_table(_OWNERS.name):
        return {}
    asked = sql.select(_OWNERS.c.scenario, _OWNERS.c.owner).where(_OWNERS.c.scenario.in_(keys))
    return {key: owner for key, owner in connection.execute(asked)}


def _name(name: str) -> str:
    try:
        called = plain(" ".join(name.split()), LONGEST_NAME)
    except ValueError as error:
        raise LibraryError(f"The name: {error}") from None
    if not called:
        raise LibraryError("Give the scenario a name.")
    return called


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: lower case, single spaces, each once, sorted."""
    try:
        found = {plain(" ".join(tag.casefold().split()), LONGEST_TAG) for tag in tags} - {""}
    except ValueError as error:
        raise LibraryError(f"A tag: {error}") from None
    if len(found) > MOST_TAGS:
        raise LibraryError(f"A scenario takes at most {MOST_TAGS} tags; {len(found)} were given.")
    return tuple(sorted(found))
