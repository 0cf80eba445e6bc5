"""Customs totals held against the world's flows, and the scaling that makes firms add up to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.codes.products import HS_VINTAGES, ProductCodes
from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector, broad_sector_of_revision_3
from firmtrade_core.harmonise.database import exact_sum, passing_database
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.quoting import literal
from firmtrade_core.world.world import World

#: Factors beyond which scaling would invent trade rather than correct it.
LARGEST_FACTOR = 5.0

#: Stands for all goods where products cannot be told by sector.
ALL_GOODS = "all goods"

_MILLION = 1e6


@dataclass(frozen=True, eq=False)
class MirrorComparison:
    """Customs totals beside the world's flows of one year.

    Parameters
    ----------
    cells
        Columns ``country``, ``sector``, ``customs`` and ``world`` (million US dollars), ``factor`` (world over
        customs where it may be used, else missing) and ``reason`` (why not).
    home, year, flow
    world_year
        Of the world's accounts; another than ``year`` explains part of the gap.
    """

    cells: pd.DataFrame
    home: str
    year: int
    flow: str
    world_year: int | None

    @property
    def ratio(self) -> float:
        """Customs total over the world's."""
        return float(self.cells["customs"].sum() / self.cells["world"].sum())

    @property
    def overlap(self) -> float:
        """Share of the world's flows that customs agree on, cell by cell: the sum of the smaller over the world's sum."""
        return float(self.cells[["customs", "world"]].min(axis=1).sum() / self.cells["world"].sum())

    @property
    def scalable(self) -> float:
        """Share of the world's flows in cells that scaling reaches."""
        reached = self.cells["factor"].notna()
        return float(self.cells.loc[reached, "world"].sum() / self.cells["world"].sum())

    def reasons(self) -> pd.DataFrame:
        """Why cells are not scaled: ``reason``, ``cells``, ``world`` and ``customs`` (million US dollars)."""
        left = self.cells[self.cells["factor"].isna()]
        return (
            left.groupby("reason")
            .agg(cells=("world", "size"), world=("world", "sum"), customs=("customs", "sum"))
            .sort_values("world", ascending=False)
            .reset_index()
        )

    def partners(self) -> pd.DataFrame:
        """By country: ``customs``, ``world``, ``ratio``; largest first."""
        table = self.cells.groupby("country")[["customs", "world"]].sum()
        table["ratio"] = table["customs"] / table["world"].where(table["world"] > 0)
        return table.sort_values("world", ascending=False).reset_index()

    def to_json(self) -> dict[str, object]:
        """Plain data for a report."""
        return {
            "home": self.home, "year": self.year, "flow": self.flow, "world_year": self.world_year,
            "ratio": self.ratio, "overlap": self.overlap, "scalable": self.scalable,
            "not_scaled": self.reasons().to_dict("records"),
        }  # fmt: skip


def product_sectors(products: ProductCodes, edition: str) -> dict[str, str]:
    """Broad sector of each product code of an edition: the one with most of its weight in ISIC Rev. 3."""
    pairs = products.way(edition, "ISIC3").pairs
    pairs = pairs.assign(sector=pairs["target"].map(broad_sector_of_revision_3))
    weights = pairs.groupby(["source", "sector"])["weight"].sum().reset_index()
    heaviest = weights.sort_values(["source", "weight"], ascending=[True, False]).drop_duplicates("source")
    return dict(zip(heaviest["source"], heaviest["sector"], strict=True))


