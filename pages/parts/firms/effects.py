"""The firms whose attributes a session studies, and the job that estimates their effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import streamlit as st

from firmtrade_core.capability.sources import explaining_attributes
from firmtrade_core.channels.from_panel import ChannelReport, Question
from firmtrade_core.channels.work import Request, default_questions, estimate_channels
from firmtrade_core.jobs import JobStatus
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.attributes import with_earlier_outcomes
from firmtrade_core.report.stored_estimates import Kind as StoredKind
from pages.parts.firms.firm_source import (
    FirmBench,
    changed,
    read_panel,
    session_bench,
    tells_of_the_year_before,
)

_KEY = "effects"


@dataclass(eq=False)
class Bench(FirmBench):
    """A session's choices on the Channels page.

    Parameters
    ----------
    studied
        Attributes whose effects are sought; None for those that programmes move.
    instruments, reliability, proxy
        By attribute, where the reader chose; see `Question`.
    leave_out
        Attributes that the reader keeps out of the controls.
    detailed
        The attribute whose instruments and reliability are being chosen.
    attribute
        Looked at; None before a choice.
    kinds
        Whether the table of kinds of advantage is asked for.
    shocks
        Whether shocks to firms' own markets are asked for.
    """

    SIZES: ClassVar[tuple[int, ...]] = (8_000, 20_000)
    KIND: ClassVar[StoredKind] = "channels"

    studied: tuple[str, ...] | None = None
    instruments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reliability: dict[str, float] = field(default_factory=dict)
    proxy: dict[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    detailed: str | None = None
    attribute: str | None = None
    kinds: bool = False
    shocks: bool = False
    results: dict[str, ChannelReport] = field(default_factory=dict)

    def offer(self) -> Offer:
        """What may be asked of these firms.

        Raises
        ------
        PanelError
            If the folder holds no panel.
        """
        folder = self.folder
        return _offer(folder, 0.0 if folder is None else changed(folder))

    def askable(self) -> tuple[str, ...]:
        """Attributes that may be asked about: those of the year before too where they explain.

        Raises
        ------
        PanelError
        """
        offer = self.offer()
        return (*offer.attributes, *(offer.year_before if self.with_earlier(offer.earlier) else ()))

    def questions(self) -> tuple[Question, ...]:
        """What the choices ask.

        Raises
        ------
        PanelError
        """
        offer = self.offer()
        usual = {question.attribute: question.instruments for question in offer.usual}
        askable = self.askable()
        names = tuple(usual) if self.studied is None else tuple(n for n in self.studied if n in askable)

        def proxy(name: str) -> str | None:
            """A column that is asked about itself measures nothing else."""
            chosen = self.proxy.get(name)
            return chosen if chosen in askable and chosen not in names else None

        return tuple(
            Question(
                name, self.instruments.get(name, usual.get(name, ())), self.reliability.get(name), proxy(name)
            )
            for name in names
        )

    def request(self) -> Request:
        """What the choices ask for.

        Raises
        ------
        PanelError
            If the named folder holds no panel.
        """
        return Request(
            self.basis,
            self.questions(),
            leave_out=self.left_out(),
            earlier=self.with_earlier(self.offer().earlier),
        )

    def left_out(self) -> tuple[str, ...]:
        """Attributes that the reader keeps out, as far as these firms have them and they are not asked about.

        Raises
        ------
        PanelError
        """
        asked = {name for question in self.questions() for name in question.columns}
        return tuple(name for name in self.leave_out if name in self.askable() and name not in asked)

    def choose(self, source: str | None) -> None:
        """Study other firms, of which other things may be asked."""
        super().choose(source)
        self.ask_the_usual()

    def ask_the_usual(self) -> None:
        """Forget the reader's questions."""
        self.studied, self.instruments, self.reliability, self.detailed = None, {}, {}, None
        self.proxy, self.leave_out = {}, ()

    @property
    def asks_the_usual(self) -> bool:
        """Whether the reader changed no question."""
        return self.studied is None and not (
            self.instruments or self.reliability or self.proxy or self.leave_out
        )

    def look(self) -> JobStatus | None:
        """Where the work on the present choices stands; None before it was asked for."""
        try:
            request = self.request()
        except PanelError as error:
            self.problem = str(error)
            return None
        self.problem = ""
        return self.attach(estimate_channels, request.arguments)

    def start(self) -> None:
        """Begin, or go on where it was interrupted."""
        try:
            self.begin(estimate_channels, self.request().arguments)
            self.problem = ""
        except (PanelError, OSError) as error:
            self.problem = str(error)

    def report(self) -> ChannelReport | None:
        """What came out, once it has."""
        if (found := self.shipped()) is not None:
            report: ChannelReport = found.result
            return report
        if self.job is None or self.job.status().state != "done":
            return None
        key = self.job.folder.name
        if key not in self.results:
            self.results[key] = self.job.result()
        return self.results[key]


def current_bench() -> Bench:
    """The session's bench."""
    return session_bench(_KEY, Bench)


@dataclass(frozen=True)
class Offer:
    """What a panel lets one ask: the usual questions, attributes not made of exports, instruments, the year before."""

    usual: tuple[Question, ...]
    attributes: tuple[str, ...]
    instruments: tuple[str, ...]
    earlier: bool
    year_before: tuple[str, ...]


@st.cache_resource(show_spinner=False, max_entries=4)
def _offer(folder: Path | None, changed_at: float) -> Offer:
    panel = read_panel(folder)
    return Offer(
        default_questions(panel),
        tuple(explaining_attributes(panel)),
        panel.instruments,
        tells_of_the_year_before(panel),
        _year_before(panel),
    )


def _year_before(panel: FirmPanel) -> tuple[str, ...]:
    """Attributes that the year before adds."""
    if not tells_of_the_year_before(panel):
        return ()
    return tuple(name for name in with_earlier_outcomes(panel).attributes if name not in panel.attributes)
