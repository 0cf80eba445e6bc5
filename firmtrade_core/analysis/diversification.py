"""Diversification as a result: how widely exports are spread, how much they swing, and what one partner's loss would cost.

Demand of every destination grows by its own shock and one that all share, alike in size: sd² of which a part ρ is common.
Growth of exports with shares w then swings by ``sd [ρ + (1-ρ) Σ w²]^½``: only what is not common is spread away, and the
Herfindahl index of shares says how much (Koren, Tenreyro 2007, for sectors and countries). Dependence is the real income
lost if the largest destination were cut off, everybody free to substitute: solved, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.analysis.who_gains import cut_off, herfindahl
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.equilibrium import Equilibrium, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError, abroad
from firmtrade_core.home.inclusion import FIRST_TIME, KINDS, groups_of
from firmtrade_core.home.outcomes import firm_outcomes
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.labels import change, in_percent, level, number
from firmtrade_core.panel.confidentiality import suppress
from firmtrade_core.words.scenario import countries as spoken

Array = NDArray[np.float64]

#: Standard deviation of yearly log growth of an economy's imports, and the part of its variance that all share: 81
#: economies, 2012 to 2022, by `demand_risk` on the OECD's inter-country input-output tables (2025 edition), in US dollars.
#: Without 2020 to 2022: 0.108 and 0.43.
RISK, COMMON = 0.134, 0.55

#: Fewer new pairs than this are none.
_FEWEST_PAIRS = 1e-3

#: How the measures are called, and their units.
MEASURES: dict[str, tuple[str, str]] = {
    "partners": ("Destinations of equal size that would be as concentrated", "count"),
    "largest": ("Share of the largest destination", "%"),
    "products": ("Products of equal size that would be as concentrated", "count"),
    "volatility": ("Swing of exports' growth in a year", "%"),
    "loss": ("Real income lost with the largest destination", "%"),
}


def demand_risk(imports: pd.DataFrame) -> tuple[float, float]:
    """Standard deviation of yearly log growth of imports, and the part of its variance that all importers share.

    Of growth less each importer's mean, the mean over importers in a year is the common shock; its variance is corrected
    for what single importers leave in it.

    Parameters
    ----------
    imports : DataFrame
        Rows: importers, columns: years in order; above zero.

    Raises
    ------
    ComparisonError
        For fewer than three importers or four years.
    """
    table = imports[(imports > 0).all(axis=1)]
    growth = np.diff(np.log(table.to_numpy(float)), axis=1)
    if growth.shape[0] < 3 or growth.shape[1] < 3:
        raise ComparisonError(
            "Risk of demand needs at least three importers with imports in each of at least four years."
        )
    count, years = growth.shape
    growth = growth - growth.mean(axis=1, keepdims=True)
    common = growth.mean(axis=0)
    own = float(((growth - common) ** 2).sum() / ((count - 1) * (years - 1)))
    shared = max(float((common**2).sum() / (years - 1)) - own / count, 0.0)
    return float(np.sqrt(own + shared)), shared / (own + shared)


def volatility(shares: Array, risk: float = RISK, common: float = COMMON) -> float:
    """Standard deviation of exports' yearly growth, a fraction."""
    return float(risk * np.sqrt(common + (1 - common) * herfindahl(shares)))


@dataclass(frozen=True, eq=False)
class Diversification:
    """How a scenario spreads a country's exports.

    Attributes
    ----------
    country, largest : str
        The exporter, and its largest destination in the scenario.
    table : DataFrame
        By measure (`MEASURES`): ``before, after``.
    gain, outlay : float
        Equivalent variation after paying, and programme outlay, million USD a year.
    pairs : float
        New firm-market pairs, net of those given up; NaN where no firms are known.
    groups : dict of str to DataFrame
        By kind of group: ``group, firms, pairs, share`` (of new pairs, those given up apart); NaN where a real firm would be revealed,
        and numbers of real firms with the noise of `disclosure.Screen.counted`.
    """

    country: str
    largest: str
    table: pd.DataFrame
    gain: float
    outlay: float
    pairs: float
    groups: dict[str, pd.DataFrame]

    @property
    def cost_per_pair(self) -> float:
        """USD of outlay per new firm-market pair; NaN without an outlay or pairs."""
        return 1e6 * self.outlay / self.pairs if self.outlay > 0 and self.pairs > 0 else float("nan")

    @property
    def worth_per_pair(self) -> float:
        """USD that a new pair may cost at most and pay: what the country gains before any outlay, per pair."""
        return 1e6 * (self.gain + self.outlay) / self.pairs if self.pairs > 0 else float("nan")

    def sentence(self) -> str:
        """The finding in words."""
        rows = self.table.to_dict("index")
        who = spoken([self.country]).text
        swing, loss, partners = rows["volatility"], rows["loss"], rows["partners"]
        text = (
            f"Exports of {who} are spread as over {number(partners['after'])} equal destinations ({number(partners['before'])} before); "
            f"a year's growth swings by {level(swing['after'], '%')} ({level(swing['before'], '%')} before)."
        )
        if np.isfinite(loss["after"]) and np.isfinite(loss["before"]):
            text += (
                f" Losing {spoken([self.largest]).text}, the largest, would cost {level(loss['after'], '%')} of real income; losing "
                f"the largest would have cost {level(loss['before'], '%')} before."
            )
        if np.isfinite(self.pairs) and self.pairs > 0:
            first = self.groups.get("exporting")
            share = (
                float(first.set_index("group")["share"].get(FIRST_TIME, np.nan))
                if first is not None
                else np.nan
            )
            text += f" Firms serve {change(self.pairs, 'firm-market pairs')}"
            text += (
                f"; of those opened, {in_percent(share)} by firms that did not export before."
                if np.isfinite(share)
                else "."
            )
        return text


