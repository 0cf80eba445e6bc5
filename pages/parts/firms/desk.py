"""The desk on which a session harmonises firm data: its files, choices and job, gone when the session ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from firmtrade_core.figures import Chart
from firmtrade_core.harmonise.errors import HarmoniseError, UnreadableFileError
from firmtrade_core.harmonise.firm_tables import FIRM_FIELDS, guess_firm_layout
from firmtrade_core.harmonise.layout import FIELDS, guess_layout
from firmtrade_core.harmonise.pipeline import Outcome, Settings, harmonise, header, sort_files
from firmtrade_core.harmonise.salt import own_salt
from firmtrade_core.jobs import Job, JobStatus
from pages.parts.frame import access
from pages.parts.frame.private import of_session

_KEY = "desk"

#: Addresses that only this machine reaches.
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(eq=False)
class Desk:
    """What a session has on its desk.

    Parameters
    ----------
    folder
        Private, on the local disk; removed with the session.
    files
        Uploaded copies, or paths of files in a folder of the user's.
    columns
        By file name: field to column, as guessed or chosen.
    constants
        By field: what holds for every customs line.
    choices
        Country, edition, draws and the like, as `Settings` takes them.
    decisions
        Reviewed pairs: left, right, same.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    choices: Settings = field(default_factory=Settings)
    decisions: pd.DataFrame | None = None
    job: Job | None = None
    problem: str = ""
    #: How often the desk was cleared: a cleared desk shows a fresh uploader.
    cleared: int = 0
    example: bool = False
    #: Uploads that were taken, by the browser's number of each.
    seen: set[str] = field(default_factory=set)
    #: Charts of what came out, by the job's folder: made once, and gone with the session.
    drawn: dict[str, dict[str, Chart | str]] = field(default_factory=dict)

    # Files --------------------------------------------------------------------------------------

    def put(self, name: str, content: bytes) -> None:
        """Keep an uploaded file, under its own name, in the private folder."""
        inbox = self.folder / "in"
        inbox.mkdir(exist_ok=True)
        path = inbox / Path(name).name
        path.write_bytes(content)
        # A corrected file under the name of an earlier one is looked at anew.
        for known in (self.headers, self.columns, self.kinds):
            known.pop(path.name, None)
        self.take([*(p for p in self.files if p.name != path.name), path])

    def take(self, paths: Sequence[Path]) -> None:
        """Look at files: what each is, and which column holds what."""
        self.files = sorted(paths)
        found = sort_files(self.files, self.columns, self.constants)
        groups = {
            "customs": found.customs,
            "firms": found.firms,
            "concordance": found.concordances,
            "rates": found.rates,
            "partners": found.partners,
            "corrections": found.corrections,
        }
        self.kinds = {path.name: kind for kind, group in groups.items() for path in group}
        for path in self.files:
            if path.name not in self.headers:
                self._look(path)

    def _look(self, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as workspace:
            try:
                columns = header(path, Path(workspace))
            except UnreadableFileError as error:
                self.kinds[path.name] = str(error)
                return
        self.headers[path.name] = columns
        kind = self.kinds.get(path.name)
        guess_customs = dict(guess_layout(columns).columns)
        if kind is None and columns and "country" in guess_customs and "value" in guess_customs:
            # Customs lines that lack a field: the person can map it or say what holds for all.
            kind = self.kinds[path.name] = "customs"
        if kind == "customs":
            self.columns[path.name] = guess_customs
        elif kind == "firms":
            self.columns[path.name] = guess_firm_layout(columns)

    def clear(self) -> None:
        """An empty desk; what ran is cancelled."""
        self.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        for name in ("files", "kinds", "headers", "columns", "constants", "drawn", "seen"):
            getattr(self, name).clear()
        self.choices = Settings()
        self.cleared += 1
        self.decisions, self.job, self.problem, self.example = None, None, "", False

    def gaps(self) -> dict[str, list[str]]:
        """By customs file: required fields that are neither mapped nor constant."""
        return {
            name: gaps
            for name, kind in self.kinds.items()
            if kind == "customs"
            and (gaps := [f.name for f in FIELDS if f.required and f.name not in self.columns[name] and f.name not in self.constants])
        }  # fmt: skip

    # Work ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start harmonising, or go on where it was interrupted."""
        if access.refused("work"):
            return
        try:
            arguments = {
                "files": tuple(self.files),
                "output": self.folder / "out",
                "salt": own_salt(),
                "settings": self._settings(),
            }
            self.problem = ""
            self.job = Job.start(harmonise, arguments, self.folder / "jobs")
        except (HarmoniseError, OSError) as error:
            self.problem = str(error)

    def _settings(self) -> Settings:
        decided = None
        if self.decisions is not None and len(self.decisions):
            decided = self.folder / "decisions.csv"
            self.decisions.to_csv(decided, index=False)
        layouts = {name: dict(columns) for name, columns in self.columns.items()}
        return replace(self.choices, layouts=layouts, constants=dict(self.constants), decisions=decided)

    def choose(self, **changes: Any) -> None:
        """Change choices, by the names of `Settings`."""
        self.choices = replace(self.choices, **changes)

    def status(self) -> JobStatus | None:
        """Where the job stands; None before there is one."""
        return self.job.status() if self.job is not None else None

    def cancel(self) -> None:
        """Stop the job; finished steps are kept."""
        if self.job is not None and not self.job.status().finished:
            self.job.cancel()

    def outcome(self) -> Outcome | None:
        """What came out, once it has."""
        if self.job is None or self.job.status().state != "done":
            return None
        found: Outcome = self.job.result()
        return found

    def pictures(self, make: Callable[[], dict[str, Chart | str]]) -> dict[str, Chart | str]:
        """Charts of what came out, made once for each job."""
        key = "" if self.job is None else self.job.folder.name
        if key not in self.drawn:
            self.drawn = {key: make()}
        return self.drawn[key]


def current_desk() -> Desk:
    """The session's desk; its folder goes when the session does."""
    return of_session(_KEY, Desk)


def on_loopback() -> bool:
    """Whether only this machine reaches the dashboard: single firms are shown nowhere else."""
    # Behind a gateway every server listens on this machine alone: what counts is where readers reach the gateway.
    reached = os.environ.get("FIRMTRADE_PUBLIC_HOST") or str(st.get_option("server.address") or "")
    return reached in _LOOPBACK


def field_labels(kind: str) -> dict[str, str]:
    """Fields of a kind of file, with their names in words."""
    return {f.name: f.label for f in (FIELDS if kind == "customs" else FIRM_FIELDS)}


def required_fields(kind: str) -> frozenset[str]:
    """Fields without which a kind of file is of no use."""
    return (
        frozenset(f.name for f in FIELDS if f.required) if kind == "customs" else frozenset({"firm", "year"})
    )
