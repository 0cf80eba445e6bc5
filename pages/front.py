"""The front door: which country, which policy, one search; the policy in force at once; six stories; a tour."""

from __future__ import annotations

from html import escape

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.report.stories import Story, stories
from firmtrade_core.scenarios import load_preset, preset_names
from firmtrade_core.world.world import World
from pages.parts.data.worlds import searched
from pages.parts.frame import address
from pages.parts.frame.looking import country_box, say_where
from pages.parts.frame.page import complain, menu, notice, open_page
from pages.parts.frame.presets import sentence
from pages.parts.frame.search import search_box
from pages.parts.frame.store import Store, current, seeded
from pages.parts.result import views
from pages.parts.result.reading import read
from pages.parts.result.solving import UnsolvedError

#: What of an address is a link to a result, which the Briefing shows.
_STATE = frozenset({"s", "against", "map", "flows", "view", "colours", "present", "home"})

_OWN = "own"


def _policy(store: Store) -> None:
    """Which policy: a shipped one, or the session's own."""
    now = next((name for name in preset_names() if load_preset(name) == store.scenario), _OWN)
    options = [*([_OWN] if now == _OWN else []), *preset_names()]

    def choose(name: str) -> None:
        if name != _OWN:
            store.become(load_preset(name), push=True)

    st.selectbox(
        "Which policy",
        options,
        format_func=lambda name: f"{store.scenario.name} (yours)" if name == _OWN else load_preset(name).name,
        **seeded("front_policy", now, choose),
    )


def _go(page: str, store: Store, *, touring: bool = False, story: str = "") -> None:
    store.touring = touring
    store.story = story or store.story
    st.switch_page(f"pages/{page}.py")


def _first(store: Store, world: World) -> None:
    country, policy, lab, brief, tour = st.columns([8, 11, 5, 6, 7], vertical_alignment="bottom", gap="small")
    country_box(country, store, world, "front_country", searched(world), label="Which country")
    with policy:
        _policy(store)
    if lab.button("Open the lab", type="primary", key="front_lab", width="stretch"):
        _go("lab", store)
    if brief.button("Read the briefing", key="front_briefing", width="stretch"):
        _go("briefing", store)
    if tour.button("Tour of one minute", icon=":material/explore:", key="front_tour", width="stretch"):
        _go("lab", store, touring=True)
    say_where(store, world)


def _stories(store: Store, world: World) -> None:
    shown = [told for told in stories() if told.country in world.countries]
    if not shown:
        return
    st.html(
        '<h2 class="ft-heading">Six stories</h2><p class="ft-quiet">A dated policy each, told with three charts. '
        "The numbers are solved here, on this world.</p>"
    )
    for row in (shown[:3], shown[3:]):
        places = st.columns(3, gap="medium")
        for place, told in zip(places, row, strict=False):
            with place.container(border=True, key=f"ft_story_{told.key}", height="stretch"):
                _card(store, told)


def _card(store: Store, told: Story) -> None:
    st.html(
        f'<p class="ft-quiet">{told.dated} · {escape(country_name(told.country))}</p>'
        f'<h3 class="ft-title">{escape(told.title)}</h3><p class="ft-asks">{escape(told.asks)}</p>'
    )
    if st.button(
        "Read it",
        key=f"front_story_{told.key}",
        type="tertiary",
        icon=":material/arrow_forward:",
        help=f"The story “{told.title}”",
    ):
        _go("stories", store, story=told.key)


@st.fragment
def _front(world: World) -> None:
    store = current(world)
    address.keep(store, world, bare=True)
    st.html(
        '<h1 class="ft-door">What does a trade policy do, and through which firms?</h1>'
        '<p class="ft-door-more">Move a policy, see the world move. Each answer is a solved equilibrium of the world economy, '
        "with firms that differ.</p>"
    )
    notice(store)
    search_box(store, world, menu(), key="ft_find")
    _first(store, world)
    st.html(f'<p class="ft-sentence">{sentence(store.scenario, world)}</p>')
    try:
        reading = read(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Choose another policy, or change it in the lab.")
    else:
        views.numbers(store, reading)
        views.the_map(store, reading, key="front_map", scales=False)
    _stories(store, world)


if _STATE & set(st.query_params) and "only" not in st.query_params and not st.session_state.get("store"):
    # A link to a result opens the result.
    open_page("Briefing")
    st.switch_page("pages/briefing.py", query_params=dict(st.query_params))
_front(open_page("Start", live=True))
