"""What rooms stand on, kept in a folder of this user's own, so that a room's link outlives the server that answered it.

Kept are the scenario, where its lever stands, and what slides show: charts and words that pages offer for taking away. The key
of whoever presents is not among it, only its hash. Nothing of a firm is: whoever opens a room on records of firms, or on data of
a session, keeps nothing.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from firmtrade_core.paths import user_folder, write_whole
from firmtrade_core.report.room import EMPTY_SECONDS, MOST_ROOMS, SERVER
from firmtrade_core.scenarios.library import default_url

#: Bytes of one room: a deck of charts is a few hundred thousand.
LARGEST = 20_000_000

_SQLITE = "sqlite:///"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def folder() -> Path:
    """Where rooms are kept: beside the library of scenarios where that is a file, else in the user's data folder."""
    url = default_url()
    beside = url.removeprefix(_SQLITE) if url.startswith(_SQLITE) else ""
    return (Path(beside).parent if beside and beside != ":memory:" else user_folder()) / "rooms"


def keep(room: dict[str, Any], where: Path | None = None) -> None:
    """Keep what a room stands on under its id; rooms that nobody was in for half a day go, so do the oldest of too many.

    Parameters
    ----------
    room
        Plain data with its ``id``.
    where
        `folder` unless given.

    Raises
    ------
    OSError
        If the folder cannot be written.
    ValueError
        If the id is none, or the room is too large.
    """
    if not _NAME.fullmatch(room["id"]):
        raise ValueError("That is no id of a room.")
    text = json.dumps(room, ensure_ascii=False)
    if len(text) > LARGEST:
        raise ValueError("The room's slides are too large to keep.")
    place = where or folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(place / f"{room['id']}.json", text, 0o600, lasting=False)
    _sweep(place)


def kept(name: str, where: Path | None = None) -> dict[str, Any] | None:
    """What was kept under an id; None where there is nothing that can be read, or nobody was there for half a day."""
    if not _NAME.fullmatch(name):
        return None
    file = (where or folder()) / f"{name}.json"
    try:
        about = file.stat()
        if time.time() - about.st_mtime > EMPTY_SECONDS or about.st_size > 4 * LARGEST:
            return None
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("id") == name else None


def _sweep(place: Path) -> None:
    files = []
    for file in place.glob("*.json"):
        try:
            files.append((file.stat().st_mtime, file))
        except OSError:
            continue
    files.sort(reverse=True)
    for k, (changed, file) in enumerate(files):
        if k >= MOST_ROOMS or time.time() - changed > EMPTY_SECONDS:
            file.unlink(missing_ok=True)


def is_ours(name: str) -> bool:
    """Whether a room of this id was kept by this server rather than by one beside it: rooms say whose they are."""
    return name.split("-")[0] == os.environ.get(SERVER, "0")
