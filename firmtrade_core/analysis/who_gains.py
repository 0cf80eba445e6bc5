"""Who gains and who loses at home, how exposed the country is, and what losers would need (MODEL 1 to 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.regions import region_name
from firmtrade_core.equilibrium import Equilibrium, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gains import gains_from_trade
from firmtrade_core.equilibrium.states import abroad, herfindahl
from firmtrade_core.home.outcomes import FirmOutcomes
from firmtrade_core.home.population import ANY, SIZE_WORDS, size_classes
from firmtrade_core.labels import change, level, listed
from firmtrade_core.panel.confidentiality import suppress
from firmtrade_core.words.scenario import countries as spoken
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: Exports or imports that rest on one partner for more than this count as a single point of failure.
SINGLE_SOURCE = 0.5

#: Sets of partners that are all tried.
_MOST_SETS = 60

#: Changes below this, in percent, are none in words.
VISIBLE = 0.005


# Sectors and jobs -------------------------------------------------------------------------------


def sectors_table(equilibrium: Equilibrium, country: str) -> pd.DataFrame:
    """One row per sector of a country.

    Returns
    -------
    DataFrame
        sector, name; percent: ``exports, output, jobs, wages_bill`` (real, deflated by consumer prices);
        ``wages_bill_change`` in bn USD at baseline prices, ``share`` of baseline labour income.
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    before, after = abroad(world.border_value)[i].sum(0), abroad(equilibrium.border_value)[i].sum(0)
    bill = equilibrium.baseline.labour_share[i] * equilibrium.baseline.cost[i]
    real = bill * equilibrium.employment_change[i] * equilibrium.real_wage_change[i]
    return pd.DataFrame(
        {
            "sector": world.sectors,
            "name": [world.sector_name(code) for code in world.sectors],
            "exports": _percent(after, before),
            "output": _percent(equilibrium.gross_output[i], world.gross_output[i]),
            "jobs": 100 * (equilibrium.employment_change[i] - 1),
            "wages_bill": _percent(real, bill),
            "wages_bill_change": (real - bill) * BILLION,
            "share": bill / bill.sum(),
        }
    )


def _percent(after: Array, before: Array) -> Array:
    return np.where(before > 0, 100 * (after / np.where(before > 0, before, 1.0) - 1), np.nan)


@dataclass(frozen=True)
class Safeguards:
    """What a policy does to those who work, within what it does to the country (MODEL 12).

    Losses are the real-wage change of everyone who was there, never the wages bill of a sector that others left; they
    are part of the country's gain, not to be set against it.

    Attributes
    ----------
    real_wage : float
        Change of what an hour of work buys, percent; the same in all sectors, since workers move freely.
    wages : float
        The same times labour income before, bn USD a year.
    shrinking : tuple of str
        Names of sectors that lose jobs, largest share of all jobs first.
    jobs_share : float
        Jobs that move out of them, percent of all.
    gain : float
        Equivalent variation of the country, bn USD a year: wages and everything else.
    """

    real_wage: float
    wages: float
    shrinking: tuple[str, ...]
    jobs_share: float
    gain: float

    @property
    def rest(self) -> float:
        """What people gain beside wages: duties, profits, hours; bn USD a year."""
        return self.gain - self.wages

    @property
    def affordable(self) -> bool:
        """Whether workers can be made whole out of the rest with something left: whether the country gains."""
        return self.gain >= 0

    def sentence(self, who: str) -> str:
        """In words that hold whatever the signs (`tests/analysis/test_who_gains.py`)."""
        return f"{self._workers(who)} {self._movers()}"

    def _workers(self, who: str) -> str:
        country = f"{who}'s change of {change(self.gain, 'bn USD')} a year"
        if abs(self.real_wage) < VISIBLE:
            return f"Real wages in {who} stay as they are; {country} comes to people in other ways."
        counted = f"{change(self.wages, 'bn USD')} a year over all workers, which is part of {country}"
        moved = f"Real wages in {who} {'rise' if self.real_wage > 0 else 'fall'} by {level(abs(self.real_wage), '%')}"
        if self.real_wage > 0:
            return f"{moved}: {counted}."
        if self.affordable:
            return (
                f"{moved}: {counted}. Duties, profits and hours bring {change(self.rest, 'bn USD')}: enough to make "
                "workers whole."
            )
        return (
            f"{moved}: {counted}. Duties, profits and hours bring {change(self.rest, 'bn USD')}: not enough to make "
            "workers whole, for the country as a whole loses."
        )

    def _movers(self) -> str:
        if not self.shrinking or self.jobs_share < VISIBLE:
            return "Hardly anyone has to change sector."
        names = listed([name[:1].lower() + name[1:] for name in self.shrinking])
        return (
            f"{level(self.jobs_share, '%')} of all jobs leave shrinking sectors ({names}); what moving costs those who "
            "hold them is not counted."
        )


