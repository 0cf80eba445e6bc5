"""What pages show of a result: the map with its choosers, and the charts below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from firmtrade_core.analysis.diversion import diversion
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import (
    FIXED,
    Chart,
    Outcome,
    by_partner,
    headlines,
    outcome,
    stable_scale,
)
from firmtrade_core.figures.flows import Direction
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.labels import VARIABLES, number
from firmtrade_core.world.world import World
from pages.parts.data.worlds import by_name, searched
from pages.parts.frame import chart, pickers
from pages.parts.frame.looking import country_box, say_where
from pages.parts.frame.page import headline_strip, table
from pages.parts.frame.store import VIEWS, Store, seeded
from pages.parts.result import bands, redrawn
from pages.parts.result.how_sure import how_sure
from pages.parts.result.matters import what_matters
from pages.parts.result.more_views import all_economies, as_areas, over_days
from pages.parts.result.reading import Reading, against, switch
from pages.parts.result.record import partners_record
from pages.parts.result.redrawn import DIRECTIONS, Look

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


def _outcome(store: Store, reading: Reading) -> Outcome:
    """The chosen variable with its bands, once for all parts of a page that show it."""
    drawn = bands.shown(store, reading)
    known: tuple[str, Any, Outcome] | None = reading.kept.get("outcome")
    if known is None or known[0] != store.outcome or known[1] is not drawn:
        found = bands.around(outcome(reading.second, store.outcome, reading.first), store, reading)
        known = reading.kept["outcome"] = (store.outcome, drawn, found)
    return known[2]


def shown_outcome(store: Store, reading: Reading) -> tuple[Outcome, float]:
    """The chosen variable, and a colour scale that holds still while sliders move."""
    found = _outcome(store, reading)
    if store.fixed_scale:
        return found, store.fixed_scale
    scale = stable_scale(found.change, store.scales.get(store.outcome))
    store.scales[store.outcome] = scale
    return found, scale


def scale_chooser(store: Store) -> None:
    """Whether the map's colours fit what is shown, or stay at a range that the reader fixes."""
    unit = VARIABLES[store.outcome].unit

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

    look = _look("map", store, reading, scale=scale)
    drawn = redrawn.the_map(replace(look, fixed=True), reading, found)
    _draw(drawn, look, store, reading, key=key, kind="map", on_pick=pick)
    if scales:
        scale_chooser(store)


def _look(chart_name: str, store: Store, reading: Reading, **more: Any) -> Look:
    return replace(Look.of(chart_name, store, reading.world), **more)


def _draw(drawn: Chart, look: Look, store: Store, reading: Reading, *, key: str, **more: Any) -> None:
    """Show a chart of a result; among the slides it follows the lever, unless it is of another store, such as a story's."""
    own = store is st.session_state.get("store")
    chart.draw(drawn, key=key, result=reading.hash, look=look if own else None, under=reading.name, **more)


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
    found = _outcome(store, reading)
    look = _look("winners", store, reading, each=each)
    _draw(redrawn.winners(look, reading, found), look, store, reading, key=key)


def sectors(store: Store, reading: Reading, *, key: str = "sectors") -> None:
    """Change by sector in the country looked at."""
    look = _look("sectors", store, reading)
    drawn = redrawn.sectors(look, reading, bands.sector_ends(store, reading))
    _draw(drawn, look, store, reading, key=key)


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
    chosen = pickers.sectors_of(world, store.sectors)
    direction: Direction = "exports" if store.direction == "exports" else "imports"
    pairs = by_partner(reading.second, store.country, direction, chosen, reading.first)
    left, right = st.columns(2, gap="large")
    with left:
        partners(store, reading)
    with right:
        look = _look("goods", store, reading)
        _draw(redrawn.goods(look, reading), look, store, reading, key="goods")
    partners_record(store, pairs, direction)


def partners(store: Store, reading: Reading, *, key: str = "pairs") -> None:
    """Trade of the country looked at with each partner, in the direction and sectors chosen."""
    look = _look("partners", store, reading)
    _draw(redrawn.partners(look, reading), look, store, reading, key=key)


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
    look = _look("groups", store, reading)
    _draw(redrawn.groups(look, reading), look, store, reading, key="groups")


def replaced(store: Store, reading: Reading) -> None:
    """Who wins and loses shares of the market of the country looked at."""
    world = reading.world
    _sector_filter(store, world)
    chosen = pickers.sectors_of(world, store.sectors) or None
    found = diversion(reading.second, store.country, chosen, first=reading.first)
    left, right = st.columns([7, 5], gap="large")
    with left:
        replacing(store, reading)
    with right:
        _replacements(found.replacements(12), store.country)


def replacing(store: Store, reading: Reading, *, market: str = "", key: str = "replaced") -> None:
    """Who wins and who loses in one market, the country's looked at unless another is named."""
    look = _look("replaced", store, reading, country=market or store.country)
    _draw(redrawn.replaced(look, reading), look, store, reading, key=key)


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
    "economies": all_economies,
    "areas": as_areas,
    "days": over_days,
}
