"""Names that a room gives out and whose files are read when the names are asked for: a verb starts without what it does not use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A room's ``__getattr__`` (PEP 562).

    Parameters
    ----------
    room
        ``__name__`` of the package.
    homes
        Public names, and the files of the room in which they stand.

    Raises
    ------
    AttributeError
        When called with any other name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{homes[name]}"), name)

    return get
