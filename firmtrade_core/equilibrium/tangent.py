"""The equations around an equilibrium, swept back from an outcome to unknowns and to levers (MODEL 14).

Arrays are sector-first, as in `system`. The unknowns are ln ŵ and ln L̂, (N,) each, and ln P̂, ln Ê and, under free entry,
ln M̂, (S, N) each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.outcome import GradientError, Outcome
from firmtrade_core.equilibrium.system import System

Array = NDArray[np.float64]


class Unknowns(NamedTuple):
    """One number for each unknown, or for its equation: (N,), (N,), (S, N), (S, N), (S, N)."""

    wage: Array
    labour: Array
    price: Array
    expenditure: Array
    firms: Array


@dataclass(frozen=True, eq=False)
class Bar:
    """Derivatives of a number with respect to quantities on the way, to be swept back; see `Tangent.back`."""

    wage: Array
    labour: Array
    price: Array
    expenditure: Array
    firms: Array
    log_cost: Array
    income: Array
    government: Array
    duties: Array
    subsidies: Array
    profits: Array
    spent: Array
    received: Array
    tax: Array
    exports: Array
    #: Of the sums in the price indices.
    index: Array

    def less(self, other: Bar) -> Bar:
        """The difference of both."""
        return Bar(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))

    @staticmethod
    def stacked(bars: Sequence[Bar]) -> Bar:
        """Several numbers' together, which come first."""
        return Bar(*(np.stack([getattr(bar, one.name) for bar in bars]) for one in fields(Bar)))

    @staticmethod
    def zeros(countries: int, sectors: int, lead: tuple[int, ...] = ()) -> Bar:
        """Nothing yet, of one number or of several, ``lead`` of them."""
        one, two = (*lead, countries), (*lead, sectors, countries)
        shapes = (one, one, two, two, two, two, one, one, one, one, two, two, two, one, one, two)
        return Bar(*(np.zeros(shape) for shape in shapes))


class CellBars(NamedTuple):
    """Derivatives by cell, (S, N, N), and ln ĉ's, (S, N): what parameters enter."""

    tariff: Array
    subsidy: Array
    trade_cost: Array
    fixed_cost: Array
    log_cost: Array


