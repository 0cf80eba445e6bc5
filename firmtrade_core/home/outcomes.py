"""From the world back to its firms: what a result means for each firm of the home country (MODEL 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.margins import FirmsMargins, TreatedRows
from firmtrade_core.margins.firm_functions import FirmFunctions
from firmtrade_core.margins.records import Sector

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FirmOutcomes:
    """Expected outcomes of the home country's firms, before and after; million USD.

    Rows are firms, or the treated and the untreated part of one; ``weight`` says how many firms a row stands for,
    and money and counts below are already multiplied by it.

    Attributes
    ----------
    home : HomeFirms
    firm : (R,) of int
        Row of the firm's table.
    sector : (R,) of int
        Position in the world; -1 where it has none.
    weight : (R,)
    treated : (R,) of bool
    home_sales, exports, markets : (R, 2)
        Before and after: sales at home and abroad, firm-market pairs abroad.
    jobs : (R, 2) or None
        Persons, before and after: the data's at the baseline, then in step with the firm's real sales, such that a
        sector's persons move as its labour does; None where employment is not known.
    """

    home: HomeFirms
    firm: NDArray[np.intp]
    sector: NDArray[np.intp]
    weight: Array
    treated: NDArray[np.bool_]
    home_sales: Array
    exports: Array
    markets: Array
    jobs: Array | None = None

    @property
    def sales(self) -> Array:
        """At home and abroad, (R, 2)."""
        return self.home_sales + self.exports

    def by(self, groups: NDArray[np.object_] | pd.Series) -> pd.DataFrame:
        """Sums over groups of rows.

        Parameters
        ----------
        groups : (R,)
            A label for each row.

        Returns
        -------
        DataFrame
            By group: firms, then sales, exports and markets, each ``_before``, ``_after`` and change in percent.
        """
        columns = {"firms": self.weight}
        for name in ("sales", "exports", "markets"):
            values = getattr(self, name)
            columns |= {f"{name}_before": values[:, 0], f"{name}_after": values[:, 1]}
        table = pd.DataFrame(columns).groupby(np.asarray(groups), sort=True).sum()
        for name in ("sales", "exports", "markets"):
            before = table[f"{name}_before"]
            table[f"{name}_percent"] = 100 * (table[f"{name}_after"] / before.where(before > 0) - 1)
        return table

    def attribute(self, name: str) -> pd.Series:
        """A column of the firms' table, by row."""
        return self.home.firms[name].iloc[self.firm].reset_index(drop=True)

    def deciles(self) -> NDArray[np.intp]:
        """Tenth of firms by baseline sales, within all sectors, 1 (smallest) to 10, (R,)."""
        per_firm = self.sales[:, 0] / np.maximum(self.weight, 1e-300)
        order = np.argsort(per_firm, kind="stable")
        below = np.empty(len(order))
        below[order] = np.cumsum(self.weight[order]) - 0.5 * self.weight[order]
        return np.minimum((10 * below / self.weight.sum()).astype(np.intp), 9) + 1


def own_margins(equilibrium: Equilibrium) -> FirmsMargins:
    """Margins of a result under the firms family.

    Raises
    ------
    ComparisonError
        Under another family.
    """
    margins = equilibrium.margins_in_force
    if not isinstance(margins, FirmsMargins):
        raise ComparisonError(
            f"This result knows no single firms ({equilibrium.parameters.family.name} family): load the home country's "
            "firms and choose the firms family."
        )
    return margins


