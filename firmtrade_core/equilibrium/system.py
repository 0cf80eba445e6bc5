"""The equations of the world's equilibrium in changes, evaluated fast (MODEL 3).

Inside this module arrays are sector-first, (S, N) and (S, N, N), so that one batched matrix-vector
product serves all sectors; what leaves it has the axis order origin, destination, sector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.baseline import Baseline
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.margins.loglinear import LoglinearMargins
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: A destination's expenditure is not allowed to shrink further than this in one step.
_DEEPEST_FALL = 0.05


@dataclass(frozen=True, eq=False)
class Point:
    """Unknowns in logs of changes: wages (N,), prices, expenditures and numbers of firms (S, N)."""

    wage: Array
    price: Array
    expenditure: Array
    firms: Array


@dataclass(frozen=True, eq=False)
class Flows:
    """Who sells what where at a point, sector-first, and what follows for incomes; million USD.

    Attributes
    ----------
    share_weight : (S, N, N) or None
        Terms of equation (6); None where origin and destination factors stand for them.
    origin, market : (S, N)
        Factors such that X' = origin x kernel x market in the factorised case.
    index : (S, N)
        Σ of the terms of (6) over origins.
    border, revenue, profits, cost : (S, N)
        V', R', Π', C' by origin.
    duties, subsidies : (N,)
    potential_slope : (S, N) or None
        Trade-weighted mean of ∂ln S/∂k by destination.
    """

    share_weight: Array | None
    origin: Array
    market: Array
    index: Array
    border: Array
    revenue: Array
    profits: Array
    cost: Array
    duties: Array
    subsidies: Array
    potential_slope: Array | None


class System:
    """One world, one shock, one structure: evaluates the equations at any point.

    Parameters
    ----------
    world, shock, parameters, baseline
        As in `solve`.
    """

    def __init__(self, world: World, shock: Shock, parameters: Parameters, baseline: Baseline) -> None:
        n, s = world.shape
        self.countries, self.sectors = n, s
        self.parameters, self.baseline = parameters, baseline
        margins = baseline.margins
        self.margins = margins
        self.sigma = margins.elasticity_of_substitution[:, None]
        self.spending = _sector_first(world.total_expenditure)
        self.active = self.spending > 0
        self.labour_share = _sector_first(baseline.labour_share)
        self.productivity = 0.0 if shock.productivity is None else np.log(_sector_first(shock.productivity))
        self.final_shares = _sector_first(world.final_shares)
        self.new_final_shares = self.final_shares
        if shock.demand is not None:
            shifted = self.final_shares * _sector_first(shock.demand)
            self.new_final_shares = shifted / shifted.sum(0)
        self.labour_income = baseline.labour_income
        self.world_value_added = float((baseline.labour_income + baseline.profit_income).sum())
        self.deficits = world.deficits
        self.spending_ratio = world.income / (world.income - world.deficits)
        self.outlay = shock.outlay
        self.baseline_profits = _sector_first(baseline.profits)
        self.free_entry = parameters.entry == "free" and not margins.competitive
        self._prepare_kernels(world, shock)

    def _prepare_kernels(self, world: World, shock: Shock) -> None:
        """Everything in (6) that moves with the shock alone."""
        tariff = world.tariff if shock.tariff is None else shock.tariff
        subsidy = world.subsidy if shock.subsidy is None else shock.subsidy
        self.tariff_factor = 1 / (1 + _sector_first(tariff)) if tariff.any() else None
        self.subsidy_factor = 1 / (1 - _sector_first(subsidy)) if subsidy.any() else None
        shares = _sector_first(world.shares)
        wedge = wedge_change(world, shock)
        changes = (wedge, shock.trade_cost, shock.fixed_cost)
        margins = self.margins
        if isinstance(margins, LoglinearMargins):
            slope = -margins.potential_slope[:, None]
            self.potential_slope = slope
            self.cost_exponent = (self.sigma - 1) + slope * self.sigma
            self.price_exponent = (self.sigma - 1) * (1 + slope)
            exponents = (self.cost_exponent, self.price_exponent, slope)
            self.kernel = _scaled(shares, changes, exponents)
        else:
            self.kernel = _scaled(shares, changes[:2], (self.sigma - 1, self.sigma - 1))
            shifts = [
                weight[:, :, None] * np.log(_finite(_sector_first(change)))
                for change, weight in zip(changes, (self.sigma, self.sigma - 1, self.sigma**0), strict=True)
                if change is not None
            ]
            self.threshold_shift = sum(shifts[1:], shifts[0]) if shifts else None
        self.border_kernel = self.kernel if self.tariff_factor is None else self.kernel * self.tariff_factor
        self.revenue_kernel = (
            self.border_kernel if self.subsidy_factor is None else self.border_kernel * self.subsidy_factor
        )

    # Points -------------------------------------------------------------------------------------

    def pack(self, point: Point) -> Array:
        """All unknowns as one vector."""
        parts = [point.wage, point.price.ravel(), point.expenditure.ravel()]
        return np.concatenate([*parts, point.firms.ravel()] if self.free_entry else parts)

    def unpack(self, vector: Array) -> Point:
        """Unknowns from one vector."""
        n, cells = self.countries, self.countries * self.sectors
        shape = (self.sectors, n)
        return Point(
            vector[:n],
            vector[n : n + cells].reshape(shape),
            vector[n + cells : n + 2 * cells].reshape(shape),
            vector[n + 2 * cells :].reshape(shape) if self.free_entry else np.zeros(shape),
        )

    def start(self) -> Point:
        """The baseline: no change."""
        zeros = np.zeros((self.sectors, self.countries))
        return Point(np.zeros(self.countries), zeros, zeros, zeros)

    # Equations ----------------------------------------------------------------------------------

    def cost(self, point: Point) -> Array:
        """ln ĉ, equation (5), (S, N)."""
        cost = self.labour_share * point.wage - self.productivity
        if self.baseline.input_shares is not None:
            inputs = point.price.T[:, None, :] @ self.baseline.input_shares
            cost = cost + inputs[:, 0, :].T
        return cost

    def flows(self, point: Point, cost: Array) -> Flows:
        """Sales, duties, profits and costs at a point: the terms of (6), and (7)."""
        weight, slope, mean_slope, fixed_share = None, None, None, None
        if self.margins.loglinear:
            origin = np.exp(point.firms - self.cost_exponent * cost)
            index = _origins_sum(origin, self.kernel)
        else:
            weight, slope, fixed_share = self._selected_terms(point, cost)
            origin = np.ones_like(cost)
            index = weight.sum(1)
        index = np.where(self.active & (index > 0), index, 1.0)
        market = self.spending * np.exp(point.expenditure) / index
        border_kernel, revenue_kernel = self.border_kernel, self.revenue_kernel
        if weight is not None and slope is not None:
            mean_slope = (weight * slope).sum(1) / index
            border_kernel = weight if self.tariff_factor is None else weight * self.tariff_factor
            revenue_kernel = (
                border_kernel if self.subsidy_factor is None else border_kernel * self.subsidy_factor
            )
        border = origin * _destinations_sum(border_kernel, market)
        if self.tariff_factor is None:
            duties = np.zeros(self.countries)
        else:
            at_border = market * _origins_sum(origin, border_kernel)
            duties = (np.where(self.active, market * index, 0.0) - at_border).sum(0)
        if self.subsidy_factor is None:
            revenue, subsidies = border, np.zeros(self.countries)
        else:
            revenue = origin * _destinations_sum(revenue_kernel, market)
            subsidies = (revenue - border).sum(0)
        profits = self._profits(revenue, fixed_share, revenue_kernel, market)
        paid_by_profits = self.free_entry or self.margins.competitive
        return Flows(
            weight,
            origin,
            market,
            index,
            border,
            revenue,
            profits,
            revenue if paid_by_profits else revenue - profits,
            duties,
            subsidies,
            mean_slope,
        )

    def threshold_change(self, point: Point, cost: Array) -> Array:
        """Δk, equation (1), sector-first (S, N, N)."""
        destination = point.expenditure + (self.sigma - 1) * point.price
        change = (self.sigma * cost)[:, :, None] - destination[:, None, :]
        return change if self.threshold_shift is None else change + self.threshold_shift

    def _selected_terms(self, point: Point, cost: Array) -> tuple[Array, Array, Array]:
        """Terms of (6), ∂ln S/∂k and φ where the elasticity of trade differs by market."""
        change = np.moveaxis(self.threshold_change(point, cost), 0, 2)
        potential, slope, _, fixed_share = (np.moveaxis(a, 2, 0) for a in self.margins.evaluate(change))
        origin = point.firms - (self.sigma - 1) * cost
        terms = np.exp(potential + origin[:, :, None])
        return self.kernel * terms, slope, fixed_share

    def _profits(
        self, revenue: Array, fixed_share: Array | None, revenue_kernel: Array, market: Array
    ) -> Array:
        """Π' = Σ_j (1-φ')R'/σ, equation (7)."""
        if isinstance(self.margins, LoglinearMargins):
            if self.margins.competitive:
                return np.zeros_like(revenue)
            return (1 - self.margins.constant_fixed_cost_share[:, None]) * revenue / self.sigma
        kept = revenue_kernel if fixed_share is None else (1 - fixed_share) * revenue_kernel
        return _destinations_sum(kept, market) / self.sigma

    def price(self, point: Point, flows: Flows) -> Array:
        """ln P̂ by (6), (S, N): solved exactly where loglinear, by a Newton step elsewhere."""
        log_index = np.log(flows.index)
        if flows.potential_slope is None:
            price = -(log_index + self.potential_slope * point.expenditure) / self.price_exponent
        else:
            gap = (1 - self.sigma) * point.price - log_index
            price = point.price + gap / ((self.sigma - 1) * (1 - flows.potential_slope))
        return np.where(self.active, price, 0.0)

    def labour(self, point: Point) -> Array:
        """ln L̂, equation (9), (N,)."""
        elasticity = self.parameters.labour_supply_elasticity
        if elasticity == 0:
            return np.zeros(self.countries)
        return elasticity * (point.wage - (self.final_shares * point.price).sum(0))

    def government(self, point: Point) -> Array:
        """G' in current prices of the final basket, (N,)."""
        if self.outlay is None:
            return np.zeros(self.countries)
        return self.outlay * np.exp((self.final_shares * point.price).sum(0))

    def deficit(self, own_income: Array, labour_income: Array, profits: Array) -> Array:
        """D' under the chosen closure, (N,), summing to zero."""
        if self.parameters.deficits == "fixed":
            return self.deficits * (labour_income + profits).sum() / self.world_value_added
        if self.parameters.deficits == "proportional":
            spending = own_income * self.spending_ratio
            return spending * (own_income.sum() / spending.sum()) - own_income
        return np.zeros(self.countries)

    def income(self, point: Point, flows: Flows) -> Array:
        """I', section 1 of the model, (N,)."""
        labour_income = self.labour_income * np.exp(point.wage + self.labour(point))
        kept = not (self.free_entry or self.margins.competitive)
        profits = flows.profits.sum(0) if kept else np.zeros(self.countries)
        own = labour_income + profits + flows.duties - flows.subsidies - self.government(point)
        return own + self.deficit(own, labour_income, profits)

    def expenditure(self, point: Point, flows: Flows) -> Array:
        """E' implied by incomes and costs, equation (10), (S, N), million USD."""
        expenditure = self.new_final_shares * (self.income(point, flows) + self.government(point))
        if self.baseline.input_shares is not None:
            inputs = self.baseline.input_shares @ flows.cost.T[:, :, None]
            expenditure = expenditure + inputs[:, :, 0].T
        return expenditure

    def wage_gap(self, point: Point, flows: Flows) -> Array:
        """ln of labour demanded over labour supplied, equation (9), (N,)."""
        demand = (self.labour_share * flows.cost).sum(0)
        return np.log(demand / self.labour_income) - point.wage - self.labour(point)

    def sales(self, flows: Flows) -> Array:
        """X' = π'E', equation (7), (S, N, N), million USD."""
        terms = flows.share_weight
        if terms is None:
            terms = self.kernel * flows.origin[:, :, None]
        return terms * flows.market[:, None, :]

    # Iteration ----------------------------------------------------------------------------------

    def gaps(self, point: Point) -> tuple[Array, Array, Array, Array, Flows]:
        """How far a point is from satisfying wages, prices, expenditure and entry, in logs."""
        cost = self.cost(point)
        flows = self.flows(point, cost)
        price = self.price(point, flows) - point.price
        current = self.spending * np.exp(point.expenditure)
        wanted = np.maximum(self.expenditure(point, flows), _DEEPEST_FALL * current)
        ratio = np.where(self.active, wanted / np.where(self.active, current, 1.0), 1.0)
        return self.wage_gap(point, flows), price, np.log(ratio), self._entry_gap(point, flows, cost), flows

    def _entry_gap(self, point: Point, flows: Flows, cost: Array) -> Array:
        """ln of (8), M̂ = Π̂/ĉ, over the current M̂, (S, N)."""
        if not self.free_entry:
            return point.firms
        produced = (self.baseline_profits > 0) & (flows.profits > 0)
        ratio = np.where(produced, flows.profits, 1.0) / np.where(produced, self.baseline_profits, 1.0)
        return np.where(produced, np.log(ratio) - cost - point.firms, 0.0)

    def numeraire(self, wage: Array) -> Array:
        """Wages scaled so that Σ ŵ wL = Σ wL."""
        scale = (np.exp(wage) * self.labour_income).sum() / self.labour_income.sum()
        return wage - np.log(scale)

    def wage_response(self, flows: Flows) -> Array:
        """Approximate Jacobian of the wage gaps in ln ŵ, (N, N), used to precondition steps.

        It lets costs and spending move one for one with the wage at home, which is exact for one
        factor without inputs and duties, and pins the direction in which all wages rise together.
        """
        n = self.countries
        shares, sales = self._share_matrices(flows)
        weight = self.labour_share * flows.cost
        weight = weight / weight.sum(0)
        if self.margins.loglinear:
            exponent = np.broadcast_to(self.cost_exponent, weight.shape)
        else:
            slope = flows.potential_slope
            exponent = (self.sigma - 1) - self.sigma * (0 if slope is None else slope)
        weighted = sales * weight[:, :, None]
        own = (weight * np.mean(exponent, axis=1, keepdims=True)).sum(0)
        mean_exponent = np.mean(exponent, axis=1)[:, None, None]
        crossed = np.matmul(weighted, np.swapaxes(shares * mean_exponent, 1, 2)).sum(0)
        response = weighted.sum(0) + crossed - np.diag(own + 1)
        return response - self.labour_income / self.labour_income.sum() * np.ones((n, 1))

    def _share_matrices(self, flows: Flows) -> tuple[Array, Array]:
        """Market shares π' and sales shares R'_ij/R'_i, sector-first."""
        terms = flows.share_weight
        if terms is None:
            terms = self.kernel * flows.origin[:, :, None]
        shares = terms / flows.index[:, None, :]
        sales = terms * flows.market[:, None, :]
        total = sales.sum(2, keepdims=True)
        return shares, sales / np.where(total > 0, total, 1.0)


