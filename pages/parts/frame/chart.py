"""Charts on screen: one small component for all of them.

It redraws in place, tells which country was clicked, and has the same tools under every chart: the chart, a map where rows are
economies, the table; a scale that holds still; pins; CSV, PNG, SVG, a link and the code that embeds it elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from firmtrade_core.figures import Chart
from firmtrade_core.figures.chart_table import ChartTable, in_words, table_of
from firmtrade_core.figures.ranking import mapped, ranking
from firmtrade_core.paths import asset
from pages.parts.frame.page import DRAWN

_mount = st.components.v2.component(
    "firmtrade_chart",
    js="\n".join(
        asset(name).read_text(encoding="utf-8") for name in ("chart_tools.js", "chart_files.js", "chart.js")
    ),
    isolate_styles=False,
)

#: Which view of each chart the reader asked for, by key.
_VIEWS = "chart_views"


def draw(
    chart: Chart,
    *,
    key: str,
    result: str,
    kind: str = "bars",
    on_pick: Callable[[int], None] | None = None,
    private: bool = False,
    look: Any = None,
    under: str = "",
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
    private
        Whether it tells of a single firm: nothing but its picture can then be taken away.
    look
        Where it is a function of a result: what it shows of any (`result.redrawn.Look`), so that it can follow a lever.
    under
        Name of the scenario it tells of; the session's unless given.
    """
    element = f"chart_{key}"
    st.session_state.setdefault(DRAWN, set()).add(element)

    def picked() -> None:
        index = st.session_state[element].picked
        if on_pick is not None and isinstance(index, int):
            on_pick(index)

    def asked() -> None:
        view = st.session_state[element].view
        if view in ("", "other", "table"):
            st.session_state.setdefault(_VIEWS, {})[key] = view

    base = st.get_option("server.baseUrlPath").strip("/")
    spec = chart.to_dict() | {
        "hash": result,
        "kind": kind,
        "base": f"/{base}" if base else "",
        "key": element,
    }
    table = table_of(chart)
    spec |= _tools(chart, table, kind, st.session_state.get(_VIEWS, {}).get(key, ""), private)
    _mount(
        key=element,
        data=written(spec, table),
        on_picked_change=picked,
        on_view_change=asked,
        on_slide_change=lambda: None if private else _slide(chart, key, result, kind, look, under),
        on_pin_change=lambda: _pin(st.session_state[element].pin),
    )


def written(spec: Mapping[str, Any], table: ChartTable | None) -> bytes:
    """A chart as it travels: JSON in UTF-8. Streamlit would look for frames of data in it, and write every dash and space as six letters.

    Its table comes as values, which a file takes; as the screen writes them once a reader asks for the table.
    """
    rest = {name: value for name, value in spec.items() if name != "table"}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    if table is None:
        rows = "null"
    elif spec["view"] == "table":
        rows = json.dumps(table.to_dict(), ensure_ascii=False, separators=(",", ":"))
    else:
        rows = table.packed
    return f'{text[:-1]},"table":{rows}}}'.encode()


def _tools(chart: Chart, table: ChartTable | None, kind: str, view: str, private: bool) -> dict[str, Any]:
    """What the tools below a chart need: its words, and the other picture once it was asked for."""
    found: dict[str, Any] = {
        "words": in_words(chart, table),
        "private": private,
        "view": view,
        "pins": list(_pins()),
        "others": "",
    }
    if table is not None and table.codes and table.measured is not None:
        found["others"] = "Chart" if kind == "map" else "Map"
        if view == "other":
            found["other"] = _other(chart, table, kind, _pins())
    return found


def _other(chart: Chart, table: ChartTable, kind: str, pins: Sequence[str] = ()) -> Mapping[str, Any]:
    """The same numbers drawn the other way: a map as bars, bars as a map."""
    drawn = ranking(chart, table, marked=pins) if kind == "map" else mapped(chart, table)
    return {name: value for name, value in drawn.to_dict().items() if name in ("data", "layout", "height", "aspect")}  # fmt: skip


#: Charts among the slides, and how much larger they are written there.
MOST_SLIDES, ENLARGED = 24, 1.9


def for_a_room(chart: Chart, result: str, kind: str, *, other: bool, pins: Sequence[str]) -> dict[str, Any]:
    """A chart as a slide draws it, as plain data, its type enlarged; ``other`` for the other picture of its numbers."""
    table = table_of(chart)
    shown = chart.enlarged(ENLARGED)
    spec = shown.to_dict() | {"hash": result, "kind": kind, "words": in_words(chart, table), "private": False}
    return {**spec, **(_other(shown, table, kind, pins) if other and table is not None else {})}


def _slide(chart: Chart, key: str, result: str, kind: str, look: Any, under: str) -> None:
    """Put a chart among the slides, as it stands; one that is there already goes to the end."""
    store = st.session_state.get("store")
    if store is None or st.session_state[f"chart_{key}"].slide is None:
        return
    other = st.session_state.get(_VIEWS, {}).get(key) == "other"
    spec = for_a_room(chart, result, kind, other=other, pins=_pins())
    stamp = f"As it stood under: {under or store.scenario.name}"
    one = Pinned(f"chart_{key}", chart.title, spec, stamp, chart, look, kind, other)
    rest = tuple(held for held in store.pinned_charts if held.key != one.key)
    store.pinned_charts = (*rest, one)[-MOST_SLIDES:]
    if store.deck:
        store.deck = (*(name for name in store.deck if name != one.key), one.key)


@dataclass(frozen=True)
class Pinned:
    """A chart put among the slides from any page, as it stood.

    Parameters
    ----------
    key
        Of the chart.
    title
    spec
        Plain data, as charts on screen take it, its type enlarged.
    stamp
        Of what scenario it tells.
    chart
        As the page made it.
    look
        What it shows of any result; None where it is no function of one, and stands still.
    kind, other
        As on the page; whether the other picture of its numbers was chosen.
    """

    key: str
    title: str
    spec: dict[str, Any]
    stamp: str
    chart: Chart
    look: Any = None
    kind: str = "bars"
    other: bool = False


def _pins() -> tuple[str, ...]:
    store = st.session_state.get("store")
    return store.pins if store is not None else ()


def _pin(value: Any) -> None:
    """Pin a country, or take its pin out."""
    store = st.session_state.get("store")
    code = value.get("code") if isinstance(value, Mapping) else None
    if store is None or not isinstance(code, str) or len(code) > 8:
        return
    rest = tuple(pin for pin in store.pins if pin != code)
    store.pins = rest if code in store.pins else (*rest, code)[-12:]
