"""The world the product ships: 81 economies x 10 broad sectors, built from public national figures.

Given are national totals, every cell of trade among the largest that together make 95 % of it, each exporter's twelve
main goods markets, input shares of 43 economies, and gross domestic product. The small cells that are left are filled
with a gravity prior below the smallest of the large ones; input shares are scaled until value added is GDP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, contiguity, country_name, distances
from firmtrade_core.codes.groups import group_members
from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector
from firmtrade_core.labels import grouped
from firmtrade_core.paths import asset, data_folder, figures_folder
from firmtrade_core.world.balance import Completed, close_input_rows, complete_flows
from firmtrade_core.world.errors import AccountsError, WorldFileError
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

YEAR = 2022

#: Gravity prior: elasticity of trade to distance and log premium of a common border, the means over published
#: estimates (Head and Mayer 2014, table 4).
DISTANCE_ELASTICITY, BORDER_PREMIUM = -0.93, 0.53

#: Smallest share of value added in a sector's output (the world averages' own smallest is 0.228). Profits come out of
#: it: at a trade elasticity of 4 up to 22 % of sales.
VALUE_ADDED_FLOOR = 0.23

#: How close value added must come to GDP to count as the same.
GDP_TOLERANCE = 0.01

#: Tariffs of small cells are scaled to what the pair's large cells pay, by a factor up to one, and then to the average
#: of the main partners, up to two.
LARGEST_PAIR_FACTOR, LARGEST_PARTNER_FACTOR = 1.0, 2.0

#: Significant digits kept in the shipped file.
SHIPPED_DIGITS = 7

SOURCE = (
    "OECD Inter-Country Input-Output tables, 2025 edition (national totals, main cells and main partners, rounded to "
    "four digits); Teti, Global Tariff Database (average tariffs); World Input-Output Database, 2016 release (input "
    "shares); World Bank (gross domestic product; Taiwan: International Monetary Fund)"
)
LICENCE = "CC BY 4.0 (OECD ICIO, World Bank); national figures are facts, compiled and rounded"

#: What the measures in ``provenance.fit`` say.
FIT_LABELS = {
    "trade": "Value of all trade between countries, by pair and sector",
    "trade_by_pair": "Value of all trade between countries, by pair",
    "goods_trade": "– goods, by pair and sector",
    "services_trade": "– services, by pair",
    "duties": "Duties, by pair and sector",
    "duties_by_pair": "Duties, by pair",
    "export_partner": "Economies whose largest export market is right",
    "import_partner": "Economies whose largest supplier is right",
    "value_added": "Economies whose value added is GDP to 1 %",
}

#: Measures that count economies; the others are shares of value.
COUNTED = frozenset({"export_partner", "import_partner", "value_added"})


def fit_words(world: World, name: str) -> str:
    """A measure of fit as screens write it: ``98.7 %``, or ``80 of 81``."""
    value, n = world.provenance.fit[name], len(world.countries)
    return f"{round(value * n)} of {n}" if name in COUNTED else f"{100 * value:.1f}\u202f%"


@cache
def load_embedded_world() -> World:
    """The world shipped with the product, read once.

    Raises
    ------
    WorldFileError
        If the file is missing or damaged; ``make world`` builds it again.
    """
    return World.load(embedded_world_path())


def embedded_world_path() -> Path:
    """Where the shipped world lies."""
    return asset("worlds/embedded.world")


@dataclass(frozen=True)
class Figures:
    """National figures as arrays.

    Parameters
    ----------
    countries, sectors
        Labels.
    output, exports, imports : (N, S)
        Million USD, net of tariffs.
    average_tariff : (N, S)
        Trade-weighted applied tariff over the partners that pay one, by importer.
    pair_exports, pair_tariff : (N, N)
        Goods exports (million USD) and average goods tariff to main partners; NaN for other pairs.
    cells, cell_tariff : (N, N, S)
        Trade (million USD, net of tariffs) and average tariff of the large cells; NaN for other cells.
    gdp : (N,)
        Gross domestic product at market prices, million USD.
    input_shares : (N, S, S)
        Cost of each input (axis 1) per unit of the user's gross output.
    own_shares : (N,) of bool
        Whose input shares are the economy's own; the others are world averages.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    output: Array
    exports: Array
    imports: Array
    average_tariff: Array
    pair_exports: Array
    pair_tariff: Array
    cells: Array
    cell_tariff: Array
    gdp: Array
    input_shares: Array
    own_shares: NDArray[np.bool_]

    @property
    def goods(self) -> NDArray[np.bool_]:
        """Which sectors are goods, (S,)."""
        return np.array([sector != "services" for sector in self.sectors])

    @property
    def large(self) -> NDArray[np.bool_]:
        """Which cells are given, (N, N, S)."""
        return np.isfinite(self.cells)

    @property
    def tariff_known(self) -> NDArray[np.bool_]:
        """Which tariffs the source has, (N, N, S): none with the rest of the world, on either side."""
        named = np.array([code != REST_OF_WORLD for code in self.countries])
        home = np.eye(len(named), dtype=bool)
        return np.repeat((np.outer(named, named) | home)[:, :, None], len(self.sectors), axis=2)


