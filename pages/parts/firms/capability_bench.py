"""The firms whose capability a session studies, how it is estimated, what is looked at, and the job behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, cast

import streamlit as st

from firmtrade_core.capability import CapabilityError, Learner, Settings
from firmtrade_core.capability.bootstrap import Kind as Resampling
from firmtrade_core.capability.learners import Kind
from firmtrade_core.capability.work import CapabilityReport, Flow, Hidden, Request, estimate_capability
from firmtrade_core.harmonise.pipeline import IMPUTED
from firmtrade_core.jobs import JobStatus
from firmtrade_core.panel import PanelError
from firmtrade_core.report.stored_estimates import Kind as StoredKind
from pages.parts.firms.firm_source import (
    FirmBench,
    changed,
    read_panel,
    session_bench,
    tells_of_the_year_before,
)

_KEY = "capability"

LEARNERS: dict[str, str] = {
    "boosting": "Boosted trees on smooth curves",
    "splines": "Smooth curves only",
    "elastic_net": "Straight lines, few (elastic net)",
    "random_forest": "Random forest",
}

SECTIONS = ("predicts", "firm", "well", "next", "time", "suppliers", "parameters")


@dataclass(eq=False)
class Bench(FirmBench):
    """A session's choices on the Firms page.

    Parameters
    ----------
    flow, learner, two_indices, seed, draws, leave_out, signs, hidden, years, sector, kind, imputations
        See `work.Request`.
    section
        Of `SECTIONS`.
    index, unit, gathered, attribute, by
        What the charts of predictions show.
    who, changes
        The firm looked at, and its attributes as changed.
    """

    SIZES: ClassVar[tuple[int, ...]] = (2_000, 8_000, 20_000)
    KIND: ClassVar[StoredKind] = "capability"

    flow: str = "export"
    learner: str = "boosting"
    two_indices: bool = True
    seed: int = 0
    draws: int = 10
    leave_out: tuple[str, ...] = ()
    signs: bool = False
    hidden: tuple[Hidden, ...] = ("markets", "years")
    years: int = 1
    sector: str | None = None
    kind: Resampling = "model"
    imputations: bool = False
    section: str = SECTIONS[0]
    index: Literal["m", "g"] = "m"
    gathered: Literal["kind", "together"] = "kind"
    unit: Literal["revenue", "cost"] = "revenue"
    attribute: str | None = None
    by: str = "sector"
    who: str = "absent"
    group: int = 0
    changes: dict[str, float] = field(default_factory=dict)
    results: dict[str, CapabilityReport] = field(default_factory=dict)

    def request(self) -> Request:
        """What the choices ask for."""
        settings = Settings(
            learner=Learner(kind=cast(Kind, self.learner)), two_indices=self.two_indices, seed=self.seed
        )
        return Request(
            self.basis, cast(Flow, self.flow), settings, self.leave_out, draws=self.draws, hidden=self.hidden
        )

    def offer(self) -> Offer:
        """What may be chosen of these firms; nothing where the folder cannot be read, with the reason in ``problem``."""
        folder = self.folder
        try:
            return _offer(folder, 0.0 if folder is None else changed(folder))
        except PanelError as error:
            self.problem = str(error)
            return Offer()

    def choose(self, source: str | None) -> None:
        """Study other firms, which have attributes, sectors and years of their own."""
        super().choose(source)
        self.leave_out, self.sector, self.years = (), None, 1
        self.imputations = False

    def look(self) -> JobStatus | None:
        """Where the work on the present choices stands; None before it was asked for."""
        return self.attach(estimate_capability, self.request().arguments)

    def start(self) -> None:
        """Begin, or go on where it was interrupted."""
        try:
            self.problem = ""
            self.begin(estimate_capability, self.request().arguments)
        except (CapabilityError, OSError) as error:
            self.problem = str(error)

    def report(self) -> CapabilityReport | None:
        """What came out, once it has."""
        if (found := self.shipped()) is not None:
            report: CapabilityReport = found.result
            return report
        if self.job is None or self.job.status().state != "done":
            return None
        key = self.job.folder.name
        if key not in self.results:
            self.results = {key: self.job.result()}
        return self.results[key]


def current_bench() -> Bench:
    """The session's bench."""
    return session_bench(_KEY, Bench)


@dataclass(frozen=True)
class Offer:
    """What a panel lets one choose."""

    attributes: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    years: int = 0
    completed: int = 0
    earlier: bool = False


@st.cache_resource(show_spinner=False, max_entries=4)
def _offer(folder: Path | None, changed_at: float) -> Offer:
    panel = read_panel(folder)
    firms = panel.firms
    sectors = sorted(firms["sector"].dropna().astype(str).unique()) if "sector" in firms else []
    completed = 0 if folder is None else len(list((folder / IMPUTED).glob("firms_*.parquet")))
    years = len(panel.years)
    return Offer(panel.attributes, tuple(sectors), years, completed, tells_of_the_year_before(panel))
