"""Charts on screen: one small component that redraws in place and tells which country was clicked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from firmtrade_core.figures import Chart
from firmtrade_core.paths import asset

_mount = st.components.v2.component(
    "firmtrade_chart", js=asset("chart.js").read_text(encoding="utf-8"), isolate_styles=False
)


def draw(
    chart: Chart,
    *,
    key: str,
    result: str,
    kind: str = "bars",
    on_pick: Callable[[int], None] | None = None,
    enlarge: float = 1.0,
) -> None:
    """Show a chart.

    Parameters
    ----------
    chart
    key
        Of the element; the same key redraws in place.
    result
        Content hash of what is drawn; the page carries it as ``data-result`` once it is on screen.
    kind
        ``map`` or ``bars``, for styles and tests.
    on_pick
        Called with the index of a clicked country before the page runs again.
    enlarge
        Factor on all type, for a room.
    """
    element = f"chart_{key}"

    def picked() -> None:
        index = st.session_state[element].picked
        if on_pick is not None and isinstance(index, int):
            on_pick(index)

    base = st.get_option("server.baseUrlPath").strip("/")
    shown = chart if enlarge == 1 else chart.enlarged(enlarge)
    spec = shown.to_dict() | {
        "hash": result,
        "kind": kind,
        "base": f"/{base}" if base else "",
        "room": enlarge > 1,
    }
    _mount(key=element, data=spec, on_picked_change=picked)
