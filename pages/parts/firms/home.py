"""The home country's own firms in a session: a file named by FIRMTRADE_HOME, else the synthetic ones shipped."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.default import VARIABLE, fits, goes_without, named_file, shipped_file
from firmtrade_core.labels import grouped
from firmtrade_core.margins import FirmsError
from firmtrade_core.world.world import World
from pages.parts.frame.page import complain
from pages.parts.frame.store import Store


@st.cache_resource(show_spinner=False, max_entries=2)
def _from_file(path: str, modified: float) -> HomeFirms:
    return HomeFirms.load(Path(path))


@lru_cache(maxsize=2)
def _of_file(path: str, modified: float) -> HomeFirms:
    """As `_from_file`, which one session does for all, but found at once: every part of a page asks."""
    return _from_file(path, modified)


#: Which firms have their place in which world, by content hash.
_FITS = dict[tuple[str, str], bool]()


def _fits(home: HomeFirms, world: World) -> bool:
    key = (home.content_hash, world.content_hash)
    if key not in _FITS:
        if len(_FITS) >= _MOST_FITS:
            _FITS.clear()
        _FITS[key] = fits(home, world)
    return _FITS[key]


#: Pairs of firms and world of which that is kept.
_MOST_FITS = 200


def current_home(world: World) -> HomeFirms | None:
    """The firms in use on a world: those FIRMTRADE_HOME names, else the shipped ones where the world has their place.

    Raises
    ------
    FirmsError
        If the file cannot be read.
    """
    named = named_file()
    if named is not None:
        try:
            return _of_file(str(named), named.stat().st_mtime)
        except OSError as error:
            raise FirmsError(f"{VARIABLE} names {named}, which cannot be read: {error.strerror}.") from error
    shipped = shipped_file()
    if goes_without() or not shipped.is_file():
        return None
    home = _of_file(str(shipped), shipped.stat().st_mtime)
    return home if _fits(home, world) else None


def home_or_complaint(world: World) -> HomeFirms | None:
    """The same for a page that goes on without: says what is wrong with a file that cannot be read."""
    try:
        return current_home(world)
    except FirmsError as error:
        complain("The home country's firms cannot be read", str(error), "The page goes on without them.")
        return None


def look_at_home(store: Store, home: HomeFirms | None) -> None:
    """A way to the country whose firms are loaded, where another is looked at."""
    if home is None or home.country == store.country:
        return
    name = country_name(home.country)
    kind = "synthetic firms" if home.synthetic else "firms"
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="ft_look_at_home")
    row.html(f'<p class="ft-quiet">The {kind} loaded are of {escape(name)}.</p>')
    row.button(
        f"Look at {name}",
        type="tertiary",
        key="look_at_home",
        on_click=lambda: setattr(store, "country", home.country),
    )


def home_line(home: HomeFirms | None) -> str:
    """Whose firms are in use, or how to load some."""
    if home is None:
        return (
            "No firms of a home country are loaded: their own law is left out. Name a file of home firms in "
            "FIRMTRADE_HOME to add it."
        )
    return f"Firms: {grouped(len(home))} of {country_name(home.country)} ({home.source})."
