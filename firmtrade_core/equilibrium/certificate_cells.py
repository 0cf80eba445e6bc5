"""What a certificate needs of the world's cells, in one pass over them (MODEL 3): terms of (6') by their law, sales as returned.

Shares no code with the solver. Arrays are sector-first, (S, N, N), as worlds store them; a sector's cells stay in the nearest memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.margins.loglinear import LoglinearMargins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.margins.normal import SMALLEST, exponential, law_at, law_of, logarithm
from firmtrade_core.margins.tables import compiled
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

_NOTHING = np.zeros((0, 1, 1))


class Moves(NamedTuple):
    """What a shock moves, in logs, (S, N, N) or empty: T̂, τ̂, f̂; and in which sectors, (S,)."""

    wedge: Array
    trade_cost: Array
    fixed_cost: Array
    sectors: NDArray[np.bool_]


class Cells(NamedTuple):
    """Sums over cells, (N, S) each: what the terms of (6') say, and what the returned sales are.

    Attributes
    ----------
    level
        Σ_i of terms, by destination.
    apart
        Largest gap, over origins, of what terms say that sales are.
    spent, arriving
        Σ_i X' and Σ_i V', by destination.
    leaving, earned, after_fixed
        Σ_j V', Σ_j R' and Σ_j (1-φ) R', by origin.
    fixed
        Σ_i φ R', by destination.
    thresholds
        Largest gap of (1') by destination.
    subsidised
        Whether any subsidy is in force.
    """

    level: Array
    apart: Array
    spent: Array
    arriving: Array
    leaving: Array
    earned: Array
    after_fixed: Array
    fixed: Array
    thresholds: Array
    subsidised: bool


_ANY_ORDER = {"contract", "reassoc", "nsz"}


def _vectorised(function: Any) -> Any:
    return compiled(function, fastmath=_ANY_ORDER, error_model="numpy")


@_vectorised
def _compare(
    terms: Any, share: Any, constant: Any, flows: Any, spending: Any, tariff: Any, taxed: Any, subsidy: Any, helped: Any,
    index: Any, apart: Any, spent: Any, arriving: Any, leaving: Any, earned: Any, after_fixed: Any, fixed: Any,
    market: Any,
) -> None:  # fmt: skip
    """Sums of one sector's sales, and how far they are from what its terms say; φ by cell, or ``constant`` where there is none."""
    n = terms.shape[0]
    by_cell = share.shape[0] > 0
    for i in range(n):
        for j in range(n):
            index[j] += terms[i, j]
    for j in range(n):
        market[j] = spending[j] / index[j] if spending[j] > 0.0 and index[j] > 0.0 else 0.0
    for i in range(n):
        left, got, kept = 0.0, 0.0, 0.0
        for j in range(n):
            sold = flows[i, j]
            apart[j] = max(apart[j], abs(terms[i, j] * market[j] - sold))
            spent[j] += sold
            value = sold / (1.0 + tariff[i, j]) if taxed else sold
            arriving[j] += value
            left += value
            revenue = value / (1.0 - subsidy[i, j]) if helped else value
            got += revenue
            held = share[i, j] if by_cell else constant
            kept += revenue * (1.0 - held)
            fixed[j] += revenue * held
        leaving[i], earned[i], after_fixed[i] = left, got, kept


@_vectorised
def _loglinear(
    shares: Any, origin: Any, destination: Any, moved: Any, wedge: Any, trade_cost: Any, fixed_cost: Any, exponents: Any,
    constant: Any, flows: Any, spending: Any, tariff: Any, subsidy: Any, terms: Any, market: Any, found: Any,
) -> None:  # fmt: skip
    """All sectors where terms factorise beyond what the shock moves."""
    n = shares.shape[1]
    nothing = np.zeros((0, 1))
    taxed, helped = tariff.shape[0] > 0, subsidy.shape[0] > 0
    wedges, costs, fixes = wedge.shape[0] > 0, trade_cost.shape[0] > 0, fixed_cost.shape[0] > 0
    for s in range(shares.shape[0]):
        for i in range(n):
            for j in range(n):
                terms[i, j] = shares[s, i, j] * origin[s, i] * destination[s, j]
        if moved[s]:
            for i in range(n):
                for j in range(n):
                    power = 0.0
                    if wedges:
                        power += exponents[0, s] * wedge[s, i, j]
                    if costs:
                        power += exponents[1, s] * trade_cost[s, i, j]
                    if fixes:
                        power += exponents[2, s] * fixed_cost[s, i, j]
                    if power != 0.0:
                        terms[i, j] *= np.exp(power)
        _compare(
            terms, nothing, constant[s], flows[s], spending[s], tariff[s if taxed else 0 : s + 1].reshape(-1, n), taxed,
            subsidy[s if helped else 0 : s + 1].reshape(-1, n), helped,
            found[0, s], found[1, s], found[2, s], found[3, s], found[4, s], found[5, s], found[6, s], found[7, s], market,
        )  # fmt: skip


@_vectorised
def _lognormal(
    shares: Any, threshold: Any, base: Any, dispersion: Any, change: Any, level: Any, lift: Any, origin: Any, destination: Any,
    nest: Any, gamma: Any, moved: Any, wedge: Any, trade_cost: Any, fixed_cost: Any,
    flows: Any, spending: Any, tariff: Any, subsidy: Any,
    k: Any, potential: Any, share: Any, market: Any, found: Any,
) -> bool:  # fmt: skip
    """All sectors of lognormal firms; ``change`` is Δk and ``base`` ln S at the baseline, or empty and 1/S without a nest. True where too few are present for closed forms."""
    n = shares.shape[1]
    nested = change.shape[0] > 0
    taxed, helped = tariff.shape[0] > 0, subsidy.shape[0] > 0
    wedges, costs, fixes = wedge.shape[0] > 0, trade_cost.shape[0] > 0, fixed_cost.shape[0] > 0
    flat_k, flat_potential, flat_share = k.reshape(-1), potential.reshape(-1), share.reshape(-1)
    for s in range(shares.shape[0]):
        rho, within = nest[s], gamma[s]
        if not nested:
            # The term is Ŝ times what origins and the shock lift it by: no logs are needed.
            few = 0
            for i in range(n):
                from_origin, lifted = origin[s, i], lift[s, i]
                for j in range(n):
                    k[i, j] = threshold[s, i, j] + (from_origin - destination[s, j])
                    potential[i, j] = base[s, i, j] * lifted * shares[s, i, j]
                if moved[s]:
                    for j in range(n):
                        push, up = 0.0, 0.0
                        if wedges:
                            push += within * wedge[s, i, j]
                            up += wedge[s, i, j]
                        if costs:
                            push += (within - 1.0) * trade_cost[s, i, j]
                            up += trade_cost[s, i, j]
                        if fixes:
                            push += fixed_cost[s, i, j]
                        k[i, j] += push
                        potential[i, j] *= exponential((1.0 - within) * up)
                for j in range(n):
                    tail, share[i, j] = law_at(k[i, j], dispersion)
                    few += 1 if tail <= SMALLEST else 0
                    k[i, j] = tail * potential[i, j]
            if few > 0:
                return True
            _compare(
                k, share, 0.0, flows[s], spending[s], tariff[s if taxed else 0 : s + 1].reshape(-1, n), taxed,
                subsidy[s if helped else 0 : s + 1].reshape(-1, n), helped,
                found[0, s], found[1, s], found[2, s], found[3, s], found[4, s], found[5, s], found[6, s], found[7, s], market,
            )  # fmt: skip
            continue
        for i in range(n):
            for j in range(n):
                k[i, j] = threshold[s, i, j] + change[s, i, j]
        if law_of(flat_k, dispersion, flat_potential, flat_share) > 0:
            return True
        # (1-γ) ln P̂_ij of the nest, and with it (1'), which says Δk.
        for i in range(n):
            for j in range(n):
                k[i, j] = logarithm(potential[i, j]) + (level[s, i] - base[s, i, j])
        if moved[s]:
            for i in range(n):
                for j in range(n):
                    if wedges:
                        k[i, j] -= (within - 1.0) * wedge[s, i, j]
                    if costs:
                        k[i, j] -= (within - 1.0) * trade_cost[s, i, j]
        for i in range(n):
            for j in range(n):
                gap = (1.0 - rho) * k[i, j] - change[s, i, j] + (origin[s, i] - destination[s, j])
                potential[i, j] = gap
        if moved[s]:
            for i in range(n):
                for j in range(n):
                    if wedges:
                        potential[i, j] += within * wedge[s, i, j]
                    if costs:
                        potential[i, j] += (within - 1.0) * trade_cost[s, i, j]
                    if fixes:
                        potential[i, j] += fixed_cost[s, i, j]
        for i in range(n):
            for j in range(n):
                traded = abs(potential[i, j]) if shares[s, i, j] > 0.0 else 0.0
                found[8, s, j] = max(found[8, s, j], traded)
        for i in range(n):
            for j in range(n):
                k[i, j] = exponential(rho * k[i, j]) * shares[s, i, j]
        _compare(
            k, share, 0.0, flows[s], spending[s], tariff[s if taxed else 0 : s + 1].reshape(-1, n), taxed,
            subsidy[s if helped else 0 : s + 1].reshape(-1, n), helped,
            found[0, s], found[1, s], found[2, s], found[3, s], found[4, s], found[5, s], found[6, s], found[7, s], market,
        )  # fmt: skip
    return False


@_vectorised
def _unlike(after: Any, before: Any, sign: Any, found: Any, moved: Any) -> None:
    """Adds ln (1 + sign x after)/(1 + sign x before) where they differ, and marks the sectors."""
    for s in range(after.shape[0]):
        alike = True
        for i in range(after.shape[1]):
            for j in range(after.shape[2]):
                alike &= after[s, i, j] == before[s, i, j]
        if not alike:
            moved[s] = True
            for i in range(after.shape[1]):
                for j in range(after.shape[2]):
                    new, old = after[s, i, j], before[s, i, j]
                    if new != old:
                        found[s, i, j] += np.log((1.0 + sign * new) / (1.0 + sign * old))


def _sector_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, 2, 0))


