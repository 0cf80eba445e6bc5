"""Bands beside the numbers: drawn in the background once per scenario for all sessions, shown when they are there.

Numbers come first. A single worker draws, behind all else that runs, so that sliders keep the processor; what a session no longer
looks at is not begun, or left where it is. A drawing costs as much as forty moves: the more readers move, the longer a scenario must
have stood still before its bands are begun.
``FIRMTRADE_BANDS=off`` goes without, on a machine that has no time for them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from firmtrade_core.analysis.band_difference import between
from firmtrade_core.analysis.optimal import OptimumError
from firmtrade_core.analysis.uncertainty import (
    COUNTRY_OUTCOMES,
    Bands,
    UncertaintyError,
    bands,
)
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.figures import Headline, Outcome
from firmtrade_core.figures.uncertainty import banded, bands_wanted
from firmtrade_core.home import HomeFirms
from firmtrade_core.jobs import CancelledError
from firmtrade_core.jobs.spread import ClusterError
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.scenarios import Scenario, ScenarioError
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.firms.home import current_home
from pages.parts.frame.once import once
from pages.parts.frame.store import Store
from pages.parts.frame.weighed import MEGABYTE, bytes_of, megabytes_allowed
from pages.parts.result.reading import Reading
from pages.parts.result.solving import settled

Array = NDArray[np.float64]

#: Results kept for all sessions together; one of 81 x 10 holds about 12 MB.
MOST_RESULTS = 24

#: Those that stay whatever they weigh; all others together stay below what `megabytes_allowed`.
LEAST_RESULTS = 2

#: Seconds between two looks whether bands are there.
EVERY = 0.5

#: Seconds for which a scenario must have stood still before its bands are begun, for each session that moves; and at most.
STILL, MOST_STILL = 0.7, 6.0

#: Seconds after a move for which a session counts as moving.
MOVING = 5.0

#: Seconds after which bands under way that nobody waits for are left.
LEFT = 1.0

#: Seconds that a draw stands aside at most while pages are drawn, and between two looks: on a server that is never idle bands go on, slowly.
ASIDE, LOOK = 1.0, 0.02

#: What Streamlit calls a thread on which a page is drawn; it lives as long as that takes.
_PAGE_THREAD = "ScriptRunner.scriptThread"

_NO_BAND = (
    ClusterError,
    EquilibriumError,
    FirmsError,
    OptimumError,
    ScenarioError,
    WorldError,
    TailError,
    UncertaintyError,
)


class _Desk:
    """Who is drawing what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # No lower priority: one that holds the interpreter and is not let run would hold all sessions up.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="bands")
        self._known: OrderedDict[str, Future[Any]] = OrderedDict()
        self._waiting: dict[str, str] = {}
        #: When sessions last moved, and when what was waited for was left.
        self._moved: dict[str, float] = {}
        self._left: dict[str, float] = {}

    def ask(self, session: str, key: str, work: Callable[[], Any]) -> Future[Any]:
        """The result under way or done; what the session asked before and nobody else waits for is not begun."""
        with self._lock:
            before, now = self._waiting.get(session), time.monotonic()
            self._waiting[session] = key
            self._left.pop(key, None)
            if before != key:
                self._moved[session] = now
            if before and before != key and before not in self._waiting.values():
                left = self._known.get(before)
                if left is not None and left.cancel():
                    del self._known[before]
                elif left is not None and not left.done():
                    self._left[before] = now
            if key not in self._known:
                self._known[key] = self._pool.submit(self._once_still, key, now, work)
                while len(self._known) > MOST_RESULTS or (
                    len(self._known) > LEAST_RESULTS and self._megabytes() > megabytes_allowed()
                ):
                    self._known.popitem(last=False)[1].cancel()
            self._known.move_to_end(key)
            return self._known[key]

    def _megabytes(self) -> float:
        seen: set[int] = set()
        ready = [
            one.result()
            for one in self._known.values()
            if one.done() and not one.cancelled() and one.exception() is None
        ]
        return sum(bytes_of(one, (World,), seen) for one in ready) / MEGABYTE

    def known(self, key: str) -> Future[Any] | None:
        """A result under way or done, if there is one."""
        with self._lock:
            return self._known.get(key)

    def unwanted(self, key: str) -> bool:
        """Whether bands under way have been left by everybody; called from any thread, between draws.

        Stands aside first while a page is drawn: with forty readers, bands beside their pages made an answer take forty times as long.
        """
        until = time.monotonic() + ASIDE
        while time.monotonic() < until and any(one.name == _PAGE_THREAD for one in threading.enumerate()):
            time.sleep(LOOK)
        left = self._left.get(key)
        return left is not None and time.monotonic() - left > LEFT

    def still(self) -> float:
        """Seconds for which a scenario must have stood still, now."""
        now = time.monotonic()
        with self._lock:
            self._moved = {session: at for session, at in self._moved.items() if now - at <= MOVING}
            return min(STILL * max(len(self._moved), 1), MOST_STILL)

    def _once_still(self, key: str, since: float, work: Callable[[], Any]) -> Any:
        while (rest := since + self.still() - time.monotonic()) > 0:
            time.sleep(min(rest, STILL))
            if key not in self._waiting.values():
                break
        with self._lock:
            if key not in self._waiting.values():
                self._known.pop(key, None)
                return "Another scenario took its place before its bands were begun."
        try:
            return work()
        except CancelledError:
            with self._lock:
                self._known.pop(key, None)
            return "Another scenario took its place before its bands were drawn."
        finally:
            self._left.pop(key, None)


@once
def _desk() -> _Desk:
    return _Desk()


