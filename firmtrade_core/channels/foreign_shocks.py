"""Tariffs and foreign demand, weighted by what each firm sold where, as instruments from a firm panel (`shift_share`).

A cell is a product (six digits) in a market. Shares are of the first year, before the shock. A shock is either a table's
(tariffs by market and product) or growth of demand: the mean log growth of what all *other* firms of the panel that sell in the
cell in both years sell there (leave-one-out: a firm's own growth is no shock to it). Means of firms' growth, not growth of their
sum: where one firm makes most of a cell, the sum's growth is the one's, all but it see it and it alone does not, and the shock
falls where its own sales rise. Others' sales hold what happened at home too, so demand shocks are compared within a chapter of
products, where what happens at home is alike; a table of the market's imports from elsewhere is better where there is one. A cell without a known shock has none, and its share is missing from the
firm's exposure; it is not a shock of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.channels.errors import ChannelError, InstrumentError, SampleError, TreatmentError
from firmtrade_core.channels.shift_share import Exposure, ShiftShare, shift_share
from firmtrade_core.labels import number, probability
from firmtrade_core.labels.units import in_percent
from firmtrade_core.panel import FirmPanel
from firmtrade_core.world.tables import read_table, require_columns

Array = NDArray[np.float64]
Cluster = Literal["country", "chapter", "both"]

CLUSTERS: tuple[Cluster, ...] = get_args(Cluster)

#: Other firms that a cell needs for its growth to be the market's and not one rival's.
FEWEST_OTHERS = 3

#: Columns whose change is told in logs; all others as differences.
IN_LOGS = ("employment", "sales", "value_added", "capital", "materials", "wages", "exports", "imports")

#: Outcomes made of two columns, in logs.
RATIOS = {
    "value_added_per_worker": ("value_added", "employment"),
    "sales_per_worker": ("sales", "employment"),
    "wage": ("wages", "employment"),
    "home_sales": ("sales", "exports"),
}

#: What is settled before the shocks, and ought not to go with them.
SETTLED = ("employment", "sales", "exports", "age", "skill_share", "foreign_ownership")

#: Chance below which a test of balance speaks against the shocks.
UNBALANCED = 0.05


@dataclass(frozen=True)
class ForeignShocks:
    """What shocks from abroad do to firms, or to firms through an attribute that they move.

    Parameters
    ----------
    panel, synthetic
        Whose firms.
    shocks
        What they are, in words.
    outcome, attribute
        Columns whose change from the first year to the last is told; no attribute is the shock itself.
    years
        First and last.
    cluster
        How cells are clustered.
    found
        See `shift_share.ShiftShare`.
    dropped
        Firms that sold abroad and have no known shock, no outcome or no attribute.
    """

    panel: str
    synthetic: bool
    shocks: str
    outcome: str
    attribute: str | None
    years: tuple[int, int]
    cluster: Cluster
    found: ShiftShare
    dropped: int

    @property
    def unit(self) -> str:
        """Of the effect."""
        above = "log points" if _logs(self.outcome) else f"change of {_plain(self.outcome)}"
        if self.attribute is None:
            return f"{above} of a shock of 1"
        return f"{above} for 1 {'log point' if _logs(self.attribute) else 'more'} of {_plain(self.attribute)}"

    @property
    def cautions(self) -> tuple[str, ...]:
        """What speaks against it, in plain words."""
        found, said = self.found, []
        if found.few:
            said.append(
                f"The shocks count for {found.effective_clusters:.0f} equal clusters; with fewer than 20 the errors themselves are uncertain."
            )
        if found.first_stage is not None and found.first_stage.effective_f < 10:
            said.append(f"The shocks move {_plain(self.attribute or '')} too little: {found.first_stage.words}. Read the robust set alone.")  # fmt: skip
        off = [b for b in found.balance if b.p_value < UNBALANCED / max(len(found.balance), 1)]
        if off:
            said.append(
                f"Shocks go with {', '.join(_plain(b.name) for b in off)} of before, beyond chance: they are not as good as random."
            )
        if found.covered < 0.5:
            said.append(
                f"Shocks are known for {in_percent(found.covered)} of what firms sold; the rest is held equal, not known."
            )
        return tuple(said)

    def sentence(self) -> str:
        """The finding in one sentence."""
        found = self.found
        by = "" if self.attribute is None else f", through {_plain(self.attribute)}"
        return (
            f"{self.shocks.capitalize()} and {_plain(self.outcome)} from {self.years[0]} to {self.years[1]}{by}: "
            f"{number(found.effect, signed=True)} {self.unit} ({in_percent(found.level)} set over shocks: {found.robust.words}; "
            f"error {number(found.standard_error)} over shocks, {number(found.naive_error)} if firms were independent, "
            "which those that share shocks are not)."
        )


def foreign_shocks(
    panel: FirmPanel,
    outcome: str = "exports",
    attribute: str | None = None,
    *,
    shocks: pd.DataFrame | str | Path | None = None,
    years: tuple[int, int] | None = None,
    cluster: Cluster = "country",
    level: float = 0.90,
) -> ForeignShocks:
    """Shift-share estimate on a panel's exporters.

    Parameters
    ----------
    panel
        With its trade by product and country.
    outcome, attribute
        Columns of the firm table, or one of `RATIOS`; changes between the two years. No attribute: the shock's own effect.
    shocks
        Table or file with columns ``country``, ``product`` (six digits or the first four or two) and ``shock``; growth of
        others' sales in the cell unless given.
    years
        First and last; those of the panel unless given.
    cluster
        Shocks move together within a country, within a chapter of products (two digits), or within both.
    level

    Raises
    ------
    ChannelError
        If the panel has no trade by product, or one year alone.
    SampleError
        If too few exporters or clusters of shocks are left.
    InstrumentError
        If no cell has a known shock.
    TreatmentError
        If a column is missing or never changes.
    """
    if "trade" not in panel.tables or not {"country", "product"} <= set(panel.column_names("trade")):
        raise ChannelError(
            "Shocks by market and product need the panel's trade by country and product; it has none."
        )
    first, last = years or (panel.years[0], panel.years[-1])
    if first >= last or not {first, last} <= set(panel.years):
        raise ChannelError(
            f"Years {first} to {last}: give two years of the panel ({panel.years[0]} to {panel.years[-1]})."
        )
    sold = _sold(panel, first, last)
    pairs = _demand(sold) if shocks is None else _given(sold, shocks)
    exporters = sold.loc[sold["before"] > 0].groupby("firm")["before"].sum()
    table = _changes(panel, first, last, [outcome, *([attribute] if attribute else [])])
    names = exporters.index.intersection(table.index).intersection(pd.Index(pairs["firm"].unique()))
    table = table.loc[names]
    pairs = pairs[pairs["firm"].isin(names)]
    if pairs.empty:
        raise InstrumentError("No cell in which these firms sold has a known shock.")
    cells = pairs[["country", "product"]].drop_duplicates().reset_index(drop=True)
    at = pd.MultiIndex.from_frame(cells).get_indexer(pd.MultiIndex.from_frame(pairs[["country", "product"]]))
    country, chapter = pd.factorize(cells["country"])[0], pd.factorize(cells["product"].str[:2])[0]
    exposure = Exposure(
        names.get_indexer(pd.Index(pairs["firm"])).astype(np.int64), at.astype(np.int64),
        (pairs["before"] / exporters.loc[pairs["firm"]].to_numpy()).to_numpy(float), pairs["shock"].to_numpy(float), len(names),
        (chapter if cluster == "chapter" else country).astype(np.int64),
        # What happens at home to all that make a product is in others' sales too; a table's shocks are from abroad.
        (chapter if shocks is None else np.zeros(len(cells))).astype(np.int64),
        chapter.astype(np.int64) if cluster == "both" else None,
    )  # fmt: skip
    if len(names) < 50:
        raise SampleError(
            f"{len(names)} firms sold abroad in {first}, are there in {last} and have known shocks; at least 50 are needed."
        )
    sector = pd.get_dummies(table["sector"], drop_first=True, dtype=float).to_numpy()
    found = shift_share(
        exposure, table[outcome].to_numpy(float), None if attribute is None else table[attribute].to_numpy(float), sector,
        settled=_settled(panel, first, outcome, names), level=level,
        weights=table["weight"].to_numpy(float) if "weight" in table else None,
    )  # fmt: skip
    words = "growth of others' sales in the firm's own markets and products" if shocks is None else "shocks of the table, by the firm's own markets and products"  # fmt: skip
    return ForeignShocks(
        panel.metadata.label, panel.metadata.synthetic, words, outcome, attribute, (first, last), cluster, found,
        len(exporters) - len(names),
    )  # fmt: skip


def _sold(panel: FirmPanel, first: int, last: int) -> pd.DataFrame:
    """By firm, country and product: exports of the first and the last year, zeros where there were none."""
    return panel.query(
        "SELECT firm, country, product, sum(CASE WHEN year = ? THEN value ELSE 0 END) AS before, "
        "sum(CASE WHEN year = ? THEN value ELSE 0 END) AS after FROM trade WHERE flow = 'export' AND value > 0 AND year IN (?, ?) "
        "GROUP BY ALL ORDER BY ALL",
        [first, last, first, last],
    ).astype({"firm": str, "country": str, "product": str})


def _demand(sold: pd.DataFrame) -> pd.DataFrame:
    """Pairs in which the firm sold before, with the mean log growth of all others that sold there in both years."""
    stayed = (sold["before"] > 0) & (sold["after"] > 0)
    growth = pd.Series(np.log(sold["after"].where(stayed) / sold["before"].where(stayed)))
    cell = growth.groupby([sold["country"], sold["product"]])
    others = cell.transform("count") - stayed
    total = cell.transform("sum") - growth.fillna(0.0)
    kept = (sold["before"] > 0) & (others >= FEWEST_OTHERS)
    return sold[kept].assign(shock=total[kept] / others[kept])


def _given(sold: pd.DataFrame, shocks: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Pairs with the shock of their country and product, or of the product's first four or two digits."""
    table = shocks if isinstance(shocks, pd.DataFrame) else read_table(shocks)
    require_columns(
        table,
        ["country", "product", "shock"],
        "the shocks" if isinstance(shocks, pd.DataFrame) else Path(shocks).name,
    )
    known = table.assign(
        country=table["country"].astype(str), product=table["product"].astype(str).str.strip()
    )
    known["shock"] = pd.to_numeric(known["shock"], errors="coerce")
    # Codes that were read as numbers lose the zero they began with.
    known["product"] = known["product"].str.zfill(6).where(known["product"].str.len() == 5, known["product"])
    twice = known.duplicated(["country", "product"])
    if twice.any():
        row = known[twice].iloc[0]
        raise InstrumentError(
            f"{row['country']} {row['product']} has more than one shock; give one row by country and product."
        )
    by = known.dropna(subset="shock").set_index(["country", "product"])["shock"]
    pairs = sold[sold["before"] > 0].copy()
    pairs["shock"] = np.nan
    for digits in (6, 4, 2):
        keys = pd.MultiIndex.from_arrays([pairs["country"], pairs["product"].str[:digits]])
        pairs["shock"] = pairs["shock"].fillna(pd.Series(by.reindex(keys).to_numpy(), index=pairs.index))
    return pairs.dropna(subset="shock")


