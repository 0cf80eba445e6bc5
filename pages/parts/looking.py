"""Which country a page looks at: the same everywhere."""

from __future__ import annotations

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.world.world import World
from pages.parts.store import Store, seeded
from pages.parts.worlds import by_name


def country_chooser(store: Store, world: World, *, key: str, only: tuple[str, ...] = ()) -> str:
    """A select box for the country looked at; the choice holds on every page.

    Parameters
    ----------
    only
        Codes to choose from; all unless given.
    """

    def look_at(code: str | None) -> None:
        if code:
            store.country = code

    offered = [code for code in by_name(world) if not only or code in only]
    if store.country not in offered:
        store.country = offered[0]
    column, _ = st.columns([3, 7])
    column.selectbox(
        "Country", offered, format_func=country_name, **seeded(f"country_{key}", store.country, look_at)
    )
    return store.country
