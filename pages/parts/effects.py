"""The firms whose attributes a session studies, and the job that estimates their effects."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.work import Request, default_questions, estimate_channels
from firmtrade_core.jobs import Job, JobStatus, content_hash
from firmtrade_core.panel import PanelError
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import user_folder
from pages.parts.firm_source import named_folder

_KEY = "effects"

#: Sizes of the synthetic sample; larger ones take longer and say more.
SIZES = (8_000, 20_000)


@dataclass(eq=False)
class Bench:
    """A session's choices on the Channels page.

    Parameters
    ----------
    private
        Folder for work on real firms; removed with the session.
    source
        ``synthetic`` or ``folder``.
    firms
        Of the synthetic sample.
    attribute
        Looked at; None before a choice.
    job
    problem
        Why nothing could be started.
    """

    private: Path
    source: str = "synthetic"
    firms: int = SIZES[0]
    attribute: str | None = None
    job: Job | None = None
    problem: str = ""
    results: dict[str, ChannelReport] = field(default_factory=dict)

    def request(self) -> Request:
        """What the choices ask for.

        Raises
        ------
        PanelError
            If the named folder holds no panel.
        """
        return _request(self.source, self.firms, named_folder())

    @property
    def jobs(self) -> Path:
        """Synthetic firms are nobody's secret and are kept for all sessions; real ones stay with their own."""
        return user_folder() / "jobs" if self.source == "synthetic" else self.private

    def look(self) -> JobStatus | None:
        """Where the work on the present choices stands; None before it was asked for."""
        try:
            request = self.request()
        except PanelError as error:
            self.problem = str(error)
            return None
        self.problem = ""
        folder = self.jobs / content_hash(estimate_channels, request.arguments)
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        return None if self.job is None else self.job.status()

    def start(self) -> None:
        """Begin, or go on where it was interrupted."""
        try:
            self.job = Job.start(estimate_channels, self.request().arguments, self.jobs)
            self.problem = ""
        except (PanelError, OSError) as error:
            self.problem = str(error)

    def cancel(self) -> None:
        """Stop the work; finished steps are kept."""
        if self.job is not None:
            self.job.cancel()

    def report(self) -> ChannelReport | None:
        """What came out, once it has."""
        if self.job is None or self.job.status().state != "done":
            return None
        key = self.job.folder.name
        if key not in self.results:
            self.results[key] = self.job.result()
        return self.results[key]


def current_bench() -> Bench:
    """The session's bench."""
    if _KEY not in st.session_state:
        bench = Bench(Path(tempfile.mkdtemp(prefix="firmtrade-effects-")))
        bench.source = "folder" if named_folder() else "synthetic"
        weakref.finalize(bench, shutil.rmtree, bench.private, ignore_errors=True)
        st.session_state[_KEY] = bench
    found: Bench = st.session_state[_KEY]
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def _request(source: str, firms: int, folder: Path | None) -> Request:
    basis = folder if source == "folder" and folder is not None else SyntheticDesign(firms=firms)
    # What questions there are does not depend on how many synthetic firms are drawn.
    small = Request(basis if isinstance(basis, Path) else SyntheticDesign(firms=300), ())
    return Request(basis, default_questions(small.panel()))