def safeguards(equilibrium: Equilibrium, country: str) -> Safeguards:
    """Real wages of those who were there, the country's gain around them, and jobs that move."""
    i = equilibrium.world.country_index(country)
    table = sectors_table(equilibrium, country)
    moving = -np.minimum(table["jobs"].to_numpy(), 0.0) * table["share"].to_numpy()
    order = [k for k in np.argsort(-moving, kind="stable") if moving[k] > 0]
    growth = float(equilibrium.real_wage_change[i]) - 1
    return Safeguards(
        100 * growth,
        growth * float(equilibrium.baseline.labour_income[i]) * BILLION,
        tuple(table["name"].to_numpy()[order]),
        float(moving.sum()),
        float(equilibrium.equivalent_variation[i]) * BILLION,
    )


# Concentration ----------------------------------------------------------------------------------


def concentration(equilibrium: Equilibrium, country: str) -> pd.DataFrame:
    """Herfindahl indices (0 to 1) of a country's trade before and after.

    Returns
    -------
    DataFrame
        what, before, after, largest (name and share of the largest, after).
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    sides = [abroad(values) for values in (world.border_value, equilibrium.border_value)]
    places = [country_name(code) for code in world.countries]
    goods = [world.sector_name(code) for code in world.sectors]
    rows = []
    for what, names, values in (
        ("Exports by partner", places, [side[i].sum(1) for side in sides]),
        ("Exports by product", goods, [side[i].sum(0) for side in sides]),
        ("Imports by partner", places, [side[:, i].sum(1) for side in sides]),
        ("Imports by product", goods, [side[:, i].sum(0) for side in sides]),
    ):
        top = int(values[1].argmax())
        share = values[1][top] / values[1].sum() if values[1].sum() > 0 else 0.0
        rows.append((what, herfindahl(values[0]), herfindahl(values[1]), names[top], share))
    return pd.DataFrame(rows, columns=["what", "before", "after", "largest", "largest_share"])


def single_sources(equilibrium: Equilibrium, country: str) -> pd.DataFrame:
    """Imports that rest on one supplier for more than half, by sector, the largest shares of use first.

    Returns
    -------
    DataFrame
        sector, name, supplier, share_of_imports, share_of_use (of all the country spends on the sector), both after.
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    bought = equilibrium.flows[:, i].copy()
    total = bought.sum(0)
    bought[i] = 0.0
    imports = bought.sum(0)
    top = bought.argmax(0)
    largest = bought.max(0)
    table = pd.DataFrame(
        {
            "sector": world.sectors,
            "name": [world.sector_name(code) for code in world.sectors],
            "supplier": [country_name(world.countries[j]) for j in top],
            "share_of_imports": largest / np.where(imports > 0, imports, 1.0),
            "share_of_use": largest / np.where(total > 0, total, 1.0),
        }
    )
    found = table[table["share_of_imports"] > SINGLE_SOURCE]
    return found.sort_values("share_of_use", ascending=False, ignore_index=True)


# Suppliers --------------------------------------------------------------------------------------


