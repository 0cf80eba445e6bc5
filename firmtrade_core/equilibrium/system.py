"""The equations of the world's equilibrium in changes, evaluated fast (MODEL 3).

Inside this module arrays are sector-first, (S, N) and (S, N, N), so that one batched matrix-vector
product serves all sectors; what leaves it has the axis order origin, destination, sector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.baseline import Baseline
from firmtrade_core.equilibrium.cells import Cells, CellSales, Move
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.margins.firms import FirmsMargins, in_force
from firmtrade_core.margins.loglinear import LoglinearMargins
from firmtrade_core.margins.tables import compiled
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: A destination's expenditure is not allowed to shrink further than this in one step.
_DEEPEST_FALL = 0.05

#: Newton steps towards the rate of a labour tax, and the highest rate tried on the way.
_TAX_STEPS, _HIGHEST_TAX = 12, 0.95


@dataclass(frozen=True, eq=False)
class Point:
    """Unknowns in logs of changes: wages (N,), prices, expenditures and numbers of firms (S, N)."""

    wage: Array
    price: Array
    expenditure: Array
    firms: Array


class Terms(NamedTuple):
    """Terms of equation (6): kernel x origin, or a full weight where elasticities differ by market.

    Attributes
    ----------
    origin : (S, N)
        Factors of the origin; ones where ``weight`` holds everything.
    weight : (S, N, N) or None
    row : (H, N) or None
        Terms of the home country's sectors with firms of their own, which the kernel leaves out.
    total : (S, N)
        Sum of the terms over origins.
    slope : (S, N) or None
        Share-weighted mean by destination of -h, the slope of ρ ln Ŝ in the index of `Margins.threshold_change`.
    fixed_share : (S, N, N), (H, N) or None
        φ, of the row where there is one.
    sales : CellSales or None
        Where sales come with the terms; ``weight`` is then only kept where the iteration may end.
    reading : tuple of (S, N) or None
        What gives the terms again.
    """

    origin: Array
    weight: Array | None
    row: Array | None
    total: Array
    slope: Array | None
    fixed_share: Array | None
    sales: CellSales | None = None
    reading: tuple[Array, Array, Array] | None = None


@dataclass(frozen=True, eq=False)
class Flows:
    """What follows for incomes from who sells what where, sector-first; million USD.

    Attributes
    ----------
    terms : Terms
    market : (S, N)
        E' over the index of the destination, so that X' = term x market.
    revenue, profits, cost : (S, N)
        R', Π', C' by origin.
    duties, subsidies : (N,)
    received : (S, N) or None
        What firms pay to labour in their markets, ν of fixed costs, by destination; None with ν = 0.
    """

    terms: Terms
    market: Array
    revenue: Array
    profits: Array
    cost: Array
    duties: Array
    subsidies: Array
    received: Array | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The equations at one vector of unknowns.

    Attributes
    ----------
    point : Point
    cost : (S, N)
        ln ĉ.
    flows : Flows
    labour : (N,)
        ln L̂.
    income : (N,)
        I', million USD.
    gaps : dict
        How far from holding, in logs, in the order of the vector's blocks: wage, price (where it is an
        unknown), expenditure, firms (under free entry).
    """

    point: Point
    cost: Array
    flows: Flows
    labour: Array
    income: Array
    gaps: dict[str, Array]


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
        margins = in_force(baseline.margins, shock.firms)
        self.margins = margins
        # Where other origins are loglinear the kernel holds them, and firms only need rows of their own.
        self.rows = (
            margins
            if isinstance(margins, FirmsMargins) and isinstance(margins.others, LoglinearMargins)
            else None
        )
        self.loglinear = margins if self.rows is None else self.rows.others
        self.sigma = margins.elasticity_of_substitution[:, None]
        self.within = margins.within_elasticity[:, None]
        self.nest = margins.nest[:, None]
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
        self.world_value_added: float | Array = float((baseline.labour_income + baseline.profit_income).sum())
        self.abroad = parameters.fixed_cost_abroad if margins.has_thresholds else 0.0
        self.deficits = world.deficits + baseline.paid.sum(1) - baseline.received.sum(1)
        self.spending_ratio = world.income / (world.income - self.deficits)
        self.labour_tax = np.zeros(n) if parameters.labour_tax is None else np.asarray(parameters.labour_tax)
        self.budget = self.labour_tax * baseline.labour_income + world.duties - world.subsidy_outlay
        self.outlay = shock.outlay
        self.baseline_profits = _sector_first(baseline.profits)
        self.free_entry = parameters.entry == "free" and not margins.competitive
        # Without inputs all of a country's spending moves with its income: one unknown, not one per sector.
        self.input_shares = baseline.input_shares
        self.has_inputs = baseline.input_shares is not None
        self.prices_follow = margins.loglinear and not self.has_inputs
        both = self.active & (self.final_shares > 0)
        self.demand_shift = np.log(
            np.where(both, self.new_final_shares, 1) / np.where(both, self.final_shares, 1)
        )
        self._prepare_kernels(world, shock)
        #: Which countries trade with one another, directly or through others, as numbers, (N,): mostly all zeros.
        self.blocs = _blocs(world, shock)
        self.in_bloc = np.eye(self.blocs.max() + 1)[self.blocs]

    def _prepare_kernels(self, world: World, shock: Shock) -> None:
        """Everything in (6) that moves with the shock alone."""
        tariff = world.tariff if shock.tariff is None else shock.tariff
        subsidy = shock.subsidy_in_force(world)
        self.tariff_factor = 1 / (1 + _sector_first(tariff)) if tariff.any() else None
        self.subsidy_factor = 1 / (1 - _sector_first(subsidy)) if subsidy.any() else None
        self._world = world
        self._shares, self._changes = _sector_first(world.shares), _changes(world, shock)
        margins = self.loglinear
        self._weights: dict[str, Array] | None = None
        if isinstance(margins, LoglinearMargins):
            slope = margins.effective_slope[:, None]
            self.potential_slope = slope
            self.firms_exponent = margins.firms_exponent[:, None]
            self.cost_exponent = (self.sigma - 1) + slope * (self.sigma - self.abroad)
            self.price_exponent = (self.sigma - 1) * (1 + slope)
            wedge = (self.sigma - 1) + slope * self.sigma
            self._exponents = {"wedge": wedge, "trade_cost": self.price_exponent, "fixed_cost": slope}
        else:
            self._exponents = {
                "wedge": self.sigma - 1,
                "trade_cost": self.sigma - 1,
                "fixed_cost": 0 * self.sigma,
            }
            self._weights = {"wedge": self.sigma, "trade_cost": self.sigma - 1, "fixed_cost": self.sigma**0}
        if self.rows is not None:
            self._prepare_rows(self.rows, self._shares, self._changes)
        self.cells = None
        #: Whether the next evaluation may be the last, whose terms by cell are wanted.
        self.nearly_there = False
        #: Terms and sales at the baseline without a shock, where they are known.
        self.before: Terms | None = None
        if self.rows is None and Cells.serve(margins):
            # Sales come with the terms: no kernel is read.
            moves = [
                Move(change.cells, self._pushes(change), self._factors(change)) for change in self._changes
            ]
            self.cells = Cells(margins, self._shares, moves)

    def _factors(self, change: _Change) -> Array:
        """By how much a change of barriers raises terms of (6) beyond its index."""
        return np.asarray(change.factors ** -self._exponents[change.kind][change.cells[0], 0])

    def _pushes(self, change: _Change) -> Array:
        """What it does to the index of thresholds, (1).

        Embargoed cells stay where they are: their share is zero whatever the threshold.
        """
        assert self._weights is not None
        moves = np.log(np.where(np.isposinf(change.factors), 1.0, change.factors))
        return np.asarray(self._weights[change.kind][change.cells[0], 0] * moves)

    @cached_property
    def kernel(self) -> Array:
        """What (6') holds beyond origins and destinations, but for rows of their own, (S, N, N)."""
        if not self._changes and self.rows is None:
            return self._shares
        kernel = self._shares.copy()
        if self.rows is not None:
            kernel[self.rows.rows, self.rows.home] = 0.0
        for change in self._changes:
            kernel[change.cells] *= self._factors(change)
        return kernel

    @cached_property
    def border_kernel(self) -> Array:
        """The kernel at the border, without duties, (S, N, N)."""
        return self.kernel if self.tariff_factor is None else self.kernel * self.tariff_factor

    @cached_property
    def revenue_kernel(self) -> Array:
        """The same with subsidies, (S, N, N)."""
        return self.border_kernel if self.subsidy_factor is None else self.border_kernel * self.subsidy_factor

    @cached_property
    def threshold_shift(self) -> Array | None:
        """What the shock itself does to the index of thresholds, (1), (S, N, N)."""
        if self._weights is None or not self._changes:
            return None
        shift = np.zeros(self._shares.shape)
        for change in self._changes:
            shift[change.cells] += self._pushes(change)
        return shift

    def _prepare_rows(self, margins: FirmsMargins, shares: Array, changes: list[_Change]) -> None:
        """Move the home country's rows with firms out of the kernel, with what the shock does to them."""
        rows, home = margins.rows, margins.home
        self.row_sigma, self.row_nest = self.sigma[rows], self.nest[rows]
        self.row_kernel = shares[rows, home]
        self.row_shift = np.zeros_like(self.row_kernel)
        place = np.full(self.sectors, -1)
        place[rows] = np.arange(len(rows))
        weights = {
            "wedge": self.row_sigma,
            "trade_cost": self.row_sigma - 1,
            "fixed_cost": 1 + 0 * self.row_sigma,
        }
        exponents = {**weights, "wedge": self.row_sigma - 1, "fixed_cost": 0 * self.row_sigma}
        for change in changes:
            mine = (change.cells[1] == home) & (place[change.cells[0]] >= 0)
            cells, factors = (place[change.cells[0][mine]], change.cells[2][mine]), change.factors[mine]
            self.row_kernel[cells] *= factors ** -exponents[change.kind][cells[0], 0]
            moves = np.log(np.where(np.isposinf(factors), 1.0, factors))
            self.row_shift[cells] += weights[change.kind][cells[0], 0] * moves

    # Unknowns -----------------------------------------------------------------------------------

    def start(self) -> Array:
        """The baseline, as a vector of unknowns: no change."""
        cells = self.countries * self.sectors
        spending = cells if self.has_inputs else self.countries
        return np.zeros(
            self.countries + spending + cells * (not self.prices_follow) + cells * self.free_entry
        )

    def _unpack(self, vector: Array) -> tuple[Array, Array | None, Array, Array]:
        """Wages, prices (None where they follow from the rest), expenditures, numbers of firms."""
        n, shape = self.countries, (*vector.shape[:-1], self.sectors, self.countries)
        cells, price = self.countries * self.sectors, None
        wage, rest = vector[..., :n], vector[..., n:]
        if not self.prices_follow:
            price, rest = rest[..., :cells].reshape(shape), rest[..., cells:]
        if self.has_inputs:
            expenditure, rest = rest[..., :cells].reshape(shape), rest[..., cells:]
        else:
            expenditure, rest = self.demand_shift + rest[..., None, :n], rest[..., n:]
        firms = rest.reshape(shape) if self.free_entry else np.zeros(shape)
        return wage, price, expenditure, firms

    # Equations ----------------------------------------------------------------------------------

    def evaluate(self, vector: Array) -> Evaluation:
        """All equations at a vector of unknowns."""
        wage, price, expenditure, firms = self._unpack(vector)
        cost = self._cost(wage, price)
        # What a market is worth to an entrant: its size over what entry costs there.
        reach = expenditure - self.abroad * wage[..., None, :] if self.abroad else expenditure
        terms = self._terms(cost, price, reach, firms, expenditure)
        solved = self._price(terms, price, reach)
        point = Point(wage, solved if price is None else price, expenditure, firms)
        flows = self._flows(point, terms)
        labour = self.labour(point, flows)
        gaps = {"wage": self._wage_gap(point, flows, labour)}
        if price is not None:
            gaps["price"] = solved - price
        income = self._income(point, flows, labour)
        gaps["expenditure"] = self._expenditure_gap(point, flows, income)
        if self.free_entry:
            gaps["firms"] = self._entry_gap(point, flows, cost)
        return Evaluation(point, cost, flows, labour, income, gaps)

    def _cost(self, wage: Array, price: Array | None) -> Array:
        """ln ĉ, equation (5), (S, N)."""
        cost = self.labour_share * wage[..., None, :] - self.productivity
        if self.input_shares is not None and price is not None:
            inputs = np.swapaxes(price, -1, -2)[..., None, :] @ self.input_shares
            cost = cost + np.swapaxes(inputs[..., 0, :], -1, -2)
        return cost

    def _terms(
        self, cost: Array, price: Array | None, expenditure: Array, firms: Array, spending: Array
    ) -> Terms:
        """Terms of (6'), which without a nest is (6), at the reach of markets ``expenditure``; ``spending`` is ln Ê."""
        if self.margins.loglinear or price is None:
            origin = np.exp(self.firms_exponent * firms - self.cost_exponent * cost)
            total = self._open(_origins_sum(origin, self.kernel))
            return Terms(origin, None, None, total, None, None)
        if self.rows is not None:
            return self._terms_with_rows(self.rows, cost, price, expenditure, firms)
        if self.cells is not None:
            lift = self.nest * firms - (self.sigma - 1) * cost
            reading = (*self._index_parts(cost, price, expenditure, firms), lift)
            spent = self.spending * np.exp(spending)
            before = self.before
            if before is not None and before.sales is not None and not any(part.any() for part in reading):
                assert before.slope is not None
                rates = _sector_first(self._world.tariff), _sector_first(self._world.subsidy)
                known = before.total, before.slope, *before.sales
                found = self.cells.sales_at_start(
                    known, spent, rates, self.tariff_factor, self.subsidy_factor
                )
                if found is not None:
                    return Terms(np.ones_like(cost), None, None, found[0], found[1], None, found[2], reading)
            weight = np.empty_like(self._shares) if self.nearly_there else None
            found = self.cells.sales(*reading, spent, self.tariff_factor, self.subsidy_factor, weight)
            if found is not None:
                return Terms(np.ones_like(cost), weight, None, found[0], found[1], None, found[2], reading)
        index = np.moveaxis(self._index(cost, price, expenditure, firms), 0, 2)
        potential, slope, fixed_share = (np.moveaxis(a, 2, 0) for a in self.margins.effective(index))
        factors = self.nest * firms - (self.sigma - 1) * cost
        weight = self.kernel * np.exp(potential + factors[:, :, None])
        total = self._open(weight.sum(1))
        return Terms(np.ones_like(cost), weight, None, total, (weight * slope).sum(1) / total, fixed_share)

    def _terms_with_rows(
        self, margins: FirmsMargins, cost: Array, price: Array, expenditure: Array, firms: Array
    ) -> Terms:
        """Terms of (6') over what a loglinear destination contributes, so that the kernel still factorises."""
        rows, home = margins.rows, margins.home
        origin = np.exp(self.firms_exponent * firms - self.cost_exponent * cost)
        total = _origins_sum(origin, self.kernel)
        market = (expenditure + (self.sigma - 1) * price)[rows]
        cost_home, firms_home = cost[rows, home, None], firms[rows, home, None]
        index = (
            (self.row_sigma - self.abroad) * cost_home
            - market
            + self.row_shift
            + (1 - self.row_nest) * firms_home
        )
        potential, slope, fixed_share = margins.row_effective(index)
        loglinear = self.potential_slope[rows]
        factor = self.row_nest * firms_home - (self.row_sigma - 1) * cost_home
        row = self.row_kernel * np.exp(factor + potential - loglinear * market)
        mean = np.repeat(-self.potential_slope, self.countries, axis=1)
        total[rows] += row
        total = self._open(total)
        mean[rows] += row / total[rows] * (slope + loglinear)
        return Terms(origin, None, row, total, mean, fixed_share)

    def _open(self, total: Array) -> Array:
        return np.where(self.active & (total > 0), total, 1.0)

    def _flows(self, point: Point, terms: Terms) -> Flows:
        """Sales, duties, profits and costs: (7) and (8)."""
        market = self.spending * np.exp(point.expenditure) / terms.total
        if terms.sales is not None:
            return self._cell_flows(terms.sales, terms, market)
        border_kernel, revenue_kernel = self.border_kernel, self.revenue_kernel
        if terms.weight is not None:
            border_kernel = revenue_kernel = terms.weight
            if self.tariff_factor is not None:
                border_kernel = revenue_kernel = border_kernel * self.tariff_factor
            if self.subsidy_factor is not None:
                revenue_kernel = revenue_kernel * self.subsidy_factor
        border = terms.origin * _destinations_sum(border_kernel, market)
        row_border = row_revenue = None
        if self.rows is not None and terms.row is not None:
            row_border, row_revenue = self._row_sales(self.rows, terms.row, market)
            border[self.rows.rows, self.rows.home] = row_border.sum(1)
        duties = subsidies = np.zeros(self.countries)
        if self.tariff_factor is not None:
            at_border = market * _origins_sum(terms.origin, border_kernel)
            if self.rows is not None:
                at_border[self.rows.rows] += row_border
            duties = (np.where(self.active, market * terms.total, 0.0) - at_border).sum(0)
        revenue = border
        if self.subsidy_factor is not None:
            revenue = terms.origin * _destinations_sum(revenue_kernel, market)
            if self.rows is not None and row_revenue is not None:
                revenue[self.rows.rows, self.rows.home] = row_revenue.sum(1)
            subsidies = (revenue - border).sum(0)
        if self.rows is not None and row_revenue is not None:
            profits = self._profits_with_rows(self.rows, revenue, terms.fixed_share, row_revenue)
        else:
            profits = self._profits(revenue, terms.fixed_share, revenue_kernel, market)
        received = self._received(terms, market, row_revenue) if self.abroad else None
        cost = self._spent(revenue, profits)
        return Flows(terms, market, revenue, profits, cost, duties, subsidies, received)

    def _spent(self, revenue: Array, profits: Array) -> Array:
        """C': what producers spend at home, (S, N): revenue less profits that are income, and less what labour abroad gets."""
        cost = revenue if self.free_entry or self.margins.competitive else revenue - profits
        return cost - self.abroad * (revenue / self.within - profits) if self.abroad else cost

    def _received(self, terms: Terms, market: Array, row_revenue: Array | None) -> Array:
        """ν Σ_i φ'R'/γ by destination, (S, N)."""
        if terms.weight is None:
            assert isinstance(self.loglinear, LoglinearMargins)
            revenue = market * _origins_sum(terms.origin, self.revenue_kernel)
            paid = self.loglinear.constant_fixed_cost_share[:, None] * revenue
            if self.rows is not None and terms.fixed_share is not None and row_revenue is not None:
                paid[self.rows.rows] += terms.fixed_share * row_revenue
        else:
            assert terms.fixed_share is not None
            revenue = terms.weight * terms.fixed_share
            for factor in (self.tariff_factor, self.subsidy_factor):
                revenue = revenue if factor is None else revenue * factor
            paid = market * revenue.sum(1)
        return self.abroad * paid / self.within

    def _cell_flows(self, sales: CellSales, terms: Terms, market: Array) -> Flows:
        """The same where sales came with the terms."""
        duties = (np.where(self.active, market * terms.total, 0.0) - sales.arriving).sum(-2)
        profits = sales.kept / self.within
        cost = self._spent(sales.revenue, profits)
        subsidies = (sales.revenue - sales.border).sum(-2)
        received = self.abroad * sales.fixed / self.within if self.abroad else None
        return Flows(terms, market, sales.revenue, profits, cost, duties, subsidies, received)

    def _row_sales(self, margins: FirmsMargins, row: Array, market: Array) -> tuple[Array, Array]:
        """Border values and revenues of the rows with firms, each (H, N)."""
        border = row * market[margins.rows]
        if self.tariff_factor is not None:
            border = border * self.tariff_factor[margins.rows, margins.home]
        revenue = border
        if self.subsidy_factor is not None:
            revenue = border * self.subsidy_factor[margins.rows, margins.home]
        return border, revenue

    def _profits_with_rows(
        self, margins: FirmsMargins, revenue: Array, fixed_share: Array | None, row_revenue: Array
    ) -> Array:
        profits = self._profits(revenue, None, revenue, revenue)
        assert fixed_share is not None
        kept = ((1 - fixed_share) * row_revenue).sum(1)
        profits[margins.rows, margins.home] = kept / self.within[margins.rows, 0]
        return profits

    def _index(self, cost: Array, price: Array, expenditure: Array, firms: Array) -> Array:
        """Index of `Margins.threshold_change`, which without a nest is Δk of (1), sector-first (S, N, N)."""
        origin, destination = self._index_parts(cost, price, expenditure, firms)
        index = origin[:, :, None] - destination[:, None, :]
        return index if self.threshold_shift is None else index + self.threshold_shift

    def _index_parts(
        self, cost: Array, price: Array, expenditure: Array, firms: Array
    ) -> tuple[Array, Array]:
        """The index's parts by origin and by destination, (S, N); the shock's own comes on top."""
        origin = (self.sigma - self.abroad) * cost + (1 - self.nest) * firms
        return origin, expenditure + (self.sigma - 1) * price

    def _profits(
        self, revenue: Array, fixed_share: Array | None, revenue_kernel: Array, market: Array
    ) -> Array:
        """Π' = Σ_j (1-φ')R'/γ, equation (7)."""
        if isinstance(self.loglinear, LoglinearMargins):
            if self.loglinear.competitive:
                return np.zeros_like(revenue)
            return (1 - self.loglinear.constant_fixed_cost_share[:, None]) * revenue / self.within
        kept = revenue_kernel if fixed_share is None else (1 - fixed_share) * revenue_kernel
        return _destinations_sum(kept, market) / self.within

    def _price(self, terms: Terms, price: Array | None, expenditure: Array) -> Array:
        """ln P̂ by (6'), (S, N): solved exactly where loglinear, by a Newton step elsewhere."""
        log_total = np.log(terms.total)
        if terms.slope is None or price is None:
            solved = -(log_total + self.potential_slope * expenditure) / self.price_exponent
        else:
            gap = (1 - self.sigma) * price - log_total
            if terms.row is not None:
                gap -= self.potential_slope * (expenditure + (self.sigma - 1) * price)
            solved = price + gap / ((self.sigma - 1) * (1 - terms.slope))
        return np.where(self.active, solved, 0.0)

    def labour(self, point: Point, flows: Flows) -> Array:
        """ln L̂, equation (9), (N,); with a labour tax, supply from (1-τ_L) w/P at the rate that keeps the budget."""
        elasticity = self.parameters.labour_supply_elasticity
        if elasticity == 0:
            return np.zeros(self.countries)
        real_wage = point.wage - (self.final_shares * point.price).sum(-2)
        if self.parameters.duties == "lump_sum":
            return elasticity * real_wage
        needed = self.needed_revenue(point, flows) / (self.labour_income * np.exp(point.wage))
        before = np.log1p(-self.labour_tax)
        labour = elasticity * real_wage
        for _ in range(_TAX_STEPS):
            rate = np.minimum(needed * np.exp(-labour), _HIGHEST_TAX)
            gap = labour - elasticity * (real_wage + np.log1p(-rate) - before)
            labour = labour - gap / np.maximum(1 - elasticity * rate / (1 - rate), 0.1)
        return labour

    def needed_revenue(self, point: Point, flows: Flows) -> Array:
        """τ_L w'L' that keeps the budget at its baseline in units of the final basket, (N,), million USD."""
        basket = np.exp((self.final_shares * point.price).sum(-2))
        return self.budget * basket - flows.duties + flows.subsidies + self.government(point)

    def government(self, point: Point) -> Array:
        """G' in current prices of the final basket, (N,)."""
        if self.outlay is None:
            return np.zeros(self.countries)
        return self.outlay * np.exp((self.final_shares * point.price).sum(-2))

    def deficit(self, own_income: Array, labour_income: Array, profits: Array) -> Array:
        """D' under the chosen closure, (N,), summing to zero."""
        if self.parameters.deficits == "fixed":
            return self.deficits * (labour_income + profits).sum(-1, keepdims=True) / self.world_value_added
        if self.parameters.deficits == "proportional":
            spending = own_income * self.spending_ratio
            factor = (own_income @ self.in_bloc) / (spending @ self.in_bloc)
            return spending * factor[..., self.blocs] - own_income
        return np.zeros(self.countries)

    def _income(self, point: Point, flows: Flows, labour: Array) -> Array:
        """I', section 1 of the model, (N,)."""
        labour_income = self.labour_income * np.exp(point.wage + labour)
        kept = not (self.free_entry or self.margins.competitive)
        profits = flows.profits.sum(-2) if kept else np.zeros(self.countries)
        own = labour_income + profits + flows.duties - flows.subsidies - self.government(point)
        return own + self.deficit(own, labour_income, profits)

    def _expenditure(self, point: Point, flows: Flows, income: Array) -> Array:
        """E' implied by incomes and costs, equation (10), (S, N), million USD."""
        expenditure = self.new_final_shares * (income + self.government(point))[..., None, :]
        if self.input_shares is not None:
            inputs = self.input_shares @ np.swapaxes(flows.cost, -1, -2)[..., None]
            expenditure = expenditure + np.swapaxes(inputs[..., 0], -1, -2)
        return expenditure

    def _wage_gap(self, point: Point, flows: Flows, labour: Array) -> Array:
        """ln of labour demanded over labour supplied, equation (9), (N,)."""
        demand = (self.labour_share * flows.cost).sum(-2)
        if flows.received is not None:
            demand = demand + flows.received.sum(-2)
        return np.log(demand / self.labour_income) - point.wage - labour

    def _expenditure_gap(self, point: Point, flows: Flows, income: Array) -> Array:
        """ln of expenditure implied over expenditure assumed, (S, N), or (N,) without inputs."""
        current = self.spending * np.exp(point.expenditure)
        wanted = self._expenditure(point, flows, income)
        if not self.has_inputs:
            current, wanted = current.sum(-2), wanted.sum(-2)
            return np.log(np.maximum(wanted, _DEEPEST_FALL * current) / current)
        wanted = np.maximum(wanted, _DEEPEST_FALL * current)
        gap = np.log(np.where(self.active, wanted, 1.0) / np.where(self.active, current, 1.0))
        return np.where(self.active, gap, -point.expenditure)

    def _entry_gap(self, point: Point, flows: Flows, cost: Array) -> Array:
        """ln of (8), M̂ = Π̂/ĉ, over the current M̂, (S, N)."""
        produced = (self.baseline_profits > 0) & (flows.profits > 0)
        ratio = np.where(produced, flows.profits, 1.0) / np.where(produced, self.baseline_profits, 1.0)
        # Where nothing is produced nobody enters: an unknown without an equation would leave the system singular.
        return np.where(produced, np.log(ratio) - cost, 0.0) - point.firms

    def sales(self, flows: Flows) -> Array:
        """X' = π'E', equation (7), (S, N, N), million USD."""
        weight, terms = self._weight(flows.terms), flows.terms
        return np.multiply(weight, flows.market[:, None, :], out=None if weight is terms.weight else weight)

    def _weight(self, terms: Terms) -> Array:
        """Terms of (6) for every cell, (S, N, N); not to be written to."""
        if terms.weight is not None:
            return terms.weight
        if terms.reading is not None and self.cells is not None:
            found = self.cells.weights(*terms.reading)
            assert found is not None
            return found
        weight = self.kernel * terms.origin[:, :, None]
        if self.rows is not None and terms.row is not None:
            weight[self.rows.rows, self.rows.home] = terms.row
        return weight

    # Iteration ----------------------------------------------------------------------------------

    def largest_gap(self, evaluation: Evaluation) -> float:
        """The largest gap, the numeraire's among them, prices weighed as (6) weighs them, to the power 1-σ."""
        return float(self.largest_gaps(evaluation))

    def largest_gaps(self, evaluation: Evaluation) -> Array:
        """The same for every structure where there are several."""
        gaps = dict(evaluation.gaps)
        if "price" in gaps:
            gaps["price"] = gaps["price"] * np.maximum(self.sigma - 1, 1.0)
        gaps["numeraire"] = evaluation.point.wage - self.numeraire(evaluation.point.wage)
        lead = evaluation.point.wage.shape[:-1]
        # NaN counts as infinitely far.
        sizes = [np.abs(gap).reshape(*lead, -1).max(-1) for gap in gaps.values()]
        return np.asarray(np.maximum.reduce(sizes))

    def cell_slopes(self, evaluation: Evaluation) -> Array | None:
        """-h of every cell, (S, N, N), where it differs between origins; None where it does not."""
        if self.margins.loglinear:
            return None
        point = evaluation.point
        index = self._index(evaluation.cost, point.price, point.expenditure, point.firms)
        return np.moveaxis(self.margins.effective(np.moveaxis(index, 0, 2))[1], 2, 0)

    def entry_exponent(self, slope: Array) -> Array:
        """By how much terms of (6') rise with ln M̂, by destination where it differs; ∂ρln S/∂index as in `elasticities`."""
        return self.firms_exponent if self.margins.loglinear else self.nest + (1 - self.nest) * slope

    def duties_by_sector(self, flows: Flows) -> Array:
        """Duties by importer and sector, (S, N), million USD."""
        if self.tariff_factor is None:
            return np.zeros_like(flows.market)
        return flows.market * (self._weight(flows.terms) * (1 - self.tariff_factor)).sum(1)

    def numeraire(self, wage: Array) -> Array:
        """Wages scaled so that Σ ŵ wL = Σ wL."""
        earned = (np.exp(wage) * self.labour_income).sum(-1, keepdims=True)
        return wage - np.log(earned / self.labour_income.sum(-1, keepdims=True))

    def elasticities(self, flows: Flows) -> tuple[Array, Array, Array]:
        """By destination, (S, N): of sales to the origin's cost, of the index to its price, ∂ln S/∂k; the first two positive."""
        shape = flows.cost.shape
        if self.margins.loglinear:
            slope = -self.potential_slope
            return tuple(np.broadcast_to(a, shape) for a in (self.cost_exponent, self.price_exponent, slope))  # type: ignore[return-value]
        slope = np.zeros(shape) if flows.terms.slope is None else flows.terms.slope
        return (self.sigma - 1) - self.sigma * slope, (self.sigma - 1) * (1 - slope), slope

    def share_matrices(self, flows: Flows) -> tuple[Array, Array]:
        """Market shares π' and sales shares R'_ij/R'_i, sector-first."""
        terms = flows.terms
        weight = self._weight(terms)
        shares = weight / terms.total[:, None, :]
        sales = weight * flows.market[:, None, :]
        for factor in (self.tariff_factor, self.subsidy_factor):
            sales = sales if factor is None else sales * factor
        total = sales.sum(2, keepdims=True)
        return shares, sales / np.where(total > 0, total, 1.0)


