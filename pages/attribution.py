"""Attribution: where this scenario's change of exports, or past growth, comes from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import streamlit as st

from firmtrade_core.analysis.uncertainty import Band
from firmtrade_core.attribution import (
    IN_ALL,
    Attribution,
    AttributionError,
    attribute_growth,
    attribute_scenario,
    bands_of_sources,
)
from firmtrade_core.attribution.invented import SYNTHETIC
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures.attribution import parts_by, waterfall
from firmtrade_core.labels import change
from firmtrade_core.margins import FirmsError
from firmtrade_core.report.export import About, about_result
from firmtrade_core.report.page_tables import about_growth, attribution_tables
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.data.growth_years import current_choice, two_years
from pages.parts.data.worlds import short_sources
from pages.parts.firms.firm_growth import growth_among_firms
from pages.parts.firms.home import current_home
from pages.parts.frame import chart
from pages.parts.frame.exports import several_downloads
from pages.parts.frame.looking import country_chooser
from pages.parts.frame.page import assumed_line, certificate_line, complain, notes, open_page, table
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store, current, seeded
from pages.parts.result import bands
from pages.parts.result.solving import UnsolvedError, settled, solve_in

_QUESTIONS = {
    "scenario": "This scenario's change",
    "growth": "Past growth",
    "firms": "Past growth among firms",
}


_Drawn = Future[dict[str, Band]] | None
_Found = tuple[Attribution, str, Callable[[], About], _Drawn]


def _scenario(store: Store, world: World) -> _Found | None:
    try:
        equilibrium, read = solve_in(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
        return None
    found = attribute_scenario(equilibrium, store.country, store.scenario.name)
    assumed_line(assumed(store.scenario, equilibrium))
    notes(read)
    certificate_line(equilibrium)
    drawn = _bands(store, world, equilibrium)
    return found, equilibrium.content_hash, lambda: about_result(store.scenario, equilibrium), drawn


def _bands(store: Store, world: World, equilibrium: Equilibrium) -> _Drawn:
    """How sure each source is, drawn in the background."""
    try:
        home = current_home(world)
    except FirmsError:
        home = None
    country, scenario = store.country, settled(store.scenario, world)
    key = f"sources-{country}-{equilibrium.content_hash}{home.content_hash if home else ''}"
    stop = bands.left(key)

    def work() -> dict[str, Band]:
        return bands_of_sources(scenario, world, home, country, equilibrium, stop=stop)

    return bands.of_work(store, key, work)


def _growth(store: Store, world: World) -> _Found | None:
    pair = two_years(world)
    if pair is None:
        return None
    earlier, later = pair
    elasticity = st.slider(
        "Trade elasticity, for what tariffs did",
        1.0,
        12.0,
        4.0,
        0.5,
        key="growth_elasticity",
        help="Tariffs are data; the elasticity says how far they moved trade.",
    )
    try:
        years = [str(w.provenance.year or w.name) for w in (earlier, later)]
        # An invented year says so wherever growth since then is told.
        said = f"{years[0]} ({SYNTHETIC}) to {years[1]}" if earlier.name == SYNTHETIC else ""
        found = attribute_growth(earlier, later, store.country, elasticity, said)
    except (AttributionError, WorldError) as error:
        complain("These two worlds cannot be compared", str(error), "Give a world with the same labels.")
        return None
    result = f"{earlier.content_hash}-{later.content_hash}-{store.country}-{elasticity:g}"
    return found, result, lambda: about_growth(found, earlier, later, elasticity), None


def _show(found: Attribution, result: str, about: Callable[[], About], drawn: _Drawn, world: World) -> None:
    source = short_sources(world)
    under = f"bn USD at the border · {world.name} · {found.title}"
    sure = bands.result_of(drawn)
    chart.draw(
        waterfall(found, subtitle=under, source=source, bands=sure),
        key="waterfall",
        result=result,
        kind="waterfall",
    )
    left, right = st.columns(2, gap="large")
    for column, by in ((left, "partner"), (right, "product")):
        with column:
            parts = parts_by(found, by, subtitle=f"Change in {under}", source=source)
            chart.draw(parts, key=f"parts_{by}", result=result, kind="parts")
    bands.follow(drawn, lambda: _sources(found, drawn))
    notes((found.assumption,))
    several_downloads(attribution_tables(found, sure), about, key="attribution")


def _sources(found: Attribution, drawn: _Drawn) -> None:
    """The table of sources, with bands where a scenario has them: growth between two years of data is no draw."""
    sure, words = bands.result_of(drawn) or {}, bands.excuse(drawn)

    def row(key: str, label: str, explanation: str, size: float, percent: float) -> tuple[str, ...]:
        band = (sure[key].ends if key in sure else words,) if drawn is not None else ()
        return label, explanation, change(size, "bn USD"), *band, change(percent)

    rows = [
        row(
            str(line["source"]),
            str(line["label"]),
            str(line["explanation"]),
            float(line["change"]),
            float(line["percent"]),
        )
        for line in found.waterfall().to_dict("records")
    ]
    table(
        f"{country_name(found.country)}: sources of the change",
        (
            "Source",
            "What it is",
            "Change",
            *(("90 % band",) if drawn is not None else ()),
            "Of exports before",
        ),
        [*rows, row(IN_ALL, "In all", "", found.change * 1e-3, found.percent)],
        words=("What it is",),
        units={"90 % band": "bn USD"} if drawn is not None else {},
    )


def _page(world: World) -> None:
    store = current(world)
    choice = current_choice()

    def ask(value: str | None) -> None:
        choice.question = value or choice.question

    question = st.segmented_control(
        "Question",
        list(_QUESTIONS),
        format_func=_QUESTIONS.__getitem__,
        label_visibility="collapsed",
        **seeded("question", choice.question, ask),
    )
    if question == "firms":
        st.html('<h1 class="ft-sentence">What firms did when exports grew</h1>')
        growth_among_firms()
        return
    growth = question == "growth"
    title = "Where past growth of exports comes from" if growth else sentence(store.scenario, world)
    st.html(f'<h1 class="ft-sentence">{title}</h1>')
    country_chooser(store, world, key="attribution")
    if growth:
        found = _growth(store, world)
        charts = st.container()
    else:
        charts = st.container()
        found = _scenario(store, world)
    if found is not None:
        with charts:
            _show(*found, found[0].world)


_page(open_page("Attribution"))
