"""What separates firms that differ from competition: market power, selection, and what input-output links add (MODEL 11).

Three models in order: *competition* (price is cost), *firms alike* (each its own variety, sold at a markup), *firms that
differ* (the scenario's law: they also select into markets). The first step is market power, the second selection; either
can be taken with and without input-output links. The difference between the last model and the first, both with links, is
split into the three by Shapley values: the mean, over every order in which the steps can be taken, of what each adds.
Selection needs market power first, since nobody pays a fixed cost where price is cost; that leaves three orders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import MINUS, change, listed, number
from firmtrade_core.margins import ElasticityKind
from firmtrade_core.scenarios import Scenario, compile, resolved
from firmtrade_core.scenarios.assumptions import family_words
from firmtrade_core.scenarios.compile import elasticity_of
from firmtrade_core.scenarios.words import countries as spoken
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Models in order; a step leads from each to the next.
MODELS = ("competition", "alike", "differ")

#: The steps and what readers call them.
STEPS = {
    "power": "Market power",
    "selection": "Selection",
    "links": "Input-output links",
}

#: Laws in which firms select into markets.
_SELECTING = ("pareto", "lognormal", "firms")

#: Parts and totals below this, in percentage points, count as nothing.
NOTHING = 0.005

#: Orders in which the steps can be taken.
_ORDERS = (("links", "power", "selection"), ("power", "links", "selection"), ("power", "selection", "links"))


@dataclass(frozen=True, eq=False)
class Steps:
    """One scenario from competition to firms that differ, with and without input-output links.

    Attributes
    ----------
    country : str
        Looked at.
    kind : {"cost", "tariff"}
        What the models share: the elasticity of trade to costs, or to tariffs.
    results : dict of Equilibrium
        By (model, links).
    notes : tuple of str
    """

    country: str
    kind: ElasticityKind
    results: dict[tuple[str, bool], Equilibrium]

    def looked_at(self, country: str) -> Steps:
        """The same, read for another country."""
        return replace(self, country=country)

    def real_income(self, model: str, links: bool = True) -> float:
        """Change of the country's real income in percent."""
        result = self.results[model, links]
        return 100 * float(result.real_income_change[result.world.country_index(self.country)] - 1)

    @property
    def total(self) -> float:
        """Firms that differ less competition, both with links, percentage points."""
        return self.real_income("differ") - self.real_income("competition")

    def parts(self) -> dict[str, float]:
        """Shapley values of `STEPS`, percentage points; they add up to `total`.

        The game's value of a set of steps is what market power and selection, where in it, make of the answer against
        competition in the same world, with links if they are in it. Links alone are therefore worth nothing: their part is
        what market power and selection do with them beyond what they do without.
        """
        parts = dict.fromkeys(STEPS, 0.0)
        for order in _ORDERS:
            taken: set[str] = set()
            before = 0.0
            for step in order:
                taken.add(step)
                after = self._worth(taken)
                parts[step] += (after - before) / len(_ORDERS)
                before = after
        return parts

    def _worth(self, taken: set[str]) -> float:
        links = "links" in taken
        model = MODELS[("power" in taken) + ("selection" in taken)]
        return self.real_income(model, links) - self.real_income("competition", links)

    def table(self) -> pd.DataFrame:
        """One row per model: model, label, with_links, without_links (percent of real income)."""
        return pd.DataFrame(
            [
                {
                    "model": model,
                    "label": self.label(model),
                    "with_links": self.real_income(model),
                    "without_links": self.real_income(model, False),
                }
                for model in MODELS
            ]
        )

    def label(self, model: str) -> str:
        """What readers call a model."""
        if model != "differ":
            return {"competition": "competition", "alike": "firms all alike"}[model]
        return family_words(self.results[model, True].parameters.family)

    # Words --------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """What separates the two ends, and which step counts most: every clause is read from the numbers."""
        who, law = spoken([self.country]).text, self.label("differ")
        ends = f"from {change(self.real_income('competition'))} under competition to {change(self.real_income('differ'))} with {law}"
        parts = self.parts()
        if abs(self.total) < NOTHING and max(map(abs, parts.values())) < NOTHING:
            return f"Firms hardly matter for the answer of {who} here: real income moves by {change(self.real_income('differ'))} either way."
        told = listed([f"{STEPS[step].lower()} {points(value)}" for step, value in parts.items()])
        return f"Firms move the answer for {who} by {points(self.total)} points, {ends}: {told}."

    def without_links(self) -> str:
        """What the same models say where nobody buys inputs."""
        values = [self.real_income(model, False) for model in MODELS]
        told = listed(
            [f"{change(value)} ({self.label(model)})" for model, value in zip(MODELS, values, strict=True)]
        )
        gap, linked = max(values) - min(values), self._span()
        if gap < 0.25 * linked:
            verdict = f"only {number(gap)} points apart, against {number(linked)} with links"
        else:
            verdict = f"{number(gap)} points apart, against {number(linked)} with links"
        return f"Without input-output links the three say {told}: {verdict}."

    def _span(self) -> float:
        values = [self.real_income(model) for model in MODELS]
        return max(values) - min(values)


def points(value: float) -> str:
    """Percentage points with their sign: ``+0.12``, ``−0.3``, ``0``."""
    if abs(value) < NOTHING:
        return "0.00"
    return ("+" if value > 0 else MINUS) + number(abs(value))


def steps(
    scenario: Scenario,
    world: World,
    country: str,
    home: HomeFirms | None = None,
    *,
    kind: ElasticityKind = "cost",
    known: dict[str, Equilibrium] | None = None,
) -> Steps:
    """Solve a scenario from competition to firms that differ, with and without input-output links.

    Parameters
    ----------
    kind
        Whether all models share the scenario's elasticity as one to costs or as one to tariffs; only firms that select
        into markets answer the two differently.
    known
        Results with links at the scenario's own kind of elasticity, by family, to be used again.

    Raises
    ------
    ScenarioError, EquilibriumError
        As `compile` and `solve`; without a world with links in which all models solve there is nothing to split.
    """
    settled = resolved(scenario, home)
    family = settled.structure.family
    law = family if family in _SELECTING else "lognormal"
    competition = family if family in ("armington", "eaton_kortum") else "armington"
    families = dict(zip(MODELS, (competition, "krugman", law), strict=True))
    bare = world if world.inputs is None else world.with_(inputs=None)
    elasticity, own = elasticity_of(settled.structure)
    # Markups as they suit the world as it is: without links other ones could be carried.
    within = compile(settled, world, home).parameters.within_for(world)
    markups = None if within is None else dict(zip(world.sectors, within.tolist(), strict=True))
    results: dict[tuple[str, bool], Equilibrium] = {}
    for model, name in families.items():
        changed: dict[str, Any] = {
            "family": name,
            "elasticity": elasticity,
            "elasticity_kind": kind,
            "within_elasticity": markups,
        }
        asked = settled.with_(structure=settled.structure.model_copy(update=changed))
        found = (known or {}).get(name) if kind == own else None
        results[model, True] = found or compile(asked, world, home).solve()
        results[model, False] = results[model, True] if bare is world else compile(asked, bare, home).solve()
    return Steps(country, kind, results)


__all__ = ["MODELS", "STEPS", "EquilibriumError", "Steps", "points", "steps"]