class Tangent:
    """The equations around an equilibrium, ready to be swept back.

    Notes
    -----
    With x the index of thresholds, Q = ρ ln Ŝ, s = dQ/dx and φ: d ln W_ij = ρ dM_i - (σ-1)(dĉ_i + dτ + dT) + s_ij dx_ij,
    d ln X'_ij = d ln W_ij + (σ-1) dP_j + dE_j (with (6') in the form (1-σ) ln P̂ = ln Σ_i W_ij), and dφ/dk = φ + (1-φ)
    ∂ln S/∂k, for the marginal firm's fixed cost is its profit; dk/dx = 1/(1-(1-ρ) ∂ln S/∂k).
    """

    def __init__(self, equilibrium: Counterfactual) -> None:
        self.equilibrium = equilibrium
        #: F_x', once elimination has asked for it.
        self.matrix: Array | None = None
        world, baseline = equilibrium.world, equilibrium.baseline
        system = System(world, equilibrium.shock, equilibrium.parameters, baseline)
        if len(np.unique(system.blocs)) > 1:
            raise GradientError(
                "Embargoes or empty cells divide this world into groups that do not trade with one another: each has a "
                "numeraire of its own, and derivatives across them are not covered. Ask in a world of one group."
            )
        self.system = system
        self.countries, self.sectors = world.shape
        margins = equilibrium.margins_in_force
        self.sigma, self.within, self.nest = system.sigma, system.within, system.nest
        self.abroad, self.competitive = system.abroad, baseline.margins.competitive
        self.free_entry = system.free_entry
        self.kept = 0.0 if self.free_entry or self.competitive else 1.0
        index = equilibrium.threshold_index
        _, slope, share = margins.effective(np.where(np.isfinite(index), index, 0.0))
        shape = (self.sectors, self.countries, self.countries)
        self.slope, self.share = (
            np.broadcast_to(np.moveaxis(np.broadcast_to(part, world.tariff.shape), 2, 0), shape)
            for part in (slope, share)
        )
        nest = self.nest[:, :, None]
        raw = self.slope / (nest + (1 - nest) * self.slope)
        self.bend = (self.share + raw * (1 - self.share)) / (1 - (1 - nest) * raw)
        self.flows, self.border, self.revenue, self.tariff, self.subsidy = (
            np.ascontiguousarray(np.moveaxis(part, 2, 0))
            for part in (
                equilibrium.flows,
                equilibrium.border_value,
                equilibrium.revenue,
                equilibrium.tariff,
                equilibrium.subsidy,
            )
        )
        total = self.flows.sum(1)
        self.active = total > 0
        self.spending = np.where(self.active, total, 1.0)
        self.shares = self.flows / self.spending[:, None, :]
        self.profits = equilibrium.profits.T
        self.earned = equilibrium.labour_income
        weights = baseline.labour_income * equilibrium.wage_change
        self.weights = weights / weights.sum()
        self.basket = equilibrium.price_index_change
        self.final = system.final_shares
        self.new_final = system.new_final_shares
        self.elasticity = equilibrium.parameters.labour_supply_elasticity
        self.taxed = equilibrium.parameters.duties == "labour_tax"
        self.produced = (system.baseline_profits > 0) & (self.profits > 0)
        #: The country whose labour market follows from all others (Walras's law): the numeraire takes its place.
        self.implied = int(self.earned.argmax())
        self.pinned = np.where(np.arange(self.countries) == self.implied, self.weights, 0.0)

    # Vectors --------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return 2 * self.countries + (2 + self.free_entry) * self.countries * self.sectors

    def unpack(self, vector: Array) -> Unknowns:
        """A vector's blocks; of several vectors, which come first."""
        n, cells, lead = self.countries, self.countries * self.sectors, vector.shape[:-1]
        blocks = [vector[..., :n], vector[..., n : 2 * n]]
        for k in range(3):
            block = vector[..., 2 * n + k * cells : 2 * n + (k + 1) * cells]
            block = block if block.shape[-1] else np.zeros((*lead, cells))
            blocks.append(block.reshape(*lead, self.sectors, n))
        return Unknowns(*blocks)

    def pack(self, found: Unknowns) -> Array:
        """The blocks as a vector."""
        blocks = found if self.free_entry else found[:4]
        lead = found.wage.shape[:-1]
        return np.concatenate([block.reshape(*lead, -1) for block in blocks], axis=-1)

    # Sweeps ---------------------------------------------------------------------------------------

    def equations(self, vector: Array) -> tuple[Array, CellBars]:
        """F_x'λ, and λ'F_p by cell."""
        return self.back(self.bars(vector))

    def bars(self, vector: Array, *, own: bool = False) -> Bar:
        """What the equations' weights are for the quantities in them.

        Parameters
        ----------
        vector
            λ, or several.
        own
            Whether countries are taken alone: no numeraire that all share.
        """
        at, bar = self.unpack(vector), Bar.zeros(self.countries, self.sectors, vector.shape[:-1])
        one = self.implied
        # Labour markets: (Σ βC' + received)/(w'L') - ln ŵ - ln L̂, the implied one's place taken by the numeraire.
        wage = at.wage.copy()
        wage[..., one] = 0.0
        bar.spent[:] += self.system.labour_share * (wage / self.earned)[..., None, :]
        bar.received[:] += (wage / self.earned)[..., None, :]
        bar.wage[:] += (at.wage if own else at.wage[..., one, None]) * (
            self.pinned if own else self.weights
        ) - wage
        bar.labour[:] -= wage
        # Labour supply: ln L̂ - κ (ln ŵ - α ln P̂ + ln(1-τ_L)).
        worked = self.elasticity * at.labour
        bar.labour[:] += at.labour
        bar.wage[:] -= worked
        bar.price[:] += self.final * worked[..., None, :]
        if self.taxed:
            bar.tax[:] += worked / (1 - self.equilibrium.labour_tax)
        # Price indices: (1-σ) ln P̂ - ln Σ_i W.
        bar.price[:] += (1 - self.sigma) * at.price
        bar.index[:] = at.price
        # Spending: (α (I' + G') + γC')/E' - ln Ê.
        spent = np.where(self.active, at.expenditure, 0.0) / self.spending
        final = (self.new_final * spent).sum(-2)
        bar.income[:] += final
        bar.government[:] += final
        inputs = self.equilibrium.baseline.input_shares
        if inputs is not None:
            bar.spent[:] += np.swapaxes(
                (np.swapaxes(spent, -1, -2)[..., None, :] @ inputs)[..., 0, :], -1, -2
            )
        bar.expenditure[:] -= at.expenditure
        # Entry: ln Π̂ - ln ĉ - ln M̂.
        if self.free_entry:
            entry = np.where(self.produced, at.firms, 0.0)
            bar.profits[:] += entry / np.where(self.produced, self.profits, 1.0)
            bar.log_cost[:] -= entry
            bar.firms[:] -= at.firms
        return bar

    def outcome(self, outcome: Outcome) -> Bar:
        """What an outcome's weights are for the quantities in it.

        Raises
        ------
        GradientError
            If jobs are asked of a sector in which nobody works.
        """
        equilibrium, bar = self.equilibrium, Bar.zeros(self.countries, self.sectors)
        i, s = outcome.place(equilibrium)
        if outcome.kind in ("real_income", "equivalent_variation"):
            level, income = equilibrium.real_income_change[i], equilibrium.world.income[i]
            scale = 1.0 if outcome.kind == "real_income" else income
            bar.income[i] = scale * level / equilibrium.income[i]
            bar.price[:, i] = -scale * level * self.final[:, i]
            if outcome.kind == "equivalent_variation" and self.elasticity:
                before = self.system.labour_tax[i]
                worth = self.elasticity / (1 + self.elasticity) * (1 - before)
                worth *= equilibrium.baseline.labour_income[i]
                effort = worth * equilibrium.take_home_change[i] * equilibrium.labour_change[i]
                bar.wage[i] = bar.labour[i] = -effort
                bar.price[:, i] += effort * self.final[:, i]
                if self.taxed:
                    bar.tax[i] = effort / (1 - equilibrium.labour_tax[i])
        elif outcome.kind == "weighted_income":
            extra, value = outcome.extra(equilibrium), outcome.value(equilibrium)
            level = float(equilibrium.real_income_change[i] / equilibrium.income[i])
            bar.income[i] = level
            bar.spent[:, i] = level * extra * self.system.labour_share[:, i]
            bar.received[:, i] = level * extra
            bar.profits[:, i] = level * extra * self.kept
            bar.price[:, i] = -value * self.final[:, i]
        elif outcome.kind == "exports":
            bar.exports[i] = 1.0
        elif outcome.kind == "duties":
            bar.duties[i] = 1.0
        else:
            baseline, share = equilibrium.baseline, self.system.labour_share[s, i]
            before = baseline.labour_share[i, s] * baseline.cost[i, s] + baseline.received[i, s]
            if before <= 0:
                raise GradientError(
                    f"Nobody works in {outcome.sector} of {outcome.country}: its jobs do not move."
                )
            wage = equilibrium.wage_change[i]
            bar.spent[s, i], bar.received[s, i] = share / (before * wage), 1 / (before * wage)
            bar.wage[i] = -equilibrium.employment_change[i, s]
        return bar

    def back(self, bar: Bar) -> tuple[Array, CellBars]:
        """From derivatives with respect to quantities on the way to those with respect to unknowns and parameters."""
        self._accounts(bar)
        wage, price = bar.wage, bar.price
        sigma, nest = self.sigma, self.nest
        every = slice(None)
        sales, by_revenue, weight, index, wedge = self._by_cell(bar, every, every)
        log_cost = bar.log_cost + (sigma - self.abroad) * index.sum(2) - (sigma - 1) * weight.sum(2)
        firms = bar.firms + nest * weight.sum(2) + (1 - nest) * index.sum(2)
        pull = (sales - index).sum(1)
        expenditure = bar.expenditure + pull
        price = price + (sigma - 1) * pull
        wage = wage + self.abroad * index.sum((0, 1)) + (self.system.labour_share * log_cost).sum(0)
        inputs = self.equilibrium.baseline.input_shares
        if inputs is not None:
            price = price + (inputs @ log_cost.T[:, :, None])[:, :, 0].T
        closer = sigma[:, :, None] - 1
        cells = CellBars(
            tariff=(wedge - sales) / (1 + self.tariff) + self.border * bar.duties,
            subsidy=(by_revenue - wedge) / (1 - self.subsidy) + self.revenue * bar.subsidies[:, None],
            trade_cost=closer * (index - weight),
            fixed_cost=index,
            log_cost=log_cost,
        )
        return self.pack(Unknowns(wage, bar.labour, price, expenditure, firms)), cells

    def _by_cell(self, bar: Bar, i: slice, j: slice) -> tuple[Array, Array, Array, Array, Array]:
        """Derivatives with respect to ln sales, ln revenue, ln W and the index of thresholds, and ln T̂'s, of some origins in some
        destinations, (S, I, J)."""
        within, sigma = self.within[:, :, None], self.sigma[:, :, None]
        share, revenue = self.share[:, i, j], self.revenue[:, i, j]
        # Profits kept come off costs, and so do payments to labour abroad, which that labour receives.
        kept = np.zeros_like(bar.profits) if self.competitive else bar.profits - self.kept * bar.spent
        net = self.abroad * (bar.received[:, None, j] - bar.spent[:, i, None]) / within
        per_profit = kept[:, i, None] / within
        of_revenue = bar.spent[:, i, None] + (1 - share) * per_profit + share * net
        of_revenue = of_revenue + self.subsidy[:, i, j] * bar.subsidies[i, None]
        away = ~np.eye(self.countries, dtype=bool)[i, j]
        of_border = self.tariff[:, i, j] * bar.duties[j] + bar.exports[i, None] * away
        by_revenue = of_revenue * revenue
        sales = by_revenue + of_border * self.border[:, i, j]
        weight = sales - self.shares[:, i, j] * bar.index[:, None, j]
        index = weight * self.slope[:, i, j] + revenue * (net - per_profit) * self.bend[:, i, j]
        return sales, by_revenue, weight, index, sigma * index - (sigma - 1) * weight

    def own_levers(self, bar: Bar, country: int) -> tuple[Array, Array, Array]:
        """Derivatives by a country's import tariffs, (N, S), export subsidies, (N, S), and production subsidies, (S,).

        Parameters
        ----------
        bar
            Of the outcome less λ's, as for `back`; it is swept through accounts here.
        country
        """
        self._accounts(bar)
        mine, every, equilibrium = slice(country, country + 1), slice(None), self.equilibrium
        sales, _, _, _, wedge = self._by_cell(bar, every, mine)
        tariff = (wedge - sales) / (1 + self.tariff[:, :, mine]) + self.border[:, :, mine] * bar.duties[mine]
        _, by_revenue, _, _, wedge = self._by_cell(bar, mine, every)
        free = 1 - self.subsidy[:, mine]
        subsidy = ((by_revenue - wedge) / free + self.revenue[:, mine] * bar.subsidies[mine, None])[:, 0]
        produced = equilibrium.shock.production_subsidy
        paid = np.ones(self.sectors) if produced is None else 1 + produced[country]
        return tariff[:, :, 0].T, subsidy.T / paid, (subsidy * free[:, 0]).sum(1) / paid

    def _accounts(self, bar: Bar, *, own: bool = False) -> None:
        """Through incomes, deficits and the budget to what they are made of; ``own`` leaves out what others' do."""
        equilibrium, system = self.equilibrium, self.system
        government, earned = equilibrium.outlay, self.earned
        by_labour, by_profits = np.zeros_like(bar.income), np.zeros_like(bar.income)
        mine = bar.income
        if equilibrium.parameters.deficits == "fixed":
            shift: Array | float = 0.0
            if not own:
                shift = (bar.income * system.deficits).sum(-1, keepdims=True) / system.world_value_added
            by_labour, by_profits = by_labour + shift, by_profits + shift
        elif equilibrium.parameters.deficits == "proportional":
            ratio, income = system.spending_ratio, equilibrium.income - equilibrium.deficits
            spending = (income * ratio).sum()
            factor = income.sum() / spending
            common: Array | float = 0.0
            if not own:
                common = (bar.income * income * ratio).sum(-1, keepdims=True) / spending
            mine = ratio * factor * bar.income + common * (1 - factor * ratio)
        by_labour, by_profits = by_labour + mine, by_profits + mine
        duties, subsidies = bar.duties + mine, bar.subsidies - mine
        outlay = bar.government - mine
        if self.taxed:
            # τ_L = (budget kept - duties + subsidies + G')/(w'L').
            needed = bar.tax / earned
            duties, subsidies, outlay = duties - needed, subsidies + needed, outlay + needed
            bar.price[:] += self.final * (system.budget * self.basket * needed)[..., None, :]
            rate = bar.tax * equilibrium.labour_tax
            bar.wage[:] -= rate
            bar.labour[:] -= rate
        bar.duties[:], bar.subsidies[:] = duties, subsidies
        bar.price[:] += self.final * (outlay * government)[..., None, :]
        bar.wage[:] += by_labour * earned
        bar.labour[:] += by_labour * earned
        if self.kept:
            bar.profits[:] += by_profits[..., None, :]
