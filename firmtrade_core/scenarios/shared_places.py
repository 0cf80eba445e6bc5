"""Where scenarios' solutions lie, shared by several servers through the library's database.

A server that is asked for what another one has solved starts from the other's solution and certifies it for itself: nothing
that is shown rests on what was read here. ``FIRMTRADE_SHARED=on`` turns it on (`make serve` does); a database that does not
answer is passed by. Only points are kept: no names, no firms, no scenario.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from datetime import UTC, datetime
from threading import Lock, Thread

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray
from sqlalchemy import exc

from firmtrade_core.scenarios.library import LibraryError, default_url, open_database

Array = NDArray[np.float64]

#: Points kept in all: one of 81 x 10 has some 13 kB.
MOST_PLACES = 5000

#: Points that wait to be written; when more are found meanwhile, the oldest are let go.
MOST_WAITING = 64

#: Numbers that a point may have.
LONGEST = 200_000

_TABLES = sql.MetaData()
_PLACES = sql.Table(
    "firmtrade_places",
    _TABLES,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("point", sql.LargeBinary, nullable=False),
    sql.Column("digest", sql.String(64), nullable=False),
    sql.Column("made", sql.DateTime, nullable=False, index=True),
)


class SharedPlaces:
    """Points in a database, by the content hash of what was solved.

    Parameters
    ----------
    url
        SQLAlchemy URL; the library's unless given.

    Raises
    ------
    LibraryError
        If the database cannot be opened.
    """

    def __init__(self, url: str | None = None) -> None:
        self._engine = open_database(url or default_url())
        try:
            _TABLES.create_all(self._engine)
        except exc.SQLAlchemyError as error:
            # Another server may have made it in the same moment.
            try:
                made = sql.inspect(self._engine).has_table(_PLACES.name)
            except exc.SQLAlchemyError:
                made = False
            if not made:
                raise LibraryError(f"The shared results cannot be kept: {type(error).__name__}.") from error
        self._waiting: deque[tuple[str, Array]] = deque(maxlen=MOST_WAITING)
        self._lock = Lock()
        self._writer: Thread | None = None

    def get(self, key: str) -> Array | None:
        """The point kept under a key; None where there is none, it was altered, or the database does not answer."""
        query = sql.select(_PLACES.c.point, _PLACES.c.digest).where(_PLACES.c.key == _short(key))
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query).one_or_none()
        except exc.SQLAlchemyError:
            return None
        if row is None or hashlib.sha256(row.point).hexdigest() != row.digest or len(row.point) % 8:
            return None
        point = np.frombuffer(row.point, dtype="<f8").astype(np.float64)
        return point if 0 < len(point) <= LONGEST and np.isfinite(point).all() else None

    def put(self, key: str, point: Array) -> None:
        """Keep a point, in a thread of its own: nobody waits for the database."""
        with self._lock:
            self._waiting.append((key, point.copy()))
            if self._writer is None or not self._writer.is_alive():
                self._writer = Thread(target=self._write, name="shared places", daemon=True)
                self._writer.start()

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until what was put is written."""
        writer = self._writer
        if writer is not None:
            writer.join(seconds)

    def close(self) -> None:
        """Let go of the database."""
        self.settle()
        self._engine.dispose()

    def _write(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._writer = None
                    return
                key, point = self._waiting.popleft()
            try:
                self._keep(key, point.astype("<f8").tobytes())
            except exc.SQLAlchemyError:
                # A full or absent database costs speed, not answers.
                continue

    def _keep(self, key: str, content: bytes) -> None:
        row = {
            "key": _short(key),
            "point": content,
            "digest": hashlib.sha256(content).hexdigest(),
            "made": datetime.now(UTC).replace(tzinfo=None),
        }
        with self._engine.connect() as connection:
            connection.execution_options(firmtrade_writes=True)
            with connection.begin():
                connection.execute(_PLACES.delete().where(_PLACES.c.key == row["key"]))
                connection.execute(_PLACES.insert().values(row))
                many = connection.execute(sql.select(sql.func.count()).select_from(_PLACES)).scalar_one()
                if many > MOST_PLACES:
                    oldest = sql.select(_PLACES.c.key).order_by(_PLACES.c.made).limit(many - MOST_PLACES)
                    connection.execute(_PLACES.delete().where(_PLACES.c.key.in_(oldest)))


def sharing() -> bool:
    """Whether this server shares where solutions lie with others."""
    return os.environ.get("FIRMTRADE_SHARED", "").strip().lower() == "on"


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