def firm_outcomes(equilibrium: Equilibrium, treatment: Treatment) -> FirmOutcomes:
    """What each firm sells where, before and after.

    Before, a firm has its share of what its record shows in each market, scaled to the world's total; where nothing is
    recorded, the share e^m Φ((m+g-k+σ_u²+v_k)/s) that the law gives it, the summand of (3). After, sellers keep what they
    sold times what programmes do to them, or leave; others enter, given that they stayed away before (`margins.records`);
    and each market adds up to what the equilibrium sells there.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family.
    """
    margins, home = own_margins(equilibrium), treatment.home
    table = home.firms
    place = home.sector_of(equilibrium.world)[treatment.firm]
    own = [table[name].to_numpy(float)[treatment.firm] for name in ("capability", "fixed_cost_saving")]
    now = [treatment.capability, treatment.fixed_cost_saving]
    count = len(place)
    home_sales, exports, markets = (np.zeros((count, 2)) for _ in range(3))
    abroad = np.arange(len(equilibrium.world.countries)) != margins.home
    levels = (equilibrium.world.revenue, equilibrium.revenue)
    for position, s in enumerate(margins.rows):
        rows = np.flatnonzero(place == s)
        shift = (np.zeros(len(abroad)), equilibrium.threshold_change[margins.home, :, s])
        known = margins.observed[position]
        if known is not None:
            part = treatment.rows(equilibrium.world, int(s), place == s)
            for state, moved in enumerate((_still(part), part)):
                sold, present = _recorded(known, moved, shift[state], levels[state][margins.home, :, s])
                home_sales[rows, state] = sold[:, margins.home]
                exports[rows, state] = sold[:, abroad].sum(1)
                markets[rows, state] = present[:, abroad].sum(1)
            continue
        for state, (m, g) in enumerate((own, now)):
            threshold = margins.threshold[position] + shift[state]
            sold, present = _sales(m[rows], g[rows], treatment.weight[rows], threshold, home)
            sold *= levels[state][margins.home, :, s]
            home_sales[rows, state] = sold[:, margins.home]
            exports[rows, state] = sold[:, abroad].sum(1)
            markets[rows, state] = present[:, abroad].sum(1)
    return FirmOutcomes(
        home,
        treatment.firm,
        place,
        treatment.weight,
        treatment.treated,
        home_sales,
        exports,
        markets,
        _jobs(equilibrium, treatment, place, home_sales + exports),
    )


@dataclass(frozen=True, eq=False)
class OwnRecord:
    """What one firm sold in the baseline year, as the data record it, and what becomes of it; million USD a year.

    Attributes
    ----------
    sold : (2, N)
        By destination, home included: recorded, scaled to the world's totals as `firm_outcomes` does; expected under the
        scenario, newly entered markets included.
    present : (2, N)
        Whether it sold there; the chance that it does under the scenario.
    """

    sold: Array
    present: Array


def own_record(equilibrium: Equilibrium, treatment: Treatment, row: int) -> OwnRecord | None:
    """The record of one row of the home firms; None where nobody knows who sells where.

    Parameters
    ----------
    row
        Of the firms' table.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family.
    """
    margins = own_margins(equilibrium)
    place = treatment.home.sector_of(equilibrium.world)[treatment.firm]
    own = np.flatnonzero(treatment.firm == row)
    s = int(place[own[0]]) if len(own) else -1
    at = np.flatnonzero(margins.rows == s)
    if not len(at) or (known := margins.observed[int(at[0])]) is None or not known.record.located:
        return None
    members = place == s
    rows = treatment.rows(equilibrium.world, s, members)
    mine = np.isin(np.flatnonzero(members), own)
    firms = float(rows.weight[mine].sum())
    if not firms > 0:
        return None
    shift = (np.zeros(len(equilibrium.world.countries)), equilibrium.threshold_change[margins.home, :, s])
    found = [
        [
            part[mine].sum(0) / firms
            for part in _recorded(known, moved, shift[state], revenue[margins.home, :, s])
        ]
        for state, (moved, revenue) in enumerate(
            ((_still(rows), equilibrium.world.revenue), (rows, equilibrium.revenue))
        )
    ]
    sold, present = (np.stack([state[part] for state in found]) for part in (0, 1))
    present[:, margins.home] = 1.0
    return OwnRecord(sold, present)


def _still(rows: TreatedRows) -> TreatedRows:
    return TreatedRows(rows.firm, rows.weight, 0 * rows.capability, 0 * rows.saving)


def _recorded(known: Sector, rows: TreatedRows, change: Array, revenue: Array) -> tuple[Array, Array]:
    """Sales (million USD) and firms present by row and destination, (R, N) each, adding up to the market's revenue."""
    at, home = known.markets, known.home
    sold, present = np.zeros((2, len(rows.firm), len(revenue)))
    sold[:, at], present[:, at], sold[:, home] = known.sales(
        rows.firm, rows.capability, rows.saving, np.where(revenue[at] > 0, change[at], np.inf)
    )
    sold *= rows.weight[:, None]
    total = sold.sum(0)
    # Where all who sold have left and nobody is near, what is still sold is everybody's as it was.
    lost = (total <= 0) & (revenue > 0)
    if lost.any():
        sold[:, at] += np.where(lost[at], rows.weight[:, None] * known.observed[rows.firm], 0.0)
        total = sold.sum(0)
    scale = np.divide(revenue, total, out=np.zeros_like(total), where=total > 0)
    return sold * scale, present * rows.weight[:, None]


