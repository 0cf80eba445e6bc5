"""Limits and ports of tests: a limit is for what hangs, not for what is slow; a port is one test's alone."""

from __future__ import annotations

import fcntl
import os
import tempfile

from firmtrade_core.cli.serving import free_port

#: Seconds after which something hangs. Whatever is only slow, on a machine that does other work too, is done long before.
HANGS = 600.0

#: Where ports are looked for: below those that the system gives to connections of its own (32768 and up).
FIRST, LAST = 20_000, 32_000

_held: list[int] = []


def own_port() -> int:
    """A port that is free, and given to no other process of tests, of this checkout or another, while this one lives."""
    start = FIRST + os.getpid() * 7 % (LAST - FIRST)
    for port in (*range(start, LAST), *range(FIRST, start)):
        lock = os.open(f"{tempfile.gettempdir()}/firmtrade-test-port-{port}", os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        if free_port("127.0.0.1", port) == port:
            _held.append(lock)
            return port
        os.close(lock)
    raise OSError(f"No port from {FIRST} to {LAST} is free.")
