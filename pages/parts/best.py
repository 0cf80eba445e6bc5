"""What the Best policy page asks, and its answers, kept for all sessions."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, cast

import streamlit as st

from firmtrade_core.analysis.assumed import around
from firmtrade_core.analysis.optimal import (
    BestResponse,
    Cooperation,
    Curve,
    OptimumError,
    Sureness,
    War,
    best_response,
    break_even,
    cooperate,
    curve,
    frontier,
    sureness,
    tipping_retaliation,
    trade_war,
)
from firmtrade_core.analysis.whom_to_treat import (
    FirmValues,
    Targeting,
    effect_ends,
    firm_values,
    whom_to_treat,
)
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home import HomeFirms
from firmtrade_core.jobs.spread import ClusterError
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.scenarios import CompiledScenario, Programme, Scenario, ScenarioError, compile
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts import bands
from pages.parts.home import current_home
from pages.parts.store import Store

_KEY = "best_policy"

#: What a best policy cannot be given for: shown in words.
FAILURES = (
    ClusterError,
    ComparisonError,
    OptimumError,
    EquilibriumError,
    FirmsError,
    ScenarioError,
    TailError,
    WorldError,
)


@dataclass
class Choices:
    """What the page asks; widgets are seeded from it.

    Parameters
    ----------
    instrument, lever, objective
        As `best_response`.
    lowest, highest
        Bounds, points.
    above
        What else is in force: nothing, or the scenario on screen.
    sector, weight
        The sector that counts for more, and how much, with the objective weighted.
    rivals
        Who else fights or cooperates.
    share
        Pareto weight of the country looked at, per cent.
    among
        Whether cooperation moves rates on one another's goods alone.
    policy, budget, unit_cost, small, outside
        Programme for firms; million USD and USD a year; least shares of small firms and of firms outside the largest region,
        per cent.
    asked
        Which of the answers on demand are open.
    """

    instrument: str = "uniform"
    lever: str = "tariff"
    objective: str = "real_income"
    lowest: float = -25.0
    highest: float = 200.0
    above: str = "nothing"
    sector: str = ""
    weight: float = 1.3
    rivals: tuple[str, ...] = ()
    share: int = 50
    among: bool = True
    policy: str = "quality_certification"
    budget: float = 20.0
    unit_cost: float = 10_000.0
    small: int = 0
    outside: int = 0
    asked: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Answer:
    """A best response with what is told beside it."""

    best: BestResponse
    curve: Curve | None
    break_even: float | None
    tipping: float | None
    notes: tuple[str, ...]


def choices() -> Choices:
    """The session's choices."""
    found: Choices = st.session_state.setdefault(_KEY, Choices())
    return found


def background(scenario: Scenario, asked: Choices) -> Scenario:
    """What is in force beside the answer."""
    if asked.above == "scenario":
        return scenario
    words = {"name": "No other policy", "description": "", "source": "", "world": None}
    return scenario.with_(cards=(), **words)


def home_hash(world: World) -> str:
    """Of the home country's firms in use."""
    home = current_home(world)
    return "" if home is None else home.content_hash


@st.cache_resource(show_spinner=False, max_entries=8)
def _compiled(
    world_hash: str,
    scenario_hash: str,
    home_hash: str,
    _scenario: Scenario,
    _world: World,
    _home: HomeFirms | None,
) -> CompiledScenario:
    return compile(_scenario, _world, _home)


def compiled(scenario: Scenario, world: World) -> CompiledScenario:
    """The background as arrays."""
    home = current_home(world)
    return _compiled(world.shown_hash, scenario.content_hash, home_hash(world), scenario, world, home)


@st.cache_resource(show_spinner=False, max_entries=30)
def _answer(key: tuple[Any, ...], country: str, terms: tuple[Any, ...], _found: CompiledScenario) -> Answer:
    instrument, lever, objective, low, high, sector, weight = terms
    best = best_response(
        _found.world,
        _found.parameters,
        country,
        instrument=instrument,
        lever=lever,
        objective=objective,
        shock=_found.shock,
        bounds=(low / 100, high / 100),
        weights={sector: weight} if objective == "weighted" else None,
        tries=4,
        starts=1,
    )
    seen = gone = undone = None
    if instrument == "uniform":
        seen = curve(best, points=15)
        if best.gain > 1e-6 and best.rates[0] > 0:
            gone = break_even(best)
        if best.gain > 1e-6 and lever == "tariff" and objective == "real_income":
            undone = tipping_retaliation(best)
    return Answer(best, seen, gone, undone, tuple(_found.report))


def answer(world: World, given: Scenario, country: str, asked: Choices) -> Answer:
    """The best response asked for.

    Raises
    ------
    OptimumError, EquilibriumError, FirmsError, ScenarioError, TailError, WorldError
    """
    terms: tuple[Any, ...] = (asked.instrument, asked.lever, asked.objective, asked.lowest, asked.highest)
    terms += (asked.sector, asked.weight) if asked.objective == "weighted" else ("", 1.0)
    return _answer(_key(world, given), country, terms, compiled(given, world))