TABLES = {
    "national": "national_2022.csv",
    "partners": "main_partners_2022.csv",
    "cells": "main_cells_2022.csv",
    "gdp": "gdp_2022.csv",
    "shares": "input_output_shares_2014.csv",
    "own": "input_output_shares_2014_by_country.csv",
}


def read_figures(folder: Path | None = None) -> Figures:
    """Read the tables of national figures (``../shared/figures`` unless another folder is given).

    Raises
    ------
    WorldFileError
        Naming the tables that are missing.
    """
    folder = folder or figures_folder()
    missing = [name for name in TABLES.values() if not (folder / name).is_file()]
    if missing:
        raise WorldFileError(
            f"The embedded world cannot be built: {folder} lacks {', '.join(missing)}. "
            "Set FIRMTRADE_FIGURES to the folder of national figures."
        )
    read = {what: pd.read_csv(folder / name, keep_default_na=False) for what, name in TABLES.items()}
    national, partners, large = read["national"], read["partners"], read["cells"]
    countries, sectors = tuple(national["economy"].unique()), tuple(BROAD_SECTORS)
    n, s = len(countries), len(sectors)

    def table(column: str) -> Array:
        wide = national.pivot_table(index="economy", columns="sector", values=column, aggfunc="sum")
        return wide.loc[list(countries), list(sectors)].to_numpy(dtype=float)

    def pairs(column: str) -> Array:
        wide = partners.pivot_table(index="exporter", columns="importer", values=column, aggfunc="sum")
        return wide.reindex(index=list(countries), columns=list(countries)).to_numpy(dtype=float)

    def cells(column: str) -> Array:
        place = {code: i for i, code in enumerate(countries)}
        filled = np.full((n, n, s), np.nan)
        at = (
            large["exporter"].map(place),
            large["importer"].map(place),
            large["sector"].map({code: k for k, code in enumerate(sectors)}),
        )
        filled[tuple(index.to_numpy() for index in at)] = large[column].to_numpy(dtype=float)
        return filled

    input_shares, own_shares = _input_shares(read["shares"], read["own"], countries, sectors)
    return Figures(
        countries=countries,
        sectors=sectors,
        output=table("gross_output_musd"),
        exports=table("exports_musd"),
        imports=table("imports_musd"),
        average_tariff=table("average_tariff"),
        pair_exports=pairs("goods_exports_musd"),
        pair_tariff=pairs("average_tariff"),
        cells=cells("exports_musd"),
        cell_tariff=cells("average_tariff"),
        gdp=read["gdp"].set_index("economy").loc[list(countries), "gdp_musd"].to_numpy(dtype=float),
        input_shares=input_shares,
        own_shares=own_shares,
    )


def _input_shares(
    world: pd.DataFrame, own: pd.DataFrame, countries: tuple[str, ...], sectors: tuple[str, ...]
) -> tuple[Array, NDArray[np.bool_]]:
    """Shares by economy, (N, S, S), world averages where it has none or a sector none; and whose are their own."""
    order = list(sectors)
    average = world.set_index("input").loc[order, order].to_numpy(dtype=float)
    shares = np.repeat(average[None], len(countries), axis=0)
    for code, rows in own.groupby("economy"):
        given = (
            rows.set_index("input").loc[order, order].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        )
        shares[countries.index(str(code))] = np.where(np.isnan(given).any(0), average, given)
    return shares, np.isin(countries, own["economy"].unique())


