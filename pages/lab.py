"""Scenario lab: the levers beside the map, live."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.world.world import World
from pages.parts.frame import address
from pages.parts.frame.exports import take_away
from pages.parts.frame.page import certificate_line, complain, notes, notice, open_page
from pages.parts.frame.presets import preset_chooser, sentence
from pages.parts.frame.store import Store, current, opening_scenario
from pages.parts.frame.tour import tour
from pages.parts.lab import levers, moving, saved, sharing, structure
from pages.parts.lab.programme_results import programme_results
from pages.parts.lab.tariff_lines import tariff_lines
from pages.parts.result import views
from pages.parts.result.budget import show_budget
from pages.parts.result.reading import Reading, read
from pages.parts.result.record import record_line
from pages.parts.result.solving import UnsolvedError
from pages.parts.result.where_from import where_from_row


def _history(store: Store, world: World) -> None:
    row = st.container(horizontal=True, gap="small", key="ft_history")
    row.button(
        "Undo",
        icon=":material/undo:",
        on_click=store.undo,
        disabled=not store.past,
        type="tertiary",
        shortcut="Alt+Z",
    )
    row.button(
        "Redo",
        icon=":material/redo:",
        on_click=store.redo,
        disabled=not store.future,
        type="tertiary",
        shortcut="Alt+Y",
    )
    row.button(
        "Reset",
        icon=":material/restart_alt:",
        on_click=lambda: store.become(opening_scenario(world), push=True),
        help="Back to the opening scenario; Undo brings yours back.",
        type="tertiary",
    )


def _read(store: Store, world: World) -> Reading | None:
    try:
        return read(store, world)
    except UnsolvedError as problem:
        complain(
            "No equilibrium to show",
            str(problem),
            "Nothing you chose is lost: change a lever, or take the last step back with Undo.",
        )
        return None


def _known(store: Store, world: World) -> Reading | None:
    """The same for parts further down: what went wrong is said above."""
    try:
        return read(store, world)
    except UnsolvedError:
        return None


@st.fragment(key=moving.WHOLE)
def _instrument(world: World) -> None:
    """Everything that changes: a fragment, so that a lever reruns this and nothing around it; a slider, its moving parts."""
    store = current(world)

    def head() -> None:
        address.keep(store, world)
        st.html(f'<h1 class="ft-sentence">{sentence(store.scenario, world)}</h1>')
        notice(store)

    def headline() -> None:
        if reading := _read(store, world):
            views.numbers(store, reading)
            record_line(store)

    def charted() -> None:
        if reading := _known(store, world):
            views.the_map(store, reading, scales=False)

    def details() -> None:
        if reading := _known(store, world):
            tariff_lines(store)
            programme_results(store, world)
            show_budget(reading.second, store.country)
            views.below(store, reading)
            notes(reading.notes)
            certificate_line(reading.second)

    moving.around(store)
    moving.part(store, head)
    left, right = st.columns([27, 73], gap="medium")
    with right, st.container(key="ft_view"):
        moving.part(store, headline)
        if (reading := _known(store, world)) and reading.first is None:
            where_from_row(store, reading, key="lab")
        views.choosers(store, world)
        moving.part(store, charted)
        views.scale_chooser(store)
    with left, st.container(key="ft_levers"):
        # First among the levers: the way back is in sight before anything is moved.
        _history(store, world)
        preset_chooser(store)
        levers.cards(store, world)
        structure.structure(store, world)
        sharing.share(store, world, save=saved.save_here)
        take_away(store, world, key="lab", wide=True)
    moving.part(store, details)
    tour(store)


_instrument(open_page("Scenario lab", live=True))
