"""How long work tells where it stands, and how it learns that it is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the share done, 0 to 1, and a sentence on what is being done. Raises `CancelledError` to stop the work.
Progress = Callable[[float, str], None]


class CancelledError(Exception):
    """The work was called off; what it had finished lies in its checkpoints."""


def silent(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a step that spans from ``start`` to ``end`` of the whole."""

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), message)

    return report
