"""Exporting over time, a section of the Firms page: sunk costs, what exporting teaches, coming and going by market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.capability.state_dependence import StateDependence
from firmtrade_core.capability.work import CapabilityReport
from firmtrade_core.channels.learning import ESTIMATORS, Learning
from firmtrade_core.channels.over_time import OUTCOMES, OverTime, over_time_arguments, study_over_time
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.over_time import COLOURS, learning_chart
from firmtrade_core.labels import change, grouped, in_percent, number
from firmtrade_core.panel.spells import ANYWHERE
from firmtrade_core.report.export import About, written_now
from firmtrade_core.report.over_time_tables import over_time_tables
from pages.parts.firms.asked_work import AskedWork, current
from pages.parts.firms.capability_bench import Bench
from pages.parts.frame import chart
from pages.parts.frame.exports import several_downloads
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.page import heading, table
from pages.parts.frame.store import seeded

_KEY = "over_time"

_SUNK = (
    "A firm that exported last year has paid what entry costs. How much of its staying is that, and how much what it is "
    "anyway, is told by where firms began (dynamic probit with random effects, Wooldridge 2005)."
)
_LEARNING = (
    "Firms that begin to export, against those that have not begun or never do. Where the years before the start differ from "
    "nought, firms on their way up chose to export. Productivity is of sales: demand that comes with exporting counts in it."
)


@dataclass(eq=False)
class Watch(AskedWork[OverTime]):
    """A session's work here.

    Parameters
    ----------
    outcome
        Looked at in the chart; the first there is unless chosen.
    """

    outcome: str = ""

    def asked(self, bench: Bench) -> tuple[Callable[..., OverTime], dict[str, object]]:
        """All years of the firms in question."""
        return study_over_time, over_time_arguments(bench.basis)


def over_time_section(report: CapabilityReport, bench: Bench) -> None:
    """The section: begun by a click, for it takes about a minute."""
    seen = current(_KEY, Watch)
    status = seen.look(bench)
    if status is None or status.state in ("cancelled", "lost"):
        st.html(
            '<p class="ft-empty">Sunk costs of entry, what exporting teaches, and how long entrants stay, from all years of '
            "these firms. It runs in the background for about a minute.</p>"
        )
        st.button("Study the years", type="primary", icon=":material/timeline:", key="over_time_start", on_click=lambda: seen.start(bench))  # fmt: skip
        return
    if status.state == "running":
        watch(lambda: seen.look(bench), lambda: seen.job and seen.job.cancel(), key="over_time_cancel")
        return
    if status.state != "done":
        say_why_not(status, "Nothing can be told of exporting over time")
        return
    found = seen.result()
    key = "" if seen.job is None else seen.job.folder.name
    left, right = st.columns(2, gap="large")
    with left:
        _sunk(found)
        _markets(found)
    with right:
        _learning(found, seen, key)
    for what, why in found.refused.items():
        st.html(
            f'<p class="ft-quiet">{escape(what[:1].upper() + what[1:])} cannot be told: {escape(why)}</p>'
        )
    several_downloads(over_time_tables(found), lambda: about_over_time(found), key="over_time")


def about_over_time(found: OverTime) -> About:
    """Where the numbers come from."""
    return (
        ("Firms", found.label),
        ("Source", found.source),
        ("Years", ", ".join(map(str, found.years))),
        ("Synthetic", "yes: no such firm exists" if found.synthetic else "no"),
        written_now(),
    )


def _sunk(found: OverTime) -> None:
    heading("Sunk costs of entry", _SUNK)
    if found.sunk is None:
        return
    sunk = found.sunk
    st.html(f'<p class="ft-step" data-sunk="1"><b>{escape(sunk.sentence())}</b></p>')
    table(
        "What last year's exporting does to this year's chance",
        ("Reading", "Points of chance", "90 % interval"),
        [
            ("Exporters of last year against others, as seen", _points(sunk.raw[0] - sunk.raw[1]), ""),
            ("Pooled probit: all persistence is sunk cost", *_with_band(sunk.pooled)),
            ("What firms are taken out", *_with_band(sunk.effect)),
        ],
        words=("90 % interval",),
    )
    st.html(f'<p class="ft-quiet">{escape(_worth(sunk))}</p>')


def _points(value: float) -> str:
    return change(100 * value, "points")


def _with_band(band: tuple[float, float, float]) -> tuple[str, str]:
    return _points(band[0]), f"{_points(band[1])} to {_points(band[2])}"


def _worth(sunk: StateDependence) -> str:
    rows = sunk.table.to_dict("index")
    spread = rows["spread of what firms are"]
    text = (
        f"In standard deviations of yearly shocks: last year {number(rows['last year']['value'])} (90 %: {number(rows['last year']['low'])} to "
        f"{number(rows['last year']['high'])}), spread of what firms are {number(spread['value'])}. "
    )
    workers = sunk.worth.get("log_employment")
    if workers is not None and 0 < workers < 10:
        text += f"Having exported is worth as much as {number(float(np.exp(workers)))} times the workers. "
    return f"{text}{grouped(sunk.firms)} firms, of which {grouped(sunk.switchers)} began or stopped."


def _learning(found: OverTime, seen: Watch, key: str) -> None:
    heading("What exporting teaches", _LEARNING)
    if not found.learning:
        return
    names = [each.outcome for each in found.learning]
    chosen = seen.outcome if seen.outcome in names else names[0]

    def take(value: str | None) -> None:
        seen.outcome = value or chosen

    st.segmented_control(
        "Outcome", names, format_func=lambda name: OUTCOMES[name][:1].upper() + OUTCOMES[name][1:], label_visibility="collapsed",
        **seeded("over_time_outcome", chosen, take),
    )  # fmt: skip
    each = next(learned for learned in found.learning if learned.outcome == chosen)
    key_line = " ".join(
        f'<span style="color:{COLOURS[name] if name != "two-way effects" else "inherit"}">● {escape(name)}</span>'
        for name in ESTIMATORS
    )
    drawn = learning_chart(
        each,
        title=each.sentence().partition(". ")[0],
        subtitle=f"{OUTCOMES[chosen][:1].upper()}{OUTCOMES[chosen][1:]}, log points against the year before the start, 90 % intervals · {found.label}",
        source=f"Source: {found.source}. {each.starters} starters, {each.never} firms that never export.",
    )
    chart.draw(drawn, key=f"learning_{chosen}", result=f"{key}-{chosen}", kind="learning")
    st.html(f'<p class="ft-quiet">{key_line}</p>')
    st.html(f'<p class="ft-quiet">{escape(each.sentence().partition(". ")[2])}</p>')
    _estimators(each)


def _estimators(each: Learning) -> None:
    def told(band: tuple[float, float, float]) -> str:
        if not np.isfinite(band[0]):
            return "–"
        return f"{number(band[0], signed=True)} ({number(band[1], signed=True)} to {number(band[2], signed=True)})"

    table(
        "On average, log points",
        ("Estimator", "Before the start", "Since the start", "Reference"),
        [
            (name.capitalize(), told(each.before[name]), told(each.after[name]), ESTIMATORS[name])
            for name in ESTIMATORS
        ],
        words=("Before the start", "Since the start", "Reference"),
    )


def _markets(found: OverTime) -> None:
    heading(
        "Coming and going by market", "Entrants begin small, many leave at once, and those that stay grow."
    )
    if found.markets is None:
        return
    table(
        "Entry, survival and growth of entrants, a year",
        ("Market", "Enter, of exporters", "Leave", "Stay a second year", "Stay a fourth year", "Size at entry", "Growth in a year"),
        [
            (
                _market(str(row["destination"])), in_percent(row["entry"]), in_percent(row["exit"]), _share(row, "stay_1"),
                _share(row, "stay_3"), _told(row["size"]), "–" if pd.isna(row["growth"]) else change(row["growth"], "log points"),
            )
            for row in found.markets.head(12).to_dict("records")
        ],
        units={"Size at entry": "share of 1"},
    )  # fmt: skip
    st.html(
        '<p class="ft-quiet">Survival by Kaplan and Meier of spells whose beginning is seen; size at entry: mean exports of '
        "entrants over those of others in the market. Of real firms, markets that few serve are left out.</p>"
    )


def _told(value: float) -> str:
    return "–" if pd.isna(value) else number(value)


def _share(row: dict[object, float], name: str) -> str:
    return "–" if pd.isna(row[name]) else in_percent(row[name])


def _market(code: str) -> str:
    named = {ANYWHERE: "Exporting at all", "abroad": "Abroad"}
    return named.get(code) or country_name(code)
