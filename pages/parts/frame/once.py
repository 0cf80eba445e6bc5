"""What all sessions share and is made once: Streamlit's own cache hashes names and arguments at every look, a tenth of a millisecond each."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Made = TypeVar("Made")


class once(Generic[Made]):  # noqa: N801  (a decorator)
    """A function without arguments that is run at the first call; later ones get the same object.

    Parameters
    ----------
    make
        Run by one thread while others wait.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make, self._lock = make, Lock()
        self._made: list[Made] = []

    def __call__(self) -> Made:
        """The object."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def clear(self) -> None:
        """Make it anew at the next call."""
        self._made = []
