"""What harmonising makes of the invented example, for a desk on which nothing lies yet; no session's desk is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.example import messy_folder
from firmtrade_core.harmonise.pipeline import Outcome, Settings, harmonise
from firmtrade_core.harmonise.salt import own_salt

#: The choices under which the example is harmonised, here and on a desk.
EXAMPLE = Settings(home="CHL", draws=5, synthetic=True)


@st.cache_resource(show_spinner="Harmonising invented records, to show what comes out", max_entries=1)
def example_outcome() -> Outcome | None:
    """The example's scorecard, steps and findings, made once; its tables are gone. None where nothing can be written."""
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = tuple(sorted(messy_folder(folder / "in").iterdir()))
            return harmonise(files, folder / "out", own_salt(folder / "salt"), EXAMPLE)
    except (HarmoniseError, OSError):
        return None
