"""The equations under several structures of one world at once (MODEL 3, 14).

Arrays are as in `system`, with draws first: (D, N), (D, S, N). Structures differ in elasticities, σ, γ and what follows; world, shock,
closures and the law of firms are the same. Markets' sums are products of whole matrices where kernels factorise, and one pass
over the cells of a sector for all structures where they do not.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.baseline import Baseline
from firmtrade_core.equilibrium.cells import DrawCells
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.system import Evaluation, Flows, Point, System, Terms, _changes
from firmtrade_core.margins.loglinear import LoglinearMargins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.margins.tables import compiled
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: What differs by structure, draws first.
_STACKED = (
    "sigma", "within", "nest", "labour_share", "labour_income", "world_value_added", "deficits", "spending_ratio",
    "budget", "baseline_profits", "input_shares", "potential_slope", "firms_exponent", "cost_exponent", "price_exponent",
    "constant_share", "extra",
)  # fmt: skip

#: Standard deviations beyond the furthest cell of the baseline that tables of draws reach.
_REACH = 4.0


@compiled
def _add_changed(origin: Any, cells: Any, extra: Any, found: Any) -> None:
    """Adds Σ_i origin_is extra_sij over changed cells, by structure."""
    for d in range(origin.shape[0]):
        for m in range(extra.shape[1]):
            s, i, j = cells[0, m], cells[1, m], cells[2, m]
            found[d, s, j] += origin[d, s, i] * extra[d, m]


@compiled
def _add_sold(market: Any, cells: Any, extra: Any, found: Any) -> None:
    """Adds Σ_j extra_sij market_js over changed cells, by structure."""
    for d in range(market.shape[0]):
        for m in range(extra.shape[1]):
            s, i, j = cells[0, m], cells[1, m], cells[2, m]
            found[d, s, i] += extra[d, m] * market[d, s, j]


@compiled
def _sell(origin: Any, market: Any, shares: Any, cells: Any, extra: Any, sold: Any) -> None:
    """Sales of one structure, cell by cell."""
    for s in range(shares.shape[0]):
        for i in range(shares.shape[1]):
            for j in range(shares.shape[2]):
                sold[s, i, j] = shares[s, i, j] * origin[s, i] * market[s, j]
    for m in range(extra.shape[0]):
        s, i, j = cells[0, m], cells[1, m], cells[2, m]
        sold[s, i, j] += extra[m] * origin[s, i] * market[s, j]


class Batch(System):
    """One world, one shock, several structures.

    Parameters
    ----------
    world, shock
    parameters : list of Parameters
        Alike in all but elasticities.
    baselines : list of Baseline
    """

    def __init__(
        self, world: World, shock: Shock, parameters: list[Parameters], baselines: list[Baseline]
    ) -> None:
        margins = [baseline.margins for baseline in baselines]
        self._prototype = True
        super().__init__(world, shock, parameters[0], baselines[0])
        self.which = np.arange(len(baselines))
        self.every_parameters, self.baselines = parameters, baselines
        self.draw_cells: DrawCells | None = None

        def stack(values: list[Array]) -> Array:
            return np.array(values)

        self.sigma = stack([m.elasticity_of_substitution for m in margins])[:, :, None]
        self.within = stack([m.within_elasticity for m in margins])[:, :, None]
        self.nest = (self.sigma - 1) / (self.within - 1)
        self.labour_share = stack([b.labour_share.T for b in baselines])
        self.labour_income = stack([b.labour_income for b in baselines])
        self.world_value_added = np.array([[(b.labour_income + b.profit_income).sum()] for b in baselines])
        self.deficits = world.deficits + stack([b.paid.sum(1) - b.received.sum(1) for b in baselines])
        self.spending_ratio = world.income / (world.income - self.deficits)
        self.budget = self.labour_tax * self.labour_income + world.duties - world.subsidy_outlay
        self.baseline_profits = stack([b.profits.T for b in baselines])
        if self.has_inputs:
            self.input_shares = stack([b.input_shares for b in baselines if b.input_shares is not None])
        changes = _changes(world, shock)
        self.shares = np.ascontiguousarray(np.moveaxis(world.shares, 2, 0))
        if isinstance(self.margins, LoglinearMargins):
            self._stack_loglinear([m for m in margins if isinstance(m, LoglinearMargins)], changes)
        else:
            self._stack_lognormal([m for m in margins if isinstance(m, LognormalMargins)], changes)

    def _prepare_kernels(self, world: World, shock: Shock) -> None:
        """What moves with the shock alone; by structure in `__init__`."""
        tariff = world.tariff if shock.tariff is None else shock.tariff
        subsidy = shock.subsidy_in_force(world)
        self.tariff_factor = (
            1 / (1 + np.ascontiguousarray(np.moveaxis(tariff, 2, 0))) if tariff.any() else None
        )
        self.subsidy_factor = (
            1 / (1 - np.ascontiguousarray(np.moveaxis(subsidy, 2, 0))) if subsidy.any() else None
        )
        self.cells = None

    def _stack_loglinear(self, margins: list[LoglinearMargins], changes: list[Any]) -> None:
        slope = np.array([m.effective_slope for m in margins])[:, :, None]
        self.potential_slope = slope
        self.firms_exponent = np.array([m.firms_exponent for m in margins])[:, :, None]
        self.constant_share = np.array([m.constant_fixed_cost_share for m in margins])[:, :, None]
        self.cost_exponent = (self.sigma - 1) + slope * (self.sigma - self.abroad)
        self.price_exponent = (self.sigma - 1) * (1 + slope)
        wedge = (self.sigma - 1) + slope * self.sigma
        exponents = {"wedge": wedge, "trade_cost": self.price_exponent, "fixed_cost": slope}
        moved = np.zeros(self.shares.shape, dtype=bool)
        for change in changes:
            moved[change.cells] = True
        at = np.nonzero(moved)
        self.changed = np.array(at)
        place = np.full(self.shares.shape, -1)
        place[at] = np.arange(len(at[0]))
        factor = np.ones((len(margins), len(at[0])))
        for change in changes:
            which, sector = place[change.cells], change.cells[0]
            factor[:, which] *= change.factors ** -exponents[change.kind][:, sector, 0]
        #: By how much terms of changed cells exceed the baseline's, (D, M).
        self.extra = self.shares[at] * (factor - 1)
        self.border_shares = self.shares if self.tariff_factor is None else self.shares * self.tariff_factor
        self.border_changed = None if self.tariff_factor is None else self.tariff_factor[at]
        self.revenue_shares = (
            self.border_shares if self.subsidy_factor is None else self.border_shares * self.subsidy_factor
        )
        self.revenue_changed = self.border_changed
        if self.subsidy_factor is not None:
            helped = self.subsidy_factor[at]
            self.revenue_changed = helped if self.border_changed is None else helped * self.border_changed

    def _stack_lognormal(self, margins: list[LognormalMargins], changes: list[Any]) -> None:
        first = margins[0]
        threshold, base = (
            np.ascontiguousarray(np.moveaxis(part, 2, 0)) for part in (first.threshold, first._baseline[0])
        )
        kernel, steep, push = self.shares, None, None
        if changes:
            steep, push = np.zeros_like(kernel), np.zeros_like(kernel)
            banned = False
            for change in changes:
                ended = np.isposinf(change.factors)
                banned |= bool(ended.any())
                logs = np.log(np.where(ended, 1.0, change.factors))
                if ended.any():
                    kernel = kernel.copy() if kernel is self.shares else kernel
                    kernel[tuple(index[ended] for index in change.cells)] = 0.0
                if change.kind != "fixed_cost":
                    steep[change.cells] += logs
                if change.kind != "trade_cost":
                    push[change.cells] += logs
        finite = threshold[np.isfinite(threshold)]
        highest = (float(finite.max()) / first.dispersion if len(finite) else 0.0) + _REACH
        self.draw_cells = DrawCells(
            threshold,
            base,
            steep,
            push,
            kernel,
            first.dispersion,
            self.nest[:, :, 0],
            self.sigma[:, :, 0] - 1,
            highest,
        )

    def only(self, kept: NDArray[np.intp]) -> Batch:
        """The same for some of the structures."""
        part = copy.copy(self)
        part.which = self.which[kept]
        for name in _STACKED:
            value = getattr(self, name, None)
            if value is not None:
                setattr(part, name, value[kept])
        return part

    # Equations ----------------------------------------------------------------------------------

    def _terms(
        self, cost: Array, price: Array | None, expenditure: Array, firms: Array, spending: Array
    ) -> Terms:
        if self.draw_cells is None or price is None:
            origin = np.exp(self.firms_exponent * firms - self.cost_exponent * cost)
            total = self._open(self._from_origins(origin, self.shares, None))
            return Terms(origin, None, None, total, None, None)
        lift = self.nest * firms - (self.sigma - 1) * cost
        reading = (*self._index_parts(cost, price, expenditure, firms), lift)
        spent = self.spending * np.exp(spending)
        total, mean, sales, beyond = self.draw_cells.sales(
            self.which, *reading, spent, self.tariff_factor, self.subsidy_factor
        )
        # A structure with cells beyond its tables is left to be solved on its own.
        total[beyond > 0] = np.nan
        return Terms(lift, None, None, total, mean, None, sales, reading)

    def _open(self, total: Array) -> Array:
        return np.where(self.active & ~(total <= 0), total, 1.0)

    def _flows(self, point: Point, terms: Terms) -> Flows:
        market = self.spending * np.exp(point.expenditure) / terms.total
        if terms.sales is not None:
            return self._cell_flows(terms.sales, terms, market)
        border = terms.origin * self._to_origins(market, self.border_shares, self.border_changed)
        duties = subsidies = np.zeros(self.countries)
        if self.tariff_factor is not None:
            arriving = market * self._from_origins(terms.origin, self.border_shares, self.border_changed)
            duties = (np.where(self.active, market * terms.total, 0.0) - arriving).sum(-2)
        revenue = border
        if self.subsidy_factor is not None:
            revenue = terms.origin * self._to_origins(market, self.revenue_shares, self.revenue_changed)
            subsidies = (revenue - border).sum(-2)
        if self.margins.competitive:
            profits = np.zeros_like(revenue)
        else:
            profits = (1 - self.constant_share) * revenue / self.within
        received = None
        if self.abroad:
            bought = market * self._from_origins(terms.origin, self.revenue_shares, self.revenue_changed)
            received = self.abroad * self.constant_share * bought / self.within
        return Flows(
            terms, market, revenue, profits, self._spent(revenue, profits), duties, subsidies, received
        )

    def _from_origins(self, origin: Array, shares: Array, changed: Array | None) -> Array:
        """Σ_i origin_is kernel_sij, (D, S, N)."""
        found = np.ascontiguousarray(np.swapaxes(np.swapaxes(origin, 0, 1) @ shares, 0, 1))
        if self.changed.shape[1]:
            extra = self.extra if changed is None else self.extra * changed
            _add_changed(np.ascontiguousarray(origin), self.changed, extra, found)
        return found

    def _to_origins(self, market: Array, shares: Array, changed: Array | None) -> Array:
        """Σ_j kernel_sij market_js, (D, S, N)."""
        found = np.swapaxes(market, 0, 1) @ np.swapaxes(shares, 1, 2)
        found = np.ascontiguousarray(np.swapaxes(found, 0, 1))
        if self.changed.shape[1]:
            extra = self.extra if changed is None else self.extra * changed
            _add_sold(np.ascontiguousarray(market), self.changed, extra, found)
        return found

    # One structure ------------------------------------------------------------------------------

    def alone(self, evaluation: Evaluation, at: int) -> tuple[_Alone, Evaluation]:
        """The equations and the evaluation of one structure, for what is returned of it."""
        one = copy.copy(self)
        one.__class__ = _Alone
        assert isinstance(one, _Alone)
        one.draw = int(self.which[at])
        for name in _STACKED:
            value = getattr(self, name, None)
            if value is not None:
                setattr(one, name, value[at])
        one.parameters, one.baseline = self.every_parameters[one.draw], self.baselines[one.draw]
        one.margins = one.baseline.margins
        point, flows, terms = evaluation.point, evaluation.flows, evaluation.flows.terms
        reading = terms.reading and tuple(part[at] for part in terms.reading)

        def row(array: Array) -> Array:
            return array[at] if array.ndim > 1 else array

        return one, Evaluation(
            Point(point.wage[at], point.price[at], point.expenditure[at], point.firms[at]),
            evaluation.cost[at],
            Flows(
                Terms(terms.origin[at], None, None, terms.total[at], None, None, None, reading),
                flows.market[at],
                flows.revenue[at],
                flows.profits[at],
                flows.cost[at],
                row(flows.duties),
                row(flows.subsidies),
                None if flows.received is None else flows.received[at],
            ),
            row(evaluation.labour),
            evaluation.income[at],
            {},
        )


class _Alone(Batch):
    """One structure of a batch, in the shapes of `System`."""

    draw: int
    #: Δk, (S, N, N), once weights have been asked for where cells have thresholds of their own.
    threshold_change: Array | None = None

    def _weight(self, terms: Terms) -> Array:
        if self.draw_cells is not None and terms.reading is not None:
            weight, self.threshold_change = self.draw_cells.weights(self.draw, *terms.reading)
            return weight
        weight = self.shares * terms.origin[:, :, None]
        cells = tuple(self.changed)
        weight[cells] += self.extra * terms.origin[cells[:2]]
        return weight

    def sales(self, flows: Flows) -> Array:
        """X' = π'E', equation (7), (S, N, N), million USD; in one pass where terms factorise."""
        if self.draw_cells is not None:
            return super().sales(flows)
        sold = np.empty_like(self.shares)
        _sell(
            *(np.ascontiguousarray(part) for part in (flows.terms.origin, flows.market)),
            self.shares, self.changed, self.extra, sold,
        )  # fmt: skip
        return sold