@lru_cache(maxsize=16)
def moves(world: World, shock: Shock) -> Moves | None:
    """What a shock moves; None where an embargo ends trade. Draws of an ensemble share their shock: it is looked for once."""
    n, s = world.shape
    marked = np.zeros(s, dtype=bool)
    wedge, costs = _NOTHING, []
    subsidy = shock.subsidy_in_force(world)
    for new, old, sign in ((shock.tariff, world.tariff, 1.0), (subsidy, world.subsidy, -1.0)):
        if new is not None and new is not old:
            wedge = np.zeros((s, n, n)) if wedge is _NOTHING else wedge
            _unlike(_sector_first(new), _sector_first(old), sign, wedge, marked)
    for factor in (shock.trade_cost, shock.fixed_cost):
        if factor is None:
            costs.append(_NOTHING)
        elif not np.isfinite(factor).all():
            return None
        else:
            costs.append(np.log(_sector_first(factor)))
            marked |= costs[-1].reshape(s, -1).any(1)
    return Moves(wedge, costs[0], costs[1], marked)


@lru_cache(maxsize=16)
def _in_force(world: World, shock: Shock) -> tuple[Array, Array]:
    """Tariffs and subsidies, (S, N, N), empty where there are none."""
    tariff = world.tariff if shock.tariff is None else shock.tariff
    subsidy = shock.subsidy_in_force(world)
    one, two = (_sector_first(rate) if rate.any() else _NOTHING for rate in (tariff, subsidy))
    return one, two