def _changes(panel: FirmPanel, first: int, last: int, columns: Sequence[str]) -> pd.DataFrame:
    """Changes of columns by firm, complete, with the first year's sector and weight."""
    ends = {year: _values(panel, year, columns) for year in (first, last)}
    change = pd.DataFrame((ends[last] - ends[first]).replace([np.inf, -np.inf], np.nan).dropna())
    for name in columns:
        if len(change) and not change[name].std() > 0:
            raise TreatmentError(
                f"{name} does not change between {first} and {last}; there is no effect to tell."
            )
    start = panel.firms[panel.firms["year"] == first].copy()
    start.index = pd.Index(start.pop("firm").astype(str))
    change["sector"] = start["sector"].astype(str).reindex(change.index)
    if "weight" in start:
        change["weight"] = start["weight"].astype(float).reindex(change.index).fillna(1.0)
    return change


def _values(panel: FirmPanel, year: int, columns: Sequence[str]) -> pd.DataFrame:
    firms = panel.firms[panel.firms["year"] == year]
    made: dict[str, pd.Series] = {}
    for name in columns:
        used: tuple[str, ...] = RATIOS.get(name, (name,))
        try:
            panel.need(*used)
        except ValueError as error:
            raise TreatmentError(str(error)) from error
        one = firms[used[0]].astype(float)
        if name == "home_sales":
            made[name] = _log(one - firms["exports"].astype(float).fillna(0.0))
        elif name in RATIOS:
            made[name] = _log(one) - _log(firms[used[1]].astype(float))
        else:
            made[name] = _log(one) if name in IN_LOGS else one
    return pd.DataFrame(made).set_axis(pd.Index(firms["firm"].astype(str)))


