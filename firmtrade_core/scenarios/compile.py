"""Turns a scenario into a shock and a structure for one world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.solver import Place
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.margins import (
    Armington,
    BalancedMargins,
    CarriedMargins,
    EatonKortum,
    ElasticityKind,
    FirmsError,
    Krugman,
    MarginFamily,
    Pareto,
)
from firmtrade_core.scenarios.assumptions import FIXED_DEFICITS
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.draft import Draft
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.laws import lognormal
from firmtrade_core.scenarios.levers import apply
from firmtrade_core.scenarios.programmes import wto_note
from firmtrade_core.scenarios.retaliation import retaliate
from firmtrade_core.scenarios.schema import AnyCard, Scenario, Structure, Tariff, TariffSchedule
from firmtrade_core.scenarios.unknown_tariffs import unknown_note
from firmtrade_core.world.elasticities import elasticity_set, markup_set
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CompiledScenario:
    """A scenario on a world.

    Attributes
    ----------
    world, shock, parameters
        What `firmtrade_core.equilibrium.solve` takes. Where trade deficits are removed, the world is the given one
        already balanced under the same structure, so that the result is the policies' alone (MODEL 12).
    scenario : Scenario
        As compiled: its family settled (`resolved`).
    report : tuple of str
        What was split, merged or approximated, in plain sentences.
    unanswered : Equilibrium or None
        The solve without retaliation, where proportional retaliation needed one.
    treatment : Treatment or None
        The home country's firms after programmes.
    stamps : tuple of str
        What must stand beside every number that follows from programmes: weak evidence, invented firms, a cost not
        entered.
    """

    world: World
    shock: Shock
    parameters: Parameters
    scenario: Scenario
    report: tuple[str, ...]
    unanswered: Equilibrium | None = None
    treatment: Treatment | None = None
    stamps: tuple[str, ...] = ()

    def solve(self, start: Equilibrium | Place | None = None) -> Equilibrium:
        """The world after the scenario, found from a solution near by where one is given; raises EquilibriumError."""
        return solve(self.world, self.shock, self.parameters, start=start or self.unanswered)


def compile(scenario: Scenario, world: World, home: HomeFirms | None = None) -> CompiledScenario:
    """A scenario as arrays for a world; the same input gives the same output.

    ``home`` are the home country's own firms, for the firms family and for programmes.

    Proportional retaliation needs the export losses without retaliation, so one solve happens here.

    Raises
    ------
    ScenarioError
        Naming the card and what does not fit the world.
    firmtrade_core.equilibrium.errors.EquilibriumError
        If the solve without retaliation fails.
    """
    scenario = resolved(scenario, home)
    parameters, said = _of_structure(_Asked(scenario.structure, world, home))
    elasticity, within = parameters.elasticities_for(world), parameters.within_for(world)
    given, notes = world, list(said)
    if scenario.structure.deficits == "removed":
        world, parameters = _balanced(world, parameters)
        notes.append(
            "Without trade deficits: policy and no policy are both read in the same world with its trade balanced, so that "
            "the numbers are the policies' alone."
        )
    elif scenario.structure.deficits == "fixed" and np.abs(world.deficits).max() > 1e-9 * world.income.max():
        notes.append(FIXED_DEFICITS)

    def atlas() -> Atlas:
        return Atlas(world, home=home, structure=scenario.structure, elasticity=elasticity, within=within)

    unanswered = None
    if any(_retaliation(card) == "proportional" for card in scenario.active_cards):
        first = _draft(scenario, atlas(), answered=False, unanswered=None)
        unanswered = solve(world, first.shock(), parameters)
    read = atlas()
    read.notes = notes
    draft = _draft(scenario, read, answered=True, unanswered=unanswered)
    shock = draft.shock()
    _note_what_does_nothing(scenario, shock, read, given)
    return CompiledScenario(
        world,
        shock,
        parameters,
        scenario,
        tuple(read.notes),
        unanswered,
        draft.treatment,
        tuple(draft.stamps),
    )


def resolved(scenario: Scenario, home: HomeFirms | None = None) -> Scenario:
    """The scenario with its family settled: what ``differing`` firms are here.

    The home country's own firms where they are data, or where a programme treats them; lognormal firms where not.
    Invented firms thus stand in for a country's own only where a programme needs firms to treat.
    """
    if scenario.structure.family != "differing":
        return scenario
    own = home is not None and (scenario.treats_firms or not home.synthetic)
    chosen = scenario.structure.model_copy(update={"family": "firms" if own else "lognormal"})
    return scenario.with_(structure=chosen)


@dataclass(frozen=True, eq=False)
class _Asked:
    """A structure, by what it says, and the world and firms that it is read on, by which they are."""

    structure: Structure
    world: World
    home: HomeFirms | None

    @cached_property
    def key(self) -> tuple[str, int, int]:
        return self.structure.model_dump_json(), id(self.world), id(self.home)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=6)
def _of_structure(asked: _Asked) -> tuple[Parameters, tuple[str, ...]]:
    """Parameters of a structure on a world, and what was read approximately: the same while a policy's lever moves."""
    reading = Atlas(asked.world)
    return _parameters(asked.structure, reading, asked.home), tuple(reading.notes)


