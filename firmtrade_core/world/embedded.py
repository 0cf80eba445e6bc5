"""The world the product ships: 81 economies x 10 broad sectors, built from public national figures.

National totals and each exporter's twelve main goods markets are given; every other cell is filled with a
gravity prior and balanced by iterative proportional fitting. Input tables come from world-average shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import contiguity, country_name, distances
from firmtrade_core.codes.groups import group_members
from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector
from firmtrade_core.paths import asset, data_folder, figures_folder
from firmtrade_core.world.balance import Balanced, balance_flows, close_input_rows
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.files import load_world
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

YEAR = 2022

#: Gravity prior: elasticity of trade to distance, and the log premium of a common border.
DISTANCE_ELASTICITY, BORDER_PREMIUM = -1.0, 0.5

#: The figures are rounded to four digits, so pair totals and national totals agree no better than this.
ROUNDING = 2e-3

#: Significant digits kept in the shipped file.
SHIPPED_DIGITS = 7

SOURCE = (
    "OECD Inter-Country Input-Output tables, 2023 edition (national totals and main partners, rounded to four "
    "digits); Teti, Global Tariff Database (average tariffs); World Input-Output Database, 2016 release (input shares)"
)
LICENCE = "CC BY 4.0 (OECD ICIO); national figures are facts, compiled and rounded"

#: What the measures in ``provenance.fit`` say.
FIT_LABELS = {
    "goods_trade": "Value of bilateral goods trade reproduced",
    "goods_trade_by_sector": "Value of bilateral goods trade by sector reproduced",
    "duties": "Value of duties by pair reproduced",
    "duties_by_sector": "Value of duties by pair and sector reproduced",
}


@cache
def load_embedded_world() -> World:
    """The world shipped with the product, read once.

    Raises
    ------
    WorldFileError
        If the file is missing or damaged; ``make world`` builds it again.
    """
    return load_world(embedded_world_path())


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
    input_shares : (S, S)
        Cost of each input (axis 0) per unit of the user's gross output.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    output: Array
    exports: Array
    imports: Array
    average_tariff: Array
    pair_exports: Array
    pair_tariff: Array
    input_shares: Array

    @property
    def goods(self) -> NDArray[np.bool_]:
        """Which sectors are goods, (S,)."""
        return np.array([sector != "services" for sector in self.sectors])


def read_figures(folder: Path | None = None) -> Figures:
    """Read the three tables of national figures (``../shared/figures`` unless another folder is given).

    Raises
    ------
    WorldFileError
        Naming the table that is missing.
    """
    folder = folder or figures_folder()
    names = ("national_2022.csv", "main_partners_2022.csv", "input_output_shares_2014.csv")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise WorldFileError(
            f"The embedded world cannot be built: {folder} lacks {', '.join(missing)}. "
            "Set FIRMTRADE_FIGURES to the folder of national figures."
        )
    national, partners, shares = (pd.read_csv(folder / name, keep_default_na=False) for name in names)
    countries, sectors = tuple(national["economy"].unique()), tuple(BROAD_SECTORS)

    def table(column: str) -> Array:
        wide = national.pivot_table(index="economy", columns="sector", values=column, aggfunc="sum")
        return wide.loc[list(countries), list(sectors)].to_numpy(dtype=float)

    def pairs(column: str) -> Array:
        wide = partners.pivot_table(index="exporter", columns="importer", values=column, aggfunc="sum")
        return wide.reindex(index=list(countries), columns=list(countries)).to_numpy(dtype=float)

    return Figures(
        countries=countries,
        sectors=sectors,
        output=table("gross_output_musd"),
        exports=table("exports_musd"),
        imports=table("imports_musd"),
        average_tariff=table("average_tariff"),
        pair_exports=pairs("goods_exports_musd"),
        pair_tariff=pairs("average_tariff"),
        input_shares=shares.set_index("input").loc[list(sectors), list(sectors)].to_numpy(dtype=float),
    )


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
    trade = estimate_trade(figures, imports)
    border_value = trade.flows.copy()
    index = np.arange(len(figures.countries))
    border_value[index, index] = figures.output - figures.exports
    tariff = estimate_tariffs(figures, trade.flows)
    expenditure = border_value * (1 + tariff)
    closing = close_input_rows(
        figures.output[:, None, :] * figures.input_shares,
        expenditure.sum(0),
        countries=figures.countries,
    )
    worst_country, worst_input = closing.largest_change_at
    world = World(
        countries=figures.countries,
        sectors=figures.sectors,
        expenditure=expenditure,
        tariff=tariff,
        subsidy=np.zeros_like(tariff),
        inputs=closing.inputs,
        goods=figures.goods,
        sector_names=BROAD_SECTORS,
        name="Embedded world 2022",
        provenance=Provenance(
            source=SOURCE,
            year=YEAR,
            licence=LICENCE,
            estimated=_what_is_estimated(figures),
            estimated_share=estimated_share(figures),
            changes=(
                f"Imports rescaled sector by sector to world exports, for the rounding of the figures: by "
                f"{100 * rescaling:.2g} % at most.",
                f"Trade balanced by iterative proportional fitting: national totals are met exactly, totals of "
                f"the main partners to {100 * trade.pair_gap:.1g} %.",
                f"Input rows scaled, value-added shares kept, until every final demand is at least 1 % of expenditure: "
                f"{closing.negative_before} final demands were negative, {closing.rows_scaled} rows shrank, "
                f"{100 * closing.moved_share:.2g} % of all input purchases moved to other inputs; the largest "
                f"change is {country_name(figures.countries[worst_country])}, "
                f"{BROAD_SECTORS[figures.sectors[worst_input]].lower()}: −{100 * closing.largest_change:.0f} % "
                f"of its purchases as input.",
            ),
        ),
    )
    observed = observed or data_folder() / "icio" / "flows_2011_2022.parquet"
    return hold_against(world, observed) if observed.is_file() else world


def balanced_imports(figures: Figures) -> tuple[Array, float]:
    """Imports scaled sector by sector so that the world imports what it exports; and the largest change."""
    factor = figures.exports.sum(0) / figures.imports.sum(0)
    return figures.imports * factor, float(np.abs(factor - 1).max())


def estimate_trade(figures: Figures, imports: Array) -> Balanced:
    """Trade between countries at border values: gravity prior balanced to national and pair totals.

    The prior is exports x imports x distance^-1 x exp(0.5 contiguity). ``flows`` has an empty diagonal.
    """
    abroad = ~np.eye(len(figures.countries), dtype=bool)
    reach = np.where(abroad, distances(figures.countries), 1.0) ** DISTANCE_ELASTICITY
    closeness = abroad * reach * np.exp(BORDER_PREMIUM * contiguity(figures.countries))
    return balance_flows(
        closeness[:, :, None] * figures.exports[:, None, :] * imports[None],
        figures.exports,
        imports,
        pair_totals=figures.pair_exports,
        pair_sectors=figures.goods,
        pair_tolerance=ROUNDING,
        max_iterations=4_000,
        origins=figures.countries,
        destinations=figures.countries,
        sectors=figures.sectors,
    )


def estimate_tariffs(figures: Figures, trade: Array) -> Array:
    """Tariffs: the importer's sector average, scaled so that main partners pay their average, (N, N, S).

    Sales at home and within the European Union are duty free. Pairs without a known average pay the
    importer's sector averages.
    """
    union = np.isin(figures.countries, group_members("EU"))
    free = np.outer(union, union) | np.eye(len(union), dtype=bool)
    tariff = np.where(free[:, :, None], 0.0, figures.average_tariff[None])
    value = trade * figures.goods
    total, duty = value.sum(2), (value * tariff).sum(2)
    known = np.isfinite(figures.pair_tariff) & ~free
    factor = np.ones_like(total)
    np.divide(figures.pair_tariff * total, duty, out=factor, where=known & (duty > 0))
    scaled: Array = tariff * factor[:, :, None] * figures.goods
    return scaled


def estimated_share(figures: Figures) -> float:
    """Share of goods trade between pairs whose total is not among the figures."""
    return float(1 - np.nansum(figures.pair_exports) / figures.exports[:, figures.goods].sum())


def _what_is_estimated(figures: Figures) -> tuple[str, ...]:
    pinned = int(np.isfinite(figures.pair_exports).sum())
    return (
        f"Goods trade of all pairs but {pinned} main ones (gravity prior, balanced to national totals)",
        "The split of every pair's trade by sector",
        "All services trade between pairs",
        "Tariffs by pair and sector (importers' sector averages, scaled to main partners' averages)",
        "Input purchases (world-average shares of 2014, closed country by country)",
    )


# Holding against observed tables ----------------------------------------------------------------


def hold_against(world: World, observed: Path) -> World:
    """The world with its measures of fit against an observed table written into its provenance."""
    from dataclasses import replace

    provenance = world.provenance
    return world.with_(
        provenance=replace(provenance, fit=measures_of_fit(world, *observed_trade(observed, world)))
    )


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
    """Shares of observed value that the world reproduces; goods, domestic sales excluded. See `FIT_LABELS`."""
    assert world.goods is not None
    abroad = ~np.eye(len(world.countries), dtype=bool)
    pairs = {
        "goods_trade": (border_value, world.border_value),
        "duties": (duties, world.expenditure - world.border_value),
    }
    fit = {}
    for name, arrays in pairs.items():
        seen, made = (array[abroad][:, world.goods] for array in arrays)
        fit[name] = reproduced_share(seen.sum(1), made.sum(1))
        fit[f"{name}_by_sector"] = reproduced_share(seen, made)
    return fit


def reproduced_share(observed: Array, estimated: Array) -> float:
    """1 - ½ Σ|x - x̂| / Σx."""
    return float(1 - 0.5 * np.abs(observed - estimated).sum() / observed.sum())