def build_embedded_world(figures: Figures | None = None, *, observed: Path | None = None) -> World:
    """Build the embedded world and hold it against the observed tables where they are at hand.

    Parameters
    ----------
    figures
        National figures; read from ``../shared/figures`` unless given.
    observed
        Table of observed flows; by default ICIO 2022 in the folder of real data. Where it does not exist
        the world carries no measures of fit.

    Raises
    ------
    WorldFileError, MarginError, AccountsError
    """
    figures = figures or read_figures()
    imports, rescaling = balanced_imports(figures)
    small = estimate_small_cells(figures, imports)
    border_value = np.where(figures.large, figures.cells, small.flows)
    tariff = estimate_tariffs(figures, border_value)
    index = np.arange(len(figures.countries))
    border_value[index, index] = figures.output - figures.exports
    expenditure = border_value * (1 + tariff)
    purchases, pinning = inputs_at_gdp(figures)
    closing = close_input_rows(purchases, expenditure.sum(0), countries=figures.countries)
    worst_country, worst_input = closing.largest_change_at
    world = World(
        countries=figures.countries,
        sectors=figures.sectors,
        expenditure=expenditure,
        tariff=tariff,
        tariff_known=figures.tariff_known,
        subsidy=np.zeros_like(tariff),
        inputs=closing.inputs,
        goods=figures.goods,
        sector_names=BROAD_SECTORS,
        name="Embedded world 2022",
        provenance=Provenance(
            source=SOURCE,
            year=YEAR,
            licence=LICENCE,
            estimated=_what_is_estimated(figures, border_value, tariff),
            estimated_share=estimated_share(figures),
            changes=(
                f"Imports rescaled sector by sector to world exports, for the rounding of the figures: by "
                f"{100 * rescaling:.2g} % at most.",
                f"Small cells filled by iterative proportional fitting below the smallest large cell "
                f"({grouped(np.nanmin(figures.cells))} million USD): national totals are met exactly, totals of the main "
                "partners to their rounding.",
                pinning,
                f"Input rows scaled, value-added shares kept, until every final demand is at least 1 % of expenditure: "
                f"{closing.negative_before} final demands were negative, {closing.rows_scaled} rows shrank, "
                f"{100 * closing.moved_share:.2g} % of all input purchases moved to other inputs; the largest "
                f"change is {country_name(figures.countries[worst_country])}, "
                f"{BROAD_SECTORS[figures.sectors[worst_input]].lower()}: −{100 * closing.largest_change:.0f} % "
                f"of its purchases as input.",
            ),
        ),
    )
    close = np.abs(world.value_added.sum(1) / figures.gdp - 1) <= GDP_TOLERANCE
    world = world.with_(provenance=replace(world.provenance, fit={"value_added": float(close.mean())}))
    observed = observed or data_folder() / "icio" / "flows_2011_2022.parquet"
    return hold_against(world, observed) if observed.is_file() else world


def balanced_imports(figures: Figures) -> tuple[Array, float]:
    """Imports scaled sector by sector so that the world imports what it exports; and the largest change."""
    factor = figures.exports.sum(0) / figures.imports.sum(0)
    return figures.imports * factor, float(np.abs(factor - 1).max())


def estimate_small_cells(figures: Figures, imports: Array) -> Completed:
    """Trade in the cells that are not given, at border values.

    The prior is what is left of exports x what is left of imports x distance^-0.93 x exp(0.53 contiguity). Cells stay
    below the smallest large cell, main partners' goods trade within the rounding of its total, and other pairs'
    below the exporter's twelfth market.
    """
    known = np.nan_to_num(figures.cells)
    exports, left = figures.exports - known.sum(1), imports - known.sum(0)
    left = left * (exports.sum(0) / left.sum(0))
    abroad = ~np.eye(len(figures.countries), dtype=bool)
    reach = np.where(abroad, distances(figures.countries), 1.0) ** DISTANCE_ELASTICITY
    closeness = abroad * reach * np.exp(BORDER_PREMIUM * contiguity(figures.countries))
    main, total = np.isfinite(figures.pair_exports), np.nan_to_num(figures.pair_exports)
    rounding = 10.0 ** (np.floor(np.log10(np.maximum(total, 1.0))) - 3)
    smallest = np.nanmin(np.where(main, figures.pair_exports, np.nan), axis=1, keepdims=True)
    given = known[:, :, figures.goods].sum(2)
    return complete_flows(
        closeness[:, :, None] * exports[:, None, :] * left[None] * ~figures.large,
        exports,
        left,
        ceiling=float(np.nanmin(figures.cells)),
        pair_low=np.where(main, np.maximum(total - given - rounding, 0.0), 0.0),
        pair_high=np.maximum(np.where(main, total, smallest) + rounding - given, rounding),
        pair_sectors=figures.goods,
    )


