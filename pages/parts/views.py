"""What pages show of a result: the map with its choosers, winners and losers, sectors."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import (
    headlines,
    outcome,
    sector_bars,
    sector_outcomes,
    stable_scale,
    winners_and_losers,
    world_map,
)
from firmtrade_core.figures.outcomes import SECTOR_MEASURES, Outcome
from firmtrade_core.figures.world_map import finding
from firmtrade_core.labels import VARIABLES
from firmtrade_core.world.world import World
from pages.parts import chart
from pages.parts.frame import headline_strip
from pages.parts.store import Store, seeded
from pages.parts.worlds import by_name, short_sources

_FLOWS_KEY = " · Arcs: trade both ways, width by value; brown falls, teal rises, grey stays within 1 %"


def numbers(store: Store, equilibrium: Equilibrium, *, large: bool = False) -> None:
    """The headline numbers of the country looked at."""
    name = country_name(store.country)
    headline_strip(headlines(equilibrium, store.country, name), equilibrium.content_hash, large=large)


def choosers(store: Store, world: World) -> None:
    """Country, outcome and flows, in one row above the map."""

    def look_at(code: str | None) -> None:
        if code:
            store.country = code

    def show(key: str) -> None:
        store.outcome = key

    def draw_flows(on: bool) -> None:
        store.flows = on

    left, middle, right = st.columns([5, 4, 3], vertical_alignment="bottom")
    left.selectbox(
        "Country",
        by_name(world),
        format_func=country_name,
        help="Also by a click on the map.",
        **seeded("country", store.country, look_at),
    )
    middle.selectbox(
        "On the map",
        list(VARIABLES),
        format_func=lambda key: VARIABLES[key].label,
        **seeded("outcome", store.outcome, show),
    )
    right.toggle(
        "Trade flows",
        help="The country's largest trade partners: width by size, colour by change.",
        **seeded("flows", store.flows, draw_flows),
    )


def shown_outcome(store: Store, equilibrium: Equilibrium) -> tuple[Outcome, float]:
    """The chosen variable, and a colour scale that holds still while sliders move."""
    found = outcome(equilibrium, store.outcome)
    scale = stable_scale(found.change, store.scales.get(store.outcome))
    store.scales[store.outcome] = scale
    return found, scale


def subtitle(found: Outcome, equilibrium: Equilibrium, name: str) -> str:
    """Unit, year, world and scenario, as under every chart."""
    world = equilibrium.world
    year = (
        f", {world.provenance.year}"
        if world.provenance.year and str(world.provenance.year) not in world.name
        else ""
    )
    return f"Change in {found.variable.unit} against the baseline · {world.name}{year} · {name}"


def the_map(store: Store, equilibrium: Equilibrium, *, key: str = "map") -> None:
    """The map of the chosen outcome; a click picks the country everywhere."""
    world = equilibrium.world
    found, scale = shown_outcome(store, equilibrium)

    def pick(index: int) -> None:
        if 0 <= index < len(world.countries):
            store.country = world.countries[index]

    drawn = world_map(
        found,
        world,
        scale=scale,
        chosen=store.country,
        flows=equilibrium if store.flows else None,
        title=finding(found, world),
        subtitle=subtitle(found, equilibrium, store.scenario.name) + (_FLOWS_KEY if store.flows else ""),
        source=short_sources(world),
    )
    chart.draw(drawn, key=key, result=equilibrium.content_hash, kind="map", on_pick=pick)


def winners(store: Store, equilibrium: Equilibrium, *, key: str = "winners") -> None:
    """Who gains and who loses most by the outcome on the map."""
    found = outcome(equilibrium, store.outcome)
    drawn = winners_and_losers(
        found,
        equilibrium.world,
        chosen=store.country,
        subtitle=subtitle(found, equilibrium, store.scenario.name),
        source=short_sources(equilibrium.world),
    )
    chart.draw(drawn, key=key, result=equilibrium.content_hash)


def sectors(store: Store, equilibrium: Equilibrium, *, key: str = "sectors") -> None:
    """Change by sector in the country looked at."""
    percent, dollars = sector_outcomes(equilibrium, store.country, store.sector_measure)
    world = equilibrium.world
    drawn = sector_bars(
        world,
        store.country,
        SECTOR_MEASURES[store.sector_measure],
        percent,
        dollars,
        subtitle=f"Change in % against the baseline · {world.name} · {store.scenario.name}",
        source=short_sources(world),
    )
    chart.draw(drawn, key=key, result=equilibrium.content_hash)


def sector_chooser(store: Store) -> None:
    """Which measure the sector chart shows."""

    def show(name: str | None) -> None:
        if name:
            store.sector_measure = name

    st.segmented_control(
        "Sectors by",
        list(SECTOR_MEASURES),
        format_func=SECTOR_MEASURES.__getitem__,
        label_visibility="collapsed",
        **seeded("sector_measure", store.sector_measure, show),
    )
