"""What a lever moves: the parts of a page that follow a slider, and nothing around them.

A move costs the server what it draws. Lists of countries, presets and model choices read the same before and after, so a
slider redraws the parts named here and leaves the rest of the page as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.frame.store import Store

#: Every part answers to this name, and the page around them to that.
_MOVING = "ft_moving"
WHOLE = "ft_whole"

#: What the page around the parts shows of the store, and which page it is.
_AROUND = "moving_around"

#: Drawers that show the scenario itself: while one is open, the whole page follows.
_DRAWERS = ("sharing",)


def around(store: Store) -> None:
    """Say that the page around the parts is being drawn, of the store as it is now."""
    context = get_script_run_ctx()
    page = "" if context is None else context.page_script_hash
    st.session_state[_AROUND] = (page, _standing(store), store.scenario)


def part(store: Store, draw: Callable[[], None]) -> None:
    """Draw what follows sliders; it is drawn again at every move and must read the store each time.

    A widget within draws its part alone; where it changed what the page around shows, the page is drawn.
    """
    st.fragment(_part, key=_MOVING)(store, draw)


def _part(store: Store, draw: Callable[[], None]) -> None:
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        _, standing, scenario = st.session_state[_AROUND]
        if standing != _standing(store) or scenario is not store.scenario:
            st.rerun()
    draw()


def slid(store: Store, write: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A slider's way into the store, after which only the moving parts are drawn where nothing else reads otherwise.

    Parameters
    ----------
    store
    write
        Takes the slider's new value.
    """

    def take(value: Any) -> None:
        write(value)
        context = get_script_run_ctx()
        if context is None or not context.fragment_ids_this_run:
            return
        page, standing, _ = st.session_state.get(_AROUND, ("", None, None))
        if page != context.page_script_hash:
            return
        if standing == _standing(store) and not any(_is_open(drawer) for drawer in _DRAWERS):
            st.session_state[_AROUND] = (page, standing, store.scenario)
            st.rerun(_MOVING)
        st.rerun(WHOLE)

    return take


def _is_open(drawer: str) -> bool:
    state = st.session_state.get(drawer)
    return bool(getattr(state, "open", state))


def _standing(store: Store) -> tuple[Any, ...]:
    """What the parts that stand still show of the store."""
    scenario = store.scenario
    return (
        scenario.name,
        scenario.description,
        scenario.source,
        len(scenario.cards),
        store.country,
        store.inside,
        store.outcome,
        store.pins,
        store.reference,
        store.showing,
        bool(store.past),
        bool(store.future),
        store.notice,
        store.firms,
        dict(store.problems),
        {place: dict(draft) for place, draft in store.drafts.items()},
    )
