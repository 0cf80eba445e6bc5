"""Under which structure a number was computed, in a few words that stand beside it wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.margins import BalancedMargins, Firms, Lognormal, MarginFamily, Pareto
from firmtrade_core.margins.exporters import EXPORTER_LAWS
from firmtrade_core.scenarios.programmes import COST_NOT_ENTERED, effect_of, stamps_of
from firmtrade_core.scenarios.schema import Programme, Scenario, Structure
from firmtrade_core.world.elasticities import elasticity_sets, horizon_sets, markup_sets

#: Deficit closures, as they stand beside a number.
DEFICITS = {
    "fixed": "deficits a fixed share of the world",
    "proportional": "deficits in step with income",
    "removed": "trade balanced before and after",
}

#: Why deficits that do not move with income mislead (MODEL 12).
FIXED_DEFICITS = (
    "Trade deficits are held at a fixed share of the world. That misleads in two ways: countries with a large surplus move "
    "most, because what they lend is fixed in the world's money while their income moves; and a country's deficit goes on "
    "being lent to it however high its tariffs and however little it still trades. Deficits in step with income (Model "
    "choices) avoid both."
)


def assumed(scenario: Scenario, equilibrium: Equilibrium) -> str:
    """How firms differ, elasticity, entry and closures of a result, in one line.

    What firms are is read from the result itself, so that the words cannot part from the number.

    Examples
    --------
    "lognormal firms (spread 2.4) · trade elasticity 4 · deficits in step with income"
    """
    structure = scenario.structure
    parts = [
        family_words(equilibrium.parameters.family),
        elasticity_words(structure),
        markup_words(scenario, equilibrium),
        "free entry" if structure.entry == "free" else "",
        DEFICITS[structure.deficits],
        f"labour supply {structure.labour_supply_elasticity:g}" if structure.labour_supply_elasticity else "",
        "duties lower the tax on labour" if structure.duties == "labour_tax" else "",
        f"{100 * structure.fixed_cost_abroad:.3g} % of fixed costs paid abroad"
        if structure.fixed_cost_abroad
        else "",
        f"programmes: {'; '.join(stamps)}" if (stamps := programme_stamps(scenario, equilibrium)) else "",
    ]
    return " · ".join(part for part in parts if part)


def programme_stamps(scenario: Scenario, equilibrium: Equilibrium) -> tuple[str, ...]:
    """What must stand beside numbers that follow from programmes: evidence of effects, invented firms, costs not entered."""
    moved = equilibrium.shock.firms
    if moved is not None and moved.stamps:
        return moved.stamps
    # Without firms of their own programmes move a law as a whole, and say on the card what they rest on.
    cards = [card for card in scenario.active_cards if isinstance(card, Programme)]
    words = [
        word
        for card in cards
        for word in (
            stamps_of(card, effect_of(card, None), None)
            if card.effect is not None
            else ()
            if card.cost_known
            else (COST_NOT_ENTERED,)
        )
    ]
    return tuple(dict.fromkeys(words))


def family_words(family: MarginFamily) -> str:
    """A law of firms in a few words: ``lognormal firms (spread 2.4)``."""
    law = family.law if isinstance(family, BalancedMargins) and family.law is not None else family
    if isinstance(law, Firms):
        return f"own firms of {country_name(law.country)}, elsewhere {family_words(law.elsewhere)}"
    if isinstance(law, Pareto):
        return f"Pareto firms (tail {law.tail:g})"
    if isinstance(law, Lognormal):
        like = (
            f" and slope of presence {law.presence_slope:g}, {EXPORTER_LAWS[law.like].label}"
            if law.like
            else ""
        )
        return f"lognormal firms (spread {law.dispersion:g}{like})"
    words = {
        "armington": "no firms, goods differ by origin (Armington)",
        "eaton_kortum": "no firms, the cheapest source sells (Eaton-Kortum)",
        "krugman": "firms all alike (Krugman)",
    }
    return words.get(law.name, law.name)


def markup_words(scenario: Scenario, equilibrium: Equilibrium) -> str:
    """Where markups come from, in a few words; empty where price is cost."""
    if equilibrium.baseline.margins.competitive:
        return ""
    given = scenario.structure.within_elasticity
    if given is None or equilibrium.parameters.within_elasticity is None:
        return "markups follow from it"
    if isinstance(given, str):
        sets = markup_sets()
        return f"markups of {sets[given].label if given in sets else given}"
    return "own markups by sector" if isinstance(given, Mapping) else f"markup {100 / (given - 1):.3g} %"


def elasticity_words(structure: Structure) -> str:
    """The trade elasticity in a few words."""
    given = structure.elasticity
    if isinstance(given, str):
        if given in horizon_sets():
            return f"trade elasticity by years since the change: {horizon_sets()[given].label}"
        sets = elasticity_sets()
        return f"trade elasticities of {sets[given].label if given in sets else given}"
    to = " to tariffs" if structure.elasticity_kind == "tariff" else ""
    return (
        "own trade elasticities by sector" if isinstance(given, Mapping) else f"trade elasticity {given:g}"
    ) + to
