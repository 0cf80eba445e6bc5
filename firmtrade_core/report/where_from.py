"""Where a number comes from: its definition and equation, what it was computed from, and its certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import abroad
from firmtrade_core.labels import COMMON_INPUTS, DEFINITIONS, Input, Variable, in_powers, number
from firmtrade_core.report.methods import LITERATURE
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.assumptions import family_words
from firmtrade_core.world.elasticities import elasticity_set, markup_set
from firmtrade_core.world.world import World


@dataclass(frozen=True)
class Ingredient:
    """Something a number was computed from.

    Parameters
    ----------
    label
        What it is.
    value
        What it was in this result.
    source
        Who says so.
    estimated
        What of it is estimated or assumed, in words; empty where it is observed.
    """

    label: str
    value: str
    source: str
    estimated: str = ""


@dataclass(frozen=True)
class WhereFrom:
    """The trace of one number.

    Parameters
    ----------
    variable
        With its explanation, equation and LaTeX.
    ingredients
    literature
        Citations on which the definition rests.
    certificate
        Term and words.
    residuals
        Largest relative gap of each equation of the model.
    """

    variable: Variable
    ingredients: tuple[Ingredient, ...]
    literature: tuple[str, ...]
    certificate: tuple[tuple[str, str], ...]
    residuals: Mapping[str, float]


def where_from(key: str, equilibrium: Equilibrium, scenario: Scenario) -> WhereFrom:
    """Trace a variable of a result.

    Parameters
    ----------
    key
        Of `labels.DEFINITIONS`.
    equilibrium, scenario
        The result and what it answers.

    Raises
    ------
    KeyError
        If there is no such variable.
    """
    variable = DEFINITIONS[key]
    certificate = equilibrium.certificate
    versions = ", ".join(f"{name} {version}" for name, version in certificate.versions.items())
    return WhereFrom(
        variable,
        tuple(_INGREDIENTS[name](equilibrium, scenario) for name in COMMON_INPUTS),
        tuple(LITERATURE[name] for name in variable.literature),
        (
            ("Verdict", "every equation holds" if certificate.holds else "does not hold"),
            (
                "Largest residual",
                f"{in_powers(certificate.largest, decimals=1)}, allowed {in_powers(certificate.tolerance)}: {certificate.worst}",
            ),
            ("Iterations", str(certificate.iterations)),
            ("Seconds", f"{certificate.seconds:.3g}"),
            ("Versions", versions),
            ("Content hash", equilibrium.content_hash),
        ),
        certificate.residuals,
    )


def _chosen(label: str, value: str) -> Ingredient:
    return Ingredient(label, value, "chosen in the scenario (Model choices)", "assumed")


def _trade(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    world, provenance = equilibrium.world, equilibrium.world.provenance
    n, s = world.shape
    year = f", {provenance.year}" if provenance.year else ""
    concerned = _mentions(provenance.estimated, ("trade",))
    return Ingredient(
        "Trade",
        f"{n} economies, {s} sectors{year} ({world.name})",
        _part(provenance.source, without=("tariff", "input share", "gross domestic")),
        _joined(provenance.estimated_trade, *concerned),
    )


def _tariffs(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    world = equilibrium.world
    known = np.asarray(world.goods) & ~world.tariff_unknown
    before, after = (_mean_tariff(state, known) for state in (world, equilibrium))
    return Ingredient(
        "Tariffs",
        f"on goods, mean weighted by trade: {number(before)}\u202f% before, {number(after)}\u202f% with “{scenario.name}”",
        _part(world.provenance.source, "tariff"),
        _joined(*_mentions(world.provenance.estimated, ("tariff",))),
    )


def _mean_tariff(state: World | Equilibrium, known: np.ndarray) -> float:
    """Duties on goods from abroad over their border value, in percent, where a tariff is known, (N, N, S)."""
    value = abroad(state.border_value) * known
    total = float(value.sum())
    return 100 * float((state.tariff * value).sum()) / total if total > 0 else 0.0


def _input_links(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    world = equilibrium.world
    if world.inputs is None:
        return Ingredient("Input-output links", "none: production by labour alone", world.provenance.source)
    share = 100 * float(world.inputs.sum() / world.gross_output.sum())
    return Ingredient(
        "Input-output links",
        f"inputs are {number(share)}\u202f% of the value of output",
        _part(world.provenance.source, "input share"),
        _joined(*_mentions(world.provenance.estimated, ("input",))),
    )


def _elasticity(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    given = scenario.structure.elasticity
    label = "Trade elasticity"
    if isinstance(given, str):
        found = elasticity_set(given)
        by = f"{found.years} years since the change" if found.years[:1].isdigit() else found.years
        return Ingredient(
            label,
            f"{f'one value, {by}' if found.years else 'by sector'}, to {found.kind}s: {found.label}",
            found.source,
            "estimated; no interval is carried yet",
        )
    value = "given by sector" if isinstance(given, Mapping) else f"{given:g} in every sector"
    if scenario.structure.elasticity_kind == "tariff":
        value += ", to tariffs"
    return _chosen(label, value)


def _markups(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    label = "Markups"
    margins = equilibrium.baseline.margins
    if margins.competitive:
        return _chosen(label, "none: price is cost")
    percent = 100 / (np.asarray(margins.within_elasticity) - 1)
    low, high = number(float(percent.min()), significant=2), number(float(percent.max()), significant=2)
    value = (
        f"{low}\u202f% of cost in every sector"
        if low == high
        else f"{low} to {high}\u202f% of cost, by sector"
    )
    given = scenario.structure.within_elasticity
    if equilibrium.parameters.within_elasticity is None:
        return Ingredient(label, value, "follow from the trade elasticity and the law of firms", "assumed")
    if isinstance(given, str):
        found = markup_set(given)
        return Ingredient(
            label,
            value,
            found.source,
            "estimated for goods; services assumed; lowered where the notes say so",
        )
    return _chosen(label, value)


def _public_money(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    structure = scenario.structure
    words = {
        "lump_sum": "duties go to households as a lump sum",
        "labour_tax": "duties lower a tax on labour",
    }
    abroad = structure.fixed_cost_abroad
    more = f"; {100 * abroad:.3g}\u202f% of fixed costs are paid in the market's labour" if abroad else ""
    return _chosen("Public money and fixed costs", words[structure.duties] + more)


def _family(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    return _chosen("How firms differ", family_words(equilibrium.parameters.family))


def _entry(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    words = {"restricted": "given number of firms", "free": "free entry"}
    return _chosen("Number of firms", words[scenario.structure.entry])


def _deficits(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    words = {
        "fixed": "keep their share of world value added",
        "proportional": "move in step with income",
        "removed": "removed, with and without the policy",
    }
    return _chosen("Trade deficits", words[scenario.structure.deficits])


def _labour_supply(equilibrium: Equilibrium, scenario: Scenario) -> Ingredient:
    return _chosen("Labour-supply elasticity", f"{scenario.structure.labour_supply_elasticity:g}")


_INGREDIENTS: dict[Input, Callable[[Equilibrium, Scenario], Ingredient]] = {
    "trade": _trade,
    "tariffs": _tariffs,
    "input_links": _input_links,
    "elasticity": _elasticity,
    "markups": _markups,
    "family": _family,
    "entry": _entry,
    "deficits": _deficits,
    "labour_supply": _labour_supply,
    "public_money": _public_money,
}


def _part(source: str, word: str = "", without: tuple[str, ...] = ()) -> str:
    """Of several sources, separated by semicolons, those that speak of a word and not of others; all if none does."""
    parts = source.split("; ")
    found = [
        part
        for part in parts
        if word in part.casefold() and not any(other in part.casefold() for other in without)
    ]
    return "; ".join(found or parts)


def _mentions(items: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    """Items that begin with, or speak of, one of the words; tariffs are not trade."""
    return [
        item
        for item in items
        if any(word in item.casefold() for word in words)
        and (words == ("tariff",) or not item.casefold().startswith("tariff"))
    ]


def _joined(*parts: str) -> str:
    return "; ".join(part[0].lower() + part[1:] if part[1:2].islower() else part for part in parts if part)
