"""Which world a session looks at: the shipped one, a file named by FIRMTRADE_WORLD, or one uploaded."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.scenarios.membership import economies_inside_rest
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World

UPLOADED = "uploaded_world"


@st.cache_resource(show_spinner=False, max_entries=4)
def _from_file(path: str, modified: float) -> World:
    return World.load(path)


def named_world() -> Path | None:
    """The file that FIRMTRADE_WORLD names, if it names one."""
    name = os.environ.get("FIRMTRADE_WORLD", "").strip()
    return Path(name).expanduser() if name else None


def current_world() -> World:
    """The session's world.

    Raises
    ------
    WorldError
        If the file that FIRMTRADE_WORLD names cannot be read.
    """
    uploaded: World | None = st.session_state.get(UPLOADED)
    return uploaded if uploaded is not None else shared_world()


def shared_world() -> World:
    """The world of every session that has uploaded none; raises as `current_world`."""
    path = named_world()
    if path is None:
        return load_embedded_world()
    try:
        return _from_file(str(path), path.stat().st_mtime)
    except OSError as error:
        raise WorldError(f"FIRMTRADE_WORLD names {path}, which cannot be read: {error.strerror}.") from error


def read_upload(name: str, content: bytes) -> World:
    """A world from an uploaded file; it is kept in this session only.

    Raises
    ------
    WorldError
        With what to mend.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix}"
        path.write_bytes(content)
        return World.load(path)


def shown(equilibrium: Equilibrium) -> str:
    """What identifies a result together with the names and sources it is told with: the key of all that readers share."""
    return f"{equilibrium.content_hash}-{equilibrium.world.shown_hash}"


def by_name(world: World) -> list[str]:
    """Country codes of a world in the order of their names."""
    return sorted(world.countries, key=country_name)


def searched(world: World) -> list[str]:
    """What lists of countries offer: a world's own, then the economies it tells in the rest of the world, by name."""
    return [*by_name(world), *economies_inside_rest(world)]


def short_sources(world: World) -> str:
    """The source line at the foot of a chart, with the share of trade that is estimated."""
    provenance = world.provenance
    estimated = f" Estimated: {provenance.estimated_trade}." if provenance.estimated_trade else ""
    return f"Source: firmtrade on {provenance.source.split(' (')[0]}.{estimated}"
