"""The counterfactual world and everything that is asked of it later (MODEL 3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.baseline import Baseline
from firmtrade_core.equilibrium.budget import PublicBudget, budget
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.margins import CarriedMargins, MarginChange, Margins
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Proof that returned quantities satisfy the model's equations.

    Attributes
    ----------
    residuals : dict
        Largest residual of each equation, relative to the market's size; largest first.
    worst : str
        Equation and market of the largest residual, in words.
    tolerance : float
        Above this a result is withheld.
    iterations, seconds
        Work it took to solve.
    versions : dict
        Versions of the product and of the libraries that computed it.
    content_hash : str
        Identifies world, shock and parameters.
    """

    residuals: dict[str, float]
    worst: str
    tolerance: float
    iterations: int
    seconds: float
    versions: dict[str, str]
    content_hash: str

    @property
    def largest(self) -> float:
        """The largest residual."""
        return max(self.residuals.values())

    @property
    def holds(self) -> bool:
        """Whether every equation is satisfied to the tolerance."""
        return bool(self.largest <= self.tolerance)


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """A counterfactual world by the model's quantities, and what follows of them. Hats are ratios to the baseline; money is in million USD.

    Attributes
    ----------
    world, shock, parameters, baseline
        What it was computed from.
    wage_change : (N,)
        ŵ, scaled so that Σ ŵ wL = Σ wL.
    price_change, cost_change, firm_change, expenditure_change : (N, S)
        P̂, ĉ, M̂, Ê.
    flows : (N, N, S)
        X', at consumer prices.
    tariff, subsidy : (N, N, S)
        Levels in force; b' holds production subsidies too, as a fraction of what firms receive.
    profits : (N, S)
        Π'.
    received : (N, S)
        What labour in the destination earns from firms' fixed costs, ν of them, million USD.
    labour_tax : (N,)
        τ_L in force, a fraction of labour income.
    duties, subsidy_outlay, outlay, deficits, income : (N,)
        tV' by importer, bR' by exporter, G', D', I' (which excludes G').
    certificate : Certificate
    """

    world: World
    shock: Shock
    parameters: Parameters
    baseline: Baseline
    wage_change: Array
    price_change: Array
    cost_change: Array
    firm_change: Array
    labour_change: Array
    expenditure_change: Array
    flows: Array
    tariff: Array
    subsidy: Array
    profits: Array
    duties: Array
    subsidy_outlay: Array
    outlay: Array
    deficits: Array
    income: Array
    certificate: Certificate
    #: Margin functions after programmes; those of the baseline where there is none.
    margins_in_force: Margins
    received: Array
    labour_tax: Array
    #: Solver state that a neighbouring solve may start from.
    state: object = field(default=None, repr=False)

    # Accounts -----------------------------------------------------------------------------------

    @property
    def content_hash(self) -> str:
        """Identifies world, shock and parameters."""
        return self.certificate.content_hash

    @cached_property
    def border_value(self) -> Array:
        """V' = X'/(1+t'), (N, N, S)."""
        value = 1 + self.tariff
        return np.divide(self.flows, value, out=value)

    @cached_property
    def revenue(self) -> Array:
        """R' = X'/T', (N, N, S)."""
        return self.border_value / (1 - self.subsidy) if self.subsidy.any() else self.border_value

    @cached_property
    def gross_output(self) -> Array:
        """R'_is, (N, S)."""
        return self.revenue.sum(1)

    @cached_property
    def total_expenditure(self) -> Array:
        """E'_js, (N, S)."""
        return self.world.total_expenditure * self.expenditure_change

    @cached_property
    def cost(self) -> Array:
        """C'_is, (N, S): equation (8)."""
        kept = not (self.baseline.margins.competitive or self.parameters.entry == "free")
        cost = self.gross_output - self.profits if kept else self.gross_output
        return cost - self.paid

    @cached_property
    def paid(self) -> Array:
        """What an origin's firms pay to labour in their markets, ν of fixed costs, (N, S), million USD."""
        margins, share = self.baseline.margins, self.parameters.fixed_cost_abroad
        if not share or not margins.has_thresholds:
            return np.zeros_like(self.profits)
        return share * (self.gross_output / margins.within_elasticity - self.profits)

    @cached_property
    def labour_income(self) -> Array:
        """w'L', (N,)."""
        return self.baseline.labour_income * self.wage_change * self.labour_change

    @cached_property
    def budget_before(self) -> PublicBudget:
        """The public budget of the baseline, by country: duties, subsidies, outlay, labour tax and their sum."""
        tax = 0.0 if self.parameters.labour_tax is None else self.parameters.labour_tax
        world, earned = self.world, self.baseline.labour_income
        return budget(
            world.subsidy, world.border_value, world.duties, np.zeros_like(world.duties), tax * earned
        )

    @cached_property
    def budget(self) -> PublicBudget:
        """The public budget afterwards."""
        labour = self.labour_tax * self.labour_income
        return budget(self.subsidy, self.border_value, self.duties, self.outlay, labour)

    # Welfare ------------------------------------------------------------------------------------

    @cached_property
    def price_index_change(self) -> Array:
        """Π_s P̂_s^α_s at baseline final-demand shares, (N,)."""
        return np.exp((self.world.final_shares * np.log(self.price_change)).sum(1))

    @cached_property
    def real_income_change(self) -> Array:
        """Ŵ = Î/Π_s P̂_s^α_s, (N,)."""
        return self.income / self.world.income / self.price_index_change

    @cached_property
    def real_wage_change(self) -> Array:
        """ŵ/Π_s P̂_s^α_s, (N,)."""
        return self.wage_change / self.price_index_change

    @cached_property
    def equivalent_variation(self) -> Array:
        """Baseline income that would move welfare as much, million USD, (N,).

        With elastic labour supply κ the extra work is netted: disutility is κ/(1+κ) of real labour
        income, taken home, when preferences are of the form C - ψ L^(1+1/κ)/(1+1/κ), whose supply is (9).
        """
        gain = self.world.income * (self.real_income_change - 1)
        elasticity = self.parameters.labour_supply_elasticity
        if elasticity == 0:
            return gain
        before = 0.0 if self.parameters.labour_tax is None else self.parameters.labour_tax
        effort = self.take_home_change * self.labour_change - 1
        worth = (1 - before) * self.baseline.labour_income
        return gain - elasticity / (1 + elasticity) * worth * effort

    @cached_property
    def equivalent_variation_share(self) -> Array:
        """The equivalent variation as a fraction of baseline income, (N,): welfare, with elastic labour too."""
        return self.equivalent_variation / self.world.income

    @cached_property
    def take_home_change(self) -> Array:
        """Ratio of the real wage after the tax on labour, (1-τ_L) w/P, (N,)."""
        before = 0.0 if self.parameters.labour_tax is None else self.parameters.labour_tax
        return self.real_wage_change * (1 - self.labour_tax) / (1 - before)

    # Trade --------------------------------------------------------------------------------------

    @cached_property
    def threshold_index(self) -> Array:
        """(1), plus (1-ρ) ln M̂ where firms are nested: the index of `Margins.threshold_change`, (N, N, S)."""
        margins = self.baseline.margins
        sigma = margins.elasticity_of_substitution
        destination = np.log(self.expenditure_change) + (sigma - 1) * np.log(self.price_change)
        abroad = self.parameters.fixed_cost_abroad if margins.has_thresholds else 0.0
        destination = destination - abroad * np.log(self.wage_change)[:, None]
        origin = (sigma - abroad) * np.log(self.cost_change)
        if margins.nested:
            origin = origin + (1 - margins.nest) * np.log(self.firm_change)
        # Laid out sector by sector, as all cells are: sums of unlike layouts take three times as long.
        change = np.moveaxis(origin.T[:, :, None] - destination.T[:, None, :], 0, 2)
        if self.shock.tariff is not None:
            # Few cells move: logs of all would take as long as all else here.
            s, i, j = np.nonzero(np.moveaxis(self.tariff != self.world.tariff, 2, 0))
            moves = np.log((1 + self.tariff[i, j, s]) / (1 + self.world.tariff[i, j, s]))
            change[i, j, s] += moves * np.broadcast_to(sigma, change.shape[2:])[s]
        if self.subsidy is not self.world.subsidy:
            change = change + sigma * np.log((1 - self.subsidy) / (1 - self.world.subsidy))
        if self.shock.trade_cost is not None:
            change = change + (sigma - 1) * np.log(self.shock.trade_cost)
        return change if self.shock.fixed_cost is None else change + np.log(self.shock.fixed_cost)

    @cached_property
    def threshold_change(self) -> Array:
        """Δk, equation (1'), (N, N, S), in logs; infinite where trade is embargoed."""
        index = self.threshold_index
        finite = np.isfinite(index)
        if finite.all():
            return self.margins_in_force.threshold_change(index)
        found = self.margins_in_force.threshold_change(np.where(finite, index, 0.0))
        return np.where(finite, found, index)

    @cached_property
    def margins(self) -> MarginChange:
        """Margin functions at the new thresholds; each (N, N, S)."""
        finite = np.where(np.isfinite(self.threshold_change), self.threshold_change, 0.0)
        return self.margins_in_force.evaluate(finite)

    @property
    def has_margins(self) -> bool:
        """Whether firms select into markets, so that exporters can be counted."""
        return self.baseline.margins.has_thresholds

    @cached_property
    def exporters_change(self) -> Array:
        """M̂ n̂: ratio of the number of firms of the origin that serve the destination, (N, N, S).

        Zero where an embargo ends trade.

        Raises
        ------
        EquilibriumError
            In families where firms do not select into markets.
        """
        if not self.has_margins:
            raise EquilibriumError(
                f"In the {self.parameters.family.name} family every firm serves every market, so exporters "
                "cannot be counted. Choose Pareto or lognormal, or firms."
            )
        change = self.firm_change[:, None, :] * np.exp(self.margins.log_presence)
        return np.where(np.isfinite(self.threshold_change), change, 0.0)

    @cached_property
    def mean_exports_change(self) -> Array:
        """Ratio of border value per firm present, (N, N, S); one where there is no trade."""
        traded = (self.world.border_value > 0) & (self.border_value > 0)
        value = np.where(traded, self.border_value, 1.0) / np.where(traded, self.world.border_value, 1.0)
        return np.where(traded, value / np.where(traded, self.exporters_change, 1.0), 1.0)

    @cached_property
    def exports_change(self) -> Array:
        """Ratio of the border value of sales abroad, (N,)."""
        return _ratio(_abroad(self.border_value).sum(1), _abroad(self.world.border_value).sum(1))

    @cached_property
    def imports_change(self) -> Array:
        """Ratio of the border value of purchases abroad, (N,)."""
        return _ratio(_abroad(self.border_value).sum(0), _abroad(self.world.border_value).sum(0))

    @cached_property
    def employment_change(self) -> Array:
        """Ratio of labour used by sector, (N, S): its wages bill over the baseline's and over ŵ; one where there is none.

        Work on other origins' fixed costs counts where they sell.
        """
        share, before = self.baseline.labour_share, self.baseline.cost
        bill, old = share * self.cost + self.received, share * before + self.baseline.received
        return np.where(old > 0, bill / np.where(old > 0, old, 1), 1) / self.wage_change[:, None]

    @cached_property
    def terms_of_trade(self) -> Array:
        """First-order terms-of-trade part of the real-income change (CP15, equation 16), (N,), a fraction.

        Σ over partners and sectors of exports x d ln c at home less imports x d ln c abroad, over
        baseline income, with border values and first-order changes ĉ - 1.

        Raises
        ------
        EquilibriumError
            Outside the competitive families, for which the formula is not derived.
        """
        self._require_competitive("terms of trade")
        cost = self.cost_change - 1
        trade = self.world.border_value
        gain = (trade * cost[:, None, :]).sum((1, 2)) - (trade * cost[:, None, :]).sum((0, 2))
        return gain / self.world.income

    @cached_property
    def volume_of_trade(self) -> Array:
        """First-order volume-of-trade part (CP15, equation 16), (N,), a fraction.

        Σ of baseline tariff x imports at the border x change in the quantity imported, over income.
        Raises as `terms_of_trade`.
        """
        self._require_competitive("volume of trade")
        before = self.world.border_value
        growth = np.where(before > 0, self.border_value / np.where(before > 0, before, 1.0), 1.0) - 1
        quantity = growth - (self.cost_change - 1)[:, None, :]
        return (self.world.tariff * before * quantity).sum((0, 2)) / self.world.income

    def _require_competitive(self, what: str) -> None:
        if not self.baseline.margins.competitive:
            raise EquilibriumError(
                f"The first-order {what} part is derived for competitive families; "
                f"this is the {self.parameters.family.name} family. Choose Armington or Eaton-Kortum."
            )

    # Onward -------------------------------------------------------------------------------------

    def to_world(self, name: str | None = None) -> World:
        """The counterfactual as a new baseline (MODEL 10: shocks in steps compose)."""
        inputs = None
        if self.baseline.input_shares is not None:
            inputs = self.baseline.input_shares * self.cost[:, None, :]
        note = f"counterfactual {self.content_hash} of {self.world.name}"
        return self.world.with_(
            expenditure=self.flows,
            tariff=self.tariff,
            subsidy=self.subsidy,
            inputs=inputs,
            name=name or self.world.name,
            provenance=self.world.provenance.with_change(note),
        )

    def carried_parameters(self) -> Parameters:
        """Parameters for a further shock to `to_world`, with thresholds where this one left them."""
        finite = np.where(np.isfinite(self.threshold_change), self.threshold_change, 0.0)
        carried = self.parameters.with_(family=CarriedMargins(self.margins_in_force.moved(finite)))
        return carried.with_(labour_tax=self.labour_tax) if self.labour_tax.any() else carried


def combined_hash(*parts: str) -> str:
    """Sixteen hexadecimal digits that identify a sequence of hashes."""
    return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest()


def _abroad(trade: Array) -> Array:
    """(N, N) totals over sectors with the diagonal set to zero."""
    total = trade.sum(2)
    return total - np.diag(np.diag(total))


def _ratio(after: Array, before: Array) -> Array:
    return np.where(before > 0, after / np.where(before > 0, before, 1.0), 1.0)
