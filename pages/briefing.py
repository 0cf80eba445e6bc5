"""Briefing: the scenario in one sentence, the numbers, the map, what drives it, what to keep in mind; and for a room."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from firmtrade_core.labels.glossary import explained
from firmtrade_core.paths import asset
from firmtrade_core.scenarios.assumptions import FIXED_DEFICITS
from firmtrade_core.world.world import World
from pages.parts import address, drivers, views
from pages.parts.budget import show_budget
from pages.parts.exports import take_away
from pages.parts.frame import certificate_line, complain, notes, notice, open_page
from pages.parts.how_sure import how_sure
from pages.parts.presets import sentence
from pages.parts.programme_results import programmes_in_brief, programmes_shown
from pages.parts.reading import Reading, read
from pages.parts.solving import UnsolvedError
from pages.parts.store import Store, current
from pages.parts.where_from import where_from_row
from pages.parts.words import narrative

#: How much larger charts are written for a room.
ENLARGED = 1.9


def _caveats(reading: Reading) -> None:
    provenance = reading.world.provenance
    items = [
        "This is a long-run comparison: prices, wages and trade have settled. It says nothing about the months between.",
        "Bands hold 90 of 100 draws from what is assumed to be uncertain (elasticities, markups, estimated trade); other laws "
        "of firms are a range beside them, not in them. What the model leaves out is in no band.",
    ]
    if provenance.estimated_trade:
        items.insert(
            0,
            f"Estimated: {provenance.estimated_trade}, all of it between small partners. Read those pairs with care, "
            "national totals and large partners with confidence.",
        )
    if FIXED_DEFICITS in reading.notes:
        items.insert(0, FIXED_DEFICITS)
    lines = "".join(f"<li>{explained(item)}</li>" for item in items)
    st.html(f'<h2 class="ft-heading">What to keep in mind</h2><ul class="ft-caveats">{lines}</ul>')


def _page(store: Store, reading: Reading) -> None:
    """Everything on one page, for reading and for print."""
    views.numbers(store, reading, large=True)
    if reading.first is None:
        where_from_row(store, reading, key="briefing")
    narrative(store, reading)
    programmes_in_brief(store, reading.world)
    views.choosers(store, reading.world)
    views.the_map(store, reading, key="briefing_map")
    left, right = st.columns(2, gap="large")
    with left:
        views.winners(store, reading, key="briefing_winners")
    with right:
        views.sectors(store, reading, key="briefing_sectors")
    left, right = st.columns(2, gap="large")
    with left:
        drivers.show_drivers(store, reading)
        show_budget(reading.second, store.country)
        _caveats(reading)
    with right:
        how_sure(store, reading, key="briefing_sure")
        drivers.what_would_change_it(store, reading.world)
        drivers.policies(store, reading)
    if reading.notes:
        with st.expander("How the scenario was read onto this world"):
            # As they are written: names in them are no markup.
            notes(tuple(reading.notes))
    take_away(store, reading.world, key="briefing")
    certificate_line(reading.second)


# For a room -------------------------------------------------------------------------------------


def _first(store: Store, reading: Reading) -> None:
    views.numbers(store, reading, large=True)


def _map(store: Store, reading: Reading) -> None:
    views.the_map(store, reading, key="room_map", enlarge=ENLARGED)


def _programmes(store: Store, reading: Reading) -> None:
    if not programmes_in_brief(store, reading.world, large=True):
        st.html(
            '<p class="ft-quiet">No firms of a home country are loaded: nobody can be counted one by one.</p>'
        )


def _winners(store: Store, reading: Reading) -> None:
    views.winners(store, reading, key="room_winners", each=4, enlarge=ENLARGED)


def _sectors(store: Store, reading: Reading) -> None:
    views.sectors(store, reading, key="room_sectors", enlarge=ENLARGED)


def _drivers(store: Store, reading: Reading) -> None:
    drivers.show_drivers(store, reading)
    show_budget(reading.second, store.country)


def _changes(store: Store, reading: Reading) -> None:
    drivers.what_would_change_it(store, reading.world, key="room_changes", enlarge=ENLARGED)


def _mind(store: Store, reading: Reading) -> None:
    _caveats(reading)


Step = tuple[str, Callable[[Store, Reading], None]]

STEPS: tuple[Step, ...] = (
    ("The numbers", _first),
    ("The map", _map),
    ("Who gains, who loses", _winners),
    ("By sector", _sectors),
    ("What drives it", _drivers),
    ("What would change it", _changes),
    ("Keep in mind", _mind),
)

#: After the numbers, where a scenario treats firms.
PROGRAMMES: Step = ("What the programme achieves", _programmes)


def _steps(store: Store) -> tuple[Step, ...]:
    return (STEPS[0], PROGRAMMES, *STEPS[1:]) if programmes_shown(store) else STEPS


def _go(store: Store, by: int) -> None:
    store.step = min(max(store.step + by, 0), len(_steps(store)) - 1)


def _present(store: Store, on: bool) -> None:
    store.presenting, store.step = on, 0


def _room(store: Store, reading: Reading) -> None:
    """One step at a time: full width, large type; arrow keys lead on."""
    steps = _steps(store)
    store.step = min(store.step, len(steps) - 1)
    name, draw = steps[store.step]
    with st.container(key="ft_step"):
        draw(store, reading)
    row = st.container(
        horizontal=True, horizontal_alignment="center", vertical_alignment="center", key="ft_steps"
    )
    row.button(
        "Back",
        icon=":material/arrow_back:",
        shortcut="Left",
        on_click=_go,
        args=(store, -1),
        disabled=store.step == 0,
    )
    row.html(f'<p class="ft-step">{store.step + 1} of {len(steps)} · {escape(name)}</p>')
    row.button(
        "Next",
        icon=":material/arrow_forward:",
        shortcut="Right",
        on_click=_go,
        args=(store, 1),
        disabled=store.step == len(steps) - 1,
    )
    row.button("Leave", icon=":material/close:", shortcut="Esc", on_click=_present, args=(store, False))


@st.fragment
def _brief(world: World) -> None:
    store = current(world)
    address.keep(store, world)
    if store.presenting:
        # With an element beside it, so that the style goes when the element does.
        style = asset("presenter.css").read_text(encoding="utf-8")
        st.html(f"<span hidden></span><style>{style}</style>")
    st.html(f'<h1 class="ft-sentence ft-large">{sentence(store.scenario, world)}</h1>')
    notice(store)
    try:
        reading = read(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
        return
    if store.presenting:
        _room(store, reading)
        return
    st.button(
        "Present",
        icon=":material/slideshow:",
        on_click=_present,
        args=(store, True),
        type="tertiary",
        help="Full width and large type, step by step; arrow keys lead on, Escape leaves. Ctrl+P prints this page.",
        key="ft_present",
    )
    _page(store, reading)


_brief(open_page("Briefing", live=True))
