"""One's own country's trade, laid over the world that the session looks at."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.labels import grouped, level
from firmtrade_core.scenarios.finder import sectors_of_product
from firmtrade_core.world.overlay import Laid, guess_roles, lay_over
from firmtrade_core.world.uploads import Upload
from firmtrade_core.world.world import World
from pages.parts.data.worlds import by_name
from pages.parts.frame.store import Store
from pages.parts.frame.uploads import read_uploaded_table

ROLE_LABELS = {
    "partner": "Partner",
    "product": "Product or sector",
    "value": "Value",
    "flow": "Exports or imports",
    "year": "Year",
    "currency": "Currency",
}

SIZES = {"ones": 1.0, "thousands": 1e3, "millions": 1e6, "billions": 1e9}

BEYOND = {"refuse": "is a mistake", "keep": "keeps the world's own cells"}

_BILLION = 1e-3


def own_country(
    upload: Upload,
    identity: str,
    world: World,
    store: Store,
    remembered: Callable[[Any, Callable[[], Any]], Any],
    refused: Callable[[str, str], None],
    offer: Callable[[Any, str], None],
) -> None:
    """Columns, choices, what became of the rows, and the world that results.

    Parameters
    ----------
    upload, identity
        The file and what tells it from others.
    world
        Over which it is laid.
    store
    remembered, refused, offer
        Of the page that brings worlds: what reading gave, once; an error; a world to take.
    """
    read = remembered(("table", identity), lambda: read_uploaded_table(upload))
    if read.problem:
        refused(upload.name, read.problem)
        return
    table: pd.DataFrame = read.result
    columns = [str(column) for column in table.columns]
    guess = guess_roles(columns)
    places = st.columns(len(ROLE_LABELS), gap="small", vertical_alignment="bottom")
    roles = {
        role: place.selectbox(
            label,
            [None, *columns],
            index=0 if guess[role] is None else 1 + columns.index(str(guess[role])),
            format_func=lambda column: "none" if column is None else column,
            key=f"own_role_{role}_{identity}",
        )
        for (role, label), place in zip(ROLE_LABELS.items(), places, strict=True)
    }
    first, second, third, fourth, fifth = st.columns(5, gap="small", vertical_alignment="bottom")
    offered = [code for code in by_name(world) if code != "ROW"]
    country = first.selectbox(
        "Whose trade",
        offered,
        index=offered.index(store.country) if store.country in offered else 0,
        format_func=country_name,
        key="own_country",
    )
    head = read_money_head(str(roles["value"])) if roles["value"] else None
    size = next((name for name, factor in SIZES.items() if head and factor == head.size), "ones")
    unit = second.selectbox(
        "Values are in",
        list(SIZES),
        index=list(SIZES).index(size),
        key=f"own_unit_{roles['value']}",
    )
    flow = third.selectbox(
        "The table tells",
        ["exports", "imports"],
        disabled=roles["flow"] is not None,
        help="Only where no column tells.",
        key="own_flow",
    )
    years = _years(table, roles["year"])
    year = fourth.selectbox(
        "Year", years or [None], format_func=lambda y: "one only" if y is None else str(y), key="own_year"
    )
    beyond = fifth.selectbox(
        "More sold abroad than made", list(BEYOND), format_func=BEYOND.__getitem__, key="own_beyond"
    )
    key = ("own", identity, world.shown_hash, country, tuple(roles.items()), unit, flow, year, beyond)
    found = remembered(
        key,
        lambda: lay_over(
            world,
            country,
            table,
            roles,
            sectors_of_product=sectors_of_product,
            flow=flow,
            unit=SIZES[unit],
            year=year,
            beyond=beyond,
            source=f"{upload.name[:60]} (own table)",
        ),
    )
    if found.problem:
        refused(upload.name, found.problem)
        return
    laid: Laid = found.result
    _told(laid, country)
    offer(laid.world, upload.name)


def _years(table: pd.DataFrame, column: str | None) -> list[int | None]:
    if column is None:
        return []
    values = pd.to_numeric(table[column], errors="coerce").dropna()
    return [*sorted({int(value) for value in values}, reverse=True)[:300]]


def _told(laid: Laid, country: str) -> None:
    """What the table told, before and after, and what was set aside."""
    exports, imports = laid.told
    lines = [
        f"{grouped(laid.used)} of {grouped(laid.rows)} rows tell {grouped(exports)} cells of exports and {grouped(imports)} of imports.",
    ]
    for name, cells, (before, after) in (
        ("Exports", exports, laid.exports),
        ("Imports", imports, laid.imports),
    ):
        if cells:
            lines.append(
                f"{name} of {country_name(country)} in these cells: {level(before * _BILLION, 'bn USD')} in the world before, "
                f"{level(after * _BILLION, 'bn USD')} in the table."
            )
    items = "".join(f"<li>{escape(line)}</li>" for line in (*lines, *laid.notes))
    st.html(f'<h3 class="ft-heading">What the table tells</h3><ul class="ft-list">{items}</ul>')
