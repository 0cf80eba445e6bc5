"""The home country's own firms in a session: a file named by FIRMTRADE_HOME, kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.margins import FirmsError
from firmtrade_core.scenarios import HomeFirms
from pages.parts.frame import complain


@st.cache_resource(show_spinner=False, max_entries=2)
def _from_file(path: str, modified: float) -> HomeFirms:
    return HomeFirms.load(Path(path))


def current_home() -> HomeFirms | None:
    """The firms named by FIRMTRADE_HOME; None where none are named.

    Raises
    ------
    FirmsError
        If the file cannot be read.
    """
    name = os.environ.get("FIRMTRADE_HOME", "").strip()
    if not name:
        return None
    path = Path(name).expanduser()
    try:
        return _from_file(str(path), path.stat().st_mtime)
    except OSError as error:
        raise FirmsError(f"FIRMTRADE_HOME names {path}, which cannot be read: {error.strerror}.") from error


def home_or_complaint() -> HomeFirms | None:
    """The same for a page that goes on without: says what is wrong with a file that cannot be read."""
    try:
        return current_home()
    except FirmsError as error:
        complain("The home country's firms cannot be read", str(error), "The page goes on without them.")
        return None


def home_line(home: HomeFirms | None) -> str:
    """Whose firms are in use, or how to load some."""
    if home is None:
        return (
            "No firms of a home country are loaded: their own law is left out. Name a file of home firms in "
            "FIRMTRADE_HOME to add it."
        )
    return f"Firms: {len(home)} of {country_name(home.country)} ({home.source})."
