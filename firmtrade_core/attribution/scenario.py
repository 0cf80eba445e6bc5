"""Sources of a scenario's change of exports: Shapley values over the structural equation (MODEL 8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.attribution.result import Attribution
from firmtrade_core.attribution.shapley import shapley_values
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.margins import FirmsMargins, Margins
from firmtrade_core.margins.lognormal import LognormalMargins

Array = NDArray[np.float64]

_PLAYERS = (
    "demand",
    "resistance",
    "tariffs",
    "subsidies",
    "trade_costs",
    "home_costs",
    "entry",
    "attributes",
    "reallocation",
)


def attribute_scenario(equilibrium: Equilibrium, country: str, name: str = "the scenario") -> Attribution:
    """Split a country's change of exports by source, over all destinations and sectors.

    Each source is a term of ``V = (M S(k))^ρ (cτT)^(1-σ) P^(σ-1) E / (1+t)`` with k from (1'), ρ = 1 without a nest;
    *selection of firms* is the move of k itself, *firms' attributes* the move of S at a given k.

    Raises
    ------
    UnknownCodeError
        For a country that is not in the world.
    """
    world = equilibrium.world
    i = world.country_index(country)
    terms = _terms(equilibrium, i)
    sources = tuple(p for p in _PLAYERS if p in terms or p in _switches(equilibrium, i))
    potential = _potential(equilibrium, i)
    sigma = equilibrium.baseline.margins.elasticity_of_substitution
    before = world.border_value[i].copy()
    before[i] = 0.0

    def exports(members: frozenset[int]) -> Array:
        chosen = {sources[p] for p in members}
        log = np.zeros_like(before)
        moved = np.zeros_like(before)
        for source in chosen & terms.keys():
            weight, threshold = terms[source]
            log = log + weight
            moved = moved + threshold
        selected = potential(moved if "reallocation" in chosen else 0 * moved, "attributes" in chosen)
        tariff = equilibrium.tariff[i] if "tariffs" in chosen else world.tariff[i]
        return before * (1 + world.tariff[i]) / (1 + tariff) * np.exp(log + selected)

    parts = shapley_values(len(sources), exports)
    after = equilibrium.border_value[i].copy()
    after[i] = 0.0
    assumption = (
        f"Model: {equilibrium.parameters.family.name} family, mean σ {sigma.mean():.3g}. Every order of the sources "
        "counts alike (Shapley), so the parts add up exactly and no order is preferred."
    )
    return Attribution(world, country, sources, before, after, parts, name, assumption)


def _terms(equilibrium: Equilibrium, i: int) -> dict[str, tuple[Array, Array]]:
    """What each source adds to ln X and to the index of k, both (N, S); sources that do not move are left out."""
    world, shock = equilibrium.world, equilibrium.shock
    sigma, nest = equilibrium.baseline.margins.elasticity_of_substitution, equilibrium.baseline.margins.nest
    demand = np.log(equilibrium.expenditure_change)
    price = np.log(equilibrium.price_change)
    cost = np.broadcast_to(np.log(equilibrium.cost_change[i]), demand.shape)
    entry = np.broadcast_to(np.log(equilibrium.firm_change[i]), demand.shape)
    tariff = np.log((1 + equilibrium.tariff[i]) / (1 + world.tariff[i]))
    subsidy = np.log((1 - equilibrium.subsidy[i]) / (1 - world.subsidy[i]))
    zero = np.zeros_like(demand)
    iceberg = zero if shock.trade_cost is None else np.log(shock.trade_cost[i])
    fixed = zero if shock.fixed_cost is None else np.log(shock.fixed_cost[i])
    # An embargoed cell has no sales in any coalition that holds trade costs; its threshold stays finite.
    closed = np.isposinf(iceberg)
    iceberg_weight = np.where(closed, -np.inf, (1 - sigma) * np.where(closed, 0.0, iceberg))
    found = {
        "demand": (demand, -demand),
        "resistance": ((sigma - 1) * price, (1 - sigma) * price),
        "tariffs": ((1 - sigma) * tariff, sigma * tariff),
        "subsidies": ((1 - sigma) * subsidy, sigma * subsidy),
        "trade_costs": (iceberg_weight, (sigma - 1) * np.where(closed, 0.0, iceberg) + fixed),
        "home_costs": ((1 - sigma) * cost, sigma * cost),
        "entry": (nest * entry, (1 - nest) * entry),
    }
    return {name: pair for name, pair in found.items() if any(part.any() for part in pair)}


def _switches(equilibrium: Equilibrium, i: int) -> set[str]:
    """Sources that are no term of their own: selection, and programmes at home."""
    margins = equilibrium.margins_in_force
    found = {"reallocation"} if margins.has_thresholds else set()
    own = isinstance(margins, FirmsMargins) and margins.home == i
    return found | ({"attributes"} if own and equilibrium.shock.firms is not None else set())


def _potential(equilibrium: Equilibrium, i: int) -> Callable[[Array, bool], Array]:
    """ρ ln Ŝ of one origin at a move of the index of thresholds, (N, S), with or without programmes."""

    def single(margins: Margins) -> Callable[[Array], Array]:
        if isinstance(margins, FirmsMargins):
            others = single(margins.others)
            if margins.home != i:
                return others
            own = margins

            def of_firms(moved: Array) -> Array:
                found = np.array(others(moved))
                found[:, own.rows] = own.row_effective(moved[:, own.rows].T)[0].T
                return found

            return of_firms
        if isinstance(margins, LognormalMargins):
            margins = LognormalMargins(
                margins.elasticity_of_substitution,
                margins.dispersion,
                margins.threshold[i : i + 1],
                margins.within_elasticity,
            )
        return lambda moved: margins.effective(moved[None])[0][0]

    plain, treated = single(equilibrium.baseline.margins), single(equilibrium.margins_in_force)
    return lambda moved, programmes: (treated if programmes else plain)(moved)