def sure(
    store: Store, world: World, given: Scenario, asked: Choices, found: Answer
) -> Future[Sureness] | None:
    """The band of the gain, and other laws' best rates, under way or done."""
    under, best, home = compiled(given, world), found.best, current_home(world)
    limits = (asked.lowest / 100, asked.highest / 100)

    def work() -> Sureness:
        return sureness(best, assumed=around(under, world, home), bounds=limits)

    key = f"best-{best.country}-{best.before.content_hash}-{best.equilibrium.content_hash}-{best.objective}-{limits}"
    return bands.of_work(store, key, work)


def _key(world: World, given: Scenario) -> tuple[str, str, str]:
    return world.shown_hash, given.content_hash, home_hash(world)


@st.cache_resource(show_spinner=False, max_entries=12)
def _war(key: tuple[Any, ...], who: tuple[str, ...], terms: tuple[Any, ...], _found: CompiledScenario) -> War:
    instrument, lever, low, high = terms
    return trade_war(
        _found.world,
        _found.parameters,
        who,
        instrument=instrument,
        lever=lever,
        shock=_found.shock,
        bounds=(low / 100, high / 100),
        tries=2,
    )


def war(world: World, given: Scenario, who: tuple[str, ...], asked: Choices) -> War:
    """Best answers in turn, and where they rest; by sector at most.

    Raises
    ------
    OptimumError, EquilibriumError
    """
    instrument = "sector" if asked.instrument == "partner_sector" else asked.instrument
    terms = (instrument, asked.lever, asked.lowest, asked.highest)
    return _war(_key(world, given), who, terms, compiled(given, world))


@st.cache_resource(show_spinner=False, max_entries=12)
def _together(
    key: tuple[Any, ...], who: tuple[str, ...], terms: tuple[Any, ...], _found: CompiledScenario
) -> tuple[Cooperation, list[Cooperation]]:
    instrument, low, high, share, among = terms
    rest = (100 - share) / (len(who) - 1)
    asked: dict[str, Any] = {
        "instrument": instrument,
        "shock": _found.shock,
        "bounds": (low / 100, high / 100),
        "among": among,
    }
    weights = [float(share), *[float(rest)] * (len(who) - 1)]
    found = cooperate(_found.world, _found.parameters, who, weights=weights, tries=3, **asked)
    along = (
        frontier(_found.world, _found.parameters, (who[0], who[1]), points=5, **asked)
        if len(who) == 2
        else []
    )
    return found, along


def together(
    world: World, given: Scenario, who: tuple[str, ...], asked: Choices
) -> tuple[Cooperation, list[Cooperation]]:
    """The common best for the weight chosen, and for two countries as the weight moves.

    Raises
    ------
    OptimumError, EquilibriumError
    """
    instrument = "sector" if asked.instrument == "partner_sector" else asked.instrument
    terms = (instrument, asked.lowest, asked.highest, asked.share, asked.among)
    return _together(_key(world, given), who, terms, compiled(given, world))


@st.cache_resource(show_spinner=False, max_entries=8)
def _values(
    key: tuple[Any, ...], _given: Scenario, _world: World, _home: HomeFirms, _card: Programme
) -> tuple[FirmValues, tuple[FirmValues, FirmValues]]:
    found = compile(_given, _world, _home).solve()
    return firm_values(found, _home, _card), effect_ends(found, _home, _card)


@st.cache_resource(show_spinner=False, max_entries=20)
def _targeted(
    key: tuple[Any, ...],
    _values: FirmValues,
    _ends: tuple[FirmValues, FirmValues],
    _home: HomeFirms,
    _card: Programme,
) -> Targeting:
    _, _, budget, unit_cost, small, outside = key
    return whom_to_treat(
        _values,
        _home,
        _card,
        budget=budget,
        unit_cost=unit_cost,
        small=small / 100,
        outside=outside / 100,
        ends=_ends,
    )


def targeted(world: World, given: Scenario, home: HomeFirms, asked: Choices) -> Targeting:
    """Whom to treat with the budget asked for.

    Raises
    ------
    ComparisonError, EquilibriumError, FirmsError, ScenarioError, TailError
    """
    content = given.to_dict()
    content["structure"] = {**content.get("structure", {}), "family": "firms"}
    under = Scenario.parse(content)
    card = Programme(policy=cast(Any, asked.policy))
    key = (*_key(world, under), asked.policy)
    values, ends = _values(key, under, world, home, card)
    terms = (
        values.equilibrium.content_hash,
        asked.policy,
        asked.budget,
        asked.unit_cost,
        asked.small,
        asked.outside,
    )
    return _targeted(terms, values, ends, home, card)