def estimate_tariffs(figures: Figures, trade: Array) -> Array:
    """Tariffs, (N, N, S): the large cells' own, and for the small ones the importer's sector average.

    The average is scaled to what the pair's large cells pay of it (free-trade agreements), then so that main partners
    pay their average. Sales at home and within the European Union are duty free; what is unknown is 0, see
    `Figures.tariff_known`. Services pay what the importer's large cells of services pay.
    """
    large, goods = figures.large, figures.goods
    union = np.isin(figures.countries, group_members("EU"))
    free = np.outer(union, union) | np.eye(len(union), dtype=bool)
    closed = free[:, :, None] | ~figures.tariff_known
    average = figures.average_tariff.copy()
    paying = large & (figures.cell_tariff > 0)
    value, rate = np.nan_to_num(figures.cells), np.nan_to_num(figures.cell_tariff)
    over_paying = _share((paying * value * rate).sum(0), (paying * value).sum(0), 0.0)
    average[:, ~goods] = over_paying[:, ~goods]
    expected = (value * average).sum(2)
    factor = np.clip(_share((value * rate).sum(2), expected, 1.0), 0.0, LARGEST_PAIR_FACTOR)
    tariff = np.where(large, rate, np.where(closed, 0.0, average * factor[:, :, None]))
    duties = trade * tariff * goods
    missing = figures.pair_tariff * figures.pair_exports - (duties * large).sum(2)
    scale = np.clip(_share(missing, (duties * ~large).sum(2), 1.0), 0.0, LARGEST_PARTNER_FACTOR)
    scale = np.where(np.isfinite(figures.pair_tariff), scale, 1.0)
    scaled: Array = np.where(large | ~goods, tariff, tariff * scale[:, :, None])
    return scaled


def inputs_at_gdp(figures: Figures) -> tuple[Array, str]:
    """Input purchases Z at which each economy's value added is its GDP, (N, S, S), million USD; and what that changed.

    Each sector's value-added share v becomes ``v / (v + h (1 - v))``, at least `VALUE_ADDED_FLOOR`, with one h an
    economy such that ``Σ_s Y_s v_s = GDP``; inputs keep their proportions. Odds, unlike the shares, can be scaled
    without end.

    Raises
    ------
    AccountsError
        Naming an economy whose output is too small for its GDP, or its GDP too small for the floor.
    """
    purchased = figures.input_shares.sum(1)
    share = 1 - purchased
    low, high = np.full((2, len(figures.countries), 1), 40.0) * np.array([-1.0, 1.0])[:, None, None]
    for _ in range(200):
        middle = 0.5 * (low + high)
        value_added = np.maximum(share / (share + np.exp(middle) * purchased), VALUE_ADDED_FLOOR)
        above = (figures.output * value_added).sum(1, keepdims=True) > figures.gdp[:, None]
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    gap = (figures.output * value_added).sum(1) / figures.gdp - 1
    if np.abs(gap).max() > 1e-9:
        worst = int(np.abs(gap).argmax())
        raise AccountsError(
            f"{figures.countries[worst]}: no input shares make value added the GDP of {grouped(figures.gdp[worst])} million "
            f"USD out of an output of {grouped(figures.output[worst].sum())} (gap {100 * gap[worst]:.2g} %). Correct one of them."
        )
    purchases = figures.input_shares * ((1 - value_added) / purchased * figures.output)[:, None, :]
    before = (figures.output * share).sum(1) / figures.gdp - 1
    most, own = int(np.abs(before).argmax()), figures.own_shares
    held = (value_added <= VALUE_ADDED_FLOOR) & (figures.output > 0)
    return purchases, (
        f"Input shares scaled, one factor on the odds of each economy, until value added is GDP at market prices: before, "
        f"value added was off by {100 * np.abs(before).mean():.2g} % on average "
        f"({100 * np.abs(before[own]).mean():.2g} % where input shares are the economy's own), by "
        f"{100 * before[most]:.0f} % at most ({country_name(figures.countries[most])}). "
        f"Value added is kept at {100 * VALUE_ADDED_FLOOR:.0f} % of output or more, so that firms' profits can be paid out "
        f"of it: in {int(held.sum())} sectors of {int(held.any(1).sum())} economies."
    )