def asked(store: Store, reading: Reading) -> Future[Bands | str] | None:
    """The bands of what is shown, under way or done; None where none are drawn. A text says why there are none."""
    if not bands_wanted():
        return None
    world, scenario, first = reading.world, store.scenario, None
    if store.reference is not None and store.showing == "reference":
        scenario = store.reference
    elif reading.first is not None and store.reference is not None:
        first = store.reference
    try:
        home = current_home(world)
    except FirmsError:
        home = None

    desk = _desk()

    def stop() -> bool:
        return desk.unwanted(key)

    def work() -> Bands | str:
        try:
            found = bands(settled_scenario, world, home, centre=reading.second, stop=stop)
            if first is None:
                return found
            return between(bands(settled_first, world, home, centre=reading.first, stop=stop), found)
        except _NO_BAND as error:
            return str(error)

    # Sessions' state is read here, not on the worker's thread.
    settled_scenario = settled(scenario, world)
    settled_first = settled(first, world) if first is not None else scenario
    key = f"{world.content_hash}{scenario.content_hash}{first.content_hash if first else ''}{home.content_hash if home else ''}"
    return desk.ask(store.session, key, work)


def of_scenario(
    store: Store, scenario: Scenario, world: World, centre: Equilibrium
) -> Future[Bands | str] | None:
    """The bands of one scenario's answer, under way or done."""
    try:
        home = current_home(world)
    except FirmsError:
        home = None
    whole, key, desk = settled(scenario, world), _key(world, scenario, home), _desk()

    def work() -> Bands | str:
        return bands(whole, world, home, centre=centre, stop=lambda: desk.unwanted(key))

    return of_work(store, key, work)


def _key(world: World, scenario: Scenario, home: HomeFirms | None) -> str:
    return f"{world.content_hash}{scenario.content_hash}{home.content_hash if home else ''}"


def drawn_already(world: World, scenario: Scenario) -> Callable[[], Bands | None]:
    """Looks for the bands of a scenario that somebody has drawn before; begins nothing. Called from any thread."""
    if not bands_wanted():
        return lambda: None
    try:
        key = _key(world, scenario, current_home(world))
    except FirmsError:
        key = _key(world, scenario, None)
    desk = _desk()
    return lambda: done(desk.known(key))


def of_work(store: Store, key: str, work: Callable[[], Any], *, beside: str = "") -> Future[Any] | None:
    """What a page draws for itself, once for all sessions, under way or done; a text says why there is none.

    Parameters
    ----------
    store
    key
        Identifies everything that it depends on.
    work
        Reads no session: it runs on another thread. A session waits for one piece of work at a time.
    beside
        Names work that a page wants besides its bands, so that neither takes the other's place.
    """
    if not bands_wanted():
        return None

    def told() -> Any:
        try:
            return work()
        except _NO_BAND as error:
            return str(error)

    return _desk().ask(f"{store.session} {beside}" if beside else store.session, key, told)


def left(key: str) -> Callable[[], bool]:
    """Asks whether nobody waits any more for what was asked under ``key``; called from any thread, between draws."""
    desk = _desk()
    return lambda: desk.unwanted(key)


def follow(found: Future[Any] | None, draw: Callable[[], None]) -> None:
    """Draw what there is now, and again once the bands are there: numbers come first."""
    if found is None or found.done():
        draw()
        return

    def look() -> None:
        draw()
        if found.done():
            st.rerun()

    st.fragment(look, run_every=EVERY)()


def result_of(found: Future[Any] | None) -> Any | None:
    """What was drawn, where it is there and no excuse."""
    if found is None or not found.done() or found.cancelled():
        return None
    result = found.result()
    return None if isinstance(result, str) else result


def excuse(found: Future[Any] | None) -> str:
    """What stands where a band would: that it follows, or why there is none; empty where none are drawn."""
    if found is None:
        return ""
    if not found.done() or found.cancelled():
        return "90 % band follows"
    return "no band" if isinstance(found.result(), str) else ""


def done(found: Future[Bands | str] | None) -> Bands | None:
    """The bands, where they are there."""
    if found is None or not found.done() or found.cancelled():
        return None
    result = found.result()
    return result if isinstance(result, Bands) else None


def shown(store: Store, reading: Reading) -> Bands | None:
    """The bands of what is shown, where they are there already."""
    return done(asked(store, reading))


def around(found: Outcome, store: Store, reading: Reading) -> Outcome:
    """A map's variable with its bands, where they are there."""
    drawn, key = shown(store, reading), found.variable.key
    if drawn is None or key not in COUNTRY_OUTCOMES or COUNTRY_OUTCOMES[key] != found.variable.unit:
        return found
    return replace(found, low=drawn.low(key), high=drawn.high(key))


#: What a measure by sector is called among the outcomes that have bands.
_SECTOR_KEYS = {
    "exports": "sector_exports",
    "imports": "sector_imports",
    "output": "output",
    "employment": "employment",
}


def sector_ends(store: Store, reading: Reading) -> tuple[Array, Array] | None:
    """Ends of the bands by sector of the country looked at, (S,) each, where they are there."""
    drawn, key = shown(store, reading), _SECTOR_KEYS.get(store.sector_measure)
    if drawn is None or key is None:
        return None
    i = reading.world.country_index(store.country)
    return drawn.low(key)[i], drawn.high(key)[i]


def with_bands(numbers: list[Headline], found: Future[Bands | str] | None, country: str) -> list[Headline]:
    """Headlines with their band and verdict, or with what there is instead."""
    if found is None:
        return numbers
    if not found.done() or found.cancelled():
        return [replace(item, band="90 % band follows") for item in numbers]
    result = found.result()
    if not isinstance(result, Bands):
        return [replace(item, band="no band", verdict=result) for item in numbers]
    return banded(numbers, result, country)
