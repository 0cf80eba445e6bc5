"""Past growth among firms: the job that reads them, and what they did between two years."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import streamlit as st

from firmtrade_core.attribution import (
    AttributionError,
    FirmGrowth,
    FirmHistory,
    ProductivityGrowth,
    attribute_firms,
    attribute_productivity,
)
from firmtrade_core.attribution.firm_growth import MARGINS, MEASURES, read_source, source_arguments
from firmtrade_core.figures.attribution import firm_parts, firm_waterfall, productivity_parts
from firmtrade_core.jobs import Job, JobStatus, content_hash
from firmtrade_core.labels import change, grouped, money, number
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.report.export import About, Table, written_now
from pages.parts.firms.effects import current_bench
from pages.parts.firms.firm_source import SYNTHETIC, how_to_mend, source_choosers
from pages.parts.firms.growth_predictors import growth_predictors
from pages.parts.frame import access, chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, notes, table
from pages.parts.frame.store import seeded

_KEY = "firm_growth"


@dataclass(eq=False)
class Reading:
    """A session's choices here; which firms are studied is chosen together with the Channels page."""

    first: int = 0
    second: int = 0
    measure: str = "labour"
    job: Job | None = None
    histories: dict[str, FirmHistory] = field(default_factory=dict)

    def look(self, source: SyntheticDesign | Path, jobs: Path) -> JobStatus | None:
        """Where the work on a source stands; None before it was asked for."""
        folder = jobs / content_hash(read_source, source_arguments(source))
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        return None if self.job is None else self.job.status()

    def start(self, source: SyntheticDesign | Path, jobs: Path) -> None:
        """Begin reading, or attach to work on the same firms."""
        if access.refused("work"):
            return
        self.job = Job.start(read_source, source_arguments(source), jobs)

    def history(self) -> FirmHistory:
        """What was read, once it is."""
        assert self.job is not None
        key = self.job.folder.name
        if key not in self.histories:
            self.histories[key] = self.job.result()
        return self.histories[key]


