"""Who is reached, and who gains: size, age, ownership, region and exporting in what a policy does to firms (MODEL 13).

A firm's gain is what its real sales rise by (sales over home wages, so that dearer labour is no gain), or its exports.
Policies make some firms lose what others win; shares are therefore of what those gain who gain, *gross gains*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.regions import region_name
from firmtrade_core.disclosure import FEWEST_FIRMS, TOP_SHARE, Rule
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.outcomes import FirmOutcomes, firm_outcomes
from firmtrade_core.home.population import ANY, SIZES, size_classes
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.labels import grouped, in_percent
from firmtrade_core.panel.confidentiality import suppress

Array = NDArray[np.float64]
Measure = Literal["sales", "exports"]

#: What firms are grouped by, in words.
KINDS = {
    "size": "persons engaged",
    "age": "age of the firm",
    "ownership": "ownership",
    "region": "region",
    "exporting": "exporting before",
}

#: Measures of a gain, in words.
MEASURES: dict[Measure, str] = {"exports": "exports", "sales": "sales in units of home wages"}

#: Classes of age, and the years from which each begins.
AGES = {"under 5 years": 0.0, "5 to 9 years": 5.0, "10 to 19 years": 10.0, "20 years and more": 20.0}

#: From this share held abroad a firm counts as foreign-owned, as in statistics of direct investment.
FOREIGN = 0.1

#: Small firms, in persons: the two lower classes.
SMALL = ("1-9", "10-49")

FIRST_TIME, EXPORTERS = "Do not export yet", "Exporters"

#: A policy's gains go to few where half of them go to less than this share of all firms, and these few take more than so
#: many times their share of what was sold before.
FEW, BEYOND_SIZE = 0.01, 1.25

#: Groups that sold less than this share of all sold nothing: no change of theirs has a percentage.
_NOTHING = 1e-6

#: Small firms are left behind where their share of gains is under this part of their share of what was sold before.
LEFT_BEHIND = 0.5


def groups_of(home: HomeFirms) -> dict[str, tuple[NDArray[np.object_], tuple[str, ...]]]:
    """Groups of the home country's firms by kind, as far as the table tells: a label for each firm (F,), and their order."""
    table = home.firms
    found: dict[str, tuple[NDArray[np.object_], tuple[str, ...]]] = {}

    def number(name: str) -> Array:
        return pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan)

    def classes(values: Array, starts: dict[str, float], unknown: str) -> NDArray[np.object_]:
        place = np.searchsorted(list(starts.values()), np.nan_to_num(values), side="right") - 1
        names = np.array(list(starts), dtype=object)[np.maximum(place, 0)]
        return np.where(np.isnan(values), unknown, names).astype(object)

    if "employment" in table:
        labels = size_classes(table)
        found["size"] = np.where(labels == ANY, "Size not known", labels), (*SIZES, "Size not known")
    if "age" in table:
        found["age"] = classes(number("age"), AGES, "Age not known"), (*AGES, "Age not known")
    if "foreign_ownership" in table:
        words = {"Domestic": 0.0, f"Foreign, {in_percent(FOREIGN)} or more": FOREIGN}
        unknown = "Owners not known"
        found["ownership"] = classes(number("foreign_ownership"), words, unknown), (*words, unknown)
    if "region" in table:
        named = {
            label: region_name(home.country, label, invented=home.synthetic)
            for label in table["region"].astype(str).unique()
        }
        regions = table["region"].astype(str).map(named).to_numpy(object)
        found["region"] = regions, tuple(sorted(set(regions)))
    if "exports" in table:
        sells = np.nan_to_num(number("exports")) > 0
        found["exporting"] = np.where(sells, EXPORTERS, FIRST_TIME).astype(object), (EXPORTERS, FIRST_TIME)
    return found


