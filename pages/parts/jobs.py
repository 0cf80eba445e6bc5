"""Work that takes longer than a reader waits: programs of their own, with progress, cancel and resume.

A job is a list of commands, run one after the other beside the server. What is finished stays finished: a job that
was cancelled carries on where it stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from firmtrade_core.paths import PROJECT
from firmtrade_core.report.replicate import stored_run


@dataclass(frozen=True)
class Finished:
    """What a command left: exit code, output, last line of complaint, seconds."""

    code: int
    output: str
    complaint: str
    seconds: float


@dataclass(frozen=True, eq=False)
class _Running:
    name: str
    process: subprocess.Popen[str]
    since: float


@dataclass
class Job:
    """Commands of `python -m firmtrade_core`, by name, run one at a time.

    Parameters
    ----------
    commands
        Arguments of each command.
    """

    commands: Mapping[str, tuple[str, ...]]
    finished: dict[str, Finished] = field(default_factory=dict)
    _running: _Running | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def running(self) -> str:
        """Name of the command under way; empty if none is."""
        running = self._running
        return running.name if running else ""

    @property
    def seconds(self) -> float:
        """How long the command under way has run."""
        running = self._running
        return time.monotonic() - running.since if running else 0.0

    def start(self, *, afresh: bool = False) -> None:
        """Run what is not finished; everything, if afresh. Nothing happens while a command is under way."""
        with self._lock:
            if self._running is None:
                if afresh:
                    self.finished.clear()
                self._next()

    def cancel(self) -> None:
        """End the command under way; what is finished stays."""
        with self._lock:
            running, self._running = self._running, None
        if running:
            running.process.terminate()

    def _next(self) -> None:
        name = next((name for name in self.commands if name not in self.finished), None)
        if name is None:
            return
        process = subprocess.Popen(
            [sys.executable, "-m", "firmtrade_core", *self.commands[name]],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._running = _Running(name, process, time.monotonic())
        threading.Thread(target=self._wait, args=(self._running,), daemon=True).start()

    def _wait(self, running: _Running) -> None:
        output, complaint = running.process.communicate()
        lines = complaint.strip().splitlines()
        seconds = time.monotonic() - running.since
        with self._lock:
            if self._running is running:
                code = running.process.returncode
                self.finished[running.name] = Finished(code, output, lines[-1] if lines else "", seconds)
                self._running = None
                self._next()


@st.cache_resource(show_spinner=False)
def replication_job() -> Job:
    """Every published result computed again; one for all sessions, as data and results are the same for everyone."""
    return Job({name: ("replicate", name, "--json") for name in stored_run()})
