"""From the session's scenario to a certified equilibrium, once per scenario for all sessions."""

from __future__ import annotations

import logging
from typing import Any

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.places import near, place_of
from firmtrade_core.home import HomeFirms
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.scenarios import Scenario, ScenarioError, compile, resolved, run
from firmtrade_core.scenarios.library import LibraryError
from firmtrade_core.scenarios.shared_places import SharedPlaces, sharing
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.firms.home import current_home
from pages.parts.frame.once import once
from pages.parts.frame.store import Store
from pages.parts.frame.weighed import Weighed

Solved = tuple[Equilibrium, tuple[str, ...]]


class UnsolvedError(Exception):
    """No result can be shown; the message says what to change."""


@once
def results() -> Weighed[Any]:
    """Results of all sessions together. Worlds and firms live on anyhow and are not counted; a world that was balanced is."""
    return Weighed(without=(HomeFirms,), still=(World,))


def _solve(
    scenario: Scenario, world: World, home: HomeFirms | None, home_hash: str, start: Equilibrium | None
) -> Solved:
    compiled = compile(scenario, world, home)
    shared = _shared()
    if shared is None:
        return compiled.solve(start), compiled.report
    key = f"{world.content_hash} {scenario.content_hash} {home_hash}"
    point = shared.get(key)
    found = compiled.solve(start if point is None else near(compiled.world, point))
    place = place_of(found)
    if point is None and place is not None:
        shared.put(key, place)
    return found, compiled.report


@once
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
        key = (world.shown_hash, scenario.content_hash, known)
        found: Solved = results().get(key, lambda: _solve(scenario, world, home, known, start))
        return found
    except (EquilibriumError, FirmsError, ScenarioError, WorldError, TailError) as error:
        raise UnsolvedError(str(error)) from error


def solve_afresh(scenario: Scenario, world: World) -> Equilibrium:
    """The equilibrium found from the baseline, so that files do not depend on what was on screen before.

    Raises
    ------
    EquilibriumError, ScenarioError, WorldError, TailError
    """
    home = current_home(world)
    known = "" if home is None else home.content_hash
    key = ("afresh", world.shown_hash, scenario.content_hash, known)
    found: Equilibrium = results().get(key, lambda: run(scenario, world, home=home))
    return found


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
