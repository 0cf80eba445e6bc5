"""A tour of one minute through the lab: seven places, two lines each."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.paths import asset
from pages.parts.frame.store import Store

_mount = st.components.v2.component(
    "firmtrade_tour", js=asset("tour.js").read_text(encoding="utf-8"), isolate_styles=False
)

#: Where, title, words.
STEPS = (
    ("h1.ft-sentence", "The policy in a sentence", "Written from the scenario itself. What you change is told here."),
    (
        ".st-key-ft_levers",
        "Levers",
        "Load a policy, drag a slider or type a number, stack more policies. Undo takes back any step, Back in the browser too.",
    ),
    (
        ".ft-numbers",
        "The answer",
        "Each number is read off a solved and certified equilibrium of the whole world. Below it the 90 % band, and where it comes from.",
    ),
    (
        '.ft-chart[data-kind="map"]',
        "The world",
        "Brown loses, teal gains. A click picks a country everywhere. Below every chart: as a table, as a picture, as a link.",
    ),
    (".st-key-structure", "What it rests on", "How firms differ, which elasticity, what closes deficits. Change them: see what the answer depends on."),
    ('[class*="st-key-ft_below"]', "Closer", "Winners, sectors, partners, who replaces whom, which lever matters most, and how sure all this is."),
    (".st-key-ft_side_search", "Find anything", "A country by any of its names, a product, a policy, a page. The slash key leads here from anywhere."),
)  # fmt: skip


def tour(store: Store) -> None:
    """The tour, where it is under way."""
    if not store.touring:
        return

    def done() -> None:
        store.touring = False

    steps = [{"at": at, "title": title, "words": words} for at, title, words in STEPS]
    with st.container(key="ft_touring"):
        _mount(key="ft_tour", data={"steps": steps}, on_done_change=done)