def current_reading() -> Reading:
    """The session's reading."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Reading()
    found: Reading = st.session_state[_KEY]
    return found


def growth_among_firms() -> None:
    """The whole section."""
    reading, bench = current_reading(), current_bench()
    # Real firms have no sample to choose: the years move up beside them.
    widths = [4, 2, 2, 7] if bench.source != SYNTHETIC else [4, 3, 2, 2, 4]
    row = st.columns(widths, vertical_alignment="bottom")
    source_choosers(row[0], row[1], bench, "firm_growth")
    years = row[-3:-1]
    source = bench.basis
    status = reading.look(source, bench.jobs)
    if status is None or status.state in ("cancelled", "lost"):
        # Reading takes seconds and changes nothing: it needs no button.
        reading.start(source, bench.jobs)
        status = reading.look(source, bench.jobs)
    if status is not None and status.state == "running":
        _watch(reading)
        return
    if status is None or status.state == "failed":
        words = "" if status is None else status.message.partition(": ")[2] or status.message
        complain("Growth among these firms cannot be read", words, how_to_mend(bench))
        return
    history = reading.history()
    if len(history.years) < 2:
        complain(
            "One year alone has no growth",
            f"{history.label} has exports of {history.years[0]} only.",
            "Add a year to the panel.",
        )
        return
    _year_choosers(reading, history, *years)
    try:
        _show(attribute_firms(history, reading.first, reading.second), reading)
    except AttributionError as error:
        complain("This growth cannot be shown", str(error), "Choose other years.")


def _year_choosers(
    reading: Reading,
    history: FirmHistory,
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
) -> None:
    years = history.years
    if reading.first not in years[:-1]:
        reading.first = years[0]
    if reading.second not in years or reading.second <= reading.first:
        reading.second = years[-1]

    def take_first(value: int | None) -> None:
        reading.first = value or reading.first

    def take_second(value: int | None) -> None:
        reading.second = value or reading.second

    left.selectbox("From", years[:-1], **seeded("firm_growth_first", reading.first, take_first))
    later = [year for year in years if year > reading.first]
    right.selectbox("To", later, **seeded("firm_growth_second", reading.second, take_second))


@st.fragment(run_every="0.7s")
def _watch(reading: Reading) -> None:
    """The running job, looked at now and then."""
    status = None if reading.job is None else reading.job.status()
    if status is None or status.finished:
        st.rerun()
        return
    st.progress(status.fraction, text=status.message)


def _show(found: FirmGrowth, reading: Reading) -> None:
    history = found.history
    unit, size = history.unit
    result = f"{history.label}-{found.first}-{found.second}"
    under = f"{unit} · {history.label} · {found.first} to {found.second}"
    source = f"Source: {history.source}."
    left, right = st.columns(2, gap="large")
    with left:
        chart.draw(
            firm_waterfall(found, subtitle=under, source=source),
            key="firm_waterfall", result=result, kind="waterfall",
        )  # fmt: skip
        rows = [
            (
                str(row["label"]),
                str(row["explanation"]),
                "withheld" if pd.isna(row["firms"]) else grouped(float(row["firms"])),
                change(float(row["change"]) / size, unit),
                change(float(row["percent"])),
            )
            for row in found.steps().to_dict("records")
        ]
        whole = change(float(found.totals["change"]) / size, unit)
        table(
            "What firms and destinations did",
            ("Margin", "What it is", "Firms", "Change", "Of exports before"),
            [*rows, ("In all", "", "", whole, change(found.percent))],
            words=("What it is",),
        )
        table_downloads(
            margins_table(found), lambda: about_firms(history), key="firm_margins", stem="growth_by_margin"
        )
    with right:
        chart.draw(
            firm_parts(found, subtitle=f"Change by destination in {under}", source=source),
            key="firm_parts", result=result, kind="parts",
        )  # fmt: skip
        table_downloads(
            destinations_table(found),
            lambda: about_firms(history),
            key="firm_destinations",
            stem="growth_by_destination",
        )
    assert reading.job is not None
    growth_predictors(
        history, reading.job.folder.name, found.first, found.second, lambda: about_firms(history)
    )
    _productivity(found, reading, source, result)
    said = ["A firm counts as new or stopped by whether it exports anywhere in the other year."]
    if found.withheld:
        said.append(
            f"{found.withheld} cells by destination are withheld, and small destinations stand together: fewer than five "
            "firms, or one of them with over three quarters, would show through."
        )
    notes(tuple(said))


def _productivity(found: FirmGrowth, reading: Reading, source: str, result: str) -> None:
    history = found.history
    st.html('<h2 class="ft-heading">Productivity of all firms together</h2>')
    if not history.measures:
        st.html(
            '<p class="ft-quiet">The panel lacks value added and employment: productivity cannot be told.</p>'
        )
        return
    if reading.measure not in history.measures:
        reading.measure = history.measures[0]

    def take(value: str | None) -> None:
        reading.measure = value or reading.measure

    column, _ = st.columns([4, 6])
    column.segmented_control(
        "Measure",
        history.measures,
        format_func=lambda name: MEASURES[name][0],
        **seeded("firm_growth_measure", reading.measure, take),
    )
    try:
        parts = attribute_productivity(history, found.first, found.second, reading.measure)
    except AttributionError as error:
        complain("Productivity cannot be split", str(error), "Choose other years or another measure.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        chart.draw(
            productivity_parts(
                parts,
                subtitle=f"Change in log points · {history.label} · {found.first} to {found.second}",
                source=source,
            ),
            key="firm_productivity", result=f"{result}-{reading.measure}", kind="productivity",
        )  # fmt: skip
    with right:
        counted = parts.firms
        left_out = (
            f"; {_count(counted['left_out'])} left out, measured in one of their years only"
            if counted["left_out"]
            else ""
        )
        st.html(
            f'<p class="ft-quiet">{_count(counted["survivors"])} survivors, {_count(counted["entrants"])} entrants, '
            f"{_count(counted['exits'])} closed{left_out}. Weighted by {MEASURES[reading.measure][1]}. Money is of each year, so prices are part of the change. "
            "Decomposition of Melitz and Polanec (2015, RAND Journal of Economics 46).</p>"
        )
        table_downloads(
            productivity_table(parts),
            lambda: about_firms(history),
            key="firm_productivity",
            stem="productivity",
        )


def _count(value: int) -> str:
    return number(float(value), significant=6, most_decimals=0)


# Tables to take away ----------------------------------------------------------------------------


def about_firms(history: FirmHistory) -> About:
    """Where numbers from firms come from."""
    return (
        ("Firms", history.label),
        ("Source", history.source),
        ("Synthetic", "yes: no such firm exists" if history.synthetic else "no"),
        (
            "Withheld",
            "nothing"
            if history.synthetic
            else "cells of fewer than five firms or led by one, and what would tell them",
        ),
        written_now(),
    )


def margins_table(found: FirmGrowth) -> Table:
    """Growth by margin."""
    unit = money(found.history.money, "m")
    frame = found.steps()[["label", "explanation", "firms", "change", "percent"]]
    frame.columns = pd.Index(["Margin", "What it is", "Firms", "Change", "Of exports before"])
    title = f"Growth of exports by what firms did, {found.first} to {found.second}"
    return Table(
        "growth_by_margin", title, frame, {"Firms": "firms", "Change": unit, "Of exports before": "%"}
    )


def destinations_table(found: FirmGrowth) -> Table:
    """Growth by margin and destination."""
    unit = money(found.history.money, "m")
    labels = {key: label for key, (label, _) in MARGINS.items()}
    labels |= {"destination": "Code", "name": "Destination", "before": str(found.first)}
    labels |= {"after": str(found.second), "change": "Change"}
    frame = found.table.rename(columns=labels)
    title = f"Growth of exports by destination, {found.first} to {found.second}"
    amounts = [name for name in frame if name not in ("Code", "Destination")]
    return Table("growth_by_destination", title, frame, dict.fromkeys(map(str, amounts), unit))


def productivity_table(found: ProductivityGrowth) -> Table:
    """Parts of the change of aggregate productivity."""
    frame = found.steps()[["label", "explanation", "change"]]
    frame.columns = pd.Index(["Part", "What it is", "Change"])
    title = f"{MEASURES[found.measure][0]}: sources of the change"
    return Table("productivity", title, frame, {"Change": "log points"})
