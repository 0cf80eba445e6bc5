"""Worlds that people uploaded, kept through reloads of their tab.

The tab holds a secret (``sessionStorage``: gone with the tab, unknown to any other), this process holds the world under it, in
memory alone, for a while. Nothing is written to disk, and no link carries the secret.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from firmtrade_core.world.world import World

#: Worlds kept at once, and for how many seconds after they were last asked for.
MOST, LONGEST = 24, 12 * 3600.0

#: Where a session keeps its secret.
SECRET = "kept_world_secret"


@dataclass
class _Kept:
    world: World
    seen: float


_lock = threading.Lock()
_worlds: OrderedDict[str, _Kept] = OrderedDict()


def keep(world: World) -> str:
    """Keep a world; returns the secret under which it can be had back."""
    secret = secrets.token_urlsafe(24)
    with _lock:
        _worlds[secret] = _Kept(world, time.monotonic())
        _sweep()
    return secret


def find(secret: str) -> World | None:
    """The world kept under a secret; None where there is none any more."""
    with _lock:
        _sweep()
        kept = _worlds.get(secret)
        if kept is None:
            return None
        kept.seen = time.monotonic()
        _worlds.move_to_end(secret)
        return kept.world


def forget(secret: str) -> None:
    """Keep it no longer."""
    with _lock:
        _worlds.pop(secret, None)


def _sweep() -> None:
    now = time.monotonic()
    for secret in [secret for secret, kept in _worlds.items() if now - kept.seen > LONGEST]:
        del _worlds[secret]
    while len(_worlds) > MOST:
        _worlds.popitem(last=False)