def _blocs(world: World, shock: Shock) -> NDArray[np.intp]:
    """Numbers of the groups into which empty cells and embargoes divide the world, (N,).

    No deficit can be financed from outside a group: each has a factor of its own under proportional deficits.
    """
    cells = world.expenditure > 0
    if shock.trade_cost is not None:
        cells = cells & np.isfinite(shock.trade_cost)
    trades = np.asarray(cells.any(2))
    if trades[0].all() or trades[:, 0].all():
        return np.zeros(len(trades), dtype=np.intp)
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components(trades, directed=False)[1], dtype=np.intp)


def _sector_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


@compiled
def _unlike(after: Any, before: Any) -> Any:
    """Where two arrays differ, (S, N, N), as `np.nonzero` tells it: sectors that are alike, most of them, are passed by quickly."""
    count, marks = 0, np.zeros(after.shape[0], dtype=np.int64)
    for s in range(after.shape[0]):
        here = 0
        for i in range(after.shape[1]):
            for j in range(after.shape[2]):
                here += after[s, i, j] != before[s, i, j]
        marks[s] = here
        count += here
    one, two, three = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    at = 0
    for s in range(after.shape[0]):
        if marks[s] > 0:
            for i in range(after.shape[1]):
                for j in range(after.shape[2]):
                    if after[s, i, j] != before[s, i, j]:
                        one[at], two[at], three[at] = s, i, j
                        at += 1
    return one, two, three


