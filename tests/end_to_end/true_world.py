"""The synthetic home's true world, solved firm by firm.

Every home firm keeps the u, ξ and ν that generated its data and enters where it pays; firms elsewhere follow a Pareto
law. Markets clear by a damped iteration of the equations of MODEL 1 to 3, written out anew: nothing here comes from
the capability estimator, the margin functions or the equilibrium engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.panel.synthetic.country import CountryTruth
from firmtrade_core.panel.synthetic.markets import entry_index
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Pareto tail ζ of firms elsewhere.
TAIL = 1.5

#: Largest relative excess of labour demand and of spending at which markets count as cleared.
CLEARED, MOST_STEPS = 1e-9, 20_000


@dataclass(frozen=True)
class Population:
    """Home firms by sector, each foreign market's sorted by what decides entry there.

    Parameters
    ----------
    index, sales, costs : by sector, (J, F_s)
        κ + g + ν falling; cumulated potential e^(κ+ξ) and cumulated fixed costs.
    whole : (S,)
        Potential of all firms at home.
    """

    index: list[Array]
    sales: list[Array]
    costs: list[Array]
    whole: Array

    @classmethod
    def of(cls, truth: CountryTruth, capability_shift: Array | float, saving: Array | float) -> Population:
        """The last year's firms, with m and g moved by (F,)."""
        d, firms = truth.design, truth.firms
        alive = firms.alive[:, -1]
        kappa, g = firms.capability[:, -1] + capability_shift, firms.g[:, -1] + saving
        reach = entry_index(kappa, g, truth.shocks, alive)
        potential = np.exp(kappa[:, None] + truth.shocks.sales)
        # Expected demand at entry given ν, and what fixed cost ν then leaves: as in MODEL 2, equation (4).
        known = d.correlation * d.sigma_xi / d.sigma_nu
        left = d.sigma_xi**2 * (1 - d.correlation**2)
        cost = np.exp(-g[:, None] - (1 - known) * truth.shocks.entry + left / 2)
        home = np.where(alive, np.exp(kappa + truth.shocks.home), 0.0)
        index, sales, costs = [], [], []
        for s in range(len(truth.sectors)):
            who = np.flatnonzero((firms.sector == s) & alive)
            order = np.argsort(-reach[who], axis=0)
            columns = [np.take_along_axis(part[who], order, axis=0).T for part in (reach, potential, cost)]
            index.append(columns[0])
            sales.append(np.cumsum(columns[1], axis=1))
            costs.append(np.cumsum(columns[2], axis=1))
        whole = np.bincount(firms.sector, home, minlength=len(truth.sectors))
        return cls(index, sales, costs, whole)

    def at(self, k: Array) -> tuple[Array, Array, Array]:
        """Number present, their potential and φ at thresholds (S, J); zeros where nobody enters."""
        count, sales, share = (np.zeros(k.shape) for _ in range(3))
        for s, index in enumerate(self.index):
            for j, row in enumerate(index):
                present = int(np.searchsorted(-row, -k[s, j], side="right"))
                if present:
                    count[s, j], sales[s, j] = present, self.sales[s][j, present - 1]
                    share[s, j] = np.exp(k[s, j]) * self.costs[s][j, present - 1] / sales[s, j]
        return count, sales, share


@dataclass(frozen=True)
class TrueChange:
    """Ratios after over before: home's exports, its number of exporters, its real income."""

    exports: float
    exporters: float
    real_income: float
    residual: float
    #: Sales abroad of each firm, before and after, (F, 2), adding up to the world's flows.
    sold: Array


def true_change(truth: CountryTruth, world: World, capability_shift: Array, saving: Array) -> TrueChange:
    """What a programme that moves m and g of home firms by (F,) truly changes.

    Raises
    ------
    RuntimeError
        If markets do not clear.
    """
    before = Population.of(truth, 0.0, 0.0)
    after = Population.of(truth, capability_shift, saving)
    solved = _Markets(truth, world, before, after).clear()
    abroad = np.arange(len(world.countries)) != solved.home
    exports = solved.border[solved.home, abroad].sum() / world.border_value[solved.home, abroad].sum()
    exporters = _exporters(truth, solved.moved, capability_shift, saving) / _exporters(truth, 0.0, 0.0, 0.0)
    moved = [
        _sold(truth, world, solved, *state)
        for state in (
            (0.0, 0.0, 0.0, world.border_value),
            (capability_shift, saving, solved.moved, solved.border),
        )
    ]
    return TrueChange(float(exports), exporters, solved.real_income, solved.residual, np.column_stack(moved))


def _sold(
    truth: CountryTruth,
    world: World,
    solved: _Markets,
    shift: Array | float,
    saving: Array | float,
    moved: Array | float,
    border: Array,
) -> Array:
    """Sales abroad by firm, (F,): each market's border value shared by e^(κ+ξ) of who is there."""
    firms, alive = truth.firms, truth.firms.alive[:, -1]
    kappa = firms.capability[:, -1] + shift
    reach = entry_index(kappa, firms.g[:, -1] + saving, truth.shocks, alive)
    there = reach >= (truth.markets.threshold[..., -1] + moved)[firms.sector]
    sold = np.where(there, np.exp(kappa[:, None] + truth.shocks.sales), 0.0)
    flow = border[solved.home, solved.abroad].T
    for s in range(len(truth.sectors)):
        own = firms.sector == s
        total = sold[own].sum(0)
        sold[own] *= np.divide(flow[s], total, out=np.zeros_like(total), where=total > 0)
    return sold.sum(1)


