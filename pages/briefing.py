"""Briefing: the scenario in one sentence, the numbers, the map, what drives it, what to keep in mind; and for a room."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.labels.glossary import explained
from firmtrade_core.scenarios.assumptions import FIXED_DEFICITS
from firmtrade_core.world.world import World
from pages.parts import address, drivers, room, views
from pages.parts.budget import show_budget
from pages.parts.exports import take_away
from pages.parts.frame import certificate_line, complain, notes, notice, open_page
from pages.parts.how_sure import how_sure
from pages.parts.pack import pack_button
from pages.parts.presets import sentence
from pages.parts.programme_results import programmes_in_brief
from pages.parts.reading import Reading, read
from pages.parts.solving import UnsolvedError
from pages.parts.store import Store, current, seeded
from pages.parts.where_from import where_from_row
from pages.parts.words import narrative


def _to_keep_in_mind(reading: Reading) -> list[str]:
    provenance = reading.world.provenance
    items = [
        "This is a long-run comparison: prices, wages and trade have settled. It says nothing about the months between.",
        "Bands hold 90 of 100 draws from what is assumed to be uncertain (elasticities, markups, estimated trade); other laws "
        "of firms are a range beside them, not in them. What the model leaves out is in no band.",
    ]
    if provenance.estimated_trade:
        items.insert(
            0,
            f"Estimated: {provenance.estimated_trade}, all of it between small partners. Read those pairs with care, "
            "national totals and large partners with confidence.",
        )
    if FIXED_DEFICITS in reading.notes:
        items.insert(0, FIXED_DEFICITS)
    return items


def _caveats(reading: Reading) -> None:
    lines = "".join(f"<li>{explained(item)}</li>" for item in _to_keep_in_mind(reading))
    st.html(f'<h2 class="ft-heading">What to keep in mind</h2><ul class="ft-caveats">{lines}</ul>')


def _page(store: Store, reading: Reading) -> None:
    """Everything on one page, for reading and for print."""
    views.numbers(store, reading, large=True)
    if reading.first is None:
        where_from_row(store, reading, key="briefing")
    narrative(store, reading)
    programmes_in_brief(store, reading.world)
    views.choosers(store, reading.world)
    views.the_map(store, reading, key="briefing_map")
    left, right = st.columns(2, gap="large")
    with left:
        views.winners(store, reading, key="briefing_winners")
    with right:
        views.sectors(store, reading, key="briefing_sectors")
    left, right = st.columns(2, gap="large")
    with left:
        drivers.show_drivers(store, reading)
        show_budget(reading.second, store.country)
        _caveats(reading)
    with right:
        how_sure(store, reading, key="briefing_sure")
        drivers.what_would_change_it(store, reading.world)
        drivers.policies(store, reading)
    if reading.notes:
        with st.expander("How the scenario was read onto this world"):
            # As they are written: names in them are no markup.
            notes(tuple(reading.notes))
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="ft_files")
    with row:
        pack_button(store, reading.world, reading, _to_keep_in_mind(reading))
        take_away(store, reading.world, key="briefing")
    certificate_line(reading.second)


# For a room -------------------------------------------------------------------------------------


def _present(store: Store) -> None:
    store.presenting = True


def _slides(store: Store, world: World, reading: Reading) -> None:
    """The way to the room, and what will be shown there."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="ft_to_the_room")
    row.button(
        "Present",
        icon=":material/slideshow:",
        on_click=_present,
        args=(store,),
        type="tertiary",
        help="Slides whose numbers, bars and map follow the lever as you drag it. Others can follow from a link. Ctrl+P there "
        "prints every slide.",
        key="ft_present",
    )
    choose = row.popover("Slides", type="tertiary", key="ft_choose_slides", on_change="rerun")
    if choose.open:
        with choose:
            there = room.offered(store)
            st.multiselect(
                "Slides, in their order",
                list(there),
                format_func=lambda key: there.get(key, key),
                help="Every chart of every page has a button “Slide” below it, which adds it here. Your own words are slides too.",
                **seeded("deck", room.chosen(store), lambda keys: setattr(store, "deck", tuple(keys))),
            )
    if store.presenting and not store.go:
        store.go = room.present(store, world, reading, _to_keep_in_mind(reading))
        st.rerun()


@st.fragment
def _brief(world: World) -> None:
    store = current(world)
    address.keep(store, world)
    st.html(f'<h1 class="ft-sentence ft-large">{sentence(store.scenario, world)}</h1>')
    notice(store)
    try:
        reading = read(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
        return
    _slides(store, world, reading)
    _page(store, reading)


_brief(open_page("Briefing", live=True))
