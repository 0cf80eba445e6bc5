"""The library of saved scenarios on screen: save, find, open, rename, delete with undo; and what to do when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.library import (
    LONGEST_NAME,
    Library,
    LibraryError,
    NameTakenError,
    Saved,
    default_url,
)
from firmtrade_core.scenarios.links import reference
from firmtrade_core.world.world import World
from pages.parts.frame import access
from pages.parts.frame.page import complain
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store
from pages.parts.lab.sharing import file_stem

#: Scenarios listed at once; searching finds the others.
MOST_LISTED = 12

_SAID, _DELETED = "library_said", "library_deleted"


@st.cache_resource(show_spinner=False)
def _opened(url: str) -> Library:
    return Library(url)


def library() -> Library:
    """The library that FIRMTRADE_LIBRARY names, opened once; raises LibraryError where it cannot be."""
    return _opened(default_url())


def saved_scenarios() -> dict[int, tuple[str, Scenario]]:
    """Every saved scenario that can be read, by key; none where the library cannot be reached."""
    found = {}
    try:
        for saved in library().search():
            try:
                found[saved.key] = (saved.name, saved.scenario())
            except LibraryError:
                continue
    except LibraryError:
        return {}
    return found


def shelf(store: Store, world: World) -> None:
    """The whole section."""
    st.html('<h2 class="ft-heading">Saved scenarios</h2>')
    _said()
    left, right = st.columns([4, 7], gap="large")
    with left:
        _save(store, world)
    with right:
        try:
            _list(store, world, library())
        except LibraryError as error:
            complain("The library cannot be read", str(error))


def _said() -> None:
    """What became of the last thing asked for."""
    good, what, why = st.session_state.get(_SAID, (True, "", ""))
    if not good:
        complain(what, why)
    elif what:
        st.html(f'<p class="ft-good" role="status">{escape(what)}</p>')
    if deleted := st.session_state.get(_DELETED):
        st.button(
            f"Undo: put {deleted.name} back", icon=":material/undo:", on_click=_put_back, key="library_undo"
        )


def _attempt(work: Callable[[Library], str], failed: str) -> bool:
    """Do something with the library and note what to say of it; nothing is lost where it fails."""
    st.session_state.pop(_DELETED, None)
    if not access.may("save"):
        st.session_state[_SAID] = (False, failed, access.refusal("save"))
        return False
    try:
        st.session_state[_SAID] = (True, work(library()), "")
    except LibraryError as error:
        st.session_state[_SAID] = (False, failed, str(error))
        return False
    return True


def save_here(store: Store, world: World) -> None:
    """Saving alone, beside other ways to pass a scenario on; Compare lists what is saved."""
    _said()
    _save(store, world)


# Saving -------------------------------------------------------------------------------------------


def _save(store: Store, world: World) -> None:
    st.html(f'<p class="ft-quiet">On screen now: {sentence(store.scenario, world)}</p>')
    st.text_input("Name", key="library_name", max_chars=LONGEST_NAME, placeholder=store.scenario.name)
    st.text_input("Tags", key="library_tags", max_chars=400, placeholder="separated by commas")
    st.checkbox("Replace the saved one of this name", key="library_replace")

    def save() -> None:
        state = st.session_state
        name = state["library_name"].strip() or store.scenario.name
        tags = [tag for tag in state["library_tags"].split(",") if tag.strip()]
        written = store.scenario.with_(world=reference(world))

        def work(shelves: Library) -> str:
            saved = shelves.save(written, name, tags, replace=state["library_replace"], by=access.me())
            return f"Saved as {saved.name} in {shelves.place}."

        if _attempt(work, "Not saved"):
            state["library_name"], state["library_tags"], state["library_replace"] = "", "", False

    st.button(
        "Save the scenario on screen", icon=":material/bookmark_add:", on_click=save, key="library_save"
    )


# Finding ------------------------------------------------------------------------------------------


def _list(store: Store, world: World, shelves: Library) -> None:
    search, tags = st.columns([3, 2])
    text = search.text_input("Search", key="library_search", placeholder="Words in names, tags, policies")
    chosen = tags.multiselect("With tags", list(shelves.tags()), key="library_with", placeholder="any")
    found = shelves.search(text, chosen)
    if not found:
        empty = (
            "Nothing saved fits."
            if text or chosen
            else "Nothing is saved yet. Save the scenario on screen to begin."
        )
        st.html(f'<p class="ft-empty">{empty}</p>')
    for saved in found[:MOST_LISTED]:
        _one(store, world, saved)
    if len(found) > MOST_LISTED:
        st.html(f'<p class="ft-quiet">{len(found) - MOST_LISTED} more: search to find them.</p>')


def _one(store: Store, world: World, saved: Saved) -> None:
    with st.container(border=True, key=f"ft_saved_{saved.key}"):
        words, problem = _in_words(saved, world)
        tags = "".join(f'<span class="ft-tag">{escape(tag)}</span>' for tag in saved.tags)
        st.html(
            f'<div class="ft-saved"><b>{escape(saved.name)}</b>{tags}<p>{words}</p>'
            f'<p class="ft-quiet">{saved.changed:%d %B %Y, %H:%M} UTC{_owned(saved)}</p></div>'
        )
        row = st.container(horizontal=True, gap="small")
        label = f", {saved.name}"
        row.button(
            "Open",
            icon=":material/open_in_new:",
            key=f"library_open_{saved.key}",
            on_click=_open,
            args=(store, world, saved),
            disabled=problem,
            type="tertiary",
            help=f"Put it in force on every page; Undo in the lab brings back yours{label}",
        )
        row.button(
            "Compare",
            icon=":material/compare_arrows:",
            key=f"library_compare_{saved.key}",
            on_click=_compare,
            args=(saved,),
            disabled=problem,
            type="tertiary",
            help=f"Make it the second of the two above{label}",
        )
        row.download_button(
            "YAML",
            saved.yaml,
            f"{file_stem(saved.name)}.yaml",
            icon=":material/download:",
            key=f"library_yaml_{saved.key}",
            on_click="ignore",
            type="tertiary",
            help=f"Download{label}",
        )
        row.button(
            "Delete",
            icon=":material/delete:",
            key=f"library_delete_{saved.key}",
            on_click=_delete,
            args=(saved,),
            disabled=not access.may("save") or not saved.belongs_to(access.me()),
            type="tertiary",
            help=f"Can be undone{label}",
        )


def _owned(saved: Saved) -> str:
    """Who saved it, where people sign in."""
    if not saved.owner or access.me() is None:
        return ""
    return f" · saved by {'you' if saved.belongs_to(access.me()) else escape(saved.owner)}"


def _in_words(saved: Saved, world: World) -> tuple[str, bool]:
    """What a saved scenario does, safe to put on a page, and whether it cannot be read."""
    try:
        return sentence(saved.scenario(), world), False
    except LibraryError as error:
        return escape(str(error)), True


def _open(store: Store, world: World, saved: Saved) -> None:
    scenario = saved.scenario()
    store.become(scenario, push=True)
    store.firms = ""
    st.session_state[_SAID] = (True, f"{saved.name} is now on screen, here and on every page.", "")


def _compare(saved: Saved) -> None:
    st.session_state["compared_second"] = f"saved {saved.key}"


def _delete(saved: Saved) -> None:
    if _attempt(lambda shelves: f"Deleted {shelves.delete(saved.key, by=access.me()).name}.", "Not deleted"):
        st.session_state[_DELETED] = saved


def _put_back() -> None:
    saved: Saved = st.session_state[_DELETED]
    if not access.may("save"):
        st.session_state[_SAID] = (False, "Not put back", access.refusal("save"))
        return
    try:
        library().restore(saved)
    except NameTakenError:
        why = f"Another saved scenario is called {saved.name} by now. Rename that one, then undo."
        st.session_state[_SAID] = (False, "Not put back", why)
    except LibraryError as error:
        st.session_state[_SAID] = (False, "Not put back", str(error))
    else:
        st.session_state.pop(_DELETED)
        st.session_state[_SAID] = (True, f"{saved.name} is back.", "")
