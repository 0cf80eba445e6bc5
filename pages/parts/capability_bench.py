"""The firms whose capability a session studies, how it is estimated, what is looked at, and the job behind it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import streamlit as st

from firmtrade_core.capability import CapabilityError, Learner, Settings
from firmtrade_core.capability.learners import Kind
from firmtrade_core.capability.work import CapabilityReport, Flow, Request, estimate_capability
from firmtrade_core.jobs import Job, JobStatus, content_hash
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import user_folder
from pages.parts.firm_source import named_folder

_KEY = "capability"

#: Sizes of the synthetic sample; larger ones take longer and say more.
SIZES = (2_000, 8_000, 20_000)

LEARNERS: dict[str, str] = {
    "boosting": "Boosted trees on smooth curves",
    "splines": "Smooth curves only",
}

SECTIONS = ("predicts", "firm", "well", "next", "parameters")


@dataclass(eq=False)
class Bench:
    """A session's choices on the Firms page.

    Parameters
    ----------
    private
        Folder for work on real firms; removed with the session.
    source
        ``synthetic`` or ``folder``.
    firms
        Of the synthetic sample.
    flow, learner, two_indices, seed, draws, leave_out
        See `work.Request`.
    section
        Of `SECTIONS`.
    index, unit, attribute, by
        What the charts of predictions show.
    who, changes
        The firm looked at, and its attributes as changed.
    job
    problem
        Why nothing could be started.
    """

    private: Path
    source: str = "synthetic"
    firms: int = SIZES[0]
    flow: str = "export"
    learner: str = "boosting"
    two_indices: bool = False
    seed: int = 0
    draws: int = 10
    leave_out: tuple[str, ...] = ()
    section: str = SECTIONS[0]
    index: Literal["m", "g"] = "m"
    unit: Literal["revenue", "cost"] = "revenue"
    attribute: str | None = None
    by: str = "sector"
    who: str = "absent"
    group: int = 0
    changes: dict[str, float] = field(default_factory=dict)
    job: Job | None = None
    problem: str = ""
    results: dict[str, CapabilityReport] = field(default_factory=dict)

    def request(self) -> Request:
        """What the choices ask for."""
        folder = named_folder()
        source = (
            folder if self.source == "folder" and folder is not None else SyntheticDesign(firms=self.firms)
        )
        settings = Settings(
            learner=Learner(kind=cast(Kind, self.learner)), two_indices=self.two_indices, seed=self.seed
        )
        return Request(source, cast(Flow, self.flow), settings, self.leave_out, draws=self.draws)

    def attributes(self) -> tuple[str, ...]:
        """Columns that may explain; empty where the folder cannot be read, with the reason in ``problem``."""
        try:
            return _attributes(None if self.source == "synthetic" else named_folder())
        except PanelError as error:
            self.problem = str(error)
            return ()

    @property
    def jobs(self) -> Path:
        """Synthetic firms are nobody's secret and are kept for all sessions; real ones stay with their own."""
        return user_folder() / "jobs" if self.source == "synthetic" else self.private

    def look(self) -> JobStatus | None:
        """Where the work on the present choices stands; None before it was asked for."""
        folder = self.jobs / content_hash(estimate_capability, self.request().arguments)
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        return None if self.job is None else self.job.status()

    def start(self) -> None:
        """Begin, or go on where it was interrupted."""
        try:
            self.problem = ""
            self.job = Job.start(estimate_capability, self.request().arguments, self.jobs)
        except (CapabilityError, OSError) as error:
            self.problem = str(error)

    def cancel(self) -> None:
        """Stop the work; finished steps are kept."""
        if self.job is not None:
            self.job.cancel()

    def report(self) -> CapabilityReport | None:
        """What came out, once it has."""
        if self.job is None or self.job.status().state != "done":
            return None
        key = self.job.folder.name
        if key not in self.results:
            self.results = {key: self.job.result()}
        return self.results[key]


def current_bench() -> Bench:
    """The session's bench."""
    if _KEY not in st.session_state:
        bench = Bench(Path(tempfile.mkdtemp(prefix="firmtrade-firms-")))
        bench.source = "folder" if named_folder() else "synthetic"
        weakref.finalize(bench, shutil.rmtree, bench.private, ignore_errors=True)
        st.session_state[_KEY] = bench
    found: Bench = st.session_state[_KEY]
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def _attributes(folder: Path | None) -> tuple[str, ...]:
    # What columns there are does not depend on how many synthetic firms are drawn.
    panel = (
        make_country(SyntheticDesign(firms=300)).panel if folder is None else FirmPanel.from_parquet(folder)
    )
    return panel.attributes
