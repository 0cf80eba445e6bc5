"""Passing a scenario on: its link, and YAML out and in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from firmtrade_core.labels import grouped
from firmtrade_core.scenarios import Scenario, ScenarioError
from firmtrade_core.scenarios.links import reference
from firmtrade_core.scenarios.schema import older_default
from firmtrade_core.scenarios.yaml_text import LONGEST
from firmtrade_core.scenarios.yaml_text import read as read_yaml
from firmtrade_core.world.world import World
from pages.parts.frame import access, address
from pages.parts.frame.page import complain
from pages.parts.frame.store import Store

#: Megabytes that the browser may send: enough for any scenario, little enough to be refused at once.
LARGEST_UPLOAD = 1


def share(store: Store, world: World, *, save: Callable[[Store, World], None] | None = None) -> None:
    """One drawer: the link to copy, a place in the library, YAML to download, YAML to put in force.

    Parameters
    ----------
    save
        Draws what saves the scenario in the library.
    """
    drawer = st.popover(
        "Share, save, open", icon=":material/ios_share:", width="stretch", key="sharing", on_change="rerun"
    )
    if drawer.open:
        with drawer:
            _link(store, world)
            if save is not None:
                save(store, world)
            _download(store, world)
            _upload(store, world)


def _link(store: Store, world: World) -> None:
    if why := address.too_long(store, world):
        st.html('<p class="ft-quiet">No link holds this scenario.</p>')
        st.caption(why)
        return
    here = urlsplit(st.context.url or "")
    st.caption("The address bar always holds this scenario. Copy it, or this:")
    with st.container(key="ft_link"):
        st.code(f"{here.scheme}://{here.netloc}{here.path}?{address.query(store, world)}", language=None)


def _download(store: Store, world: World) -> None:
    written = store.scenario.with_(world=reference(world))
    st.download_button(
        "Download as YAML",
        written.to_yaml(),
        file_name=f"{file_stem(store.scenario.name)}.yaml",
        mime="application/yaml",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def file_stem(name: str) -> str:
    """A scenario's name as a file may be called."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "scenario"


def _upload(store: Store, world: World) -> None:
    def read() -> None:
        given = st.session_state["yaml"]
        if given is None:
            store.problems.pop("upload", None)
            return
        try:
            if given.size > 4 * LONGEST:
                raise ScenarioError(f"The file has {grouped(given.size)} bytes; a scenario is far smaller.")
            content = read_yaml(given.getvalue())
            scenario = Scenario.parse(content)
        except ScenarioError as error:
            store.problems["upload"] = f"{given.name[:60]}: {error}"
        else:
            store.become(scenario, push=True)
            store.notice, store.firms = older_default(content), ""
            store.problems.pop("upload", None)

    access.uploader(
        "Open a YAML file", key="yaml", on_change=read, max_upload_size=LARGEST_UPLOAD, help="Scenarios only."
    )
    if problem := store.problems.get("upload"):
        complain("Not opened", problem, "The scenario in force is as it was.")