def exposed_suppliers(equilibrium: Equilibrium, country: str) -> pd.DataFrame:
    """Home sectors by what they sell to home industries that shrink.

    Returns
    -------
    DataFrame
        sector, name; ``exposure``: share of sales that goes to home industries whose output falls; ``pull``: change in
        sales, percent, that their falling purchases alone would bring. Empty without input-output links.
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    if world.inputs is None:
        return pd.DataFrame(columns=["sector", "name", "exposure", "pull"])
    growth = _percent(equilibrium.gross_output[i] / equilibrium.price_index_change[i], world.gross_output[i])
    growth = np.nan_to_num(growth)
    sold = world.inputs[i] * world.shares[i, i][:, None]
    output = np.where(world.gross_output[i] > 0, world.gross_output[i], 1.0)[:, None]
    shares = sold / output
    table = pd.DataFrame(
        {
            "sector": world.sectors,
            "name": [world.sector_name(code) for code in world.sectors],
            "exposure": shares @ (growth < -VISIBLE).astype(float),
            "pull": shares @ np.minimum(growth, 0.0),
        }
    )
    return table.sort_values("pull", ignore_index=True)


# Cutting off the world ---------------------------------------------------------------------------


def worth_of_trade(equilibrium: Equilibrium) -> pd.DataFrame:
    """What trading at all is worth to each country, under the structure of a result and before its policies (ACR12).

    Returns
    -------
    DataFrame
        country, name, gain (percent by which real income stands above that in autarky; NaN where a country buys what it
        does not sell at home), missing (names of those sectors); the largest gain first.

    Raises
    ------
    EquilibriumError
        Where no country can do without trade, or autarky has no equilibrium.
    """
    world = equilibrium.world
    found = gains_from_trade(world, equilibrium.parameters)
    table = pd.DataFrame(
        {
            "country": world.countries,
            "name": [country_name(code) for code in world.countries],
            "gain": 100 * found.gain,
            "missing": [
                ", ".join(world.sector_name(s) for s in found.missing.get(code, ()))
                for code in world.countries
            ],
        }
    )
    return table.sort_values("gain", ascending=False, na_position="last", ignore_index=True)


def worth_sentence(table: pd.DataFrame, country: str) -> str:
    """What trade is worth to a country and where it stands among all, in words."""
    row = table[table["country"] == country].to_dict("records")[0]
    who = spoken([country]).text
    if not np.isfinite(row["gain"]):
        return f"What trade is worth to {who} is not defined: it sells no {row['missing'].lower()} at home, which it buys."
    known = int(table["gain"].notna().sum())
    place = int((table["gain"] > row["gain"]).sum()) + 1
    return (
        f"Without any trade real income of {who} would be {level(float(100 * (1 - 1 / (1 + row['gain'] / 100))), '%')} lower: "
        f"trading raises it by {level(float(row['gain']), '%')}, place {place} of {known}, under the same model choices, with "
        "trade balanced before and after."
    )


# Cutting off a partner --------------------------------------------------------------------------


def cut_off(equilibrium: Equilibrium, country: str, partner: str) -> Equilibrium:
    """The scenario with all trade between two countries ended, everybody free to substitute.

    Raises
    ------
    EquilibriumError
        If the world without this trade has no equilibrium.
    """
    world = equilibrium.world
    i, j = world.country_index(country), world.country_index(partner)
    if i == j:
        raise EquilibriumError(f"{country_name(country)} cannot be cut off from itself; name a partner.")
    given = equilibrium.shock.trade_cost
    cost = np.ones(world.revenue.shape) if given is None else np.array(given)
    cost[i, j] = cost[j, i] = np.inf
    return solve(
        world, replace(equilibrium.shock, trade_cost=cost), equilibrium.parameters, start=equilibrium
    )


def worst_cut_off(equilibrium: Equilibrium, country: str, most: int = 5) -> pd.DataFrame:
    """Loss from being cut off from each of the largest partners, worst first.

    Parameters
    ----------
    most
        How many of the largest partners by trade both ways; the rest of the world is left out.

    Returns
    -------
    DataFrame
        partner, name, trade_share (of the country's trade), real_income (percent, against the scenario), loss (bn USD).
        Real income is NaN where no equilibrium exists without the partner.
    """
    world, i = equilibrium.world, equilibrium.world.country_index(country)
    trade = abroad(equilibrium.border_value).sum(2)
    both = trade[i] + trade[:, i]
    offered = [
        int(j)
        for j in np.argsort(-both, kind="stable")
        if world.countries[j] != REST_OF_WORLD and both[j] > 0
    ]
    rows = []
    for j in offered[:most]:
        try:
            without = cut_off(equilibrium, country, world.countries[j])
            ratio = float(without.real_income_change[i] / equilibrium.real_income_change[i])
            loss = float(equilibrium.equivalent_variation[i] - without.equivalent_variation[i])
        except EquilibriumError:
            ratio, loss = np.nan, np.nan
        code = world.countries[j]
        rows.append((code, country_name(code), both[j] / both.sum(), 100 * (ratio - 1), loss * BILLION))
    table = pd.DataFrame(rows, columns=["partner", "name", "trade_share", "real_income", "loss"])
    return table.sort_values("real_income", ignore_index=True)


def worst_together(
    equilibrium: Equilibrium, country: str, alone: pd.DataFrame, together: int = 3
) -> pd.DataFrame:
    """Which partners cost most when they are lost together: all sets are tried where they are few, else one by one.

    One by one, each next partner is the worst beside those already lost; substitutes may make another set worse.

    Parameters
    ----------
    alone
        As `worst_cut_off` gives it: the partners among whom the worst are sought.
    together
        How many at most.

    Returns
    -------
    DataFrame
        together (how many), names (who), real_income (percent, against the scenario), beyond (percentage points beyond the
        sum of the losses one by one: substitutes lost together cost more), sets (tried, of this size) and exact (whether
        those are all). It ends where no equilibrium is left.
    """
    i = equilibrium.world.country_index(country)
    single = alone.dropna().set_index("partner")["real_income"]
    together, names = min(together, len(single)), [str(code) for code in single.index]
    exact = sum(comb(len(single), k) for k in range(1, together + 1)) <= _MOST_SETS
    known: dict[tuple[str, ...], Equilibrium] = {(): equilibrium}
    rows = []
    for count in range(1, together + 1):
        found: dict[tuple[str, ...], Equilibrium] = {}
        for lost, state in known.items():
            # Each set once, its partners in the order of the table.
            later = names[names.index(lost[-1]) + 1 :] if exact and lost else names
            for partner in (each for each in later if each not in lost):
                try:
                    found[(*lost, partner)] = cut_off(state, country, partner)
                except EquilibriumError:
                    continue
        if not found:
            break
        worst = min(found, key=lambda lost: float(found[lost].real_income_change[i]))
        known = found if exact else {worst: found[worst]}
        change = 100 * (float(found[worst].real_income_change[i] / equilibrium.real_income_change[i]) - 1)
        who = ", ".join(country_name(partner) for partner in worst)
        rows.append((count, who, change, change - float(single[list(worst)].sum()), len(found), exact))
    return pd.DataFrame(rows, columns=["together", "names", "real_income", "beyond", "sets", "exact"])


# Firms ------------------------------------------------------------------------------------------


def firm_groups(outcomes: FirmOutcomes, wage_change: float) -> dict[str, pd.DataFrame]:
    """What groups of home firms gain: by size, exporting, region and skill of workers where known.

    Sales are deflated by home wages, so that they move as the labour that firms use. Groups that would reveal a
    single firm are withheld.

    Parameters
    ----------
    wage_change
        ŵ at home.

    Returns
    -------
    dict of DataFrame
        ``size`` (tenths, smallest first), ``exporting``, and if the table has the columns ``class`` (persons engaged),
        ``region``, ``skill``: group, label, percent, firms, and ``persons`` engaged before and their change ``moved``
        (`FirmOutcomes.jobs`, NaN where employment is not known or firms are confidential); numbers are NaN where withheld.
    """
    table = outcomes.home.firms
    deciles = pd.Series(outcomes.deciles())
    exports = outcomes.attribute("exports") > 0 if "exports" in table else None
    groups: dict[str, tuple[pd.Series, dict[object, str]]] = {
        "size": (deciles, {d: _decile(d) for d in range(1, 11)}),
    }
    if "employment" in table:
        classes = pd.Series(size_classes(table)[outcomes.firm])
        groups["class"] = (classes, dict[object, str]([*SIZE_WORDS.items(), (ANY, "Size not known")]))
    if exports is not None:
        groups["exporting"] = (exports, {True: "Exporters", False: "Non-exporters"})
    if "region" in table:
        regions = outcomes.attribute("region").astype(str)
        groups["region"] = (
            regions,
            {
                r: region_name(outcomes.home.country, r, invented=outcomes.home.synthetic)
                for r in regions.unique()
            },
        )
    if "skill_share" in table:
        skilled = outcomes.attribute("skill_share")
        side = pd.Series(np.where(skilled > skilled.median(), "more", "fewer")).where(
            skilled.notna(), "unknown"
        )
        words: dict[object, str] = {
            "more": "More skilled workers",
            "fewer": "Fewer skilled workers",
            "unknown": "Skills not known",
        }
        groups["skill"] = (side, words)
    return {name: _group(outcomes, labels, words, wage_change) for name, (labels, words) in groups.items()}


def _decile(tenth: int) -> str:
    ends = {1: "Smallest tenth", 10: "Largest tenth"}
    return ends.get(tenth, f"Tenth {tenth}")


def _group(
    outcomes: FirmOutcomes, labels: pd.Series, words: dict[object, str], wage_change: float
) -> pd.DataFrame:
    placed = outcomes.sector >= 0
    records = pd.DataFrame(
        {
            "group": labels.to_numpy(),
            "firm": outcomes.firm,
            "before": outcomes.sales[:, 0],
            "after": outcomes.sales[:, 1] / wage_change,
            "firms": outcomes.weight,
            "persons": np.nan if outcomes.jobs is None else outcomes.jobs[:, 0],
            "moved": np.nan if outcomes.jobs is None else outcomes.jobs[:, 1] - outcomes.jobs[:, 0],
        }
    )[placed]
    sums = records.groupby("group")[["before", "after", "firms", "persons", "moved"]].sum(min_count=1)
    if set(sums.index) <= {*SIZE_WORDS, ANY}:
        sums = sums.loc[[name for name in (*SIZE_WORDS, ANY) if name in sums.index]]
    open_cells = suppress(records, ["group"], "before").set_index("group")["suppressed"] == ""
    percent = 100 * (sums["after"] / sums["before"] - 1)
    screen = outcomes.home.screen
    if not screen.public:
        rows: dict[object, NDArray[np.intp]] = {
            group: each["firm"].to_numpy(np.intp) for group, each in records.groupby("group")
        }
        sums["firms"] = [screen.counted(float(v), rows[group]) for group, v in sums["firms"].items()]
        # Persons are one more question about the same firms: of confidential ones it is not answered by group.
        sums[["persons", "moved"]] = np.nan
    return pd.DataFrame(
        {
            "group": sums.index,
            "label": [words.get(g, str(g)) for g in sums.index],
            "percent": percent.where(open_cells.reindex(sums.index)).to_numpy(),
            **{
                name: sums[name].where(open_cells.reindex(sums.index)).to_numpy()
                for name in ("firms", "persons", "moved")
            },
        }
    )


def partners(world: World, country: str) -> list[str]:
    """Codes of a country's partners by trade both ways, largest first."""
    i = world.country_index(country)
    trade = abroad(world.border_value).sum(2)
    both = trade[i] + trade[:, i]
    return [world.countries[j] for j in np.argsort(-both, kind="stable") if both[j] > 0]
