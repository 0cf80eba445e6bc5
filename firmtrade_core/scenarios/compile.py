"""Turns a scenario into a shock and a structure for one world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.draft import Draft
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.levers import apply
from firmtrade_core.scenarios.retaliation import retaliate
from firmtrade_core.scenarios.schema import AnyCard, Scenario, Structure, Tariff, TariffSchedule
from firmtrade_core.world.elasticities import elasticity_set
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World


@dataclass(frozen=True, eq=False)
class CompiledScenario:
    """A scenario on a world.

    Attributes
    ----------
    shock, parameters
        What `firmtrade_core.equilibrium.solve` takes.
    report : tuple of str
        What was split, merged or approximated, in plain sentences.
    unanswered : Equilibrium or None
        The solve without retaliation, where proportional retaliation needed one.
    """

    shock: Shock
    parameters: Parameters
    report: tuple[str, ...]
    unanswered: Equilibrium | None = None


def compile(scenario: Scenario, world: World) -> CompiledScenario:
    """A scenario as arrays for a world; the same input gives the same output.

    Proportional retaliation needs the export losses without retaliation, so one solve happens here.

    Raises
    ------
    ScenarioError
        Naming the card and what does not fit the world.
    firmtrade_core.equilibrium.errors.EquilibriumError
        If the solve without retaliation fails.
    """
    atlas = Atlas(world)
    parameters = _parameters(scenario.structure, atlas)
    unanswered = None
    if any(_retaliation(card) == "proportional" for card in scenario.active_cards):
        first = _draft(scenario, Atlas(world), answered=False, unanswered=None)
        unanswered = solve(world, first.shock(), parameters)
    shock = _draft(scenario, atlas, answered=True, unanswered=unanswered).shock()
    _note_what_does_nothing(scenario, shock, atlas)
    return CompiledScenario(shock, parameters, tuple(atlas.notes), unanswered)


def run(scenario: Scenario, world: World, *, start: Equilibrium | None = None) -> Equilibrium:
    """The world after a scenario.

    Parameters
    ----------
    scenario : Scenario
    world : World
    start : Equilibrium, optional
        A solution near by, to start from.

    Raises
    ------
    ScenarioError, EquilibriumError
        The scenario does not fit the world, or has no certified equilibrium.
    """
    compiled = compile(scenario, world)
    return solve(world, compiled.shock, compiled.parameters, start=start or compiled.unanswered)


def _draft(scenario: Scenario, atlas: Atlas, *, answered: bool, unanswered: Equilibrium | None) -> Draft:
    draft = Draft(atlas.world)
    for position, card in enumerate(scenario.cards, start=1):
        if not card.enabled:
            continue
        try:
            before = draft.tariff
            apply(card, draft, atlas)
            draft.check()
            if answered and isinstance(card, Tariff | TariffSchedule) and card.retaliation.kind != "none":
                sectors = atlas.sectors(card.sectors, card.except_sectors)
                retaliate(card.retaliation, draft.tariff - before, sectors, draft, atlas, unanswered)
        except ScenarioError as error:
            raise ScenarioError(f"Card {position} ({card.kind}): {error}") from None
    return draft


def _retaliation(card: AnyCard) -> str:
    return card.retaliation.kind if isinstance(card, Tariff | TariffSchedule) else "none"


def _note_what_does_nothing(scenario: Scenario, shock: Shock, atlas: Atlas) -> None:
    selecting = scenario.structure.family in ("pareto", "lognormal")
    if shock.fixed_cost is not None and not selecting:
        atlas.note(
            "Fixed costs play no role in this family: choose Pareto or lognormal firms to see their effect."
        )
    written_on = scenario.world
    if written_on and written_on.content_hash not in ("", atlas.world.content_hash):
        atlas.note(
            f"The scenario was written on {written_on.name or 'another world'}; this is {atlas.world.name}."
        )


# Structure --------------------------------------------------------------------------------------


def _parameters(structure: Structure, atlas: Atlas) -> Parameters:
    elasticity = structure.elasticity
    if isinstance(elasticity, str):
        try:
            tail = structure.tail if structure.family == "pareto" else 1.0
            elasticity = dict(elasticity_set(elasticity).cost_elasticity(tail))
        except WorldError as error:
            raise ScenarioError(f"Structure: {error}") from None
    values = (
        atlas.by_sector(elasticity, "trade elasticity") if isinstance(elasticity, Mapping) else elasticity
    )
    return Parameters(
        trade_elasticity=values,
        family=family(structure),
        entry=structure.entry,
        deficits=structure.deficits,
        labour_supply_elasticity=structure.labour_supply_elasticity,
    )


def family(structure: Structure) -> MarginFamily:
    """The margin family a structure names."""
    families: dict[str, MarginFamily] = {
        "armington": Armington(),
        "eaton_kortum": EatonKortum(),
        "krugman": Krugman(),
        "pareto": Pareto(structure.tail),
        "lognormal": Lognormal(structure.dispersion),
    }
    return families[structure.family]