@dataclass(frozen=True, eq=False)
class _Balancing:
    """A world and a structure, told apart by what they hold."""

    world: World
    parameters: Parameters

    @property
    def key(self) -> tuple[str, str]:
        return self.world.content_hash, self.parameters.content_hash(self.world)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Balancing) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _balanced(world: World, parameters: Parameters) -> tuple[World, Parameters]:
    return _balance(_Balancing(world, parameters))


@lru_cache(maxsize=4)
def _balance(given: _Balancing) -> tuple[World, Parameters]:
    """The world with its trade balanced, and the structure carried there: thresholds where balancing left them."""
    found = solve(given.world, Shock(), given.parameters)
    carried, of = found.carried_parameters(), given.parameters.family
    assert isinstance(carried.family, CarriedMargins)
    family = BalancedMargins(carried.family.margins, of.name, given.world, of, "-".join(given.key))
    return found.to_world(f"{given.world.name}, trade balanced"), carried.with_(family=family)


def run(
    scenario: Scenario, world: World, *, start: Equilibrium | None = None, home: HomeFirms | None = None
) -> Equilibrium:
    """The world after a scenario.

    Parameters
    ----------
    scenario : Scenario
    world : World
    start : Equilibrium, optional
        A solution near by, to start from.
    home : HomeFirms, optional
        The home country's own firms.

    Raises
    ------
    ScenarioError, EquilibriumError
        The scenario does not fit the world, or has no certified equilibrium.
    """
    return compile(scenario, world, home).solve(start)


def _draft(scenario: Scenario, atlas: Atlas, *, answered: bool, unanswered: Equilibrium | None) -> Draft:
    own = atlas.structure.family == "firms" and atlas.home is not None
    draft = Draft(atlas.world, Treatment.none(atlas.home) if own and atlas.home is not None else None)
    for position, card in enumerate(scenario.cards, start=1):
        if not card.enabled:
            continue
        try:
            before = draft.tariff
            apply(card, draft, atlas)
            if unknown := unknown_note(card, atlas):
                atlas.note(unknown)
            draft.check()
            if answered and isinstance(card, Tariff | TariffSchedule) and card.retaliation.kind != "none":
                sectors = atlas.sectors(card.sectors, card.except_sectors)
                retaliate(card.retaliation, draft.tariff - before, sectors, draft, atlas, unanswered)
        except ScenarioError as error:
            raise ScenarioError(f"Card {position} ({card.kind}): {error}") from None
    return draft


def _retaliation(card: AnyCard) -> str:
    return card.retaliation.kind if isinstance(card, Tariff | TariffSchedule) else "none"


