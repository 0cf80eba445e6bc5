"""Scenario lab: the levers beside the map, live."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.world.world import World
from pages.parts import levers, views
from pages.parts.exports import take_away
from pages.parts.frame import certificate_line, complain, notes, open_page
from pages.parts.presets import preset_chooser, sentence
from pages.parts.solving import UnsolvedError, solve_in
from pages.parts.store import Store, current, opening_scenario
from pages.parts.where_from import where_from_row


def _history(store: Store, world: World) -> None:
    row = st.container(horizontal=True, gap="small", key="ft_history")
    row.button("Undo", icon=":material/undo:", on_click=store.undo, disabled=not store.past, type="tertiary")
    row.button(
        "Redo", icon=":material/redo:", on_click=store.redo, disabled=not store.future, type="tertiary"
    )
    row.button(
        "Reset",
        icon=":material/restart_alt:",
        on_click=lambda: store.become(opening_scenario(world)),
        help="Back to the opening scenario; Undo brings yours back.",
        type="tertiary",
    )


def _solve(store: Store, world: World) -> tuple[Equilibrium, tuple[str, ...]] | None:
    try:
        return solve_in(store, world)
    except UnsolvedError as problem:
        complain(
            "No equilibrium to show",
            str(problem),
            "Nothing you chose is lost: change a lever, or take the last step back with Undo.",
        )
        return None


def _detail(store: Store, equilibrium: Equilibrium, approximations: tuple[str, ...]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        views.winners(store, equilibrium)
    with right:
        views.sectors(store, equilibrium)
        views.sector_chooser(store)
    notes(approximations)
    certificate_line(equilibrium)


@st.fragment
def _instrument(world: World) -> None:
    """Everything that moves: a fragment, so that a lever reruns this and nothing around it."""
    store = current(world)
    st.html(f'<h1 class="ft-sentence">{sentence(store.scenario, world)}</h1>')
    left, right = st.columns([27, 73], gap="medium")
    with right, st.container(key="ft_view"):
        if solved := _solve(store, world):
            views.numbers(store, solved[0])
            where_from_row(store, solved[0], key="lab")
            views.choosers(store, world)
            views.the_map(store, solved[0])
    with left, st.container(key="ft_levers"):
        preset_chooser(store)
        levers.cards(store, world)
        levers.structure(store)
        _history(store, world)
        take_away(store, world, key="lab")
    if solved:
        _detail(store, *solved)


_instrument(open_page("Scenario lab"))