@dataclass(frozen=True, eq=False)
class Inclusion:
    """What a policy does to each firm of the home country's table, F of them.

    Attributes
    ----------
    home : HomeFirms
    weight : (F,)
        Firms of the population.
    reached : (F,)
        Of them, those a programme treats.
    before, after : dict of measure to (F,)
        Million USD a year, all firms a row stands for.
    programme : bool
        Whether any programme is judged.
    """

    home: HomeFirms
    weight: Array
    reached: Array
    before: dict[Measure, Array]
    after: dict[Measure, Array]
    programme: bool

    def gain(self, measure: Measure) -> Array:
        """What each row gains, (F,), million USD a year; below zero where it loses."""
        found = self.after[measure] - self.before[measure]
        # What solvers leave is nobody's gain.
        return np.where(np.abs(found) > 1e-9 * np.abs(self.before[measure]).sum() / max(len(found), 1), found, 0.0)  # fmt: skip

    @cached_property
    def groups(self) -> dict[str, tuple[NDArray[np.object_], tuple[str, ...]]]:
        """See `groups_of`."""
        return groups_of(self.home)

    def table(self, kind: str, measure: Measure = "exports") -> pd.DataFrame:
        """One row per group of a kind.

        Returns
        -------
        DataFrame
            ``group, firms, share_of_firms, reached`` (firms), ``share_reached`` (of all reached), ``reach`` (of the
            group), ``share_before`` (of what was sold), ``gains`` (gross, million USD a year), ``share_of_gains``,
            ``net`` (million USD a year), ``percent``. Of real firms NaN where fewer than five firms, or one that leads,
            stand behind, and what would tell them.
        """
        label, order = self.groups[kind]
        gain = self.gain(measure)
        frame = pd.DataFrame(
            {
                "group": label, "firms": self.weight, "reached": self.reached, "before": self.before[measure],
                "gains": np.maximum(gain, 0.0), "net": gain,
            }
        )  # fmt: skip
        sums = frame.groupby("group").sum()
        sums = sums.loc[[name for name in order if name in sums.index]]
        table = pd.DataFrame({"group": sums.index, "firms": sums["firms"].to_numpy()})
        for share, of in (("share_of_firms", "firms"), ("share_reached", "reached"), ("share_before", "before"), ("share_of_gains", "gains")):  # fmt: skip
            whole = float(sums[of].sum())
            table[share] = (sums[of] / whole).to_numpy() if whole > 0 else np.nan
        table["reached"] = sums["reached"].to_numpy()
        table["reach"] = (sums["reached"] / sums["firms"].where(sums["firms"] > 0)).to_numpy()
        table["gains"], table["net"] = sums["gains"].to_numpy(), sums["net"].to_numpy()
        table["percent"] = (
            100 * sums["net"] / sums["before"].where(sums["before"] > _NOTHING * sums["before"].sum())
        ).to_numpy()
        self._withhold(table, label, measure, gain)
        columns = (
            "group", "firms", "share_of_firms", "reached", "share_reached", "reach", "share_before", "gains", "share_of_gains", "net", "percent",
        )  # fmt: skip
        return table[list(columns)]

    def _withhold(self, table: pd.DataFrame, label: NDArray[np.object_], measure: Measure, gain: Array) -> None:  # fmt: skip
        if self.home.screen.public:
            return
        shut = np.zeros(len(table), dtype=bool)
        # Whom a programme reaches is a question of its own: a class with many firms may hold one that is reached.
        for values in (self.before[measure], np.maximum(gain, 0.0), np.maximum(-gain, 0.0), self.reached):
            some = values > 0
            records = pd.DataFrame({"group": label, "firm": np.arange(len(label)), "value": values})[some]
            if records.empty:
                continue
            cells = suppress(records, ["group"], "value").set_index("group")["suppressed"]
            shut |= (cells.reindex(table["group"]) != "").to_numpy() & cells.reindex(table["group"]).notna().to_numpy()  # fmt: skip
        few = pd.Series(label).value_counts().reindex(table["group"]).to_numpy() < FEWEST_FIRMS
        table.loc[shut | few, [name for name in table if name != "group"]] = np.nan
        rows = [np.flatnonzero(label == name) for name in table["group"]]
        for name, present in (("firms", self.weight > 0), ("reached", self.reached > 0)):
            table[name] = [
                self.home.screen.counted(v, r[present[r]]) if np.isfinite(v) and v > 0 else v
                for v, r in zip(table[name], rows, strict=True)
            ]
        # Shares of what is told, so that they do not take the noise off again.
        for share, of, whole in (
            ("share_of_firms", "firms", self.weight),
            ("share_reached", "reached", self.reached),
        ):
            if whole.sum() > 0:
                table[share] = np.minimum(table[of] / whole.sum(), 1.0)
        table["reach"] = np.minimum(table["reached"] / table["firms"].where(table["firms"] > 0), 1.0)

    # Who gains ----------------------------------------------------------------------------------

    def share_of_gains(self, chosen: NDArray[np.bool_], measure: Measure = "exports") -> float:
        """Share of gross gains that goes to some rows; NaN where nobody gains."""
        gains = np.maximum(self.gain(measure), 0.0)
        return float(gains[chosen].sum() / gains.sum()) if gains.sum() > 0 else float("nan")

    @cached_property
    def small(self) -> NDArray[np.bool_]:
        """Rows with fewer than 50 persons, (F,); none where employment is not known."""
        label = (
            self.groups["size"][0] if "size" in self.groups else np.full(len(self.weight), "", dtype=object)
        )
        return np.asarray(np.isin(label.astype(str), SMALL))

    @cached_property
    def first_time(self) -> NDArray[np.bool_]:
        """Rows that exported nothing before, (F,)."""
        if "exporting" not in self.groups:
            return np.zeros(len(self.weight), dtype=bool)
        return np.asarray(self.groups["exporting"][0] == FIRST_TIME)

    def half(self, measure: Measure = "exports") -> tuple[float, float, float]:
        """The fewest firms with half the gross gains, all firms that gain, and the former's share of what was sold before.

        NaN where nobody gains.
        """
        gains = np.maximum(self.gain(measure), 0.0)
        if not gains.sum() > 0:
            return float("nan"), 0.0, float("nan")
        each = gains / np.maximum(self.weight, 1e-300)
        order = np.argsort(-each, kind="stable")
        reached = np.cumsum(gains[order]) / gains.sum()
        last = int(np.searchsorted(reached, 0.5))
        part = np.ones(last + 1)
        # Of the last row only so many of its firms as it takes.
        before_last = reached[last - 1] if last else 0.0
        part[-1] = (0.5 - before_last) / (reached[last] - before_last)
        chosen = order[: last + 1]
        sold = self.before[measure]
        share = float((sold[chosen] * part).sum() / sold.sum()) if sold.sum() > 0 else float("nan")
        return float((self.weight[chosen] * part).sum()), float(self.weight[gains > 0].sum()), share

    def safeguard(self, measure: Measure = "exports") -> Safeguard:
        """Whether gains go to few, and whether small firms are left behind."""
        firms, gaining, share = self.half(measure)
        small_before = float(self.before[measure][self.small].sum() / max(self.before[measure].sum(), 1e-300))
        largest = self._largest(measure)
        told = self.home.screen.public or (firms >= FEWEST_FIRMS and largest <= TOP_SHARE)
        if not self.home.screen.public and gaining > 0:
            gaining = self.home.screen.counted(gaining, (self.gain(measure) > 0) & (self.weight > 0))
        return Safeguard(
            measure,
            firms if told else float("nan"),
            gaining,
            float(self.weight.sum()),
            share,
            self._told_share(self.small, measure) if "size" in self.groups else float("nan"),
            small_before,
            self._told_share(self.first_time, measure) if "exporting" in self.groups else float("nan"),
            bool(firms < max(FEW * float(self.weight.sum()), FEWEST_FIRMS) and BEYOND_SIZE * share < 0.5),
        )

    def _told_share(self, chosen: NDArray[np.bool_], measure: Measure) -> float:
        """`share_of_gains` where neither these firms' gains nor the others' would reveal one of them; else NaN."""
        gains = np.maximum(self.gain(measure), 0.0)
        if not self.home.screen.public and chosen.any():
            rows = np.flatnonzero(gains > 0)
            held = Rule().judge(chosen[rows].astype(np.intp), rows, gains[rows], 2)
            if held.broken[np.unique(chosen[rows].astype(np.intp))].any():
                return float("nan")
        return self.share_of_gains(chosen, measure)

    def _largest(self, measure: Measure) -> float:
        gains = np.maximum(self.gain(measure), 0.0)
        each = gains / np.maximum(self.weight, 1.0)
        return float(each.max(initial=0.0) / gains.sum()) if gains.sum() > 0 else 0.0