def _note_what_does_nothing(scenario: Scenario, shock: Shock, atlas: Atlas, world: World) -> None:
    selecting = scenario.structure.family in ("pareto", "lognormal", "firms")
    if shock.fixed_cost is not None and not selecting:
        atlas.note(
            "Fixed costs play no role in this family: choose Pareto or lognormal firms to see their effect."
        )
    for card in scenario.active_cards:
        if note := wto_note(card):
            atlas.note(note)
    written_on = scenario.world
    if written_on and written_on.content_hash not in ("", world.content_hash):
        atlas.note(f"The scenario was written on {written_on.name or 'another world'}; this is {world.name}.")


# Structure --------------------------------------------------------------------------------------


def _parameters(structure: Structure, atlas: Atlas, home: HomeFirms | None = None) -> Parameters:
    elasticity, kind = elasticity_of(structure)
    values = _read(elasticity, atlas, "trade elasticity")
    return Parameters(
        trade_elasticity=values,
        family=_own_firms(structure, atlas, home) if structure.family == "firms" else family(structure),
        entry=structure.entry,
        deficits=structure.deficits,
        labour_supply_elasticity=structure.labour_supply_elasticity,
        within_elasticity=_within(structure, atlas, values),
        elasticity_kind=kind,
        duties=structure.duties,
        fixed_cost_abroad=structure.fixed_cost_abroad,
    )


def _within(structure: Structure, atlas: Atlas, elasticity: float | Array) -> float | Array | None:
    """γ by sector; None where firms are not nested. A published set is suited to world and elasticities, saying how."""
    given = structure.within_elasticity
    if given is None:
        return None
    if not isinstance(given, str):
        return _read(given, atlas, "within-country elasticity")
    world, has_markups = atlas.world, structure.family not in ("armington", "eaton_kortum")
    try:
        found = markup_set(given)
    except WorldError as error:
        raise ScenarioError(f"Structure: {error}") from None
    try:
        suited = found.suited(
            world, np.broadcast_to(elasticity, len(world.sectors)), services=structure.services_markup
        )
    except WorldError as error:
        if has_markups:
            atlas.note(f"{error} Until then markups follow from the trade elasticity in this world.")
        return None
    if has_markups:
        for note in suited.notes(world.sector_name):
            atlas.note(note)
    return suited.used


def _read(values: float | Mapping[str, float], atlas: Atlas, what: str) -> float | Array:
    return atlas.by_sector(values, what) if isinstance(values, Mapping) else values


def elasticity_of(structure: Structure) -> tuple[float | dict[str, float], ElasticityKind]:
    """ε as numbers, and whether it is an elasticity to costs or to tariffs: of a published set, what the set says.

    Raises
    ------
    ScenarioError
        If no set has the name, or a set's values are too low to be of consumer values.
    """
    given = structure.elasticity
    if not isinstance(given, str):
        return given, structure.elasticity_kind
    try:
        found = elasticity_set(given)
        # Tariffs move border values by one more than consumer values.
        values = found.cost_elasticity() if found.flow_values == "border" else found.by_sector
    except WorldError as error:
        raise ScenarioError(f"Structure: {error}") from None
    return dict(values), found.kind


def _own_firms(structure: Structure, atlas: Atlas, home: HomeFirms | None) -> MarginFamily:
    """The home country's firms, or what stands for them elsewhere, saying so."""
    elsewhere = Pareto(structure.tail) if structure.elsewhere == "pareto" else lognormal(structure)
    if home is None:
        atlas.note(f"No home firms are loaded: all firms follow the {structure.elsewhere} law.")
        return elsewhere
    try:
        found, notes = home.family(atlas.world, elsewhere)
    except FirmsError as error:
        raise ScenarioError(f"Structure: {error}") from None
    for note in notes:
        atlas.note(note)
    return found


def family(structure: Structure) -> MarginFamily:
    """The margin family a structure names; for ``firms`` and ``differing``, that of all other firms."""
    if structure.family in ("firms", "differing"):
        return Pareto(structure.tail) if structure.elsewhere == "pareto" else lognormal(structure)
    families: dict[str, MarginFamily] = {
        "armington": Armington(),
        "eaton_kortum": EatonKortum(),
        "krugman": Krugman(),
        "pareto": Pareto(structure.tail),
        "lognormal": lognormal(structure),
    }
    return families[structure.family]
