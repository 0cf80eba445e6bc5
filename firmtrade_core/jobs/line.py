"""A line before the machine: so many jobs run at once, the others wait in the order in which they came.

Every program of one user on a machine stands in the same line, whichever server started its job. A place is a file that its
process holds locked, so that whoever ended, however it did, no longer stands in anyone's way.

``FIRMTRADE_JOBS`` says how many run at once (by default one less than there are cores, at least one), and
``FIRMTRADE_JOBS_WAITING`` how many may wait (20).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

#: Seconds between two looks whether it is one's turn.
_EVERY = 0.2

MOST_WAITING = 20


class FullLineError(RuntimeError):
    """Too many jobs wait already. Try again when some have ended."""


def at_once() -> int:
    """How many jobs run at once."""
    return _number("FIRMTRADE_JOBS", max(1, (os.cpu_count() or 2) - 1))


def line_folder() -> Path:
    """Where the line stands: a private folder for each user of the machine."""
    return Path(tempfile.gettempdir()) / f"firmtrade-line-{os.getuid()}"


@contextmanager
def turn(wait: Callable[[str], None], folder: Path | None = None) -> Iterator[None]:
    """Wait for one's turn, hold it while the block runs, and give it back.

    Parameters
    ----------
    wait
        Told now and then, in words, how many come before; may raise to leave the line.
    folder
        Where the line stands; `line_folder` unless given.

    Raises
    ------
    FullLineError
        If the line is full.
    """
    place = folder or line_folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise FullLineError(f"{place} belongs to somebody else: name another folder in TMPDIR.")
    ticket = place / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(2)}.wait"
    with ticket.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        try:
            with _slot(place, ticket, wait):
                # Once running, nobody counts it among those who wait.
                ticket.unlink(missing_ok=True)
                yield
        finally:
            ticket.unlink(missing_ok=True)


@contextmanager
def _slot(place: Path, ticket: Path, wait: Callable[[str], None]) -> Iterator[None]:
    first = True
    while True:
        before = _before(place, ticket)
        if first and before >= _number("FIRMTRADE_JOBS_WAITING", MOST_WAITING):
            raise FullLineError(
                f"{before} jobs wait already, and no more may. Try again when some have ended; finished steps are kept."
            )
        first = False
        if before == 0 and (held := _take(place)) is not None:
            break
        wait("Next in line" if before == 0 else f"In line: {before} before this one")
        time.sleep(_EVERY)
    try:
        yield
    finally:
        held.close()


def _take(place: Path) -> IO[str] | None:
    """A free slot, locked; None where all are taken."""
    for number in range(at_once()):
        slot = (place / f"{number}.slot").open("w")
        with suppress(BlockingIOError):
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return slot
        slot.close()
    return None


def _before(place: Path, ticket: Path) -> int:
    """How many came earlier and still wait; tickets of those that ended are cleared away."""
    count = 0
    for other in sorted(place.glob("*.wait")):
        if other.name >= ticket.name:
            break
        try:
            with other.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            count += 1
        except OSError:
            continue
        else:
            other.unlink(missing_ok=True)
    return count


def _number(name: str, usual: int) -> int:
    given = os.environ.get(name, "").strip()
    return max(1, int(given)) if given.isascii() and given.isdigit() else usual
