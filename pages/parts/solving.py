"""From the session's scenario to a certified equilibrium, once per scenario for all sessions."""

from __future__ import annotations

import logging

import streamlit as st

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.places import near, place_of
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.scenarios import HomeFirms, Scenario, ScenarioError, compile, resolved, run
from firmtrade_core.scenarios.library import LibraryError
from firmtrade_core.scenarios.shared_places import SharedPlaces, sharing
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.home import current_home
from pages.parts.store import Store

#: Results kept for all sessions together; one of 81 x 28 holds about 15 MB.
MOST_RESULTS = 40


class UnsolvedError(Exception):
    """No result can be shown; the message says what to change."""


@st.cache_resource(show_spinner=False, max_entries=MOST_RESULTS)
def _solved(
    world_hash: str,
    scenario_hash: str,
    home_hash: str,
    _world: World,
    _scenario: Scenario,
    _home: HomeFirms | None,
    _start: Equilibrium | None,
) -> tuple[Equilibrium, tuple[str, ...]]:
    compiled = compile(_scenario, _world, _home)
    shared = _shared()
    if shared is None:
        return compiled.solve(_start), compiled.report
    key = f"{_world.content_hash} {scenario_hash} {home_hash}"
    point = shared.get(key)
    found = compiled.solve(_start if point is None else near(compiled.world, point))
    place = place_of(found)
    if point is None and place is not None:
        shared.put(key, place)
    return found, compiled.report


@st.cache_resource(show_spinner=False)
def _shared() -> SharedPlaces | None:
    """Where other servers' solutions lie; None for a server by itself, or where the database cannot be had."""
    if not sharing():
        return None
    try:
        return SharedPlaces()
    except LibraryError as error:
        logging.getLogger("firmtrade").warning("Results are not shared: %s", error)
        return None


def settled(scenario: Scenario, world: World) -> Scenario:
    """The scenario with what its firms are here (`scenarios.resolved`); as it is where they cannot be read."""
    try:
        return resolved(scenario, current_home(world))
    except FirmsError:
        return scenario


def solve_scenario(
    scenario: Scenario, world: World, start: Equilibrium | None = None
) -> tuple[Equilibrium, tuple[str, ...]]:
    """The equilibrium of a scenario, and what was read onto this world approximately.

    Raises
    ------
    UnsolvedError
        In words that say what to change.
    """
    try:
        home = current_home(world)
        known = "" if home is None else home.content_hash
        return _solved(world.shown_hash, scenario.content_hash, known, world, scenario, home, start)
    except (EquilibriumError, FirmsError, ScenarioError, WorldError, TailError) as error:
        raise UnsolvedError(str(error)) from error


@st.cache_resource(show_spinner=False, max_entries=4)
def _solved_afresh(
    world_hash: str,
    scenario_hash: str,
    home_hash: str,
    _world: World,
    _scenario: Scenario,
    _home: HomeFirms | None,
) -> Equilibrium:
    return run(_scenario, _world, home=_home)


def solve_afresh(scenario: Scenario, world: World) -> Equilibrium:
    """The equilibrium found from the baseline, so that files do not depend on what was on screen before.

    Raises
    ------
    EquilibriumError, ScenarioError, WorldError, TailError
    """
    home = current_home(world)
    known = "" if home is None else home.content_hash
    return _solved_afresh(world.shown_hash, scenario.content_hash, known, world, scenario, home)


def solve_in(store: Store, world: World) -> tuple[Equilibrium, tuple[str, ...]]:
    """The equilibrium of the session's scenario, found from the one on screen.

    Raises
    ------
    UnsolvedError
        In words that say what to change; what was typed stays.
    """
    equilibrium, notes = solve_scenario(store.scenario, world, store.latest)
    store.latest = equilibrium
    return equilibrium, notes
