"""A change of one country's exports and its sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import change as written
from firmtrade_core.labels import listed
from firmtrade_core.words.scenario import countries as spoken
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: Sources in the order of the screen: label and what it is.
SOURCES: dict[str, tuple[str, str]] = {
    "demand": ("Demand abroad", "What the destinations spend on the sector's goods."),
    "resistance": (
        "Competition abroad",
        "Multilateral resistance: price indices of the destinations, by which all their suppliers compete.",
    ),
    "tariffs": ("Tariffs", "The destinations' tariffs on the country's goods."),
    "subsidies": ("Export subsidies and taxes", "What the country's own government adds to the price."),
    "trade_costs": ("Other trade costs", "Transport, standards, border procedures, fixed costs of a market."),
    "home_costs": ("Costs at home", "Wages, inputs and productivity of the country's producers."),
    "supply": (
        "Costs and firms at home",
        "Costs, productivity and number of producers, which data do not part.",
    ),
    "entry": ("Number of firms", "Firms founded or closed at home."),
    "attributes": (
        "Firms' attributes",
        "What programmes do within firms: capability and savings on fixed costs.",
    ),
    "reallocation": (
        "Selection of firms",
        "Firms that start or stop serving a market, so that sales move between firms.",
    ),
    "new_flows": ("Flows begun or ended", "Pairs and sectors traded in one of the two years only."),
    "residual": (
        "Unexplained",
        "What differs by direction of trade and nothing above explains: one-sided costs, taste, errors in the data.",
    ),
}


class AttributionError(ValueError):
    """A change cannot be split. The message says what to change."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """Where a change of exports comes from; million USD at the border.

    Attributes
    ----------
    world : World
        Labels of partners and products.
    country : str
    sources : tuple of str
        Keys of `SOURCES`.
    before, after : (N, S)
        Exports; zero at home.
    parts : (P, N, S)
        By source; they add up to ``after - before``.
    title : str
        What is compared.
    assumption : str
        What the split rests on.
    """

    world: World
    country: str
    sources: tuple[str, ...]
    before: Array
    after: Array
    parts: Array
    title: str
    assumption: str

    @property
    def change(self) -> float:
        """Of all exports, million USD."""
        return float(self.after.sum() - self.before.sum())

    @property
    def percent(self) -> float:
        """Of all exports."""
        return 100 * self.change / float(self.before.sum()) if self.before.sum() > 0 else float("nan")

    def waterfall(self) -> pd.DataFrame:
        """One row per source, in order: source, label, explanation, change (bn USD), percent of exports before."""
        totals = self.parts.sum((1, 2))
        return pd.DataFrame(
            {
                "source": self.sources,
                "label": [SOURCES[s][0] for s in self.sources],
                "explanation": [SOURCES[s][1] for s in self.sources],
                "change": totals * BILLION,
                "percent": 100 * totals / max(float(self.before.sum()), 1e-300),
            }
        )

    def by_partner(self) -> pd.DataFrame:
        """One row per destination, largest change first: code, name, before, after, and each source, bn USD."""
        home = self.world.country_index(self.country)
        table = self._table(self.world.countries, 2, 1)
        table.insert(1, "name", [country_name(code) for code in table["code"]])
        return _largest_first(table.drop(index=home))

    def by_product(self) -> pd.DataFrame:
        """One row per sector, as `by_partner`."""
        table = self._table(self.world.sectors, 1, 0)
        table.insert(1, "name", [self.world.sector_name(code) for code in table["code"]])
        return _largest_first(table)

    def cells(self) -> pd.DataFrame:
        """Tidy: destination, sector, source, change in million USD; cells without change left out."""
        p, j, s = np.nonzero(self.parts)
        return pd.DataFrame(
            {
                "destination": np.array(self.world.countries)[j],
                "sector": np.array(self.world.sectors)[s],
                "source": np.array(self.sources)[p],
                "change_musd": self.parts[p, j, s],
            }
        )

    def _table(self, labels: tuple[str, ...], over: int, over_cells: int) -> pd.DataFrame:
        columns = {
            "code": labels,
            "before": self.before.sum(over_cells) * BILLION,
            "after": self.after.sum(over_cells) * BILLION,
        }
        parts = self.parts.sum(over) * BILLION
        return pd.DataFrame(columns | {s: parts[p] for p, s in enumerate(self.sources)})

    def sentence(self) -> str:
        """The finding in words, built from the numbers."""
        table = self.waterfall()
        who = spoken([self.country]).text
        moved = "rise" if self.change > 0 else "fall"
        whole = f"Exports of {who} {moved} by {written(abs(self.percent)).lstrip('+')}"
        size = table.assign(size=table["change"].abs()).sort_values("size", ascending=False)
        pushing = size[np.sign(size["change"]) == np.sign(self.change)]
        same = pushing.head(2)
        against = size[np.sign(size["change"]) == -np.sign(self.change)].head(1)
        if same.empty or abs(self.percent) < 0.005:
            return f"Exports of {who} hardly change."
        # A second source is named where it matters beside the first.
        same = same[same["size"] >= 0.1 * same["size"].max()]
        drivers = listed([_told(row) for row in same.to_dict("records")])
        most = same["size"].sum() > 0.5 * pushing["size"].sum()
        text = f"{whole}, {'most of it from' if most else 'first of all from'} {drivers}"
        if not against.empty and abs(against.iloc[0]["change"]) > 0.1 * abs(self.change) * BILLION:
            text += (
                f"; {_told(against.iloc[0].to_dict())} work{'' if _plural(against) else 's'} the other way"
            )
        return text + "."


def _told(row: dict[str, object]) -> str:
    label = str(row["label"])
    return f"{label[:1].lower()}{label[1:]} ({written(float(str(row['percent'])))})"


def _plural(row: pd.DataFrame) -> bool:
    return row.iloc[0]["source"] in (
        "tariffs",
        "trade_costs",
        "home_costs",
        "attributes",
        "supply",
        "new_flows",
    )


def _largest_first(table: pd.DataFrame) -> pd.DataFrame:
    size = (table["after"] - table["before"]).abs()
    return table.loc[size.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