@dataclass(frozen=True)
class Safeguard:
    """How widely gains are shared.

    Attributes
    ----------
    measure
        Of `MEASURES`.
    half, gaining, firms
        The fewest firms with half of gross gains, firms that gain, and all firms; the first NaN where it would reveal
        somebody.
    half_before
        Share of these few in what was sold before.
    small, small_before
        Share of firms with fewer than 50 persons in gross gains, and in what was sold before.
    first_time
        Share of gross gains of firms that exported nothing before.
    few
        Whether gains go to few; see `FEW`.
    """

    measure: Measure
    half: float
    gaining: float
    firms: float
    half_before: float
    small: float
    small_before: float
    first_time: float
    few: bool

    @property
    def left_behind(self) -> bool:
        """Whether small firms get much less of the gains than they have of sales."""
        return bool(self.small < LEFT_BEHIND * self.small_before)

    @property
    def flagged(self) -> bool:
        """Whether a reader should be warned."""
        return self.few or self.left_behind

    def sentence(self) -> str:
        """In words, from the numbers."""
        what = MEASURES[self.measure].partition(" ")[0]
        if not self.gaining > 0:
            return f"No firm gains {what}."
        lines = []
        if np.isfinite(self.half):
            firms = "one firm" if self.half <= 1 else f"{grouped(np.ceil(self.half))} firms"
            lines.append(
                f"Half of what firms gain in {what} goes to {firms} of {grouped(self.gaining)} that gain and "
                f"{grouped(self.firms)} in all; they had {in_percent(self.half_before)} of {what} before."
            )
        elif self.few:
            lines.append(f"Half of what firms gain in {what} goes to so few that saying how many would reveal them.")  # fmt: skip
        if self.few:
            lines.append("The gains go to few.")
        if np.isfinite(self.small):
            lines.append(
                f"Firms with fewer than 50 persons take {in_percent(self.small)} of the gains, and had "
                f"{in_percent(self.small_before)} before{': they are left behind' if self.left_behind else ''}."
            )
        if np.isfinite(self.first_time):
            lines.append(f"Firms that did not export before take {in_percent(self.first_time)}.")
        return " ".join(lines)


