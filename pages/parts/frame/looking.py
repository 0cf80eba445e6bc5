"""Which country a page looks at: the same everywhere."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from firmtrade_core.codes.countries import country_name
from firmtrade_core.scenarios.membership import holder, place_words
from firmtrade_core.world.world import World
from pages.parts.data.worlds import searched
from pages.parts.frame.store import Store, seeded


def country_chooser(store: Store, world: World, *, key: str, only: tuple[str, ...] = ()) -> str:
    """A select box for the country looked at; the choice holds on every page.

    Parameters
    ----------
    only
        Codes to choose from; all unless given.
    """

    offered = [code for code in searched(world) if not only or code in only]
    if store.country not in offered:
        store.country = offered[0]
    column, _ = st.columns([3, 7])
    country_box(column, store, world, f"country_{key}", offered)
    say_where(store, world)
    return store.country


def country_box(
    place: DeltaGenerator,
    store: Store,
    world: World,
    key: str,
    offered: list[str],
    *,
    help: str | None = None,
    label: str = "Country",
) -> None:
    """The box itself; an economy inside the rest of the world leads there; see `say_where`."""

    def look_at(code: str | None) -> None:
        store.inside = ""
        if code and (found := holder(code, world)):
            store.country, store.inside = found, "" if found == code else code

    place.selectbox(
        label,
        offered,
        format_func=lambda code: place_words(code, world),
        help=help,
        # Its default too, as sliders have it: the first country of the list would count where a message is overtaken.
        index=offered.index(store.country) if store.country in offered else 0,
        **seeded(key, store.country, look_at),
    )


def say_where(store: Store, world: World) -> None:
    """Below the box: where the economy that was asked for is told."""
    if store.inside and store.country == holder(store.inside, world):
        st.caption(
            f"{country_name(store.inside)} is part of the rest of the world: what is shown is the whole of it."
        )
