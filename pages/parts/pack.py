"""The briefing pack of what a session shows: one click for all four files, or each by itself."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from firmtrade_core.analysis.uncertainty import Bands, bands
from firmtrade_core.figures.uncertainty import bands_wanted
from firmtrade_core.report.lever_path import LeverPath
from firmtrade_core.report.pack import FORMATS, Pack, all_files, make_pack
from firmtrade_core.report.room import UNSOLVED
from firmtrade_core.scenarios import resolved
from firmtrade_core.world.world import World
from pages.parts import address
from pages.parts import bands as drawn_bands
from pages.parts.home import current_home
from pages.parts.reading import Reading
from pages.parts.sharing import file_stem
from pages.parts.store import Store
from pages.parts.worlds import short_sources


def pack_button(store: Store, world: World, reading: Reading, caveats: list[str]) -> None:
    """All four files in one click; each by itself in a drawer beside it."""
    stem = f"{file_stem(store.scenario.name)}_briefing"
    make = _maker(store, world, reading, caveats)
    st.download_button(
        "Briefing pack",
        lambda: all_files(make(), stem),
        f"{stem}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        key="pack_all",
        help="PDF, PowerPoint with charts that can be edited, Word, a web page that works without internet, and the scenario. "
        "Every number with its band, unit, source, stamps, certificate and link.",
    )
    drawer = st.popover("One of them", type="tertiary", key="pack_each", on_change="rerun")
    if drawer.open:
        with drawer:
            for one in FORMATS:
                st.download_button(
                    one.label,
                    lambda one=one: one.write(make()),
                    f"{stem}.{one.ending}",
                    mime=one.mime,
                    icon=":material/download:",
                    on_click="ignore",
                    key=f"pack_{one.ending}",
                    width="stretch",
                )


def _maker(store: Store, world: World, reading: Reading, caveats: list[str]) -> Callable[[], Pack]:
    """Makes the pack when a file is asked for, on another thread: all that it needs of the session is read here."""
    scenario, country, home = store.scenario, store.country, current_home(world)
    variable, measure = store.outcome, store.sector_measure
    charts = tuple(one.chart for one in store.pinned_charts)
    look = drawn_bands.drawn_already(world, scenario)
    here = urlsplit(st.context.url or "")
    link = ""
    if not address.too_long(store, world) and here.netloc:
        link = f"{here.scheme}://{here.netloc}{here.path}?{address.query(store, world)}"

    def banded() -> Bands | None:
        if reading.first is not None or not bands_wanted():
            return None
        if (found := look()) is not None:
            return found
        try:
            return bands(resolved(scenario, home), world, home, centre=reading.second)
        except (*UNSOLVED, ValueError):
            return None

    def make() -> Pack:
        # Each number as the slides and the page show it, programmes as sentences among the words.
        path = LeverPath(
            scenario, world, home, None, country, variable, measure, reading.first, reading.second
        )
        programmes = path.programmes_told(reading.second)
        return make_pack(
            scenario,
            reading.second,
            country=country,
            variable=variable,
            measure=measure,
            first=reading.first,
            against=reading.against,
            bands=banded(),
            caveats=caveats,
            source=short_sources(reading.world),
            link=link,
            programmes=programmes,
            more=charts,
        )

    return make