def inclusion(equilibrium: Equilibrium, treatment: Treatment) -> Inclusion:
    """What a scenario does to each firm, against the baseline.

    Raises
    ------
    ComparisonError
        If the result is not of the firms family.
    """
    found = firm_outcomes(equilibrium, treatment)
    wage = _wage(equilibrium, treatment.home)
    return _inclusion(treatment, _per_firm(found, 0, 1.0), _per_firm(found, 1, wage))


def programme_inclusion(
    without: Equilibrium, plain: Treatment, with_it: Equilibrium, full: Treatment
) -> Inclusion:
    """What one programme does to each firm: the scenario with it against the scenario without it.

    Raises
    ------
    ComparisonError
        If a result is not of the firms family.
    """
    before, after = firm_outcomes(without, plain), firm_outcomes(with_it, full)
    found = _inclusion(
        full,
        _per_firm(before, 1, _wage(without, plain.home)),
        _per_firm(after, 1, _wage(with_it, full.home)),
    )
    already = _summed(plain.firm, plain.weight * plain.treated, len(plain.home))
    return Inclusion(
        found.home,
        found.weight,
        np.maximum(found.reached - already, 0.0),
        found.before,
        found.after,
        found.programme,
    )


def _inclusion(treatment: Treatment, before: dict[Measure, Array], after: dict[Measure, Array]) -> Inclusion:
    reached = _summed(treatment.firm, treatment.weight * treatment.treated, len(treatment.home))
    weight = _summed(treatment.firm, treatment.weight, len(treatment.home))
    return Inclusion(treatment.home, weight, reached, before, after, bool(treatment.treated.any()))


def _wage(equilibrium: Equilibrium, home: HomeFirms) -> float:
    return float(equilibrium.wage_change[equilibrium.world.country_index(home.country)])


def _summed(firm: NDArray[np.intp], values: Array, count: int) -> Array:
    """Sums over the rows of each firm, (F,)."""
    return np.bincount(firm, values, minlength=count).astype(np.float64)


def _per_firm(found: FirmOutcomes, state: int, wage: float) -> dict[Measure, Array]:
    """Sales over wages and exports by firm, (F,) each."""
    placed, count = found.sector >= 0, len(found.home)
    return {
        "exports": _summed(found.firm[placed], found.exports[placed, state], count),
        "sales": _summed(found.firm[placed], found.sales[placed, state], count) / wage,
    }
