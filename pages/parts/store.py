"""The session's one store: scenario, its past, and what the reader looks at.

Widgets are seeded from the store and write to it through callbacks, so that changing page loses nothing.
What does not make a valid scenario stays in the widget as a draft, with the reason beside it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from firmtrade_core.scenarios import Scenario, ScenarioError
from firmtrade_core.scenarios.opening import named_opening, opening, usual_opening
from firmtrade_core.world.world import World

MOST_STEPS = 50

#: What the charts below the map show.
VIEWS = ("winners", "partners", "groups", "replaced", "matters", "sure", "economies", "areas", "days")

#: With a scenario to read against: which of the two is shown, or what lies between them.
SHOWINGS = ("reference", "scenario", "difference")

#: Name of a scenario made or changed by hand.
OWN_NAME = "Own scenario"

_KEY = "store"

#: Which widget, by key, a value was last put into: its page and shape.
_SEEDED = "seeded"


@dataclass
class Store:
    """What a session holds.

    Parameters
    ----------
    scenario
        The policies and structure in force.
    country
        Country looked at everywhere.
    inside
        The economy asked for, where the country looked at is the rest of the world that holds it.
    outcome
        Variable on the map.
    flows
        Whether the country's flows are drawn.
    sector_measure
        Variable of the sector chart.
    fixed_scale
        Half-range of the map's colours that the reader fixed; 0 for one that fits.
    view
        Of `VIEWS`.
    sectors, partner, direction
        What the charts of flows are narrowed to; nothing for all.
    reference, showing
        The scenario read against, None for the baseline; and which of `SHOWINGS` is shown.
    presenting
        Whether slides of this session are shown to a room: single real firms then stay out of sight.
    deck
        Slides chosen, by key; all that there are where none is.
    pinned_charts
        Charts put among the slides from any page.
    """

    scenario: Scenario
    country: str
    inside: str = ""
    outcome: str = "real_income"
    flows: bool = False
    sector_measure: str = "exports"
    fixed_scale: float = 0.0
    view: str = VIEWS[0]
    sectors: tuple[str, ...] = ()
    partner: str = ""
    direction: str = "exports"
    reference: Scenario | None = None
    showing: str = SHOWINGS[-1]
    #: Countries that charts and tables keep in sight.
    pins: tuple[str, ...] = ()
    presenting: bool = False
    deck: tuple[str, ...] = ()
    pinned_charts: tuple[Any, ...] = ()
    #: Where the browser is to go next: an address below the dashboard's own.
    go: str = ""
    #: Of the stories, which one is told; and whether the tour is under way.
    story: str = ""
    touring: bool = False
    past: list[Scenario] = field(default_factory=list)
    future: list[Scenario] = field(default_factory=list)
    #: Colour scales in use, by outcome; forgotten when anything but a slider moves.
    scales: dict[str, float] = field(default_factory=dict)
    #: What a card's or the structure's widgets hold that is not valid yet, by place and field.
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    #: The latest equilibrium, from which a neighbouring one is found faster.
    latest: Any = None
    #: What was read last, and of which state of the store: several parts of a page ask for the same.
    reading: tuple[tuple[Any, ...], Any] | None = None
    #: Said at the head of the page until the scenario or the address changes: a link that cannot be read.
    notice: str = ""
    #: Content hash of the firms that the scenario's link was made with; empty where it named none.
    firms: str = ""
    #: Of the address: whose it is, whether its next change is a step of the browser's history of its own, what was heard
    #: of it, what it said when the session began.
    session: str = field(default_factory=lambda: secrets.token_hex(4))
    push: bool = False
    heard: int = 0
    unread: str = ""

    # Scenario -----------------------------------------------------------------------------------

    def become(self, scenario: Scenario, *, sliding: bool = False, push: bool = False) -> None:
        """Put another scenario in force; the present one can be had back by `undo`.

        Parameters
        ----------
        scenario
        sliding
            Whether a slider moved, and colours should hold still.
        push
            Whether this is a step of the browser's history of its own, however soon it follows another.
        """
        self.notice = ""
        if scenario == self.scenario:
            return
        self.push = self.push or push
        self.past = [*self.past[-MOST_STEPS:], self.scenario]
        self.future = []
        self._show(scenario, sliding=sliding)

    def undo(self) -> None:
        """Back to the scenario before."""
        if self.past:
            self.future.append(self.scenario)
            self._show(self.past.pop())

    def redo(self) -> None:
        """Forward again."""
        if self.future:
            self.past.append(self.scenario)
            self._show(self.future.pop())

    def _show(self, scenario: Scenario, *, sliding: bool = False) -> None:
        self.scenario, self.notice = scenario, ""
        if not sliding:
            self.scales.clear()
            self.drafts.clear()
            self.problems.clear()

    # Cards --------------------------------------------------------------------------------------

    def edit_card(self, index: int, changes: dict[str, Any], *, sliding: bool = False) -> None:
        """Change fields of a card, or keep them as a draft with the reason why they cannot stand."""
        place = f"card {index}"
        content = self.scenario.to_dict()
        wanted = {**self.drafts.get(place, {}), **changes}
        content["cards"][index] |= wanted
        self._attempt(place, wanted, content, sliding=sliding)

    def add_card(self, card: dict[str, Any]) -> None:
        """Stack another policy on top."""
        self._restack(lambda cards: [*cards, card])

    def remove_card(self, index: int) -> None:
        """Take a policy away; `undo` brings it back."""
        self._restack(lambda cards: cards[:index] + cards[index + 1 :])

    def duplicate_card(self, index: int) -> None:
        """Put a copy of a policy right below it."""
        self._restack(lambda cards: cards[: index + 1] + cards[index:])

    def move_card(self, index: int, by: int) -> None:
        """Move a policy up (-1) or down (+1): the order matters where one sets what another adds to."""

        def moved(cards: list[Any]) -> list[Any]:
            place = min(max(index + by, 0), len(cards) - 1)
            rest = cards[:index] + cards[index + 1 :]
            return [*rest[:place], cards[index], *rest[place:]]

        self._restack(moved)

    def _restack(self, change: Callable[[list[Any]], list[Any]]) -> None:
        content = self.scenario.to_dict()
        content["cards"] = change(content.get("cards", []))
        self._attempt("scenario", {}, content, push=True)

    def edit_structure(self, changes: dict[str, Any]) -> None:
        """Change structural choices."""
        content = self.scenario.to_dict()
        content["structure"] = {**content.get("structure", {}), **changes}
        self._attempt("structure", changes, content)

    def _attempt(
        self,
        place: str,
        wanted: dict[str, Any],
        content: dict[str, Any],
        *,
        sliding: bool = False,
        push: bool = False,
    ) -> None:
        # What has been edited is no longer the preset it was loaded as, nor the sender's.
        self.firms = ""
        words = {"name": OWN_NAME, "description": "", "source": "", "world": None}
        try:
            scenario = Scenario.parse(content | words)
        except ScenarioError as error:
            self.drafts[place] = wanted
            self.problems[place] = str(error)
        else:
            self.drafts.pop(place, None)
            self.problems.pop(place, None)
            self.become(scenario, sliding=sliding, push=push)

    def shown(self, place: str, name: str, value: Any) -> Any:
        """What a widget shows: the draft where there is one, else the value in force."""
        return self.drafts.get(place, {}).get(name, value)


def opening_country(world: World) -> str:
    """Country looked at first: the United States, or the largest economy there is."""
    return "USA" if "USA" in world.countries else world.countries[int(world.income.argmax())]


def opening_scenario(world: World) -> Scenario:
    """What a session starts with; the usual one where FIRMTRADE_OPENING names what cannot be read."""
    try:
        return opening(world, opening_country(world))
    except ScenarioError:
        return usual_opening(world, opening_country(world))


def _opening_problem() -> str:
    """What is wrong with the scenario that FIRMTRADE_OPENING names; "" where nothing is."""
    try:
        named_opening()
    except ScenarioError as error:
        return f"{error} What you see is what opens without it."
    return ""


def current(world: World) -> Store:
    """The session's store; a country that another world lacks is replaced by its largest economy."""
    store: Store | None = st.session_state.get(_KEY)
    if store is None:
        store = st.session_state[_KEY] = Store(opening_scenario(world), opening_country(world))
        store.notice = _opening_problem()
        # Halves of signs, which no address may hold, do no harm.
        store.unread = urlencode(st.query_params.to_dict(), errors="replace")
    if store.country not in world.countries:
        store.country = opening_country(world)
    return store


def seeded(
    key: str, value: Any, write: Callable[[Any], None], *, shape: tuple[Any, ...] = ()
) -> dict[str, Any]:
    """Arguments that make a widget show a value of the store and write its changes back.

    Streamlit takes a widget for another one on every page, and for another one where its range is another, and opens
    the other one at its default while the key still tells what the first one held. So a value is put anew whenever it is
    not known to be this very widget's: an unchanged one is left alone, for what is put anew interrupts a finger that drags.

    Parameters
    ----------
    key
        Of the widget.
    value
        What the store holds.
    write
        Takes what the reader chose.
    shape
        What else of a widget makes it another one to Streamlit: a slider's lowest, highest and step.
    """
    context = get_script_run_ctx()
    this = ("" if context is None else context.page_script_hash, shape)
    known: dict[str, Any] = st.session_state.setdefault(_SEEDED, {})
    if known.get(key) != this or key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    known[key] = this
    return {"key": key, "on_change": lambda: write(st.session_state[key])}
