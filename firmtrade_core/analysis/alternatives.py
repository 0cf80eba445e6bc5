"""Scenarios one step away from a given one: each policy taken away, each assumption changed (MODEL 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firmtrade_core.scenarios.schema import Retaliation, Scenario, Structure, Tariff, TariffSchedule
from firmtrade_core.scenarios.words import clause
from firmtrade_core.world.elasticities import elasticity_sets, horizon_sets
from firmtrade_core.world.world import World

#: Policies taken away one by one, at most.
MOST_POLICIES = 8


@dataclass(frozen=True)
class Alternative:
    """A neighbouring scenario.

    Parameters
    ----------
    label
        What is different, in a few words.
    scenario
    """

    label: str
    scenario: Scenario


def without_each(scenario: Scenario, world: World) -> tuple[Alternative, ...]:
    """The scenario without one active policy at a time; none where there is only one."""
    active = [i for i, card in enumerate(scenario.cards) if card.enabled]
    if not 1 < len(active) <= MOST_POLICIES:
        return ()
    return tuple(
        Alternative(
            clause(scenario.cards[i], world),
            scenario.with_(cards=tuple(card for k, card in enumerate(scenario.cards) if k != i)),
        )
        for i in active
    )


def other_assumptions(scenario: Scenario) -> tuple[Alternative, ...]:
    """The same policies under other assumptions: easier and harder replacement, other firms, deficits, an answer.

    What the scenario assumes already is left out.
    """
    structure = scenario.structure
    low, high = (_scaled(structure.elasticity, factor) for factor in (0.5, 2.0))
    candidates: list[tuple[str, dict[str, object]]] = [
        ("Goods half as easy to replace", {"elasticity": low}),
        ("Goods twice as easy to replace", {"elasticity": high}),
        ("Few large firms, many small", {"family": "pareto"}),
        ("Firms that are all alike", {"family": "krugman"}),
        ("Competition, no market power", {"family": "armington"}),
        ("No trade deficits", {"deficits": "removed"}),
    ]
    found = [
        Alternative(label, scenario.with_(structure=Structure(**{**structure.model_dump(), **changes})))
        for label, changes in candidates
    ]
    if any(_unanswered(card) for card in scenario.active_cards):
        found.append(Alternative("Those hit answer in kind", _answered(scenario)))
    return tuple(item for item in found if item.scenario != scenario)


def _scaled(elasticity: str | float | Mapping[str, float], factor: float) -> float | dict[str, float]:
    if isinstance(elasticity, str):
        sets = {**elasticity_sets(), **horizon_sets()}
        found = sets.get(elasticity)
        # Of values before duties one is taken off first: the factor is on the model's own elasticity.
        elasticity = (
            {}
            if found is None
            else found.cost_elasticity()
            if found.flow_values == "border"
            else found.by_sector
        )
    if isinstance(elasticity, Mapping):
        return {sector: min(1000.0, factor * value) for sector, value in elasticity.items()}
    return min(1000.0, factor * elasticity)


def _unanswered(card: object) -> bool:
    return isinstance(card, Tariff | TariffSchedule) and card.retaliation.kind == "none"


def _answered(scenario: Scenario) -> Scenario:
    cards = tuple(
        card.model_copy(update={"retaliation": Retaliation(kind="mirror")})
        if card.enabled and _unanswered(card)
        else card
        for card in scenario.cards
    )
    return scenario.with_(cards=cards)


def own_law(scenario: Scenario) -> tuple[tuple[Scenario, str], ...]:
    """The scenario with the home country's own firms: as it is if it has them, else ways to give it them, best first.

    Returns
    -------
    tuple
        Scenarios and what was changed, in words; the next is meant for where one has no equilibrium.
    """
    if scenario.structure.family == "firms":
        return ((scenario, ""),)
    said = "Solved here with the home country's own firms, whatever family the scenario names: a single firm has no place in the others."
    own = {"family": "firms"}
    if scenario.structure.family == "differing":
        return ((scenario.with_(structure=scenario.structure.model_copy(update=own)), said),)
    return (
        (scenario.with_(structure=scenario.structure.model_copy(update=own)), said),
        (
            scenario.with_(structure=scenario.structure.model_copy(update=own | {"elsewhere": "lognormal"})),
            f"{said} Other countries' firms are lognormal: under the scenario's own choice profits would exceed value added.",
        ),
    )
