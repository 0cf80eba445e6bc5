"""Presets by name, and the scenario in a sentence."""

from __future__ import annotations

from html import escape

import streamlit as st

from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.world import World
from pages.parts.frame.store import Store


def sentence(scenario: Scenario, world: World) -> str:
    """The scenario in one sentence, safe to put on a page."""
    return escape(describe(scenario, world))


def preset_chooser(store: Store) -> None:
    """Load a preset; its place in the list says that it is not the scenario itself."""

    def load() -> None:
        name = st.session_state["preset"]
        if name:
            store.become(load_preset(name), push=True)
        st.session_state["preset"] = None

    st.selectbox(
        "Presets",
        preset_names(),
        index=None,
        key="preset",
        format_func=lambda name: load_preset(name).name,
        placeholder="Load a preset …",
        label_visibility="collapsed",
        on_change=load,
    )
