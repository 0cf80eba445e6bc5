"""Methods: the model in words and equations, what it assumes, published results reproduced, versions, how to cite."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from firmtrade_core.jobs import Job, JobStatus
from firmtrade_core.published.replicate import replications, stored_run
from firmtrade_core.published.replication import Report
from firmtrade_core.published.replication_job import run_replications
from firmtrade_core.report.export import written_now
from firmtrade_core.report.methods import (
    ASSUMPTIONS,
    GLOSSARY,
    LITERATURE,
    NOTATION,
    PARTS,
    citation,
    component_versions,
)
from firmtrade_core.report.page_tables import replication_table
from firmtrade_core.world.world import World
from pages.parts.frame import access
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.page import complain, open_page


def _model() -> None:
    st.html('<h2 class="ft-heading">The model, in plain words and in equations</h2>')
    st.markdown(NOTATION)
    for part in PARTS:
        words, equations = st.columns([4, 6], gap="large")
        with words:
            cited = "; ".join(LITERATURE[key].split(")")[0] + ")" for key in part.literature)
            st.html(
                f'<h3 class="ft-heading">{escape(part.title)}</h3><p class="ft-prose">{escape(part.words)}</p>'
                f'<p class="ft-quiet">After {escape(cited)}.</p>'
            )
        with equations:
            for equation in part.equations:
                st.html(
                    f'<p class="ft-equation"><b>{escape(equation.number)}</b> {escape(equation.words)}</p>'
                )
                st.latex(equation.latex)


def _assumptions() -> None:
    rows = "".join(
        f"<tr><th scope='row'>{escape(item.statement)}</th><td>{escape(item.consequence)}</td><td>{escape(item.change)}</td></tr>"
        for item in ASSUMPTIONS
    )
    st.html(
        '<h2 class="ft-heading">What is assumed</h2><div class="ft-words"><table><thead><tr><th>Assumption</th>'
        f"<th>What that means</th><th>Where to change it</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


# Replication --------------------------------------------------------------------------------------


@dataclass
class Desk:
    """Where replications are run: one for all sessions, as data and results are the same for everyone."""

    root: Path
    run: str = ""
    job: Job | None = None

    def start(self, *, afresh: bool) -> None:
        """Begin a run, or carry on with the last one."""
        if access.refused("work"):
            return
        if afresh or not self.run:
            self.run = datetime.now(UTC).isoformat()
        arguments = {"names": tuple(replications()), "run": self.run}
        self.job = Job.start(run_replications, arguments, self.root)

    def status(self) -> JobStatus | None:
        """Of the latest run; None before the first."""
        return self.job.status() if self.job else None

    def cancel(self) -> None:
        """Stop the run; what it has finished is kept."""
        if self.job:
            self.job.cancel(grace=1.0)

    def found(self) -> dict[str, Report | str]:
        """Reports made here, or why there is none, by name."""
        status = self.status()
        return self.job.result() if self.job and status and status.state == "done" else {}


@st.cache_resource(show_spinner=False)
def _desk() -> Desk:
    return Desk(Path(tempfile.mkdtemp(prefix="firmtrade_replication_")))


def _replication() -> None:
    st.html('<h2 class="ft-heading">Published results, reproduced</h2>')
    desk = _desk()
    _controls(desk)
    found = desk.found()
    for name, stored in stored_run().items():
        _report(name, _latest(stored, found.get(name)))


def _controls(desk: Desk) -> None:
    status = desk.status()
    if status is not None and not status.finished:
        watch(desk.status, desk.cancel, key="job_cancel")
        return
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if status is not None and status.state != "done":
        say_why_not(status, "The run did not finish", "The stored run stands below; finished steps are kept.")
        row.button(
            "Carry on",
            icon=":material/play_arrow:",
            on_click=desk.start,
            kwargs={"afresh": False},
            key="job_resume",
        )
    row.button(
        "Run again" if status else "Run here",
        icon=":material/play_arrow:",
        on_click=desk.start,
        kwargs={"afresh": True},
        key="job_start",
        help="Estimates and solves everything from the data, in about half a minute.",
    )


def _latest(stored: Report, made: Report | str | None) -> Report:
    """The run made here where there is one, else the stored one; says why one made here has nothing to tell."""
    if isinstance(made, Report):
        return made
    if made:
        complain(f"{stored.title} could not be run here", made, "The stored run stands below.")
    return stored


def _report(name: str, report: Report) -> None:
    kind = "ft-good" if report.holds else "ft-error"
    st.html(
        f'<h3 class="ft-heading">{escape(report.title)}</h3><p class="{kind}"><b>{escape(report.verdict)}</b> · {escape(report.dated)}</p>'
        f'<p class="ft-quiet">{escape(report.citation)}</p>'
    )
    _rows(report.summary(), f"{report.title}: summary")
    with st.expander(f"All {len(report.rows)} numbers, and what to know about the differences"):
        notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
        st.html(f'<ul class="ft-list">{notes}</ul>')
        _rows(report.table(), f"{report.title}: all numbers", tall=True)
        table = replication_table(report)
        about = (("Published in", report.citation), ("Run", report.dated), written_now())
        table_downloads(table, lambda: about, key=f"replication_{name}")


def _rows(table: pd.DataFrame, label: str, *, tall: bool = False) -> None:
    lines = "".join(
        f"<tr><th scope='row'>{escape(str(row.result))}</th><td>{escape(str(row.place))}</td><td>{escape(str(row.unit))}</td>"
        f"<td class='ft-num'>{_number(row.published)}</td><td class='ft-num'>{_number(row.ours)}</td>"
        f"<td class='ft-num'>{_number(row.difference, signed=True)}</td><td class='ft-num'>{_number(row.band)}</td>"
        f"<td>{escape(str(row.difference_unit))}</td>"
        f"<td class='ft-{'holds' if row.verdict != 'misses' else 'misses'}'>{escape(str(row.verdict))}</td>"
        f"<td>{escape(str(row.cause))}</td></tr>"
        for row in table.itertuples(index=False)
    )
    st.html(
        f'<div class="ft-words{" ft-tall" if tall else ""}" tabindex="0" role="region" aria-label="{escape(label)}"><table><thead>'
        "<tr><th>Result</th><th>Where</th><th>Unit</th><th class='ft-num'>Published</th><th class='ft-num'>Ours</th>"
        "<th class='ft-num'>Difference</th><th class='ft-num'>Band</th><th>In</th><th>Verdict</th><th>Why this band</th></tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _number(value: object, *, signed: bool = False) -> str:
    """Four decimals, scientific where those show nothing; a dash where there is no number."""
    number = float("nan") if value is None else float(str(value))
    if not math.isfinite(number):
        return "–"
    text = f"{abs(number):.1e}" if 0 < abs(number) < 1e-4 else f"{abs(number):.4f}"
    return ("−" if number < 0 else "+" if signed and number > 0 else "") + text


# The rest -----------------------------------------------------------------------------------------


def _versions(world: World) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        lines = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in component_versions().items())
        st.html(
            f'<h2 class="ft-heading">Versions</h2><dl class="ft-facts">{lines}<dt>World</dt><dd>{escape(world.name)}, '
            f"{escape(world.content_hash)}</dd></dl>"
        )
    with right:
        words = citation()
        st.html(
            f'<h2 class="ft-heading">How to cite</h2><p class="ft-prose">{escape(words["plain"])}</p>'
            "<p class=\"ft-quiet\">With numbers, also cite the world's source (page Data) and the result's content hash.</p>"
        )
        st.code(words["bibtex"], language=None, wrap_lines=True)


def _glossary() -> None:
    st.html('<h2 class="ft-heading">Glossary</h2>')
    text = st.text_input(
        "Find a term", key="glossary", placeholder="Find a term", label_visibility="collapsed"
    )
    found = {t: w for t, w in GLOSSARY.items() if text.casefold() in f"{t} {w}".casefold()}
    lines = "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(words)}</dd></div>" for term, words in found.items()
    )
    st.html(
        f'<dl class="ft-glossary">{lines}</dl>' if found else '<p class="ft-empty">No such term here.</p>'
    )


def _literature() -> None:
    items = "".join(f"<li>{escape(words)}</li>" for words in sorted(LITERATURE.values()))
    st.html(f'<h2 class="ft-heading">Literature</h2><ul class="ft-list">{items}</ul>')


_world = open_page("Methods")
st.html(
    '<h1 class="ft-sentence">How the numbers are made</h1><p class="ft-prose">From the world as observed, the model computes '
    "how wages, prices, trade and incomes would stand with a policy in force. Every result is checked against all equations "
    "of the model by code of its own before it is shown, and published studies are reproduced below.</p>"
)
_model()
_assumptions()
_replication()
_versions(_world)
_glossary()
_literature()
