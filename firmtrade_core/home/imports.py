"""Firms that import their inputs: what that saves them, and what prices at the border do to each (MODEL 13).

Producers of a sector share one price of inputs in (5): the sector's mean firm. Firms differ in how much of their
materials they buy abroad, so that a tariff on inputs is a tariff on exporters who import. With d the domestic share of
a firm's materials, γ_M the share of materials in cost and η between materials at home and abroad,

    ĉ_ω = [d P̂_D^(1-η) + (1-d) P̂_M^(1-η)]^(γ_M/(1-η))      and      c_autarky / c = d^(γ_M/(1-η)),

the domestic share being all one must know of a firm's sourcing (Blaum, Lelarge, Peters 2018, equation 7; Halpern,
Koren, Szeidl 2015). Each firm's cost *against its sector's mean*, r = ln ĉ_ω - mean, lowers its capability by (σ-1)r,
σ among firms of one country, and raises its fixed costs, which are paid in its own inputs, by r: together σr, what the
sector's own cost does in (1). Prices follow from what firms do, and firms from prices: solved by turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.disclosure import FEWEST_FIRMS
from firmtrade_core.equilibrium import Equilibrium, solve
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.outcomes import FirmOutcomes, firm_outcomes, own_margins
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.labels import change, level

Array = NDArray[np.float64]

#: Column of the firms' table: imports over materials.
IMPORTED = "imported_input_share"

#: η, as remembered from Blaum, Lelarge and Peters 2018 (American Economic Journal: Macroeconomics 10(4), 77-127; French
#: manufacturing). The article's method was checked, this number was not held against its text: it counts as assumed.
ELASTICITY = 2.38

#: What readers are told of it.
ELASTICITY_SOURCE = "2.38 is assumed: remembered from Blaum, Lelarge and Peters (2018) on French manufacturing, not checked against the article"

#: Firms must buy something at home: a domestic share of zero has no autarky to be held against.
_LEAST_DOMESTIC = 0.01

#: Rounds between prices and firms, and the largest move of a firm's log cost at which they have met.
_ROUNDS, _MET = 12, 1e-7


def cost_change(
    domestic: Array | float,
    home_price: Array | float,
    import_price: Array | float,
    materials: Array | float,
    elasticity: float,
) -> Array:
    """ln ĉ of firms whose inputs at home and abroad change their prices; the equation above, arrays of one shape.

    Parameters
    ----------
    domestic
        d before, 0 to 1.
    home_price, import_price
        ln P̂_D and ln P̂_M.
    materials
        γ_M.
    elasticity
        η, above 0; at 1 its limit.
    """  # fmt: skip
    if abs(elasticity - 1) < 1e-9:
        return np.asarray(materials * (domestic * home_price + (1 - domestic) * import_price))
    power = 1 - elasticity
    mean = domestic * np.exp(power * home_price) + (1 - domestic) * np.exp(power * import_price)
    return np.asarray(materials * np.log(mean) / power)


def cost_without_imports(domestic: Array | float, materials: Array | float, elasticity: float) -> Array:
    """By how much costs would rise in logs if nothing could be bought abroad, at given prices at home: -γ_M ln d/(η-1).

    Raises
    ------
    ComparisonError
        Where η is 1 or less: without imports such firms could not produce at all.
    """
    if elasticity <= 1:
        raise ComparisonError("What imports save has no end where η is 1 or less; give a larger one.")
    return np.asarray(-materials * np.log(np.maximum(domestic, _LEAST_DOMESTIC)) / (elasticity - 1))


def domestic_shares(home: HomeFirms) -> Array:
    """d of each firm, (F,), NaN where it did not say; of firms that are somebody's secret, their group's.

    Raises
    ------
    ComparisonError
        If the table does not know imports.
    """
    if IMPORTED not in home.firms or home.firms[IMPORTED].isna().all():
        raise ComparisonError(
            f"The firms' table does not say how much of their materials firms import: add a column {IMPORTED} "
            "(imports over materials, 0 to 1)."
        )
    return np.clip(1 - home.screen.column(IMPORTED), _LEAST_DOMESTIC, 1.0)


@dataclass(frozen=True, eq=False)
class InputPrices:
    """Prices of materials by using sector at home, (S,) each.

    Attributes
    ----------
    home, abroad
        ln P̂_D and ln P̂_M: means over the materials that the sector uses, weighted by what it buys of each at home and
        abroad.
    materials
        γ_M, goods in the sector's cost.
    imported
        Share of those goods that comes from abroad, by the world's accounts.
    """

    home: Array
    abroad: Array
    materials: Array
    imported: Array


def input_prices(equilibrium: Equilibrium, country: str) -> InputPrices:
    """What happens to prices of materials from home and from abroad.

    Both follow from shares: ln p̂_hh = ln P̂_h + ln(π'_hh/π_hh)/(1-σ), and imports together alike.

    Raises
    ------
    ComparisonError
        In a world without input-output links, or without materials.
    """
    world, h = equilibrium.world, equilibrium.world.country_index(country)
    shares = equilibrium.baseline.input_shares
    if shares is None:
        raise ComparisonError(
            "This world has no input-output links: nobody knows what producers buy. Load a world with links."
        )
    goods = np.asarray(world.goods, dtype=bool)
    used = np.where(goods[:, None], shares[h], 0.0)
    sigma = equilibrium.margins_in_force.elasticity_of_substitution
    before = world.shares[h, h]
    after = equilibrium.flows[h, h] / equilibrium.total_expenditure[h]
    index = np.log(equilibrium.price_change[h])
    moved = []
    for was, now in ((before, after), (1 - before, 1 - after)):
        bought = was > 1e-12
        gone = bought & (now <= 1e-12)
        if (gone & (used.sum(1) > 0)).any():
            raise ComparisonError(
                "The scenario ends all imports of some materials: firms that import them have no cost to speak of."
            )
        ratio = np.divide(now, was, out=np.ones_like(was), where=bought & ~gone)
        moved.append(index + np.log(ratio) / (1 - sigma))
    at_home, abroad = used * before[:, None], used * (1 - before)[:, None]
    materials = used.sum(0)
    if not materials.any():
        raise ComparisonError("No sector at home uses any goods; imported inputs change no cost.")

    def mean(weights: Array, values: Array) -> Array:
        total = weights.sum(0)
        return np.divide(values @ weights, total, out=np.zeros(len(total)), where=total > 0)

    return InputPrices(
        mean(at_home, moved[0]),
        mean(abroad, moved[1]),
        materials,
        np.divide(abroad.sum(0), materials, out=np.zeros(len(materials)), where=materials > 0),
    )


@dataclass(frozen=True, eq=False)
class ImportedInputs:
    """A scenario in which every firm pays its own price of inputs, beside the one in which all pay their sector's mean.

    Attributes
    ----------
    with_own, without : Equilibrium
        Certified both; the first carries each firm's own cost.
    treatment, plain : Treatment
        The home country's firms in either, programmes included.
    domestic : (F,)
        d before; NaN where the firm did not say: it then has its sector's mean cost.
    cost, relative : (F,)
        ln ĉ_ω from materials, and what of it stands against the sector's mean.
    saving : (F,)
        What importing saves: ln of cost without imports over cost, at the baseline; NaN where η is 1 or less.
    prices : InputPrices
    elasticity : float
        η.
    rounds : int
        Solutions until prices and firms met.
    """

    with_own: Equilibrium
    without: Equilibrium
    treatment: Treatment
    plain: Treatment
    domestic: Array
    cost: Array
    relative: Array
    saving: Array
    prices: InputPrices
    elasticity: float
    rounds: int

    @property
    def home(self) -> HomeFirms:
        """Whose firms they are."""
        return self.plain.home

    @cached_property
    def outcomes(self) -> tuple[FirmOutcomes, FirmOutcomes]:
        """Firms with costs of their own, and with their sector's mean."""
        return firm_outcomes(self.with_own, self.treatment), firm_outcomes(self.without, self.plain)

    @property
    def importers(self) -> NDArray[np.bool_]:
        """Firms that say they import inputs, (F,)."""
        return np.nan_to_num(1 - self.domestic, nan=0.0) > 1e-9

    @property
    def exports_percent(self) -> tuple[float, float]:
        """Change of the firms' exports, percent: with own costs, and with the sector's mean."""
        with_own, plain = ((100 * (o.exports[:, 1].sum() / o.exports[:, 0].sum() - 1)) for o in self.outcomes)
        return float(with_own), float(plain)

    def by(self, labels: pd.Series | NDArray[np.object_]) -> pd.DataFrame:
        """What groups of firms import, what it saves them, and what the scenario does to them.

        Parameters
        ----------
        labels : (F,)
            A group for each firm of the table.

        Returns
        -------
        DataFrame
            By group: ``firms``; ``importers`` (share of firms) and ``imported`` (share of materials, sales-weighted);
            ``saving`` and ``cost`` (percent of cost, sales-weighted); ``exports`` and ``exports_mean_cost`` (change of
            exports in percent, with own costs and with the sector's mean), ``sales`` likewise. NaN where fewer than five
            firms, or one that leads, stand behind.
        """
        from firmtrade_core.panel.confidentiality import suppress

        own, plain = self.outcomes
        label = np.asarray(labels, dtype=object)
        count, size = len(self.home), np.zeros(len(self.home))
        np.add.at(size, plain.firm, plain.sales[:, 0])
        weight = np.bincount(plain.firm, plain.weight, minlength=count)
        told = np.isfinite(self.domestic)
        frame = pd.DataFrame(
            {
                "group": label, "firm": np.arange(count), "firms": weight, "size": size,
                "importers": weight * self.importers, "known": np.where(told, size, 0.0), "asked": weight * told,
                "imported": np.where(told, size * (1 - np.nan_to_num(self.domestic, nan=1.0)), 0.0),
                "saving": np.where(told, size * np.expm1(np.nan_to_num(self.saving)), 0.0),
                "cost": np.where(told, size * np.expm1(self.cost), 0.0),
            }
        )  # fmt: skip
        for name, found, part in (
            ("exports", own, "exports"), ("exports_mean_cost", plain, "exports"), ("sales", own, "sales"), ("sales_mean_cost", plain, "sales"),
        ):  # fmt: skip
            values = getattr(found, part)
            for state, suffix in enumerate(("_before", "_after")):
                frame[name + suffix] = np.bincount(found.firm, values[:, state], minlength=count)
        sums = frame.drop(columns="firm").groupby("group", sort=False).sum()
        table = pd.DataFrame({"firms": sums["firms"]})
        table["importers"] = sums["importers"] / sums["asked"].where(sums["asked"] > 0)
        for name, scale in (("imported", 1.0), ("saving", 100.0), ("cost", 100.0)):
            table[name] = scale * sums[name] / sums["known"].where(sums["known"] > 0)
        if self.elasticity <= 1:
            table["saving"] = np.nan
        for name in ("exports", "exports_mean_cost", "sales", "sales_mean_cost"):
            before = sums[f"{name}_before"]
            table[name] = 100 * (sums[f"{name}_after"] / before.where(before > 0) - 1)
        if not self.home.screen.public:
            # What a group imports is told where enough of its firms do, none of which leads.
            for measure, columns in (
                ("size", list(table)),
                ("exports_before", ["exports", "exports_mean_cost"]),
                (
                    "imported",
                    [
                        "importers",
                        "imported",
                        "saving",
                        "cost",
                        "exports",
                        "exports_mean_cost",
                        "sales",
                        "sales_mean_cost",
                    ],
                ),
            ):
                some = frame[frame[measure] > 0]
                if some.empty:
                    continue
                cells = suppress(some, ["group"], measure).set_index("group")
                shut = (cells["suppressed"] != "").reindex(table.index, fill_value=False)
                table.loc[shut, columns] = np.nan
            label, counted = frame["group"].to_numpy(), self.home.screen.counted
            for group in table.index:
                own = label == group
                asked, buys = own & (frame["asked"] > 0).to_numpy(), own & (frame["importers"] > 0).to_numpy()
                firms = float(table.loc[group, "firms"])
                table.loc[group, "firms"] = counted(firms, own) if firms > 0 else firms
                if table.loc[group, "importers"] > 0:
                    share = counted(float(sums.loc[group, "importers"]), buys) / max(
                        counted(float(sums.loc[group, "asked"]), asked), 1.0
                    )
                    table.loc[group, "importers"] = min(share, 1.0)
        return table.reset_index()

    def groups(self) -> dict[str, pd.DataFrame]:
        """By trading status and by size: firms that export, import, do both or neither, and fifths of sales."""
        table = self.home.firms
        exporting = (pd.to_numeric(table["exports"], errors="coerce").fillna(0) > 0) if "exports" in table else pd.Series(False, index=table.index)  # fmt: skip
        told = np.isfinite(self.domestic)
        words = {(True, True): "Export and import", (True, False): "Export alone", (False, True): "Import alone", (False, False): "Neither"}  # fmt: skip
        status = [words[bool(e), bool(i)] if t else "Did not say" for e, i, t in zip(exporting, self.importers, told, strict=True)]  # fmt: skip
        plain = self.outcomes[1]
        per_firm = np.bincount(plain.firm, plain.sales[:, 0], minlength=len(table))
        weight = np.bincount(plain.firm, plain.weight, minlength=len(table))
        order = np.argsort(per_firm / np.maximum(weight, 1e-300), kind="stable")
        below = np.empty(len(order))
        below[order] = np.cumsum(weight[order]) - 0.5 * weight[order]
        fifth = np.minimum((5 * below / weight.sum()).astype(int), 4)
        names = ("Smallest fifth", "Second fifth", "Third fifth", "Fourth fifth", "Largest fifth")
        found = {}
        for key, labels, ordered in (
            ("status", np.array(status, dtype=object), (*words.values(), "Did not say")),
            ("size", np.array(names, dtype=object)[fifth], names),
        ):
            by = self.by(labels).set_index("group")
            found[key] = by.loc[[name for name in ordered if name in by.index]].reset_index()
        return found

    def sentence(self) -> str:
        """The finding in words, from the numbers."""
        own, plain = self.exports_percent
        status = self.groups()["status"].set_index("group")
        both = status["exports"].get("Export and import", np.nan)
        alone = status["exports"].get("Export alone", np.nan)
        text = f"With each firm's own price of inputs exports move by {change(own)}, with the sector's mean price by {change(plain)}."
        if np.isfinite(both) and np.isfinite(alone):
            text += (
                f" Exporters who import: {change(float(both))}; exporters who do not: {change(float(alone))}."
            )
        saved = status["saving"].get("Export and import", np.nan)
        if np.isfinite(saved):
            text += f" Without imports the costs of the former would be {level(float(saved), '%')} higher."
        return text


def with_own_inputs(
    without: Equilibrium, treatment: Treatment, elasticity: float = ELASTICITY
) -> ImportedInputs:
    """Solve a scenario again with each firm's own price of inputs.

    Parameters
    ----------
    without
        The scenario under the firms family, where all pay their sector's mean.
    treatment
        The home country's firms in it.
    elasticity
        η, above 0.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family, the table does not know imports, the world has no links, or prices and
        firms do not meet.
    EquilibriumError
        If there is no equilibrium with own costs.
    """  # fmt: skip
    if not 0 < elasticity < 100:
        raise ComparisonError(f"The elasticity between inputs is {elasticity:g}; give a number above 0.")
    margins, home = own_margins(without), treatment.home
    domestic, place = domestic_shares(home), home.sector_of(without.world)
    sigma = margins.within_elasticity
    plain = firm_outcomes(without, treatment)
    size = np.zeros(len(home))
    np.add.at(size, plain.firm, plain.sales[:, 0])
    found, seen = without, np.zeros(len(home))
    rounds = 0
    while rounds < _ROUNDS:
        rounds += 1
        prices = input_prices(found, home.country)
        cost = _costs(domestic, place, prices, elasticity)
        relative = _against_mean(cost, place, size, np.isfinite(domestic))
        if np.abs(relative - seen).max(initial=0.0) < _MET:
            break
        seen = relative
        moved = treatment.with_costs(relative, np.where(place >= 0, sigma[np.maximum(place, 0)], 1.0))
        shift = moved.shift(without.world)
        stamps = () if without.shock.firms is None else without.shock.firms.stamps
        shock = replace(without.shock, firms=None if shift is None else replace(shift, stamps=stamps))
        found = solve(without.world, shock, without.parameters, start=found)
    else:
        raise ComparisonError("Prices of inputs and firms' costs do not settle; try a smaller scenario.")
    moved = treatment.with_costs(relative, np.where(place >= 0, sigma[np.maximum(place, 0)], 1.0))
    gammas = prices.materials[np.maximum(place, 0)]
    saving = (
        np.full(len(home), np.nan) if elasticity <= 1 else cost_without_imports(domestic, gammas, elasticity)
    )
    return ImportedInputs(found, without, moved, treatment, domestic, cost, relative, saving, prices, elasticity, rounds)  # fmt: skip


def _costs(domestic: Array, place: NDArray[np.intp], prices: InputPrices, elasticity: float) -> Array:
    """ln ĉ by firm from its materials, (F,); 0 where nobody knows what it imports or its sector is not in the world."""
    at = np.maximum(place, 0)
    known = np.isfinite(domestic) & (place >= 0)
    d = np.where(known, domestic, 1.0)
    return np.where(known, cost_change(d, prices.home[at], prices.abroad[at], prices.materials[at], elasticity), 0.0)  # fmt: skip


def _against_mean(cost: Array, place: NDArray[np.intp], size: Array, known: NDArray[np.bool_]) -> Array:
    """Costs less the sales-weighted mean of their sector, (F,); 0 where they are not known."""
    counted, at = known & (place >= 0), np.maximum(place, 0)
    weight = np.where(counted, size, 0.0)
    total = np.bincount(at, weight)
    mean = np.bincount(at, weight * cost) / np.where(total > 0, total, 1.0)
    return np.where(counted, cost - mean[at], 0.0)


def enough_importers(home: HomeFirms) -> bool:
    """Whether the firms' table knows imports of enough firms to speak of them."""
    return IMPORTED in home.firms and int((home.firms[IMPORTED].fillna(0) > 0).sum()) >= FEWEST_FIRMS