def diversification(
    equilibrium: Equilibrium,
    country: str,
    treatment: Treatment | None = None,
    *,
    risk: float = RISK,
    common: float = COMMON,
) -> Diversification:
    """What a scenario does to the spread of a country's exports, against the baseline.

    Parameters
    ----------
    equilibrium
    country
        Code of the exporter.
    treatment
        The home country's firms in it, for who opens new markets; under the firms family and of this country alone.
    risk, common
        Of demand; see `demand_risk`.

    Raises
    ------
    ComparisonError
        If the risk is below zero or the common part outside 0 to 1.
    """
    if risk < 0 or not 0 <= common <= 1:
        raise ComparisonError("The risk of demand is 0 or more, and the part that all share from 0 to 1.")
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    still = solve(world, Shock(), equilibrium.parameters)
    before, after = abroad(world.border_value)[i], abroad(equilibrium.border_value)[i]
    rows: dict[str, list[float]] = {key: [] for key in MEASURES}
    largest = ""
    for sold, state in ((before, still), (after, equilibrium)):
        by_partner, by_product = sold.sum(axis=1), sold.sum(axis=0)
        largest = _largest(by_partner, world.countries)
        rows["partners"].append(_equal(by_partner))
        rows["largest"].append(
            100 * float(by_partner[world.countries.index(largest)]) / max(by_partner.sum(), 1e-300)
        )
        rows["products"].append(_equal(by_product))
        rows["volatility"].append(100 * volatility(by_partner, risk, common))
        rows["loss"].append(_loss(state, country, largest))
    table = pd.DataFrame(rows, index=["before", "after"]).T
    pairs, groups = float("nan"), dict[str, pd.DataFrame]()
    if treatment is not None and treatment.home.country == country:
        pairs, groups = _new_pairs(equilibrium, treatment)
    return Diversification(
        country,
        largest,
        table,
        float(equilibrium.equivalent_variation[i]),
        float(equilibrium.outlay[i]),
        pairs,
        groups,
    )


def _equal(values: Array) -> float:
    """1/Herfindahl: as many of equal size would be as concentrated."""
    found = herfindahl(values)
    return 1 / found if found > 0 else 0.0


def _largest(by_partner: Array, countries: tuple[str, ...]) -> str:
    """The largest destination that is one economy."""
    order = [int(j) for j in np.argsort(-by_partner, kind="stable") if countries[int(j)] != REST_OF_WORLD]
    return countries[order[0]]


def _loss(state: Equilibrium, country: str, partner: str) -> float:
    """Real income lost without a partner, percent; NaN where no equilibrium is left."""
    i = state.world.country_index(country)
    try:
        without = cut_off(state, country, partner)
    except EquilibriumError:
        return float("nan")
    return float(100 * (1 - without.real_income_change[i] / state.real_income_change[i]))


def _new_pairs(equilibrium: Equilibrium, treatment: Treatment) -> tuple[float, dict[str, pd.DataFrame]]:
    """New firm-market pairs in all and by groups of firms."""
    outcomes, home = firm_outcomes(equilibrium, treatment), treatment.home
    gained = np.bincount(outcomes.firm, outcomes.markets[:, 1] - outcomes.markets[:, 0], minlength=len(home))
    weight = np.bincount(outcomes.firm, outcomes.weight, minlength=len(home))
    total, found = float(gained.sum()), {}
    for kind, (label, order) in groups_of(home).items():
        if kind not in KINDS:
            continue
        opened = np.maximum(gained, 0.0)
        frame = pd.DataFrame({"group": label, "firms": weight, "pairs": gained, "opened": opened})
        sums = frame.groupby("group").sum()
        sums = sums.loc[[name for name in order if name in sums.index]].reset_index()
        # What solvers leave is nobody's new market.
        sums["share"] = sums["opened"] / opened.sum() if opened.sum() > _FEWEST_PAIRS else np.nan
        sums = sums.drop(columns="opened")
        if not home.screen.public:
            records = frame.assign(firm=np.arange(len(frame)), value=np.abs(frame["pairs"]))
            records = records[records["value"] > 0]
            if len(records):
                cells = suppress(records, ["group"], "value").set_index("group")["suppressed"]
                shut = cells.reindex(sums["group"]).fillna("few").to_numpy() != ""
                sums.loc[shut, ["firms", "pairs", "share"]] = np.nan
            rows = {name: np.flatnonzero(frame["group"] == name) for name in sums["group"]}
            sums["firms"] = [
                home.screen.counted(v, rows[name]) if v > 0 else v
                for name, v in zip(sums["group"], sums["firms"], strict=True)
            ]
        found[kind] = sums
    return total, found


def lever(country: str, largest: str, change_of_fixed_cost: float = -0.2) -> dict[str, object]:
    """The card that opens other markets: fixed costs of serving all but the largest destination change by a fraction.

    Parameters
    ----------
    country, largest
        Codes.
    change_of_fixed_cost
        Such as -0.2.
    """
    return {
        "kind": "fixed_cost",
        "exporters": [country],
        "importers": ["all"],
        "except_importers": [largest],
        "change": change_of_fixed_cost,
    }


def largest_partner(equilibrium: Equilibrium, country: str) -> str:
    """Code of a country's largest destination in the baseline.

    Parameters
    ----------
    equilibrium
    country
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    return _largest(abroad(world.border_value)[i].sum(axis=1), world.countries)
