"""Reading what strangers bring, in a process of its own: held to memory and time, stopped when nobody waits any more.

A file is judged by what it becomes, and that is known only when it is unpacked: so it is unpacked where nothing else lives.
The process may take so much memory and so much time and no more (limits of the operating system); what it returns comes back
as data (`kept`). While it works the server's interpreter is free, and other sessions go on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from firmtrade_core.jobs.kept import KeptError, keep, name_of, named, read
from firmtrade_core.paths import PROJECT

#: Memory that reading may take beyond the program's own, bytes; processor seconds; and seconds until it is stopped in any case.
MEMORY, PROCESSOR, PATIENCE = 3 << 30, 120, 240.0

#: Seconds between two looks at whether somebody still waits.
EVERY = 0.05

_ALONE = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class TooMuchError(ValueError):
    """A file becomes more than the limits of memory or time allow. Aggregate it, or read it from the command line."""


def apart(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    waiting: Callable[[float], None] | None = None,
    memory: int = MEMORY,
    processor: int = PROCESSOR,
    patience: float = PATIENCE,
) -> Any:
    """What a function returns, found in a process of its own.

    Parameters
    ----------
    function
        At the top level of a module of this program.
    arguments
        By name; data only.
    waiting
        Called with the seconds passed while it works; whatever it raises stops the work.
    memory, processor, patience
        Limits in bytes, processor seconds and seconds.

    Raises
    ------
    TooMuchError
        If a limit was met.
    Exception
        Whatever the function raises, if it is an error of this program.
    """
    with tempfile.TemporaryDirectory(prefix="firmtrade-apart-") as place:
        folder = Path(place)
        keep(folder / "call", (name_of(function), dict(arguments), memory, processor))
        process = subprocess.Popen(
            [sys.executable, "-m", "firmtrade_core.jobs.apart", str(folder)],
            cwd=PROJECT,
            env={**os.environ, **_ALONE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        try:
            while process.poll() is None:
                passed = time.monotonic() - began
                if passed > patience:
                    raise TooMuchError(
                        f"Reading took over {patience:g} seconds and was stopped. Aggregate the file first."
                    )
                if waiting is not None:
                    waiting(passed)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(EVERY)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return _answer(folder, memory, processor)


def _answer(folder: Path, memory: int, processor: int) -> Any:
    try:
        kind, value = read(folder / "answer")
    except (OSError, KeptError):
        raise TooMuchError(
            f"Reading was stopped: it needs more than {memory / 2**30:.2g} GB of memory or {processor} seconds. Aggregate the file first."
        ) from None
    if kind == "value":
        return value
    error, words = value
    raise _error(error)(words)


def _error(name: str) -> Callable[[str], Exception]:
    try:
        found = named(name)
    except KeptError:
        return lambda words: TooMuchError(f"It cannot be read ({name.partition(':')[2]}: {words[:300]}).")
    return found if isinstance(found, type) and issubclass(found, Exception) else TooMuchError


def _limit(memory: int, processor: int) -> None:
    """Hold this process to its limits; where the system knows none, only patience does."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        # What data may take: libraries' address space, which they reserve and never use, does not count.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(folder: Path) -> int:
    """Run the call that lies in the folder."""
    name, arguments, memory, processor = read(folder / "call")
    _limit(memory, processor)
    try:
        answer: Any = ("value", named(name)(**arguments))
        keep(folder / "answer", answer)
    except MemoryError:
        return 1
    except Exception as error:
        keep(folder / "answer", ("error", (name_of(type(error)), str(error))))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
