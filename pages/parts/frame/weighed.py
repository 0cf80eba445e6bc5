"""A cache for all sessions that counts megabytes, not results: one world's results weigh a hundred times another's."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np

MEGABYTE = 1_000_000

#: Megabytes that results may hold together, unless ``FIRMTRADE_CACHE_MB`` says otherwise.
USUAL = 400

#: Values that may come before all are weighed again: at least so many, and half as many as are kept, so that a look at all
#: costs a new value no more than a look at two.
LOOK_EVERY = 8

#: Share of the megabytes allowed that is kept once they are used up, where more values than that are kept: of many a seventh goes
#: at once, so that the next values do not call for all to be weighed again.
ROOM, MANY = 0.85, 20

Value = TypeVar("Value")


def megabytes_allowed() -> float:
    """What ``FIRMTRADE_CACHE_MB`` allows; the usual where it says nothing that can be read."""
    given = os.environ.get("FIRMTRADE_CACHE_MB", "").strip()
    return float(given) if given.isascii() and given.isdigit() and int(given) > 0 else float(USUAL)


class Weighed(Generic[Value]):
    """Values by key, each made once; the ones not asked for longest go when all together weigh too much.

    Parameters
    ----------
    without
        Kinds of objects that are not counted: what lives on anyhow, such as worlds.
    still
        Kinds of objects that grow little and that values share, such as worlds: looked into once between two weighings of all.
    least
        Values that are kept whatever they weigh: what is on screen would be made again at every look.
    """

    def __init__(
        self, *, without: tuple[type, ...] = (), still: tuple[type, ...] = (), least: int = 2
    ) -> None:
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}
        self._lock = Lock()
        self._without, self._still, self._least = without, still, least
        #: Bytes of each value, arrays counted in those, and how many values came since all were weighed: to weigh all at every
        #: move would cost a tenth of the move.
        self._weights: dict[Hashable, int] = {}
        self._counted, self._since = set[int](), 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value kept under a key, or made now; who asks meanwhile waits for it. A failure is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            turn = self._making.setdefault(key, Lock())
        with turn:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._kept[key] = value
                self._since += 1
                # The one before has grown while it was on screen.
                for one in tuple(self._kept)[-2:]:
                    more = bytes_of(self._kept[one], self._without, None, self._counted, self._still)
                    self._weights[one] = self._weights.get(one, 0) + more
                if self._since >= max(LOOK_EVERY, len(self._kept) // 2):
                    self._weigh()
                self._lighten()
            return value

    def __len__(self) -> int:
        return len(self._kept)

    def megabytes(self) -> float:
        """What all values weigh now: results grow when more is asked of them."""
        with self._lock:
            self._weigh()
            return sum(self._weights.values()) / MEGABYTE

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()
            self._weights.clear()

    def _weigh(self) -> None:
        """Weigh all, the newest first: what an old value shares with a newer one does not go with it."""
        seen: set[int] = set()
        self._counted = set()
        self._weights = {
            key: bytes_of(self._kept[key], self._without, seen, self._counted, self._still)
            for key in reversed(self._kept)
        }
        self._since = 0

    def _lighten(self) -> None:
        allowed = megabytes_allowed() * MEGABYTE
        if sum(self._weights.values()) <= allowed:
            return
        self._weigh()
        if (weight := sum(self._weights.values())) <= allowed:
            return
        left = allowed * (ROOM if len(self._kept) > MANY else 1.0)
        while len(self._kept) > self._least and weight > left:
            key, _ = self._kept.popitem(last=False)
            weight -= self._weights.pop(key)


def bytes_of(
    item: Any,
    without: tuple[type, ...] = (),
    seen: set[int] | None = None,
    counted: set[int] | None = None,
    still: tuple[type, ...] = (),
) -> int:
    """Bytes of all arrays that an object holds, each counted once; what it has computed and kept included.

    Parameters
    ----------
    without
        Kinds of objects that are passed by.
    seen, counted
        Identities of objects looked into, and of arrays counted, by an earlier call; both are added to.
    still
        Kinds of objects that count as arrays do: not looked into again where an earlier call did.
    """
    known = set() if seen is None else seen
    found, left = 0, [item]
    while left:
        one = left.pop()
        kind = type(one)
        if kind in _PLAIN or id(one) in known or isinstance(one, without):
            continue
        known.add(id(one))
        if counted is not None and isinstance(one, still):
            if id(one) in counted:
                continue
            counted.add(id(one))
        if isinstance(one, np.ndarray):
            if isinstance(one.base, np.ndarray):
                left.append(one.base)
            elif counted is None or id(one) not in counted:
                found += int(one.nbytes)
                if counted is not None:
                    counted.add(id(one))
        elif kind in _ROWS:
            left += one
        elif isinstance(one, Mapping):
            left += tuple(one.values())
        elif (held := getattr(one, "__dict__", None)) is not None:
            left += tuple(held.values())
        elif is_dataclass(one):
            left += [getattr(one, part.name) for part in fields(one)]
    return found


#: Kinds of objects that hold no arrays, and those that hold others in rows.
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_ROWS = frozenset({list, tuple, set, frozenset})
