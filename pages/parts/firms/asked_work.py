"""Work on the firms in question that a click begins: where it stands, and what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from firmtrade_core.jobs import Job, JobStatus, content_hash
from pages.parts.firms.capability_bench import Bench

Result = TypeVar("Result")
Kept = TypeVar("Kept", bound="AskedWork[Any]")


@dataclass(eq=False)
class AskedWork(ABC, Generic[Result]):
    """A session's work of one section of the Firms page.

    Parameters
    ----------
    job
        The work on the firms last looked at; None before it was asked for.
    results
        The last result read, by its job's name.
    """

    job: Job | None = None
    results: dict[str, Result] = field(default_factory=dict)

    @abstractmethod
    def asked(self, bench: Bench) -> tuple[Callable[..., Result], dict[str, object]]:
        """What is to be done with the firms in question, and its arguments."""

    def look(self, bench: Bench) -> JobStatus | None:
        """Where the work on the firms in question stands; None before it was asked for."""
        folder = bench.jobs / content_hash(*self.asked(bench))
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        return None if self.job is None else self.job.status()

    def start(self, bench: Bench) -> None:
        """Begin, or attach to the same work."""
        self.job = Job.start(*self.asked(bench), bench.jobs)

    def result(self) -> Result:
        """What came out."""
        assert self.job is not None
        key = self.job.folder.name
        if key not in self.results:
            self.results = {key: self.job.result()}
        return self.results[key]


def current(key: str, kind: type[Kept]) -> Kept:
    """The session's, under a key of its own.

    Parameters
    ----------
    key, kind
        Made where the session has none yet.
    """
    if key not in st.session_state:
        st.session_state[key] = kind()
    found: Kept = st.session_state[key]
    return found
