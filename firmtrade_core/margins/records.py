"""What the data say of single firms, beside the law that all of them follow (MODEL 13, "Firms in the accounts").

The margin functions (2) to (4) are averages over what nobody observes of a firm. The records say more: what each firm
sold at home and in each market abroad in the baseline year. Both hold at once by the law of iterated expectations:

* Under unchanged thresholds nothing moves but what a programme moves. A firm that sells ``x`` somewhere sells
  ``x e^dm``: its u, its taste and its luck stay. A firm that stays away enters where ``a = dm + dg`` lifts it over the
  threshold that it missed, with κ ~ N(κ̂, v²) given all it did: the chance is ``[Φ(z+a) - Φ(z)] / [1 - Φ(z)]``, the
  sales that follow are the summand of (3) between the two thresholds over the same denominator. Summed over firms
  this is the *direct effect*, exact for who is treated.
* Where thresholds move, whole sectors answer, and the average law says how: ``ln Ŝ(Δ) = ln S₁(k+Δ) - ln S₀(k) + o``
  with one constant ``o`` by market, such that the direct effect holds at Δ = 0. S stays smooth, monotone and tabulated.

If the firms treated are like all others in what they sell, ``o`` is zero on average and the law alone was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import log_ndtr

from firmtrade_core.margins.firm_functions import Deviations, FirmFunctions
from firmtrade_core.margins.firm_record import FirmRecord, TreatedRows

Array = NDArray[np.float64]
Positions = NDArray[np.intp]

#: Direct effects stay above this factor: a programme that takes all of a market's sellers away leaves a trace.
_LEAST_FACTOR = 1e-6

#: Nodes of the integral over κ given a firm's record.
_NODES = 5

#: Rounds in which firms may turn out to be certain of a market; each takes at least one more.
_MOST_FULL = 100


#: Coefficients of Chebyshev's fit to ln erfc, Numerical Recipes (`erfcc`), the highest power last.
_ERFC = (-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277)  # fmt: skip


def normal(z: Array) -> Array:
    """Φ(z) to a relative error of 1.2e-7, far out in the tail too, ten times as fast as the exact function."""
    distance = np.abs(z) * np.sqrt(0.5)
    t = 1 / (1 + 0.5 * distance)
    power = np.full_like(t, _ERFC[-1])
    for coefficient in _ERFC[-2::-1]:
        power *= t
        power += coefficient
    power -= distance * distance
    tail = 0.5 * t * np.exp(power)
    return np.where(z > 0, 1 - tail, tail)


@dataclass(frozen=True, eq=False)
class Sector:
    """One sector's firms, their record and the baseline's thresholds: what direct effects are computed from.

    Parameters
    ----------
    record : FirmRecord
    saving, weight : (F,)
        g and weights.
    deviations : Deviations
    functions : FirmFunctions
        The law of all firms at the baseline.
    threshold : (N,)
        k by destination.
    home
        Position of the home country.
    revenue : (N,)
        Baseline sales by destination, million USD.
    """

    record: FirmRecord
    saving: Array
    weight: Array
    deviations: Deviations
    functions: FirmFunctions
    threshold: Array
    home: int
    revenue: Array

    @cached_property
    def markets(self) -> Positions:
        """Destinations abroad where the sector sells, (M,)."""
        open_ = np.isfinite(self.threshold) & (self.revenue > 0)
        open_[self.home] = False
        return np.flatnonzero(open_)

    @cached_property
    def _law(self) -> tuple[Array, Array]:
        """ln S (without its constant) and ln n of all firms at the markets' thresholds, (M,) each."""
        log_s, _, log_n = self.functions.exact(self.threshold[self.markets])
        return log_s, log_n

    @cached_property
    def _present(self) -> NDArray[np.bool_]:
        return self.record.present(len(self.threshold))[:, self.markets]

    @cached_property
    def observed(self) -> Array:
        """Sales of each pair in million USD, per firm, such that a market's add up to the world's, (F, M).

        Where no firm of the record sells, and where who sells where is not known, as the law expects.
        """
        total = float(self.weight.sum())
        everybody = np.arange(len(self.weight))
        expected = self._weighting(everybody, self._distance(everybody, 0.0, 0.0)[1])[0] * self._base[1]
        expected *= self.revenue[self.markets] / np.maximum(self.weight @ expected, 1e-300)
        record = self.record
        if record.exports is None or not total > 0:
            return expected
        if not record.located:
            # Firms' exports spread as the law expects, by turns with the markets' totals.
            found = expected * record.exporting[:, None]
            for _ in range(30):
                found *= (record.exports / np.maximum(found.sum(1), 1e-300))[:, None]
                found *= self.revenue[self.markets] / np.maximum(self.weight @ found, 1e-300)
        else:
            assert record.firm is not None and record.market is not None and record.sales is not None
            place = np.full(len(self.threshold), -1)
            place[self.markets] = np.arange(len(self.markets))
            known = place[record.market] >= 0
            found = np.zeros(expected.shape)
            found[record.firm[known], place[record.market[known]]] = record.sales[known]
            sold = self.weight @ found
            found *= self.revenue[self.markets] / np.where(sold > 0, sold, 1.0)
        return np.where(self.weight @ found > 0, found, expected)

    @cached_property
    def observed_home(self) -> Array:
        """Sales at home in million USD, per firm, (F,)."""
        sold = float(self.weight @ self.record.home)
        return self.record.home * (self.revenue[self.home] / sold if sold > 0 else 0.0)

    @cached_property
    def unseen(self) -> NDArray[np.bool_]:
        """Markets of which no firm's record speaks: there the law alone holds, (M,)."""
        if self.record.exports is None:
            return np.ones(len(self.markets), dtype=bool)
        if not self.record.located:
            return np.zeros(len(self.markets), dtype=bool)
        sellers = np.count_nonzero((self.weight[:, None] > 0) & self._present, axis=0)
        return np.asarray(sellers == 0)

    # Chances and sales of single firms ----------------------------------------------------------

    def _distance(self, firm: Positions, lift: Array | float, change: Array | float) -> tuple[Array, Array]:
        """(κ̂ + g + a - k - Δ)/s and s, (R, M) and (R, 1)."""
        spread = self.record.spread[firm]
        s = np.hypot(spread, max(self.deviations.entry, 1e-3))[:, None]
        index = (self.record.posterior + self.saving)[firm][:, None]
        lifted = np.asarray(lift, dtype=float)
        lifted = lifted[:, None] if lifted.ndim else lifted
        return (index + lifted - self.threshold[self.markets] - change) / s, s

    def _weighting(self, firm: Positions, s: Array) -> tuple[Array, Array]:
        """e^(κ̂ + (v²-σ_u²)/2), the potential without S's constant, and (v²+v_k)/s, each (R, 1)."""
        d, spread = self.deviations, self.record.spread[firm]
        level = np.exp(self.record.posterior[firm] + (spread**2 - d.capability**2) / 2)
        return level[:, None], (spread[:, None] ** 2 + d.known_taste) / s

    def sales(
        self, firm: Positions, capability: Array, saving: Array, change: Array
    ) -> tuple[Array, Array, Array]:
        """What firms sell after m and g have moved and thresholds by Δ, if prices left each seller its sales.

        Parameters
        ----------
        firm, capability, saving : (R,)
            Rows: position, changes of m and g.
        change : (M,)
            Δk by market; infinite where it is closed.

        Returns
        -------
        sales : (R, M)
            Million USD before prices move what a given seller sells.
        presence : (R, M)
            Chance of selling.
        home : (R,)
        """
        lift = capability + saving
        seen, present = self.observed[firm], self._present[firm]
        grown = np.exp(capability)
        home = self.observed_home[firm] * grown
        if not lift.any() and not np.any(change):
            # As it is: whoever sells sells, nobody enters.
            chance = self._likely[firm] if not self.record.located else present.astype(float)
            chance[:, self.unseen] = self._base[0][firm][:, self.unseen]
            return seen * grown[:, None], chance, home
        net = lift[:, None] - change
        sold, chance = self._newcomers(firm, np.where(np.isfinite(net), net, -np.inf))
        if self.record.located:
            row, place = np.nonzero(present)
            stays = self._stays(firm[row], place, net[row, place], seen[row, place])
            sold[row, place], chance[row, place] = seen[row, place] * stays, stays
        if not self.record.located or self.unseen.any():
            z0, s = self._distance(firm, 0.0, 0.0)
            z1 = z0 + np.where(np.isfinite(net), net, -np.inf) / s
            shift = self._weighting(firm, s)[1]
            base_p, base_s = (np.maximum(part[firm], 1e-300) for part in self._base)
            new_p, ratio = normal(z1), normal(z1 + shift) / base_s
            if not self.record.located:
                # Who sells where is not known: those that export anywhere answer as the law expects of them.
                exporting = self.record.exporting[firm][:, None]
                sold = np.where(exporting, seen * ratio, sold)
                likely = np.minimum(self._likely[firm] * new_p / base_p, 1.0)
                chance = np.where(exporting, likely, chance)
            sold[:, self.unseen] = (seen * ratio)[:, self.unseen]
            chance[:, self.unseen] = new_p[:, self.unseen]
        return sold * grown[:, None], chance, home

    def _newcomers(self, firm: Positions, net: Array) -> tuple[Array, Array]:
        """Sales (million USD) and chance of firms that stayed away and are lifted by ``net``, (R, M) each.

        E[1 - Φ(-z-a)/Φ(-z)] over κ given the record, z = (κ+g-k)/σ_ν; sales with e^κ and v_k/σ_ν for weights.
        """
        d, record = self.deviations, self.record
        entry = max(d.entry, 1e-3)
        sold, chance = np.zeros((2, *net.shape))
        open_ = (net > 0).any(0)
        if not open_.any():
            return sold, chance
        up = np.maximum(net[:, open_], 0.0) / entry
        k, shift = self.threshold[self.markets][open_], d.known_taste / entry
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            kappa = record.posterior[firm] + record.spread[firm] * node
            below = (k - (kappa + self.saving[firm])[:, None]) / entry
            away = np.maximum(normal(below), 1e-300)
            chance[:, open_] += weight * (1 - normal(below - up) / away)
            entered = (normal(below - shift) - normal(below - up - shift)) / away
            sold[:, open_] += weight * np.exp(kappa - d.capability**2 / 2)[:, None] * entered
        return sold * self._per_potential, chance

    def _stays(self, firm: Positions, place: Positions, net: Array, seen: Array) -> Array:
        """Chance that a seller stays once lifted by ``net`` (below zero), given what it sold, (C,).

        Its sales tell its taste, ξ = ln x - δ - κ, and with it what ν is likely to be: N(v_k ξ/σ_ξ², σ_ν² - v_k²/σ_ξ²).
        """
        stays = np.ones(len(firm))
        if not (net < 0).any():
            return stays
        d, record, falls = self.deviations, self.record, net < 0
        firm, place, down = firm[falls], place[falls], net[falls]
        pull = d.known_taste / d.taste**2 if d.taste > 0 else 0.0
        width = np.sqrt(max(d.entry**2 - pull * d.known_taste, 1e-6))
        # x over e^(κ+ξ): S's constant is not in the potential.
        level = np.log(self._per_potential[place]) - (d.capability**2 + d.taste**2) / 2
        log_x = np.log(np.maximum(seen[falls], 1e-300)) - level
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        found = np.zeros(len(firm))
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            kappa = record.posterior[firm] + record.spread[firm] * node
            z = (
                kappa + self.saving[firm] - self.threshold[self.markets][place] + pull * (log_x - kappa)
            ) / width
            found += weight * normal(z + down / width) / np.maximum(normal(z), 1e-300)
        stays[falls] = np.minimum(found, 1.0)
        return stays

    @cached_property
    def _base(self) -> tuple[Array, Array]:
        """Chances of selling at the baseline given κ̂ alone, and with sales for weights, (F, M) each."""
        everybody = np.arange(len(self.weight))
        z, s = self._distance(everybody, 0.0, 0.0)
        return normal(z), normal(z + self._weighting(everybody, s)[1])

    @cached_property
    def _likely(self) -> Array:
        """Chances of selling at the baseline where it is known who exports and not where, as many as the law has, (F, M)."""
        found = np.where(self.record.exporting[:, None], self._base[0], 0.0)
        count = self.weight.sum() * np.exp(self._law[1])
        # One factor by market for all who are not certain to be there: nobody is there twice.
        likely = np.zeros(found.shape)
        for _ in range(_MOST_FULL):
            certain = likely >= 1
            open_ = np.where(certain, 0.0, found)
            left = np.maximum(count - self.weight @ certain, 0.0)
            factor = left / np.maximum(self.weight @ open_, 1e-300)
            likely = np.where(certain, 1.0, np.minimum(open_ * factor, 1.0))
            if ((likely >= 1) == certain).all():
                break
        return likely

    @cached_property
    def _per_potential(self) -> Array:
        """Million USD of sales for a unit of potential, (M,)."""
        return self.revenue[self.markets] / (self.weight.sum() * np.exp(self._law[0]))

    def direct(self, rows: TreatedRows, after: FirmFunctions) -> tuple[Array, Array, float]:
        """Constants by which the law after a programme misses the direct effect.

        Parameters
        ----------
        rows
            Firms treated.
        after
            The law of all firms with m and g moved.

        Returns
        -------
        potential, presence : (N,)
            To be added to ln Ŝ and ln n̂.
        anywhere : float
            The same of the share of firms that export at all.
        """
        potential, presence = np.zeros((2, len(self.threshold)))
        home = float(self.weight @ self.observed_home)
        if home > 0:
            more = rows.weight * np.expm1(rows.capability) @ self.observed_home[rows.firm]
            grown = np.log(max(1 + float(more) / home, _LEAST_FACTOR))
            potential[self.home] = grown - (after.log_potential_of_all - self.functions.log_potential_of_all)
        at = self.markets
        if not len(at) or not len(rows.firm):
            return potential, presence, 0.0
        sold, chance, _ = self.sales(rows.firm, rows.capability, rows.saving, np.zeros(len(at)))
        was, chance_was, _ = self.sales(rows.firm, 0 * rows.capability, 0 * rows.saving, np.zeros(len(at)))
        gained = rows.weight @ (sold - was) / self.revenue[at]
        count = self.weight.sum() * np.exp(self._law[1])
        joined = rows.weight @ (chance - chance_was) / count
        log_s, _, log_n = after.exact(self.threshold[at])
        seen = ~self.unseen
        for target, factor, law in (
            (potential, gained, log_s - self._law[0]),
            (presence, joined, log_n - self._law[1]),
        ):
            target[at] = np.where(seen, np.log(np.maximum(1 + factor, _LEAST_FACTOR)) - law, 0.0)
        return potential, presence, self._direct_anywhere(rows, after)

    @cached_property
    def exporters(self) -> float | None:
        """Firms of the population that export at all, by the record; None where it does not say."""
        found = float(self.weight @ self.record.exporting)
        return found if self.record.exports is not None and found > 0 else None

    def _direct_anywhere(self, rows: TreatedRows, after: FirmFunctions) -> float:
        if self.exporters is None:
            return 0.0
        thresholds = self.threshold[self.markets]
        law = np.log(after.share_in_any(thresholds) / self.functions.share_in_any(thresholds))
        lift = rows.capability + rows.saving
        new = ~self.record.exporting[rows.firm]
        chance = self._enters_any(rows.firm[new], lift[new])
        gained = float(rows.weight[new] @ chance)
        if self.record.located and (lift < 0).any():
            gained -= float(
                rows.weight[~new]
                @ self._leaves_all(rows.firm[~new], rows.capability[~new], rows.saving[~new])
            )
        return float(np.log(max(1 + gained / self.exporters, _LEAST_FACTOR)) - law)

    def _enters_any(self, firm: Positions, lift: Array) -> Array:
        """Chance that a firm which exports nowhere exports somewhere once lifted by a, (R,).

        One κ for all markets, ν by market: 1 - E[Π_j Φ((k_j-κ-g-a)/σ_ν) / Φ((k_j-κ-g)/σ_ν)], κ given the record.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        entry = max(self.deviations.entry, 1e-3)
        thresholds = self.threshold[self.markets]
        low, high = thresholds.min() - 9 * entry, thresholds.min() + 9 * entry
        grid = np.arange(low, high + entry / 10, entry / 10)
        outside = CubicSpline(grid, log_ndtr((thresholds[:, None] - grid) / entry).sum(0))

        def log_away(index: Array) -> Array:
            return np.where(index < low, 0.0, outside(np.clip(index, low, grid[-1])))

        index = (self.record.posterior + self.saving)[firm][:, None] + self.record.spread[firm][
            :, None
        ] * nodes
        stays = np.exp(np.minimum(log_away(index + np.maximum(lift, 0.0)[:, None]) - log_away(index), 0.0))
        return np.asarray(1 - stays @ weights / weights.sum(), dtype=np.float64)

    def _leaves_all(self, firm: Positions, capability: Array, saving: Array) -> Array:
        """Chance that an exporter gives up all its markets, (R,)."""
        _, chance, _ = self.sales(firm, capability, saving, np.zeros(len(self.markets)))
        present = self._present[firm]
        return np.asarray(np.where(present, 1 - chance, 1.0).prod(1) * present.any(1), dtype=np.float64)

    def profits_gained(self, rows: TreatedRows, markup: float) -> Array:
        """What each row's firm gains in profits from being treated while prices stand, million USD per firm, (R,).

        Variable profits are 1/γ of sales; incumbents save on fixed costs what g says; entrants pay theirs, the
        summand of (4) between the two thresholds.

        Parameters
        ----------
        markup
            γ.
        """
        nothing, at = np.zeros(len(rows.firm)), np.zeros(len(self.markets))
        sold, chance, home = self.sales(rows.firm, rows.capability, rows.saving, at)
        was, chance_was, home_was = self.sales(rows.firm, nothing, nothing, at)
        gained = (home - home_was + (sold - was).sum(1)) / markup
        d = self.deviations
        z0, s = self._distance(rows.firm, 0.0, 0.0)
        z1 = z0 + (rows.capability + rows.saving)[:, None] / s
        # The level of (4) over S's constant, as in `FirmFunctions`.
        level = (d.fixed_cost_shift - d.potential_shift) / 2
        cost = self._per_potential / markup * np.exp(self.threshold[self.markets] + level)
        cost = cost * np.exp(-self.saving[rows.firm])[:, None]
        base = np.maximum(self._base[0][rows.firm], 1e-300)
        low, high = (normal(z - d.fixed_cost_shift / s) for z in (z0, z1))
        saved = cost * np.minimum(low / base, 1.0) * -np.expm1(-rows.saving)[:, None] * chance_was
        shape = np.maximum(normal(z1) - base, 1e-300)
        joined = np.maximum(chance - chance_was, 0.0)
        entrants = cost * np.exp(-rows.saving)[:, None] * np.maximum(high - low, 0.0) / shape * joined
        return np.asarray(gained + saved.sum(1) - entrants.sum(1), dtype=np.float64)
