"""A headline under every choice that could have been made otherwise: a job, its progress, the curve, the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from firmtrade_core.analysis.robustness import KINDS, Robustness, arguments, run_robustness
from firmtrade_core.analysis.robustness.choices import treats
from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.robustness import specification_curve
from firmtrade_core.home.default import named_file, shipped_file
from firmtrade_core.jobs import Job, JobStatus, content_hash
from firmtrade_core.labels import change, grouped
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import user_folder
from firmtrade_core.report.export import about_result
from firmtrade_core.report.page_tables import robustness_table
from firmtrade_core.scenarios import Scenario
from pages.parts.data.worlds import short_sources
from pages.parts.firms.firm_source import folders
from pages.parts.firms.home import current_home
from pages.parts.frame import access, chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.page import heading, table
from pages.parts.frame.private import of_session
from pages.parts.frame.store import Store, seeded
from pages.parts.result.reading import Reading
from pages.parts.result.solving import settled

_KEY = "robust_bench"

#: Headlines that can be held against other choices, and what readers call them.
OUTCOMES = {
    "real_income": "Real income",
    "exports": "Exports",
    "imports": "Imports",
    "prices": "Prices",
    "wages": "Wages",
    "duties_bn": "Duties",
    "equivalent_variation": "Welfare in dollars",
}

#: Invented firms that every run makes anew.
SIZES = (1_000, 2_000, 8_000, 20_000)


@dataclass(eq=False)
class _Bench:
    """A session's choices, and the job behind them; on real firms it stays with the session."""

    private: Path
    outcome: str = "real_income"
    firms: int = SIZES[1]
    job: Job | None = None
    problem: str = ""
    results: dict[str, Robustness] = field(default_factory=dict)

    def attach(self, given: dict[str, Any], jobs: Path) -> JobStatus | None:
        """Where the work on the present choices stands; None before it was asked for."""
        folder = jobs / content_hash(run_robustness, given)
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        return None if self.job is None else self.job.status()

    def start(self, given: dict[str, Any], jobs: Path) -> None:
        """Begin, or go on where it was stopped."""
        if access.refused("work"):
            return
        try:
            self.problem = ""
            self.job = Job.start(run_robustness, given, jobs)
        except OSError as error:
            self.problem = f"The work could not be started: {error.strerror or error}."

    def found(self) -> Robustness | None:
        """What came out, once it has."""
        if self.job is None or self.job.status().state != "done":
            return None
        key = self.job.folder.name
        if key not in self.results:
            self.results = {key: self.job.result()}
        return self.results[key]


def _bench() -> _Bench:
    return of_session(_KEY, _Bench)


def robust(store: Store, reading: Reading, *, key: str = "robust") -> None:
    """The section below *How sure*."""
    heading("Would other choices say otherwise?")
    bench, world = _bench(), reading.world
    reference = store.reference is not None and store.showing == "reference"
    scenario = store.reference if reference and store.reference is not None else store.scenario
    scenario = settled(scenario, world)
    with_firms = treats(scenario)
    given, jobs = _given(bench, store, scenario, reading)
    _choosers(bench, with_firms, key)
    status = bench.attach(given, jobs)
    if status is not None and not status.finished:
        watch(
            lambda: bench.attach(given, jobs), lambda: bench.job and bench.job.cancel(), key=f"{key}_cancel"
        )
        return
    found = bench.found()
    if found is not None:
        _show(found, store, reading, key)
        return
    if status is not None:
        say_why_not(
            status, "The alternatives were not all run.", "Finished runs are kept: run again to go on."
        )
    if bench.problem:
        st.html(f'<p class="ft-empty">{escape(bench.problem)}</p>')
    st.html(f'<p class="ft-quiet">{escape(_promise(with_firms, bench))}</p>')
    st.button(
        "Run the alternatives",
        icon=":material/rule:",
        key=f"{key}_run",
        on_click=bench.start,
        args=(given, jobs),
    )


def _given(bench: _Bench, store: Store, scenario: Scenario, reading: Reading) -> tuple[dict[str, Any], Path]:
    """Arguments of the job, and where jobs lie."""
    world = reading.world
    home = current_home(world)
    real = next(iter(folders().values()), None)
    start = None
    if treats(scenario):
        start = real if real is not None else SyntheticDesign(firms=bench.firms, years=3)
    file = None if home is None else named_file() or shipped_file()
    given = arguments(scenario, world, file, store.country, bench.outcome, start)
    secret = named_file() is not None or (start is not None and real is not None)
    return given, bench.private if secret else user_folder() / "jobs"


def _choosers(bench: _Bench, with_firms: bool, key: str) -> None:
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom")

    def take_outcome(value: str | None) -> None:
        bench.outcome = value or bench.outcome

    def take_firms(value: int | None) -> None:
        bench.firms = value or bench.firms

    row.selectbox(
        "Headline",
        list(OUTCOMES),
        format_func=OUTCOMES.__getitem__,
        width=240,
        **seeded(f"{key}_outcome", bench.outcome, take_outcome),
    )
    if with_firms and not folders():
        row.selectbox(
            "Invented firms in every run",
            SIZES,
            format_func=lambda count: f"{grouped(count)} firms",
            help="Every run makes these firms anew, writes them as raw files, cleans, estimates and solves. Few firms tell little "
            "of effects: the spread between runs says so.",
            width=240,
            **seeded(f"{key}_firms", bench.firms, take_firms),
        )


def _promise(with_firms: bool, bench: _Bench) -> str:
    """What running means, before it is asked for."""
    text = (
        "Every published elasticity set, law of firms, closure, set of markups, the accounts without input-output links and with "
        "their estimated cells drawn anew: each is solved by itself and certified, in seconds together."
    )
    if not with_firms:
        return (
            f"{text} No policy here treats firms, so that choices on firms' records cannot move the answer."
        )
    return (
        f"{text} Because a policy treats firms, their records are also cleaned, completed, learned from and estimated in every other "
        f"way, from their start: some minutes of work in the background, which can be stopped and taken up again."
    )


def _show(found: Robustness, store: Store, reading: Reading, key: str) -> None:
    what = f"{OUTCOMES[found.outcome]} of {country_name(found.country)}"
    chart.draw(
        specification_curve(
            found,
            what,
            subtitle=f"{found.unit}, one alternative a mark, in order of its answer · {reading.name}",
            source=short_sources(reading.world),
        ),
        key=f"{key}_curve",
        result=f"{reading.hash}-{found.outcome}-{found.country}-{len(found.rows)}",
    )
    st.html(f'<p class="ft-quiet">{escape(" ".join([found.sentence, *found.notes]))}</p>')
    with st.expander("Every alternative"):
        table(
            "Every alternative",
            ("Kind of choice", "Choice", "Answer", "Against the choice made", "Run again from"),
            [
                (
                    KINDS[row.kind][0],
                    row.label,
                    f"no answer: {row.problem}" if row.problem else change(row.value, found.unit),
                    "–" if row.problem else change(row.value - found.base_of(row.kind), found.unit),
                    KINDS[row.kind][1],
                )
                for row in found.rows
            ]
            + [
                (KINDS[kind][0], "not run", "–", why, KINDS[kind][1]) for kind, why in found.untouched.items()
            ],
            words=("Choice", "Run again from"),
        )
        table_downloads(
            robustness_table(found), lambda: about_result(store.scenario, reading.second), key=f"{key}_table"
        )


assert set(OUTCOMES) <= set(COUNTRY_OUTCOMES)
