"""What is shown of a session: a result, what it is read against, and the words for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import origin
from firmtrade_core.margins import FirmsError
from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.scenarios.assumptions import assumed, programme_stamps
from firmtrade_core.scenarios.schedules import in_force
from firmtrade_core.world.world import World
from pages.parts.firms.home import current_home
from pages.parts.frame.store import OWN_NAME, SHOWINGS, Store, seeded
from pages.parts.result.solving import UnsolvedError, solve_in, solve_scenario


@dataclass(frozen=True, eq=False)
class Reading:
    """A result and what it is read against.

    Parameters
    ----------
    second
        The result shown.
    first
        What it is read against; None for the baseline.
    name
        Of what is shown, as subtitles say it.
    against
        Of what it is read against, as subtitles say it.
    notes
        What was read onto this world approximately.
    assumed
        Under which structure, in a line; two lines where the two differ in that.
    kept
        What parts of a page made of it that others ask for too.
    """

    second: Equilibrium
    first: Equilibrium | None
    name: str
    against: str
    notes: tuple[str, ...]
    assumed: tuple[str, ...]
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def world(self) -> World:
        """The world both stand on, as it was before any balancing of its trade."""
        return origin(self.second)

    @property
    def hash(self) -> str:
        """Of everything shown: both results."""
        first = self.first
        return self.second.content_hash + (f"-{first.content_hash}" if first is not None else "")


def read(store: Store, world: World) -> Reading:
    """Solve what the session shows, once for all parts of a page that ask.

    Raises
    ------
    UnsolvedError
        In words that say what to change.
    """
    try:
        home = current_home(world)
    except FirmsError as error:
        raise UnsolvedError(str(error)) from error
    asked = (store.scenario, store.reference, store.showing, world, home)
    if store.reading is not None and all(
        one is other for one, other in zip(store.reading[0], asked, strict=True)
    ):
        kept: Reading = store.reading[1]
        return kept
    found = _read(store, world)
    store.reading = (asked, found)
    return found


def _read(store: Store, world: World) -> Reading:
    baseline = "the baseline"
    reference = store.reference
    if reference is None or store.showing == "scenario":
        equilibrium, notes = solve_in(store, world)
        alone = assumed(store.scenario, equilibrium)
        return Reading(equilibrium, None, _named(store.scenario, equilibrium), baseline, notes, (alone,))
    first, first_notes = solve_scenario(reference, world, store.latest)
    if store.showing == "reference":
        said = (assumed(reference, first),)
        return Reading(first, None, _named(reference, first), baseline, first_notes, said)
    equilibrium, notes = solve_in(store, world)
    one, other = assumed(store.scenario, equilibrium), assumed(reference, first)
    under = (one,) if one == other else (f"{store.scenario.name}: {one}", f"{reference.name}: {other}")
    return Reading(
        equilibrium, first, _named(store.scenario, equilibrium), _named(reference, first), notes, under
    )


def _named(scenario: Scenario, equilibrium: Equilibrium) -> str:
    """A scenario's name with the stamps of its programmes: subtitles, pictures and print carry them along."""
    stamps = programme_stamps(scenario, equilibrium)
    name = scenario.name
    if name == OWN_NAME and (said := in_force(scenario)):
        name = said
    return f"{name} ({'; '.join(stamps)})" if stamps else name


_BASELINE, _HERE, _HELD = "baseline", "here", "held"


def against(store: Store) -> None:
    """What the scenario is read against."""
    options = [_BASELINE, *([_HELD] if store.reference else []), _HERE, *preset_names()]
    words = {_BASELINE: "Baseline", _HERE: "This scenario as it is now"}
    if store.reference:
        words[_HELD] = store.reference.name

    def choose(option: str) -> None:
        if option == _HELD:
            return
        chosen: dict[str, Scenario | None] = {_BASELINE: None, _HERE: store.scenario}
        store.reference = chosen[option] if option in chosen else load_preset(option)
        store.showing = SHOWINGS[-1]
        store.scales.clear()

    st.selectbox(
        "Read against",
        options,
        format_func=lambda option: words.get(option) or load_preset(option).name,
        help="Any scenario can stand in for the baseline. To compare before and after, hold the scenario as it is now, "
        "then change it.",
        **seeded("reference", _HELD if store.reference else _BASELINE, choose),
    )


def switch(store: Store) -> None:
    """With a scenario to read against: show the one, the other, or what lies between them."""
    if store.reference is None:
        return

    def show(name: str) -> None:
        store.showing = name
        store.scales.clear()

    words = {
        "reference": f"Only: {store.reference.name}",
        "scenario": f"Only: {store.scenario.name}",
        "difference": "Difference",
    }
    st.segmented_control(
        "Show",
        SHOWINGS,
        required=True,
        format_func=words.__getitem__,
        label_visibility="collapsed",
        **seeded("showing", store.showing, show),
    )
