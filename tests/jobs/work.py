"""Work for jobs to do: importable by name, as jobs need it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firmtrade_core.jobs import Checkpoints, JobError, Progress
from tests.limits import HANGS


def square_slowly(count: int, trace: Path, progress: Progress, checkpoints: Checkpoints) -> list[int]:
    """Squares, each step leaving a line in ``trace``; half way it waits while a file ``hold`` lies beside that."""

    def square(i: int) -> int:
        with trace.open("a") as file:
            file.write(f"{i}\n")
        return i * i

    squares = []
    for i in range(count):
        progress(i / count, f"Number {i}")
        while 2 * i >= count and trace.with_name("hold").exists():
            progress(i / count, f"Number {i}")
            time.sleep(0.02)
        squares.append(checkpoints.step("square", i, lambda i=i: square(i)))
        time.sleep(0.02)
    return squares


def fail(progress: Progress, checkpoints: Checkpoints) -> None:
    """Never succeeds."""
    raise ValueError("country XXX is unknown")


def ignore_everything(progress: Progress, checkpoints: Checkpoints) -> None:
    """Never looks up."""
    time.sleep(HANGS)


@dataclass(frozen=True)
class Point:
    """A coordinate and what it is called."""

    x: float
    label: tuple[str, ...] = ()


class Pair(NamedTuple):
    """Two numbers."""

    first: int
    second: float


def take_memory(size: int) -> int:
    """Fills so many bytes."""
    held = bytearray(size)
    return len(held)


def count_for(seconds: float) -> int:
    """Keeps the interpreter busy so long."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        count += 1
    return count


def refuse(words: str) -> None:
    """Raises an error of the program."""
    raise JobError(words)


def stumble() -> None:
    """Raises an error of Python's own."""
    raise ZeroDivisionError("division by zero")


def note_the_time(trace: Path, name: str, progress: Progress, checkpoints: Checkpoints) -> str:
    """Leaves when it began and ended in ``trace``."""
    with trace.open("a") as file:
        file.write(f"begin {name}\n")
    for step in range(8):
        progress(step / 8, name)
        time.sleep(0.05)
    with trace.open("a") as file:
        file.write(f"end {name}\n")
    return name