def _sector_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def wedge_change(world: World, shock: Shock) -> Array | None:
    """T̂ = T'/T with T = (1+t)(1-b), (N, N, S); None where no tariff or subsidy changes."""
    if shock.tariff is None and shock.subsidy is None:
        return None
    change = np.ones(1) if shock.tariff is None else (1 + shock.tariff) / (1 + world.tariff)
    if shock.subsidy is not None:
        change = change * (1 - shock.subsidy) / (1 - world.subsidy)
    return change


def _scaled(kernel: Array, changes: tuple[Array | None, ...], exponents: tuple[Array, ...]) -> Array:
    """kernel x Π change^-exponent, touching only the cells that change; embargoed cells become zero."""
    scaled = kernel
    for change, exponent in zip(changes, exponents, strict=True):
        if change is None:
            continue
        factors = _sector_first(change)
        moved = np.nonzero(factors != 1)
        scaled = scaled.copy() if scaled is kernel else scaled
        scaled[moved] *= factors[moved] ** -exponent[moved[0], 0]
    return scaled


def _finite(factors: Array) -> Array:
    """Factors with embargoes (infinite) set to one: their share is zero whatever the threshold."""
    return np.where(np.isposinf(factors), 1.0, factors)


def _origins_sum(origin: Array, kernel: Array) -> Array:
    """Σ_i origin_is kernel_sij, (S, N)."""
    return (origin[:, None, :] @ kernel)[:, 0, :]


def _destinations_sum(kernel: Array, market: Array) -> Array:
    """Σ_j kernel_sij market_js, (S, N)."""
    return (kernel @ market[:, :, None])[:, :, 0]
