"""One firm in the world: where it could export next, what upgrades would do, how much hangs on one partner (MODEL 2).

All of it is read off the same functions as the engine's, one firm at a time: chances of entry, the summands of (3) as
its share of a market, the summands of (4) as its fixed costs. Nothing else moves while one firm changes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import ComparisonError, herfindahl
from firmtrade_core.home.home import Effect, HomeFirms
from firmtrade_core.home.outcomes import OwnRecord, own_margins
from firmtrade_core.home.profile import Profile
from firmtrade_core.labels import in_percent, level, listed
from firmtrade_core.margins import Deviations

Array = NDArray[np.float64]

#: Level of all bands, and draws of effects behind those of upgrades.
LEVEL, DRAWS = 0.90, 400

#: A destination counts as near where the chance of entry is at least this.
NEAR = 0.5

#: A tariff stands in the way where the chance without it would be higher by this much.
TARIFF_MATTERS = 0.02


@dataclass(frozen=True, eq=False)
class Situation:
    """What one sector's firms face in one state of the world.

    Attributes
    ----------
    threshold : (N,)
        k by destination; minus infinity where all are present, infinity where none can be.
    log_total : (N,)
        ln of the sector's joint revenue potential, potential firms times S.
    revenue : (N,)
        R, million USD.
    elasticity : float
        σ.
    deviations : Deviations
    """

    threshold: Array
    log_total: Array
    revenue: Array
    elasticity: float
    deviations: Deviations

    def moved(self, threshold: Array) -> Situation:
        """The same markets with other thresholds, for one firm alone."""
        return Situation(threshold, self.log_total, self.revenue, self.elasticity, self.deviations)


@dataclass(frozen=True, eq=False)
class Prospect:
    """What a firm may expect by destination; money in million USD a year.

    Attributes
    ----------
    chance
        Of being there.
    exports
        Expected sales: chance times sales once there.
    fixed_cost
        Expected fixed costs.
    sales_if, cost_if
        Sales and fixed costs if it were there in any case. Firms are there when their draw is good, so that sales once
        there are larger: `sales_there`.
    """

    chance: Array
    exports: Array
    fixed_cost: Array
    sales_if: Array
    cost_if: Array

    @property
    def sales_there(self) -> Array:
        """Expected sales given that the firm is there: times the chance they are the expected exports; NaN without one."""
        there = self.chance > 0
        return np.divide(self.exports, self.chance, out=np.full(self.exports.shape, np.nan), where=there)


def situations(equilibrium: Equilibrium, sector: int) -> tuple[Situation, Situation]:
    """The baseline and the scenario as one sector's firms face them.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family, or the sector has no firms.
    """
    margins = own_margins(equilibrium)
    at = np.flatnonzero(margins.rows == sector)
    if not len(at):
        name = equilibrium.world.sector_name(equilibrium.world.sectors[sector])
        raise ComparisonError(f"No firms are known in {name}; choose another sector.")
    row, home = int(at[0]), margins.home
    count = float(margins.sectors[row].arrays[2].sum())
    sigma = float(margins.within_elasticity[sector])
    deviations = margins.sectors[row].deviations
    change = equilibrium.threshold_change[home, :, sector]
    found = []
    for functions, threshold, revenue, firms in (
        (margins.before, margins.threshold[row], equilibrium.world.revenue, 1.0),
        (
            margins.after,
            margins.threshold[row] + change,
            equilibrium.revenue,
            float(equilibrium.firm_change[home, sector]),
        ),
    ):
        sold = revenue[home, :, sector]
        reachable = (sold > 0) & (threshold < np.inf)
        k = np.where(reachable, threshold, np.inf)
        log_s = np.zeros(len(k))
        log_s[reachable] = functions.functions[row].exact(k[reachable])[0]
        level_of_all = (deviations.capability**2 + deviations.taste**2) / 2
        log_total = np.log(count * firms) + log_s + level_of_all
        found.append(Situation(k, log_total, np.where(reachable, sold, 0.0), sigma, deviations))
    return found[0], found[1]


def prospect(at: Situation, capability: Array | float, saving: Array | float, spread: float) -> Prospect:
    """What firms of known mean capability may expect, the summands of (2) to (4).

    Parameters
    ----------
    at
    capability, saving : float or (D,)
        Mean of κ, and g.
    spread
        Standard deviation of κ.

    Returns
    -------
    Prospect
        Arrays (N,), or (D, N).
    """
    d = at.deviations
    width = max(float(np.hypot(spread, d.entry)), 1e-6)
    kappa, g = (np.asarray(v, dtype=float)[..., None] for v in (capability, saving))
    k = at.threshold
    distance = (kappa + g - k) / width
    sales = kappa + (spread**2 + d.taste**2) / 2 - at.log_total
    reachable = k < np.inf
    with np.errstate(invalid="ignore"):
        cost = k + (d.taste**2 - d.known_taste + d.fixed_cost_shift) / 2 - g - at.log_total
    cost = np.where(reachable, cost, -np.inf)
    profit = at.revenue / at.elasticity
    return Prospect(
        ndtr(distance),
        at.revenue * np.exp(sales + log_ndtr(distance + (spread**2 + d.known_taste) / width)),
        profit * np.exp(cost + log_ndtr(distance - d.fixed_cost_shift / width)),
        np.broadcast_to(at.revenue * np.exp(sales), np.shape(distance)),
        np.broadcast_to(profit * np.exp(cost), np.shape(distance)),
    )


@dataclass(frozen=True)
class Upgrade:
    """What one more unit of an attribute would do to the firm; nothing else moves.

    Parameters
    ----------
    attribute, effect
    exports, markets
        Change of expected exports (million USD a year) and of the expected number of markets: value, low, high.
    worth
        Extra variable profit at home and abroad less extra fixed costs, million USD a year: what the upgrade may
        cost at most and still pay; value, low, high.
    """

    attribute: str
    effect: Effect
    exports: tuple[float, float, float]
    markets: tuple[float, float, float]
    worth: tuple[float, float, float]

    @property
    def capability(self) -> tuple[float, float, float]:
        """On log revenue potential: value, low, high."""
        return _normal_band(self.effect.capability, self.effect.capability_error)

    @property
    def fixed_cost(self) -> tuple[float, float, float]:
        """Change of fixed costs in percent: value, low, high."""
        value, low, high = _normal_band(self.effect.fixed_cost_saving, self.effect.fixed_cost_error)
        percent = [float(100 * np.expm1(-each)) for each in (value, high, low)]
        return percent[0], percent[1], percent[2]


@dataclass(frozen=True)
class Dependence:
    """How much of a firm's exports hangs on single partners.

    Parameters
    ----------
    concentration
        Herfindahl of exports (recorded, else expected) over destinations, before and after: 1 is all with one.
    largest, share
        Code of the largest partner, and its share of expected exports, before and after.
    loss
        Variable profit less fixed costs, million USD a year, gone if the largest partner is cut off and nothing
        replaces it, before and after.
    sales_share
        The largest partner's share of all sales, home included, before and after.
    """

    concentration: tuple[float, float]
    largest: tuple[str, str]
    share: tuple[float, float]
    loss: tuple[float, float]
    sales_share: tuple[float, float]


@dataclass(frozen=True, eq=False)
class FirmView:
    """One firm at the baseline and under a scenario.

    Attributes
    ----------
    equilibrium : Equilibrium
    home : HomeFirms
    profile : Profile
    record : OwnRecord or None
        What the firm itself did, where it is one of the data: then exports, markets and dependence are its own, and
        chances stand where it has not been.
    """

    equilibrium: Equilibrium
    home: HomeFirms
    profile: Profile
    record: OwnRecord | None = None

    @cached_property
    def _states(self) -> tuple[Situation, Situation]:
        return situations(self.equilibrium, self.profile.sector)

    @property
    def _home(self) -> int:
        return self.equilibrium.world.country_index(self.home.country)

    @property
    def _abroad(self) -> NDArray[np.bool_]:
        return np.arange(len(self.equilibrium.world.countries)) != self._home

    def _prospect(self, state: int, capability: Array | float = 0.0, saving: Array | float = 0.0) -> Prospect:
        """Expectations in a state after a further shift; programmes count in the scenario."""
        who = self.profile
        parts = who.treated if state == 1 and who.treated else ((1.0, 0.0, 0.0),)
        found = [
            prospect(
                self._states[state],
                who.capability + more + np.asarray(capability),
                who.fixed_cost_saving + saved + np.asarray(saving),
                who.spread,
            )
            for _, more, saved in parts
        ]
        shares = [share for share, _, _ in parts]
        mixed = {
            name: sum(share * getattr(each, name) for share, each in zip(shares, found, strict=True))
            for name in ("chance", "exports", "fixed_cost", "sales_if", "cost_if")
        }
        return Prospect(**mixed)

    @cached_property
    def _own(self) -> tuple[Prospect, Prospect]:
        return self._prospect(0), self._prospect(1)

    @cached_property
    def destinations(self) -> pd.DataFrame:
        """One row per destination abroad, best chance under the scenario first.

        Returns
        -------
        DataFrame
            ``code, name, served`` (missing where unknown), ``sold_before, sold_after`` (million USD: the firm's record and
            what is expected of it under the scenario) and ``stays`` (chance that it still sells there), all missing where
            no record is known or it never sold; ``chance_before, chance_after`` with the band of the
            latter ``low, high`` (the firm's own capability being known only so far), ``exports_before,
            exports_after`` (expected, million USD), ``sales_there`` (million USD a year given that it is there,
            scenario: times the chance, the expected exports), ``sales_if`` and ``cost_if`` (if it served the market in
            any case), ``tariff`` (fraction, scenario), ``without_tariff`` (chance) and
            ``obstacle`` in words.
        """
        world, who = self.equilibrium.world, self.profile
        before, after = self._own
        low, high = self._chance_band()
        tariff = self.equilibrium.tariff[self._home, :, who.sector]
        free = self._without_tariff(tariff)
        table = pd.DataFrame(
            {
                "code": world.countries,
                "name": [country_name(code) for code in world.countries],
                "served": None
                if who.served is None
                else [code in set(who.served) for code in world.countries],
                "sold_before": self._own_sold[0],
                "sold_after": self._own_sold[1],
                "stays": self._own_stays,
                "chance_before": before.chance,
                "chance_after": after.chance,
                "low": low,
                "high": high,
                "exports_before": before.exports,
                "exports_after": after.exports,
                "sales_there": after.sales_there,
                "sales_if": after.sales_if,
                "cost_if": after.cost_if,
                "tariff": tariff,
                "without_tariff": free,
            }
        )
        table["obstacle"] = [self._obstacle(row) for row in table.to_dict("records")]
        table = table[self._abroad & ((self._states[0].revenue > 0) | (self._states[1].revenue > 0))]
        order = table["chance_after"].sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)

    @property
    def _own_sold(self) -> Array:
        """(2, N), million USD, NaN where the firm has no record of selling."""
        if self.record is None:
            return np.full((2, len(self.equilibrium.world.countries)), np.nan)
        return np.where(self.record.sold[0] > 0, self.record.sold, np.nan)

    @property
    def _own_stays(self) -> Array:
        if self.record is None:
            return np.full(len(self.equilibrium.world.countries), np.nan)
        return np.where(self.record.sold[0] > 0, self.record.present[1], np.nan)

    def markets_served(self, most: int = 8) -> pd.DataFrame:
        """Destinations of the firm's record, the largest first; empty without a record."""
        table = self.destinations
        table = table[table["sold_before"].notna()]
        return (
            table.sort_values("sold_before", ascending=False, kind="stable").head(most).reset_index(drop=True)
        )

    def _chance_band(self) -> tuple[Array, Array]:
        """Chances at the ends of the band of κ, the entry shock drawn anew."""
        who, state = self.profile, self._states[1]
        reach = 1.6448536269514722 * who.spread
        ends = []
        for side in (-reach, reach):
            chance = np.zeros(len(state.threshold))
            for share, more, saved in who.treated or ((1.0, 0.0, 0.0),):
                moved = prospect(state, who.capability + side + more, who.fixed_cost_saving + saved, 0.0)
                chance = chance + share * moved.chance
            ends.append(chance)
        return ends[0], ends[1]

    def _without_tariff(self, tariff: Array) -> Array:
        """Chances if the destination took its tariff off this firm's goods alone: k falls by σ ln(1+t), (1)."""
        state, who = self._states[1], self.profile
        freed = state.moved(state.threshold - state.elasticity * np.log1p(tariff))
        return prospect(freed, who.capability, who.fixed_cost_saving, who.spread).chance

    def _obstacle(self, row: Mapping[Hashable, object]) -> str:
        chance, sales, cost = (float(str(row[name])) for name in ("chance_after", "sales_if", "cost_if"))
        if not cost > 0 or not sales > 0:
            return "Closed: nothing of the sector is sold there."
        if chance >= NEAR:
            return "Within reach."
        profit = sales / self._states[1].elasticity
        words = (
            f"Being there costs {money(cost)} a year; on average, sales would leave {money(profit)} to pay for it: those who go sell more."
            if cost > profit
            else "It would pay on average, but not in every state of demand and costs."
        )
        gain = float(str(row["without_tariff"])) - chance
        if gain >= TARIFF_MATTERS:
            words += f" Without the tariff of {in_percent(float(str(row['tariff'])))}, the chance would be {in_percent(chance + gain)}."
        return words

    def next_markets(self, most: int = 3) -> pd.DataFrame:
        """Destinations that the firm does not serve yet, best chance first."""
        table = self.destinations
        if self.profile.served is not None:
            table = table[~table["served"].astype(bool)]
        return table.head(most).reset_index(drop=True)

    # The firm as a whole --------------------------------------------------------------------------

    @property
    def expected_exports(self) -> tuple[float, float]:
        """Of firms like it, million USD a year, before and after: chances times sales once there."""
        return self._abroad_sum("exports")

    @property
    def exports(self) -> tuple[float, float]:
        """Million USD a year, before and after: its own where they are recorded, else `expected_exports`."""
        if self.record is None:
            return self.expected_exports
        before, after = (float(sold[self._abroad].sum()) for sold in self.record.sold)
        return before, after

    @property
    def markets(self) -> tuple[float, float]:
        """Number of destinations, before and after: its own where they are recorded, else expected."""
        if self.record is not None:
            before, after = (float(present[self._abroad].sum()) for present in self.record.present)
            return before, after
        return self._abroad_sum("chance", traded=True)

    @property
    def home_sales(self) -> tuple[float, float]:
        """Million USD a year, before and after: its own where they are recorded, else expected."""
        if self.record is not None:
            return float(self.record.sold[0, self._home]), float(self.record.sold[1, self._home])
        before, after = (float(own.exports[self._home]) for own in self._own)
        return before, after

    def _abroad_sum(self, name: str, *, traded: bool = False) -> tuple[float, float]:
        before, after = (
            float(getattr(own, name)[self._abroad & ((state.revenue > 0) | (not traded))].sum())
            for own, state in zip(self._own, self._states, strict=True)
        )
        return before, after

    @cached_property
    def dependence(self) -> Dependence:
        """Diversification against partner risk; a firm without any expected exports has none to speak of."""
        concentration, largest, share, loss, of_sales = [], [], [], [], []
        for place, (own, state) in enumerate(zip(self._own, self._states, strict=True)):
            all_sales = own.exports if self.record is None else self.record.sold[place]
            sold = np.where(self._abroad, all_sales, 0.0)
            total = float(sold.sum())
            top = int(sold.argmax())
            cost = float(own.fixed_cost[top])
            if self.record is not None:
                # What those pay who are there, of a firm that is; nobody pays more than it earns.
                there = self.record.present[place, top] / max(float(own.chance[top]), 1e-300)
                cost = min(cost * there, float(sold[top] / state.elasticity))
            concentration.append(herfindahl(sold) if total > 0 else float("nan"))
            largest.append(self.equilibrium.world.countries[top])
            share.append(float(sold[top]) / total if total > 0 else float("nan"))
            loss.append(float(sold[top] / state.elasticity) - cost)
            of_sales.append(float(sold[top]) / (total + float(all_sales[self._home])))
        return Dependence(
            (concentration[0], concentration[1]), (largest[0], largest[1]), (share[0], share[1]), (loss[0], loss[1]),
            (of_sales[0], of_sales[1]),
        )  # fmt: skip

    # Upgrades -------------------------------------------------------------------------------------

    @cached_property
    def upgrades(self) -> tuple[Upgrade, ...]:
        """What each attribute with a known effect would do under the scenario, most valuable first.

        Yes-or-no attributes that the firm has already are left out. Bands carry the error of the effect, not that of
        the firm's own capability.
        """
        found = [
            self._upgrade(name, effect, seed)
            for seed, (name, effect) in enumerate(sorted(self.home.effects.items()))
            if not self._has(name)
        ]
        return tuple(sorted(found, key=lambda upgrade: -upgrade.worth[0]))

    def _has(self, attribute: str) -> bool:
        column = self.home.firms.get(attribute)
        yes_or_no = column is not None and set(column.dropna().unique()) <= {0, 1}
        return bool(yes_or_no and self.profile.attributes.get(attribute) == 1)

    def _upgrade(self, attribute: str, effect: Effect, seed: int) -> Upgrade:
        draws = np.random.default_rng(seed).standard_normal((2, DRAWS))
        # The two errors come out of one estimation.
        draws[1] = effect.correlation * draws[0] + np.sqrt(max(1 - effect.correlation**2, 0.0)) * draws[1]
        more = np.concatenate(
            [[0.0], effect.capability + effect.capability_error * draws[0], [effect.capability]]
        )
        saved = np.concatenate(
            [[0.0], effect.fixed_cost_saving + effect.fixed_cost_error * draws[1], [effect.fixed_cost_saving]]
        )
        found, state = self._prospect(1, more, saved), self._states[1]
        traded = self._abroad & (state.revenue > 0)
        exports = found.exports[:, self._abroad].sum(1)
        markets = found.chance[:, traded].sum(1)
        worth = (found.exports / state.elasticity - found.fixed_cost).sum(1)
        return Upgrade(attribute, effect, _drawn_band(exports), _drawn_band(markets), _drawn_band(worth))

    def sentence(self) -> str:
        """The finding in words."""
        following = self.next_markets()
        likely = [
            f"{row['name']} ({in_percent(row['chance_after'])})"
            for row in following.to_dict("records")
            if row["chance_after"] >= 0.01
        ]
        if not likely:
            return f"{self.profile.label} is far from exporting anywhere it does not already"
        return f"{self.profile.label} could export next to {listed(likely)}"


def firm_view(
    equilibrium: Equilibrium, home: HomeFirms, profile: Profile, record: OwnRecord | None = None
) -> FirmView:
    """Everything about one firm; its own record (`home.outcomes.own_record`) where it has one.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family, or the profile's sector has no firms.
    """
    view = FirmView(equilibrium, home, profile, record)
    situations(equilibrium, profile.sector)
    return view


def money(millions: float) -> str:
    """An amount of one firm: thousands, millions or billions of dollars."""
    size = abs(millions)
    if size >= 1e3:
        return level(millions / 1e3, "bn USD")
    return level(millions, "m USD") if size >= 1 else level(millions * 1e3, "thousand USD")


def _normal_band(value: float, error: float) -> tuple[float, float, float]:
    reach = 1.6448536269514722 * error
    return value, value - reach, value + reach


def _drawn_band(values: Array) -> tuple[float, float, float]:
    """Change against the first value: of the last, and the band of those between."""
    change = values[1:] - values[0]
    low, high = np.quantile(change[:-1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(change[-1]), float(low), float(high)
