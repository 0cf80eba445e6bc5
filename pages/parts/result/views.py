"""What pages show of a result: the map with its choosers, and the charts below it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from firmtrade_core.analysis.diversion import Diversion, diversion
from firmtrade_core.analysis.flows import default_groups, flows_between
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import (
    FIXED,
    Outcome,
    beyond,
    by_partner,
    by_product,
    headlines,
    outcome,
    replaced_bars,
    sankey,
    sankey_finding,
    sector_bars,
    sector_outcomes,
    stable_scale,
    trade_bars,
    trade_finding,
    winners_and_losers,
    world_map,
)
from firmtrade_core.figures.flows import Direction
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.ranking import outcome_table
from firmtrade_core.figures.world_map import finding
from firmtrade_core.labels import VARIABLES, change, number
from firmtrade_core.world.world import World
from pages.parts.data.worlds import by_name, searched, short_sources
from pages.parts.frame import chart, pickers
from pages.parts.frame.looking import country_box, say_where
from pages.parts.frame.page import headline_strip, table
from pages.parts.frame.store import VIEWS, Store, seeded
from pages.parts.result import bands
from pages.parts.result.how_sure import how_sure
from pages.parts.result.matters import what_matters
from pages.parts.result.more_views import all_economies, as_areas, over_days
from pages.parts.result.reading import Reading, against, switch
from pages.parts.result.record import partners_record

_FLOWS_KEY = " · Arcs: trade both ways, width by value; brown falls, teal rises, grey stays within 1 %"

VIEW_NAMES = {
    "winners": "Winners and sectors",
    "partners": "Partners and products",
    "groups": "Flows between groups",
    "replaced": "Who replaces whom",
    "matters": "What matters most",
    "sure": "How sure",
    "economies": "All economies",
    "areas": "Trade as areas",
    "days": "Over time",
}

DIRECTIONS = {"exports": "Exports", "imports": "Imports"}


def numbers(store: Store, reading: Reading, *, large: bool = False) -> None:
    """The headline numbers of the country looked at."""
    found = headlines(reading.second, store.country, country_name(store.country), reading.first)
    drawn = bands.asked(store, reading)

    def strip() -> None:
        shown = bands.with_bands(found, drawn, store.country)
        headline_strip(shown, reading.hash, large=large, assumed=reading.assumed)

    bands.follow(drawn, strip)


# The map ----------------------------------------------------------------------------------------


def choosers(store: Store, world: World, *, read_against: bool = True) -> None:
    """Country, outcome, what it is read against, and flows, in one row above the map."""

    def show(key: str) -> None:
        store.outcome = key

    def draw_flows(on: bool) -> None:
        store.flows = on

    left, middle, third, right = st.columns([9, 7, 8, 6], vertical_alignment="bottom", gap="small")
    country_box(left, store, world, "country", searched(world), help="Also by a click on the map.")
    middle.selectbox(
        "On the map",
        list(VARIABLES),
        format_func=lambda key: VARIABLES[key].label,
        **seeded("outcome", store.outcome, show),
    )
    if read_against:
        with third:
            against(store)
    right.toggle(
        "Trade flows",
        help="The country's largest trade partners: width by size, colour by change.",
        **seeded("flows", store.flows, draw_flows),
    )
    say_where(store, world)
    if read_against:
        switch(store)


def shown_outcome(store: Store, reading: Reading) -> tuple[Outcome, float]:
    """The chosen variable, and a colour scale that holds still while sliders move."""
    found = bands.around(outcome(reading.second, store.outcome, reading.first), store, reading)
    if store.fixed_scale:
        return found, store.fixed_scale
    scale = stable_scale(found.change, store.scales.get(store.outcome))
    store.scales[store.outcome] = scale
    return found, scale


def clipped(found: Outcome, scale: float, world: World) -> str:
    """Which economies lie beyond the colours, for the subtitle; nothing where none does."""
    places = beyond(found.change, scale)
    if not places:
        return ""
    named = ", ".join(
        f"{country_name(world.countries[i])} {change(float(found.change[i]), found.variable.unit)}"
        for i in places[:2]
    )
    count = "1 economy" if len(places) == 1 else f"{len(places)} economies"
    return f" · {count} beyond the colours{': ' if len(places) < 3 else ', furthest: '}{named}"


def scale_chooser(store: Store, unit: str) -> None:
    """Whether the map's colours fit what is shown, or stay at a range that the reader fixes."""

    def fix(value: float | None) -> None:
        store.fixed_scale = value or 0.0

    st.selectbox(
        "Colours reach to",
        [0.0, *FIXED],
        format_func=lambda value: f"Colours to ±{number(value)} {unit}" if value else "Colours that fit",
        help="Fixed, colours mean the same in every scenario. What lies beyond shows the end colour and is named above the map.",
        label_visibility="collapsed",
        width=210,
        **seeded("fixed_scale", store.fixed_scale, fix),
    )


