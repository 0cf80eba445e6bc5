"""Briefing: the scenario in one sentence, the numbers, the map, who wins and loses, what to keep in mind."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.world.world import World
from pages.parts import views
from pages.parts.exports import take_away
from pages.parts.frame import certificate_line, complain, open_page
from pages.parts.presets import sentence
from pages.parts.solving import UnsolvedError, solve_in
from pages.parts.store import current
from pages.parts.where_from import where_from_row


def _caveats(world: World, approximations: tuple[str, ...]) -> None:
    provenance = world.provenance
    items = [
        "This is a long-run comparison: prices, wages and trade have settled. It says nothing about the months between.",
        "Numbers carry no interval yet; how firms differ and the trade elasticity move them (Scenario lab, Model choices).",
    ]
    if provenance.estimated_share:
        items.insert(
            0,
            f"Bilateral detail is estimated for {100 * provenance.estimated_share:.0f} % of goods trade, and for all "
            "services trade: read single pairs and sectors with care, national totals with confidence.",
        )
    lines = "".join(f"<li>{item}</li>" for item in items)
    st.html(f'<h2 class="ft-heading">What to keep in mind</h2><ul class="ft-caveats">{lines}</ul>')
    if approximations:
        with st.expander("How the scenario was read onto this world"):
            st.markdown("\n".join(f"- {note}" for note in approximations))


@st.fragment
def _brief(world: World) -> None:
    store = current(world)
    st.html(f'<h1 class="ft-sentence ft-large">{sentence(store.scenario, world)}</h1>')
    try:
        equilibrium, approximations = solve_in(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
        return
    views.numbers(store, equilibrium, large=True)
    where_from_row(store, equilibrium, key="briefing")
    views.choosers(store, world)
    views.the_map(store, equilibrium, key="briefing_map")
    left, right = st.columns(2, gap="large")
    with left:
        views.winners(store, equilibrium, key="briefing_winners")
    with right:
        views.sectors(store, equilibrium, key="briefing_sectors")
    _caveats(world, approximations)
    take_away(store, world, key="briefing")
    certificate_line(equilibrium)


_brief(open_page("Briefing"))