class _Change(NamedTuple):
    """Factors on one kind of barrier in the cells where it changes; cells index (S, N, N)."""

    kind: str
    cells: tuple[NDArray[np.intp], ...]
    factors: Array


def _changes(world: World, shock: Shock) -> list[_Change]:
    """T̂, τ̂ and f̂ where they differ from one; T = (1+t)(1-b)."""
    found = []
    for kind, new, old, sign in (
        ("wedge", shock.tariff, world.tariff, 1.0),
        ("wedge", shock.subsidy_in_force(world), world.subsidy, -1.0),
    ):
        if new is not None and new is not old:
            after, before = np.moveaxis(new, 2, 0), np.moveaxis(old, 2, 0)
            cells = _unlike(np.ascontiguousarray(after), np.ascontiguousarray(before))
            found.append(_Change(kind, cells, (1 + sign * after[cells]) / (1 + sign * before[cells])))
    for kind, factors in (("trade_cost", shock.trade_cost), ("fixed_cost", shock.fixed_cost)):
        if factors is not None:
            after = np.moveaxis(factors, 2, 0)
            cells = np.nonzero(after != 1)
            found.append(_Change(kind, cells, after[cells]))
    return found


def _origins_sum(origin: Array, kernel: Array) -> Array:
    """Σ_i origin_is kernel_sij, (S, N)."""
    return (origin[:, None, :] @ kernel)[:, 0, :]


def _destinations_sum(kernel: Array, market: Array) -> Array:
    """Σ_j kernel_sij market_js, (S, N)."""
    return (kernel @ market[:, :, None])[:, :, 0]