def subtitle(unit: str, reading: Reading) -> str:
    """Unit, what it is read against, world, year and scenario, as under every chart."""
    world = reading.world
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    return f"Change in {unit} against {reading.against} · {dated} · {reading.name}"


def the_map(store: Store, reading: Reading, *, key: str = "map", scales: bool = True) -> None:
    """The map of the chosen outcome; a click picks the country everywhere.

    Parameters
    ----------
    scales
        Whether its colours can be fixed below it.
    """
    world = reading.world
    found, scale = shown_outcome(store, reading)

    def pick(index: int) -> None:
        if 0 <= index < len(world.countries):
            store.country = world.countries[index]

    drawn = world_map(
        found,
        world,
        scale=scale,
        chosen=store.country,
        pinned=store.pins,
        flows=reading.second if store.flows else None,
        first=reading.first,
        title=finding(found, world),
        subtitle=subtitle(found.variable.unit, reading)
        + clipped(found, scale, world)
        + (_FLOWS_KEY if store.flows else ""),
        source=short_sources(world),
    )
    drawn = replace(drawn, table=outcome_table(found, world))
    chart.draw(drawn, key=key, result=reading.hash, kind="map", on_pick=pick)
    if scales:
        scale_chooser(store, found.variable.unit)


# Below the map ----------------------------------------------------------------------------------


def below(store: Store, reading: Reading) -> None:
    """One view, chosen by the reader; only that one is computed and drawn."""
    st.segmented_control(
        "Look at",
        VIEWS,
        required=True,
        format_func=VIEW_NAMES.get,
        label_visibility="collapsed",
        **seeded("view", store.view, lambda name: setattr(store, "view", name or store.view)),
    )
    with st.container(key=f"ft_below_{store.view}"):
        _BELOW[store.view](store, reading)


def winners_and_sectors(store: Store, reading: Reading) -> None:
    """Countries that gain and lose most, and sectors of the country looked at."""
    left, right = st.columns(2, gap="large")
    with left:
        winners(store, reading)
    with right:
        sectors(store, reading)
        sector_chooser(store)


def winners(store: Store, reading: Reading, *, key: str = "winners", each: int = 6) -> None:
    """Who gains and who loses most by the outcome on the map."""
    found = bands.around(outcome(reading.second, store.outcome, reading.first), store, reading)
    drawn = winners_and_losers(
        found,
        reading.world,
        each=each,
        chosen=store.country,
        pinned=store.pins,
        subtitle=subtitle(found.variable.unit, reading),
        source=short_sources(reading.world),
    )
    drawn = replace(drawn, table=outcome_table(found, reading.world))
    chart.draw(drawn, key=key, result=reading.hash)


def sectors(store: Store, reading: Reading, *, key: str = "sectors") -> None:
    """Change by sector in the country looked at."""
    percent, dollars = sector_outcomes(reading.second, store.country, store.sector_measure, reading.first)
    drawn = sector_bars(
        reading.world,
        store.country,
        SECTOR_MEASURES[store.sector_measure],
        percent,
        dollars,
        subtitle=subtitle("%", reading),
        source=short_sources(reading.world),
        ends=bands.sector_ends(store, reading),
    )
    chart.draw(drawn, key=key, result=reading.hash)


def sector_chooser(store: Store) -> None:
    """Which measure the sector chart shows."""
    st.segmented_control(
        "Sectors by",
        list(SECTOR_MEASURES),
        required=True,
        format_func=SECTOR_MEASURES.__getitem__,
        label_visibility="collapsed",
        **seeded(
            "sector_measure",
            store.sector_measure,
            lambda name: setattr(store, "sector_measure", name or store.sector_measure),
        ),
    )


