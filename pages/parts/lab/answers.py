"""Retaliation: what those hit by a tariff do in return, and its details."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.world.world import World
from pages.parts.frame import pickers
from pages.parts.frame.store import Store, seeded

RETALIATION = {
    "none": "None",
    "mirror": "The same points back",
    "proportional": "In proportion to lost exports",
    "list": "A list of measures",
}

_FIRST_MEASURE: dict[str, Any] = {"by": [EVERYTHING], "sectors": [ALL_GOODS], "add": 0.10}


def _content(answer: Any) -> dict[str, Any]:
    return dict(answer.model_dump(mode="json"))


def retaliation(store: Store, index: int, card: Any) -> None:
    """Which kind of answer there is; its details stand under More."""

    def choose(kind: str) -> None:
        kept = {"by": list(card.retaliation.by)}
        measures = {"measures": [_FIRST_MEASURE]} if kind == "list" else {}
        store.edit_card(index, {"retaliation": {"kind": kind, **kept, **measures}})

    st.selectbox(
        "Retaliation",
        list(RETALIATION),
        format_func=RETALIATION.__getitem__,
        help="What the countries that are hit do in return. Who answers, and how strongly, stands under More.",
        **seeded(f"card_{index}_retaliation", card.retaliation.kind, choose),
    )


def retaliation_details(store: Store, world: World, index: int, card: Any) -> None:
    """Who answers, how strongly, or with which measures."""
    answer = card.retaliation
    if answer.kind == "none":
        return
    given = _content(answer)

    def write(changes: dict[str, Any], *, sliding: bool = False) -> None:
        store.edit_card(index, {"retaliation": given | changes}, sliding=sliding)

    pickers.places(
        "Who retaliates",
        world,
        f"card_{index}_by",
        answer.by,
        lambda names: write({"by": names or [EVERYTHING]}),
        empty="All who are hit",
    )
    if answer.kind in ("mirror", "proportional"):
        pickers.slider(
            "Of the points, or of the lost exports, answered",
            min(10, round(100 * answer.share)),
            max(200, round(100 * answer.share)),
            step=10,
            format="%d %%",
            beyond=True,
            key=f"card_{index}_share",
            value=round(100 * answer.share),
            write=lambda v: write({"share": v / 100}, sliding=True),
        )
    if answer.kind == "proportional":
        pickers.slider(
            "Highest rate added",
            min(5, round(100 * answer.ceiling)),
            max(200, round(100 * answer.ceiling)),
            step=5,
            format="%d %%",
            beyond=True,
            key=f"card_{index}_ceiling",
            value=round(100 * answer.ceiling),
            write=lambda v: write({"ceiling": f"{v} %"}, sliding=True),
        )
    if answer.kind == "list":
        _measures(world, index, given["measures"], write)


def _measures(world: World, index: int, measures: list[dict[str, Any]], write: Callable[..., None]) -> None:
    def change(position: int, **changes: Any) -> None:
        changed = [m | changes if i == position else m for i, m in enumerate(measures)]
        write({"measures": changed}, sliding="add" in changes)

    def remove(position: int) -> None:
        write({"measures": [m for i, m in enumerate(measures) if i != position]})

    for position, measure in enumerate(measures):
        key = f"card_{index}_measure_{position}"
        with st.container(border=True, key=f"ft_{key}"):
            _measure(world, key, measure, partial(change, position))
            if len(measures) > 1:
                st.button("Remove this measure", key=f"{key}_remove", on_click=remove, args=(position,))
    st.button(
        "Add a measure",
        key=f"card_{index}_measure_new",
        on_click=lambda: write({"measures": [*measures, _FIRST_MEASURE]}),
    )


def _measure(world: World, key: str, measure: dict[str, Any], change: Callable[..., None]) -> None:
    pickers.places(
        "Who",
        world,
        f"{key}_by",
        measure["by"],
        lambda names: change(by=names or [EVERYTHING]),
        empty="All who are hit",
    )
    pickers.sectors(
        "On which goods",
        world,
        f"{key}_sectors",
        measure["sectors"],
        lambda names: change(sectors=names or [ALL_GOODS]),
    )
    points = _points(measure["add"])
    pickers.slider(
        "Points added",
        min(0, points),
        max(100, points),
        format="%+d pts",
        key=f"{key}_add",
        value=points,
        write=lambda v: change(add=f"{v} %"),
    )


def _points(written: float | str) -> int:
    """Points of a rate as the scenario writes it: a fraction, or a text with a percent sign."""
    value = float(written.rstrip(" %")) if isinstance(written, str) else 100 * written
    return round(value)
