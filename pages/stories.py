"""Stories: a dated policy each, told in words whose numbers follow the result, with three charts."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.report.live_words import LiveWordsError, filled
from firmtrade_core.report.stories import Story, StoryChart, stories, story
from firmtrade_core.world.world import World
from pages.parts.frame import address
from pages.parts.frame.page import certificate_line, complain, notes, notice, open_page
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store, current, seeded
from pages.parts.result import views
from pages.parts.result.reading import Reading, read
from pages.parts.result.solving import UnsolvedError


def _chart(store: Store, reading: Reading, shown: StoryChart, key: str) -> None:
    if shown.chart == "map":
        views.the_map(store, reading, key=key, scales=False)
    elif shown.chart == "winners":
        views.winners(store, reading, key=key)
    elif shown.chart == "sectors":
        views.sectors(store, reading, key=key)
    elif shown.chart == "partners":
        views.partners(store, reading, key=key)
    else:
        views.replacing(store, reading, market=shown.market, key=key)


def _seen(told: Story, shown: StoryChart | None, session: str, world: World) -> Store:
    """A store of its own, so that reading a story changes nothing of the session."""
    country = told.country if told.country in world.countries else world.countries[0]
    seen = Store(told.scenario, country, session=f"{session}-story")
    if shown is None:
        return seen
    return replace(
        seen, outcome=shown.outcome, sector_measure=shown.measure, direction=shown.direction, session=seen.session
    )  # fmt: skip


def _words(told: Story, reading: Reading) -> None:
    try:
        lines = [filled(words, reading.second, reading.first) for words in told.words]
    except LiveWordsError as problem:
        complain(
            "The story's numbers cannot be told on this world",
            str(problem),
            "The charts below are of this world all the same.",
        )
        return
    st.html("".join(f'<p class="ft-tale">{escape(line)}</p>' for line in lines))


def _take(store: Store, told: Story, world: World) -> None:
    store.become(told.scenario, push=True)
    if told.country in world.countries:
        store.country = told.country


def _lead_on(store: Store, told: Story, world: World) -> None:
    row = st.container(horizontal=True, gap="small", key="ft_lead_on")
    if row.button("Open it in the lab", type="primary", key="story_lab"):
        _take(store, told, world)
        st.switch_page("pages/lab.py")
    if row.button("Read it as a briefing", key="story_briefing"):
        _take(store, told, world)
        st.switch_page("pages/briefing.py")


@st.fragment
def _tell(world: World) -> None:
    store = current(world)
    shown = [item for item in stories() if item.country in world.countries] or [*stories()]
    address.take(store, world)
    told = story(store.story) or shown[0]
    address.keep(store, world, beside={"story": told.key})
    notice(store)

    def choose(key: str) -> None:
        store.story = key

    titles = {item.key: item.title for item in shown} | {told.key: told.title}
    st.segmented_control(
        "Stories",
        list(titles),
        required=True,
        format_func=titles.__getitem__,
        label_visibility="collapsed",
        **seeded("story", told.key, choose),
    )
    seen = _seen(told, None, store.session, world)
    st.html(
        f'<p class="ft-quiet">{told.dated} · seen from {escape(country_name(seen.country))}</p>'
        f'<h1 class="ft-sentence ft-large">{escape(told.title)}: {escape(told.asks[0].lower() + told.asks[1:])}</h1>'
        f'<p class="ft-quiet">{sentence(told.scenario, world)} {escape(told.scenario.source)}</p>'
    )
    try:
        reading = read(seen, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Choose another story.")
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        _words(told, reading)
        _lead_on(store, told, world)
    first, *others = told.charts
    with right:
        _chart(_seen(told, first, store.session, world), reading, first, f"story_{told.key}_0")
    views.numbers(seen, reading)
    for place, (number, item) in zip(st.columns(2, gap="large"), enumerate(others, start=1), strict=False):
        with place:
            _chart(_seen(told, item, store.session, world), reading, item, f"story_{told.key}_{number}")
    notes(reading.notes)
    certificate_line(reading.second)


_tell(open_page("Stories", live=True))