def estimated_share(figures: Figures) -> float:
    """Share of the value of all trade between countries, services included, in cells that are not given."""
    return float(1 - np.nansum(figures.cells) / figures.exports.sum())


def _what_is_estimated(figures: Figures, trade: Array, tariff: Array) -> tuple[str, ...]:
    n, s = figures.output.shape
    services = trade[:, :, ~figures.goods] * ~np.eye(n, dtype=bool)[:, :, None]
    rate = 100 * (services * tariff[:, :, ~figures.goods]).sum() / services.sum()
    return (
        f"Trade in all but the {int(figures.large.sum()):,} largest of {n * (n - 1) * s:,} cells, goods and services (gravity "
        "prior below the smallest of them, balanced to national totals)",
        "Tariffs in those cells (importers' sector averages, scaled to what the pair pays otherwise)",
        "Tariffs of the rest of the world and on its exports are unknown, and counted as 0",
        f"Tariffs on services ({rate:.1f} % on average) and peaks on tobacco and alcohol (food into the United States from "
        "most partners: 91 %; duties collected in 2024 were 1.8 % of imports) are the source's; they are too high",
        f"Input purchases (shares of 2014, the economy's own for {int(figures.own_shares.sum())} and world averages for "
        f"{int((~figures.own_shares).sum())}, scaled until value added is GDP at market prices, product taxes included)",
    )


def _share(part: Array, whole: Array, otherwise: float) -> Array:
    return np.divide(part, whole, out=np.full_like(whole, otherwise), where=whole > 0)


# Holding against observed tables ----------------------------------------------------------------


def hold_against(world: World, observed: Path) -> World:
    """The world with its measures of fit against an observed table written into its provenance."""
    provenance = world.provenance
    fit = {**measures_of_fit(world, *observed_trade(observed, world)), **provenance.fit}
    return world.with_(provenance=replace(provenance, fit=fit))


def observed_trade(path: Path, world: World, year: int = YEAR) -> tuple[Array, Array]:
    """Observed border values and duties folded to the world's broad sectors, each (N, N, S), million USD."""
    table = pd.read_parquet(path, filters=[("year", "==", year)])
    sectors = {code: broad_sector(str(code)) for code in table["sector"].unique()}
    cells = (
        table["exporter"].astype(str).map(world.country_index).to_numpy(),
        table["importer"].astype(str).map(world.country_index).to_numpy(),
        table["sector"].map(sectors).astype(str).map(world.sector_index).to_numpy(),
    )
    paid = table["expenditure_musd"].to_numpy(dtype=float)
    net = paid / (1 + table["tariff"].to_numpy(dtype=float))
    border_value, duties = np.zeros((2, *world.expenditure.shape))
    np.add.at(border_value, cells, net)
    np.add.at(duties, cells, paid - net)
    return border_value, duties


def measures_of_fit(world: World, border_value: Array, duties: Array) -> dict[str, float]:
    """How well the world reproduces observed trade between countries; see `FIT_LABELS`.

    Values are measured as `reproduced_share`, partners by the share of economies whose largest one is right.
    """
    assert world.goods is not None
    abroad = ~np.eye(len(world.countries), dtype=bool)[:, :, None]
    trade = border_value * abroad, world.border_value * abroad
    charged = duties * abroad, (world.expenditure - world.border_value) * abroad
    goods, services = ([array[:, :, kind] for array in trade] for kind in (world.goods, ~world.goods))
    pairs = [array.sum(2) for array in trade]
    return {
        "trade": reproduced_share(*trade),
        "trade_by_pair": reproduced_share(*pairs),
        "goods_trade": reproduced_share(*goods),
        "services_trade": reproduced_share(*services),
        "duties": reproduced_share(*charged),
        "duties_by_pair": reproduced_share(*(array.sum(2) for array in charged)),
        "export_partner": float((pairs[0].argmax(1) == pairs[1].argmax(1)).mean()),
        "import_partner": float((pairs[0].argmax(0) == pairs[1].argmax(0)).mean()),
    }


def reproduced_share(observed: Array, estimated: Array) -> float:
    """1 - ½ Σ|x - x̂| / Σx."""
    return float(1 - 0.5 * np.abs(observed - estimated).sum() / observed.sum())