def partners_and_products(store: Store, reading: Reading) -> None:
    """Trade of the country looked at, with each partner and by product; either can be narrowed to one of the other."""
    world = reading.world
    one, two, three = st.columns([3, 5, 4], vertical_alignment="bottom")
    one.segmented_control(
        "Direction",
        list(DIRECTIONS),
        required=True,
        format_func=DIRECTIONS.__getitem__,
        **seeded(
            "direction", store.direction, lambda name: setattr(store, "direction", name or store.direction)
        ),
    )
    with two:
        _sector_filter(store, world)
    with three:
        _partner_filter(store, world)
    partner = store.partner if store.partner != store.country else ""
    chosen = pickers.sectors_of(world, store.sectors)
    direction: Direction = "exports" if store.direction == "exports" else "imports"
    pairs = by_partner(reading.second, store.country, direction, chosen, reading.first)
    goods = by_product(reading.second, store.country, direction, partner, reading.first)
    below, source = subtitle("bn USD", reading), short_sources(world)
    left, right = st.columns(2, gap="large")
    with left:
        partners(store, reading)
    with right:
        title = f"{DIRECTIONS[direction]} by product: {country_name(partner) if partner else 'all partners'}"
        drawn = trade_bars(
            goods, title=title, subtitle=below, source=source, sort=False, most=len(world.sectors)
        )
        chart.draw(drawn, key="goods", result=reading.hash)
    partners_record(store, pairs, direction)


def partners(store: Store, reading: Reading, *, key: str = "pairs") -> None:
    """Trade of the country looked at with each partner, in the direction and sectors chosen."""
    direction: Direction = "exports" if store.direction == "exports" else "imports"
    chosen = pickers.sectors_of(reading.world, store.sectors)
    pairs = by_partner(reading.second, store.country, direction, chosen, reading.first)
    drawn = trade_bars(
        pairs,
        title=trade_finding(pairs, store.country, direction),
        subtitle=subtitle("bn USD", reading),
        source=short_sources(reading.world),
    )
    chart.draw(drawn, key=key, result=reading.hash)


def _sector_filter(store: Store, world: World) -> None:
    pickers.sectors(
        "Partners: in which goods and services",
        world,
        "flow_sectors",
        store.sectors or ("all",),
        lambda names: setattr(store, "sectors", tuple(names)),
        usual=("all",),
    )


def _partner_filter(store: Store, world: World) -> None:
    st.selectbox(
        "Products: with whom",
        ["", *(code for code in by_name(world) if code != store.country)],
        format_func=lambda code: country_name(code) if code else "All partners",
        **seeded(
            "partner",
            store.partner if store.partner in world.countries and store.partner != store.country else "",
            lambda code: setattr(store, "partner", code),
        ),
    )


def groups(store: Store, reading: Reading) -> None:
    """Trade between the country looked at, the European Union and the largest traders, as a Sankey."""
    world = reading.world
    _sector_filter(store, world)
    chosen = pickers.sectors_of(world, store.sectors) or None
    found = flows_between(reading.second, default_groups(world, store.country), chosen, first=reading.first)
    words = " · Width: value after; brown falls, teal rises (strong from 10 %), grey stays within 1 %"
    drawn = sankey(
        found,
        title=sankey_finding(found),
        subtitle=subtitle("%", reading) + words,
        source=short_sources(world),
    )
    chart.draw(drawn, key="groups", result=reading.hash)


def replaced(store: Store, reading: Reading) -> None:
    """Who wins and loses shares of the market of the country looked at."""
    world = reading.world
    _sector_filter(store, world)
    chosen = pickers.sectors_of(world, store.sectors) or None
    found = diversion(reading.second, store.country, chosen, first=reading.first)
    left, right = st.columns([7, 5], gap="large")
    with left:
        replacing(found, reading)
    with right:
        _replacements(found.replacements(12), store.country)


def replacing(found: Diversion, reading: Reading, *, key: str = "replaced") -> None:
    """Who wins and who loses in one market."""
    drawn = replaced_bars(
        found,
        subtitle=f"Purchases won from or lost to other origins · {subtitle('bn USD', reading)}",
        source=short_sources(reading.world),
    )
    chart.draw(drawn, key=key, result=reading.hash)


def _replacements(pairs: pd.DataFrame, market: str) -> None:
    """The largest pairs of loser and winner, as a table."""
    rows = [
        (country_name(loser), country_name(winner), number(float(value)))
        for loser, winner, value in zip(pairs["loser"], pairs["winner"], pairs["billion_usd"], strict=True)
    ]
    title = f"{country_name(market)}: the largest replacements"
    table(title, ("Loses", "Takes its place", "bn USD"), rows, words=("Takes its place",))


_BELOW = {
    "winners": winners_and_sectors,
    "partners": partners_and_products,
    "groups": groups,
    "replaced": replaced,
    "matters": what_matters,
    "sure": how_sure,
    "economies": lambda store, reading: all_economies(
        store, reading, subtitle(VARIABLES[store.outcome].unit, reading)
    ),
    "areas": lambda store, reading: as_areas(store, reading, subtitle("%", reading)),
    "days": over_days,
}