def _exporters(
    truth: CountryTruth, moved: Array | float, shift: Array | float, saving: Array | float
) -> float:
    """Firms that sell abroad at all once thresholds have moved by (S, J)."""
    firms = truth.firms
    reach = entry_index(
        firms.capability[:, -1] + shift, firms.g[:, -1] + saving, truth.shocks, firms.alive[:, -1]
    )
    k = (truth.markets.threshold[..., -1] + moved)[firms.sector]
    return float((reach >= k).any(1).sum())


@dataclass
class _Markets:
    """Unknowns and accounts of the true world; axes origin, destination, sector."""

    truth: CountryTruth
    world: World
    before: Population
    after: Population

    def __post_init__(self) -> None:
        world, self.home = self.world, self.world.country_index(self.truth.design.home)
        n = len(world.countries)
        self.abroad = np.arange(n) != self.home
        self.sigma = self.truth.design.elasticity_of_substitution
        self.tariff = 1 + world.tariff
        self.share = world.expenditure / world.expenditure.sum(0)
        self.threshold = self.truth.markets.threshold[..., -1]
        self.sells = np.isfinite(self.threshold)
        _, self.potential, _ = self.before.at(self.threshold)
        phi = np.full(world.expenditure.shape, (TAIL - 1) / TAIL)
        phi[self.home] = self._fixed_share(self.before, np.zeros(self.threshold.shape))
        received = world.expenditure / self.tariff
        cost = received.sum(1) - ((1 - phi) * received / self.sigma).sum(1)
        inputs = world.inputs if world.inputs is not None else np.zeros((n, cost.shape[1], cost.shape[1]))
        self.gamma = inputs / np.maximum(cost, 1e-300)[:, None, :]
        self.beta = 1 - self.gamma.sum(1)
        self.labour = (self.beta * cost).sum(1)
        self.added = received.sum((1, 2)) - inputs.sum((1, 2))
        self.deficit = world.deficits / self.added.sum()
        self.alpha = world.final_shares
        self.income0 = world.income

    def _fixed_share(self, firms: Population, moved: Array) -> Array:
        """φ of home firms (J and home, S)."""
        share = np.zeros((len(self.abroad), len(self.truth.sectors)))
        share[self.abroad] = firms.at(self.threshold + moved)[2].T
        return share

    def clear(self) -> _Markets:
        """Move wages, prices and spending until every market clears."""
        n, s = self.alpha.shape
        w, P, E = np.zeros(n), np.zeros((n, s)), np.zeros((n, s))
        spending = self.world.expenditure.sum(0)
        phi = np.full(self.share.shape, (TAIL - 1) / TAIL)
        sigma = self.sigma
        for _ in range(MOST_STEPS):
            c = self.beta * w[:, None] + np.einsum("iks,ik->is", self.gamma, P)
            moved = sigma * c[:, None, :] - E - (sigma - 1) * P
            S = np.exp(-(TAIL - 1) * moved)
            ours = np.where(self.sells, moved[self.home, self.abroad].T, 0.0)
            _, potential, fixed = self.after.at(self.threshold + ours)
            S[self.home, self.abroad] = np.where(
                self.sells, potential / np.where(self.sells, self.potential, 1.0), 1.0
            ).T
            S[self.home, self.home] = self.after.whole / self.before.whole
            phi[self.home], phi[self.home, self.abroad] = 0.0, fixed.T
            terms = self.share * np.exp((1 - sigma) * c)[:, None, :] * S
            prices = np.log(terms.sum(0)) / (1 - sigma)
            sold = terms / terms.sum(0) * spending * np.exp(E)
            received = sold / self.tariff
            profit = ((1 - phi) * received / sigma).sum(1)
            cost = received.sum(1) - profit
            wages = (self.beta * cost).sum(1)
            added = wages + profit.sum(1)
            duties = (self.tariff - 1) * received
            income = added + duties.sum((0, 2)) + self.deficit * added.sum()
            wanted = self.alpha * income[:, None] + np.einsum("iks,is->ik", self.gamma, cost)
            steps = np.log(wages / self.labour) - w, prices - P, np.log(wanted / spending) - E
            self.residual = max(float(np.abs(step).max()) for step in steps)
            if self.residual < CLEARED:
                break
            w, P, E = w + 0.1 * steps[0], P + 0.3 * steps[1], E + 0.3 * steps[2]
            money = np.log((np.exp(w) * self.labour).sum() / self.labour.sum())
            w, P, E = w - money, P - money, E - money
        self.moved, self.border = ours, sold / self.tariff
        h = self.home
        self.real_income = float(income[h] / self.income0[h] / np.exp((self.alpha[h] * P[h]).sum()))
        return self
