"""Which two years of data past growth is read between."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from firmtrade_core.attribution.invented import INVENTED, invented_earlier
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.tables import SUFFIXES
from firmtrade_core.world.uploads import Upload
from firmtrade_core.world.world import World
from firmtrade_core.world.years import WorldYears, open_years, years_of_table
from pages.parts.frame import access
from pages.parts.frame.page import complain
from pages.parts.frame.store import seeded
from pages.parts.frame.uploads import read_uploaded_table, read_uploaded_world

#: Names a world file of an earlier year, a folder of world files, or a table of flows with a column year.
VARIABLE = "FIRMTRADE_EARLIER_WORLD"

_KEY = "growth_years"

_BRING = (
    f"bring others above, or name a world file, a folder of them, or a table of flows by year in {VARIABLE}."
)


@dataclass(eq=False)
class Choice:
    """What a session has brought and chosen.

    Parameters
    ----------
    question
        What the page answers.
    uploaded
        An earlier world, or several years of data, brought in this session.
    start, end
        Labels of the years chosen; empty before a choice.
    """

    question: str = "scenario"
    uploaded: World | WorldYears | None = None
    start: str = ""
    end: str = ""


def current_choice() -> Choice:
    """The session's choice."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Choice()
    found: Choice = st.session_state[_KEY]
    return found


@st.cache_resource(show_spinner=False, max_entries=2)
def _opened(path: str, modified: float) -> WorldYears:
    return open_years(path)


@st.cache_resource(show_spinner="Reading the year", max_entries=4)
def _named_year(path: str, modified: float, year: int) -> World:
    return _opened(path, modified).world(year)


def two_years(world: World) -> tuple[World, World] | None:
    """Choosers for the earlier and the later year, and the two worlds; None while there is but one year.

    The world in use is always on offer; others come from a file of the reader's or from `VARIABLE`.
    """
    choice = current_choice()
    _upload(choice)
    try:
        offered = _offered(choice, world)
    except (OSError, WorldError) as error:
        complain("The earlier years cannot be read", str(error), f"Mend what {VARIABLE} names, or unset it.")
        return None
    if len(offered) < 2:
        made = _invented(world.content_hash, world)
        if made is None:
            st.html(
                f'<p class="ft-quiet">Two years of data are needed. The world in use is one; {_BRING}</p>'
            )
            return None
        st.html(
            f'<p class="ft-quiet" data-label="invented"><span class="ft-tag" style="margin-left:0">synthetic</span> {INVENTED} '
            f"For growth that happened, {_BRING}</p>"
        )
        offered = {_label(made): lambda: made} | offered
    _choosers(choice, list(offered), world)
    try:
        return offered[choice.start](), offered[choice.end]()
    except WorldError as error:
        complain("This year makes no world", str(error), "Choose another year, or mend the data.")
        return None


@st.cache_resource(show_spinner="Inventing an earlier year", max_entries=4)
def _invented(world_hash: str, _world: World) -> World | None:
    """A synthetic earlier year; None where the world cannot be solved for one."""
    try:
        return invented_earlier(_world)
    except EquilibriumError:
        return None


def _upload(choice: Choice) -> None:
    given = access.uploader(
        "World file of another year, or a table of flows by year",
        help="World files are made by `python -m firmtrade_core world build`; a table has the columns year, exporter, "
        "importer, sector, expenditure_musd and tariff. It stays in this session.",
        key="earlier_file",
    )
    if given is None:
        return
    try:
        upload = Upload(given.name, given.getvalue())
        table = Path(given.name).suffix.lower() in SUFFIXES
        choice.uploaded = (
            years_of_table(read_uploaded_table(upload), Path(given.name).stem)
            if table
            else read_uploaded_world(upload)
        )
    except WorldError as error:
        complain("This file holds no world", str(error), "Nothing else has changed.")


def _offered(choice: Choice, world: World) -> dict[str, Callable[[], World]]:
    """Years in order, by label, and how to read each; the world in use comes last."""
    found: dict[str, Callable[[], World]] = {}
    brought = choice.uploaded
    if isinstance(brought, WorldYears):
        found |= {f"{year} ({brought.name})": partial(brought.world, year) for year in brought.years}
    elif brought is not None:
        found[_label(brought)] = lambda: brought
    elif name := os.environ.get(VARIABLE, "").strip():
        path = Path(name).expanduser()
        modified = path.stat().st_mtime
        data = _opened(str(path), modified)
        found |= {
            f"{year or 'No year'} ({data.name})": partial(_named_year, str(path), modified, year)
            for year in data.years
        }
    in_use = _label(world)
    found.pop(in_use, None)
    return found | {f"{in_use}, in use": lambda: world}


def _label(world: World) -> str:
    return f"{world.provenance.year or 'No year'} ({world.name})"


def _choosers(choice: Choice, labels: list[str], world: World) -> None:
    if choice.start not in labels or choice.end not in labels:
        # Several years of one source are alike in their labels; a single one is read against the world in use.
        choice.start, choice.end = labels[0], labels[-2] if len(labels) > 2 else labels[-1]

    def start(value: str | None) -> None:
        choice.start = value or choice.start

    def end(value: str | None) -> None:
        choice.end = value or choice.end

    left, right, _ = st.columns([3, 3, 4])
    left.selectbox("From", labels, **seeded("growth_from", choice.start, start))
    right.selectbox("To", labels, **seeded("growth_to", choice.end, end))