def _settled(panel: FirmPanel, first: int, outcome: str, names: pd.Index) -> pd.DataFrame:
    """What firms were in the first year, and what the outcome did in the year before it, where it is known."""
    has = [name for name in SETTLED if name in panel.column_names()]
    found = _values(panel, first, has).replace([np.inf, -np.inf], np.nan).reindex(names)
    earlier = [year for year in panel.years if year < first]
    if earlier:
        before = _values(panel, earlier[-1], [outcome])[outcome].reindex(names)
        now = _values(panel, first, [outcome])[outcome].reindex(names)
        found[f"{outcome}, change before"] = (now - before).replace([np.inf, -np.inf], np.nan)
    return found.loc[:, found.notna().mean() > 0.5]


def _log(values: pd.Series) -> pd.Series:
    return pd.Series(np.log(values.where(values > 0)))


def _logs(column: str) -> bool:
    return column in IN_LOGS or column in RATIOS


def _plain(column: str) -> str:
    return column.replace("_", " ")


def balance_words(found: ShiftShare) -> list[tuple[str, ...]]:
    """Rows of the test of balance: what was settled before, its tie to the shocks, and the chance of as much."""
    return [
        (_plain(each.name), number(each.effect, signed=True), probability(each.p_value))
        for each in found.balance
    ]