def _jobs(
    equilibrium: Equilibrium, treatment: Treatment, place: NDArray[np.intp], sales: Array
) -> Array | None:
    """Persons by row, before and after, (R, 2); see `FirmOutcomes`."""
    table = treatment.home.firms
    if "employment" not in table:
        return None
    h = equilibrium.world.country_index(treatment.home.country)
    sectors = len(equilibrium.world.sectors)
    before = table["employment"].fillna(0).to_numpy(float)[treatment.firm] * treatment.weight
    grown = np.divide(sales[:, 1], sales[:, 0], out=np.ones(len(sales)), where=sales[:, 0] > 0)
    after, here = before * grown, place >= 0
    was, now = (np.bincount(place[here], v[here], minlength=sectors) for v in (before, after))
    pace = np.divide(was * equilibrium.employment_change[h], now, out=np.ones(sectors), where=now > 0)
    return np.column_stack([before, np.where(here, after * pace[np.maximum(place, 0)], before)])


def _sales(m: Array, g: Array, weight: Array, threshold: Array, home: HomeFirms) -> tuple[Array, Array]:
    """Share of each market's sales and expected presence of each firm by the law alone, both (R, N)."""
    deviations = home.deviations
    distance = (m + g)[:, None] - threshold
    # Capability is centred so that no exponential overflows; shares do not notice.
    potential = (weight * np.exp(m - m.max()))[:, None] * ndtr(
        (distance + deviations.potential_shift) / deviations.spread
    )
    total = potential.sum(0)
    present = weight[:, None] * ndtr(distance / deviations.spread)
    return np.divide(potential, total, out=np.zeros_like(potential), where=total > 0), present


def profits_gained(equilibrium: Equilibrium, treatment: Treatment) -> float:
    """What treated firms gain in profits at the baseline's prices, million USD, those left out that would lose.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family.
    """
    margins, gained = own_margins(equilibrium), 0.0
    place = treatment.home.sector_of(equilibrium.world)[treatment.firm]
    for position, s in enumerate(margins.rows):
        known, chosen = margins.observed[position], treatment.treated & (place == s)
        if not chosen.any():
            continue
        if known is None:
            return float("nan")
        rows = treatment.rows(equilibrium.world, int(s), chosen)
        each = known.profits_gained(rows, float(margins.within_elasticity[s]))
        gained += float(rows.weight @ np.maximum(each, 0.0))
    return gained


@dataclass(frozen=True, eq=False)
class Exporters:
    """Numbers of the home country's exporters, before and after.

    Attributes
    ----------
    sectors : tuple of str
        Sectors with firms.
    pairs : (2, H, N)
        Firms by sector and destination; zero at home.
    firms : (2, H)
        Firms that export anywhere.
    """

    sectors: tuple[str, ...]
    pairs: Array
    firms: Array


def exporters(equilibrium: Equilibrium) -> Exporters:
    """How many firms export where (MODEL 2): potential firms times (2), and how many export at all.

    Where the firms' records are known, as many export at the baseline as they show.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family.
    """
    margins = own_margins(equilibrium)
    change = equilibrium.threshold_change[margins.home][:, margins.rows].T
    reachable = np.isfinite(change)
    abroad = np.arange(change.shape[1]) != margins.home
    count = np.array([sector.arrays[2].sum() for sector in margins.sectors])
    count_after = count * equilibrium.firm_change[margins.home, margins.rows]
    traded = equilibrium.world.revenue[margins.home][:, margins.rows].T > 0
    before = np.exp(margins.before.presence(margins.threshold)) * (traded & abroad)
    moved = margins.threshold + np.where(reachable, change, 0.0)
    after = np.exp(margins.after.presence(moved) + margins.presence_offset) * (traded & abroad & reachable)
    pairs = np.stack([count[:, None] * before, count_after[:, None] * after])
    firms = [
        [scale[p] * _anywhere(functions[p], thresholds[p][mask[p]]) for p in range(len(margins.rows))]
        for scale, functions, thresholds, mask in (
            (count, margins.before.functions, margins.threshold, traded & abroad),
            (count_after, margins.after.functions, moved, traded & abroad & reachable),
        )
    ]
    found = np.array(firms)
    found[1] *= np.exp(margins.anywhere_offset)
    for row, known in enumerate(margins.observed):
        if known is not None and known.exporters is not None and found[0, row] > 0:
            # As many as the record has; the law says by how much they grow.
            found[:, row] *= known.exporters / found[0, row]
    return Exporters(margins.codes, pairs, found)


def _anywhere(functions: FirmFunctions, thresholds: Array) -> float:
    return functions.share_in_any(thresholds) if len(thresholds) else 0.0