def read_cells(result: Counterfactual) -> Cells | None:
    """All cells of a result; None for laws and shocks that one pass does not serve."""
    margins = result.margins_in_force
    if type(margins) not in (LoglinearMargins, LognormalMargins):
        return None
    moved = moves(result.world, result.shock)
    if moved is None:
        return None
    sigma, gamma, nest = margins.elasticity_of_substitution, margins.within_elasticity, margins.nest
    abroad = result.parameters.fixed_cost_abroad if margins.has_thresholds else 0.0
    log_cost = np.log(result.cost_change)
    level = np.log(result.firm_change) - (gamma - 1) * log_cost
    origin = (gamma - abroad) * log_cost
    destination = (sigma - 1) * np.log(result.price_change) + np.log(result.expenditure_change)
    destination = destination - abroad * np.log(result.wage_change)[:, None]
    world = result.world
    n, s = world.shape
    spending = np.ascontiguousarray((world.total_expenditure * result.expenditure_change).T)
    # Zero where nothing is moved: of tariffs and subsidies in force, and of sales, levels count.
    tariff, subsidy = _in_force(world, result.shock)
    sales = _sector_first(result.flows), spending, tariff, subsidy
    shares, market, found = _sector_first(world.shares), np.empty(n), np.zeros((9, s, n))
    ways = moved.sectors, moved.wedge, moved.trade_cost, moved.fixed_cost
    if isinstance(margins, LognormalMargins):
        nested = margins.nested
        change = _sector_first(result.threshold_change) if nested else _NOTHING
        base = margins.baseline_potential if nested else margins.baseline_inverse
        k, potential, share = np.empty((3, n, n))
        few = _lognormal(
            shares, _sector_first(margins.threshold), _sector_first(base), margins.dispersion, change,
            *(np.ascontiguousarray(part.T) for part in (level, np.exp(level), origin, destination)), nest, gamma, *ways,
            *sales, k, potential, share, market, found,
        )  # fmt: skip
        if few:
            return None
    else:
        one = margins.evaluate(np.ones((1, 1, s)))
        fall, held = -one.log_potential[0, 0], np.ascontiguousarray(one.fixed_cost_share[0, 0])
        # (1') is linear: Δk = (a + (1-ρ) v)/D, with v = ln M̂ + (1-γ) ln ĉτ̂T̂ and D = 1 + (1-ρ)(ζ-1).
        spread = 1 + (1 - nest) * fall

        def term(pushed: Array | float, lifted: Array | float) -> Array:
            return np.asarray(nest * (lifted - fall * (pushed + (1 - nest) * lifted) / spread))

        ones = np.ones(s)
        exponents = np.array([term(gamma, 1 - gamma), term(gamma - 1, 1 - gamma), term(ones, 0 * ones)])
        _loglinear(
            shares, np.ascontiguousarray(np.exp(term(origin, level)).T), np.ascontiguousarray(np.exp(term(-destination, 0.0)).T),
            *ways, exponents, held, *sales, np.empty((n, n)), market, found,
        )  # fmt: skip
    level_sum, apart, spent, arriving, leaving, earned, kept, fixed, gaps = (part.T for part in found)
    return Cells(
        level_sum, apart, spent, arriving, leaving, earned, kept, fixed, gaps, subsidy is not _NOTHING
    )