def compare_with_world(
    trade: Path,
    world: World,
    home: str,
    *,
    flow: str = "export",
    year: int | None = None,
    sector_of: dict[str, str] | None = None,
) -> MirrorComparison:
    """Hold a year's customs trade against what the world's accounts say of the country.

    Parameters
    ----------
    trade
        Parquet file as `annual.add_up` writes it, in US dollars of the day.
    home
        ISO code of the reporting country.
    year
        Customs year; the world's own, or the nearest at hand, unless given.
    sector_of
        Broad sector by product (`product_sectors`); without it partners are compared over all goods.

    Raises
    ------
    HarmoniseError
        If the world does not list the country by itself, or customs hold no such flow.
    """
    if home not in world.countries:
        raise HarmoniseError(f"{home} is not among the countries of {world.name}; name one that is.")
    customs = _customs(trade, flow)
    if customs.empty:
        raise HarmoniseError(f"The customs trade holds no {flow}s to compare.")
    wanted = year or world.provenance.year or int(customs["year"].max())
    chosen = min(customs["year"].unique(), key=lambda y: (abs(int(y) - wanted), -int(y)))
    customs = customs[customs["year"] == chosen]
    customs = customs.assign(
        country=customs["country"].where(customs["country"].isin(world.countries), REST_OF_WORLD),
        sector=customs["product"].map(sector_of or {}).fillna("not told") if sector_of else ALL_GOODS,
    )
    totals = customs.groupby(["country", "sector"])["value"].sum() / _MILLION
    flows = _world_flows(world, home, flow, by_sector=bool(sector_of))
    cells = pd.concat([totals.rename("customs"), flows.rename("world")], axis=1).fillna(0.0)
    cells.index.names = ["country", "sector"]
    cells = cells[cells.index.get_level_values("country") != home].reset_index()
    return MirrorComparison(_with_factors(cells), home, int(chosen), flow, world.provenance.year)


def _customs(trade: Path, flow: str) -> pd.DataFrame:
    with passing_database() as connection:
        return connection.execute(
            f"SELECT year, country, product, {exact_sum('value')} AS value FROM read_parquet({literal(str(trade))}) "
            "WHERE flow = ? GROUP BY ALL ORDER BY ALL",
            [flow],
        ).df()


def _world_flows(world: World, home: str, flow: str, *, by_sector: bool) -> pd.Series:
    """Border values of the country's goods trade by partner and broad sector, million US dollars."""
    own = world.countries.index(home)
    values = world.border_value[own] if flow == "export" else world.border_value[:, own]
    goods = np.ones(len(world.sectors), bool) if world.goods is None else world.goods
    labels = [_broad(code) if by_sector else ALL_GOODS for code in world.sectors]
    rows = [
        (country, labels[s], values[j, s])
        for j, country in enumerate(world.countries)
        for s in range(len(world.sectors))
        if goods[s] and j != own
    ]
    frame = pd.DataFrame(rows, columns=["country", "sector", "value"])
    return frame.groupby(["country", "sector"])["value"].sum()


def _broad(code: str) -> str:
    if code in BROAD_SECTORS:
        return code
    try:
        return broad_sector(code)
    except KeyError:
        return "not told"


def _with_factors(cells: pd.DataFrame) -> pd.DataFrame:
    ratio = cells["world"] / cells["customs"].where(cells["customs"] > 0)
    usable = (ratio >= 1 / LARGEST_FACTOR) & (ratio <= LARGEST_FACTOR)
    reason = np.select(
        [usable, (cells["customs"] <= 0), (cells["world"] <= 0), ratio > LARGEST_FACTOR],
        ["", "no firm reports such trade", "the world's accounts have none",
         f"customs hold less than 1/{LARGEST_FACTOR:g} of the world's"],
        default=f"customs hold more than {LARGEST_FACTOR:g} times the world's",
    )  # fmt: skip
    return cells.assign(factor=ratio.where(usable), reason=reason)


def scaled_trade(
    trade: pd.DataFrame, comparison: MirrorComparison, sector_of: dict[str, str] | None = None
) -> pd.DataFrame:
    """Trade of the compared year and flow with a column ``scale``: value times scale adds up to the world's cells.

    Rows of cells that are not scaled have scale 1; `MirrorComparison.reasons` says how much that leaves open.
    """
    listed = set(comparison.cells["country"])
    labelled = trade.assign(
        _country=trade["country"].where(trade["country"].isin(listed), REST_OF_WORLD),
        _sector=trade["product"].map(sector_of).fillna("not told") if sector_of else ALL_GOODS,
    )
    factors = comparison.cells.rename(columns={"country": "_country", "sector": "_sector", "factor": "scale"})
    merged = labelled.merge(factors[["_country", "_sector", "scale"]], how="left", on=["_country", "_sector"])
    concerned = (merged["year"] == comparison.year) & (merged["flow"] == comparison.flow)
    merged["scale"] = merged["scale"].where(concerned).fillna(1.0)
    return merged.drop(columns=["_country", "_sector"])


def newest_edition(products: ProductCodes) -> str:
    """The newest edition of the Harmonised System that concordances lead to."""
    return max(
        (name for name in products.classifications if name in HS_VINTAGES), key=HS_VINTAGES.__getitem__
    )
